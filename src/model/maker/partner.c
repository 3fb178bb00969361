#include "model/maker/partner.h"

#include "model/device/device_counts.h"
#include "model/domain.h"
#include "model/incident/incident.h"
#include "model/live/live.h"
#include "model/ports/overview_store.h"

#define DAY_MS INT64_C(86400000)
#define FIRMWARE_ROWS_MAX 100

static void write_firmware(struct str model, struct str version, int64_t devices, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_str(w, "model", model);
    if (version.len) {
        json_field_str(w, "version", version);
    } else {
        json_field_null(w, "version");
    }
    json_field_int(w, "devices", devices);
    json_end_object(w);
}

void partner_overview(struct admin *admin, struct store_tx *tx)
{
    struct domain *domain = admin->domain;
    int64_t partner_no = admin->principal.partner_no;
    int64_t now = domain->now_unix_ms();
    struct overview_figures figures = {0};
    int64_t incidents[6] = {0};
    if (admin_failed(admin, overview_store_figures(tx, partner_no, now - now % DAY_MS, &figures)) ||
        admin_failed(admin, overview_store_incidents(tx, partner_no, incidents))) {
        return;
    }
    struct device_counts counts = device_counts_of(domain, &admin->principal);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_name(&w, "devices");
    device_counts_write(&w, &counts, true);
    json_field_int(&w, "registrations_today", figures.registrations);
    json_field_int(&w, "registrations_refused_today", figures.registrations_refused);
    json_field_int(&w, "messages_per_minute", live_messages_per_minute(domain->live));
    json_field_int(&w, "models", figures.models);
    json_field_int(&w, "organizations", figures.organizations);
    json_name(&w, "open_incidents");
    json_begin_object(&w);
    for (int priority = 1; priority <= 5; priority++) {
        json_field_int(&w, incident_priority_name(priority), incidents[priority]);
    }
    json_end_object(&w);
    json_name(&w, "firmware");
    json_begin_array(&w);
    enum err err = overview_store_firmware(tx, partner_no, FIRMWARE_ROWS_MAX, write_firmware, &w);
    json_end_array(&w);
    json_end_object(&w);
    if (!admin_failed(admin, err)) {
        admin->reply->status = 200;
    }
}
