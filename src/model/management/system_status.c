#include "model/management/system_status.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/json/json.h"
#include "model/customer/organization.h"
#include "model/device/device_table.h"
#include "model/device/talkers.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/backup.h"
#include "model/management/message_rates.h"
#include "model/ports/disk_store.h"
#include "model/ports/setup_store.h"
#include "model/ports/system_store.h"

enum { TALKERS_MAX = 10 };
#define MS_OF_DAY INT64_C(86400000)

/* What is read before the reply is written, so that an error leaves it empty. */
struct facts {
    struct disk_usage disk;
    struct system_waiting waiting;
    int64_t backup_at; /* TIME_NONE: never */
    bool has_certificate;
    struct system_certificate certificate;
};

static enum err gather(struct domain *domain, struct store_tx *tx, struct arena *arena, struct facts *ret)
{
    *ret = (struct facts){.backup_at = TIME_NONE};
    enum err err = backup_last(tx, arena, &ret->backup_at);
    if (!err) {
        err = disk_store_usage(domain, tx, &ret->disk);
    }
    if (!err) {
        err = system_store_waiting(tx, &ret->waiting);
    }
    ret->has_certificate = domain->system && domain->system->certificate(domain->system, &ret->certificate);
    return err;
}

/* --- who is behind, who sends most --- */

static bool is_further_behind(const struct slow_consumer *a, const struct slow_consumer *b)
{
    return a->queued_bytes != b->queued_bytes ? a->queued_bytes > b->queued_bytes : a->queued_messages > b->queued_messages;
}

void slow_ask_offer(struct slow_ask *ask, const struct slow_consumer *consumer)
{
    for (size_t i = 0; i < ask->count; i++) {
        if (ask->found[i].serial == consumer->serial) { /* the table grew meanwhile, and it came by twice */
            return;
        }
    }
    size_t at = ask->count;
    while (at > 0 && is_further_behind(consumer, &ask->found[at - 1])) {
        at--;
    }
    if (at == SLOW_CONSUMERS_MAX) {
        return;
    }
    size_t last = ask->count < SLOW_CONSUMERS_MAX ? ask->count++ : SLOW_CONSUMERS_MAX - 1;
    memmove(&ask->found[at + 1], &ask->found[at], (last - at) * sizeof ask->found[0]);
    ask->found[at] = *consumer;
}

static void write_tenant(struct domain *domain, struct json_writer *w, enum tenant_kind kind, int64_t no)
{
    struct partner_info partner;
    struct organization_info organization;
    struct str name = STR("");
    const struct uuid *id = NULL;
    if (kind == TENANT_PARTNER && catalog_partner(domain->catalog, no, &partner)) {
        id = &partner.id;
        name = partner.name;
    } else if (kind == TENANT_ORGANIZATION && catalog_organization(domain->catalog, no, &organization)) {
        id = &organization.id;
        name = organization.name;
    }
    json_name(w, "tenant");
    if (!id) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    json_field_cstr(w, "kind", kind == TENANT_PARTNER ? "partner" : "organization");
    json_field_uuid(w, "id", id);
    json_field_str(w, "name", name);
    json_end_object(w);
}

static void write_slow(struct domain *domain, struct json_writer *w, const struct slow_ask *ask)
{
    json_name(w, "slow_consumers");
    json_begin_array(w);
    for (size_t i = 0; i < ask->count; i++) {
        const struct slow_consumer *consumer = &ask->found[i];
        json_begin_object(w);
        json_field_cstr(w, "kind", consumer->is_device ? "device" : consumer->tenant_kind ? "application" : "open");
        if (consumer->is_device) {
            json_field_uuid(w, "device_id", &consumer->device_id);
        } else {
            json_field_null(w, "device_id");
        }
        json_field_str(w, "client_id", consumer->is_device ? (struct str){NULL, 0} : str_from_cstr(consumer->client_id));
        write_tenant(domain, w, consumer->tenant_kind, consumer->tenant_no);
        json_field_bool(w, "connected", consumer->is_connected);
        json_field_int(w, "queued_messages", (int64_t)consumer->queued_messages);
        json_field_int(w, "queued_bytes", (int64_t)consumer->queued_bytes);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_talkers(struct domain *domain, struct json_writer *w)
{
    struct talker top[TALKERS_MAX];
    size_t count = talkers_top(domain->talkers, clock_monotonic_ms(), top, TALKERS_MAX);
    json_name(w, "top_talkers");
    json_begin_object(w);
    json_field_int(w, "seconds", TALKERS_WINDOW_S);
    json_name(w, "devices");
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        struct device_brief device;
        if (!device_table_find_no(domain->devices, top[i].device_no, &device)) {
            continue;
        }
        json_begin_object(w);
        json_field_uuid(w, "device_id", &device.id);
        json_field_int(w, "messages", (int64_t)top[i].messages);
        bool is_claimed = device.organization_no != 0;
        write_tenant(domain, w, is_claimed ? TENANT_ORGANIZATION : TENANT_PARTNER,
                     is_claimed ? device.organization_no : device.partner_no);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

/* --- the reply --- */

static void write_disk(struct json_writer *w, const struct disk_usage *disk)
{
    json_name(w, "disk");
    json_begin_object(w);
    json_field_int(w, "total_bytes", disk->total);
    json_field_int(w, "free_bytes", disk->free);
    json_field_int(w, "registry_bytes", disk->registry);
    json_field_int(w, "telemetry_bytes", disk->telemetry);
    json_field_int(w, "telemetry_segments", disk->telemetry_segments);
    json_field_int(w, "files_bytes", disk->files);
    json_end_object(w);
}

static void write_certificate(struct json_writer *w, const struct facts *facts, int64_t now)
{
    json_name(w, "certificate");
    if (!facts->has_certificate) {
        json_put_null(w);
        return;
    }
    int64_t left = facts->certificate.expires_at - now;
    json_begin_object(w);
    json_field_time(w, "expires_at", facts->certificate.expires_at);
    json_field_int(w, "expires_in_days", left / MS_OF_DAY - (left % MS_OF_DAY < 0));
    json_field_bool(w, "self_signed", facts->certificate.is_self_made);
    json_field_cstr(w, "fingerprint", facts->certificate.fingerprint);
    json_end_object(w);
}

static void write_counter(struct json_writer *w, const char *name, const char *type, int64_t value)
{
    if (strcmp(type, "counter") == 0) {
        json_field_int(w, name, value);
    }
}

static void write_counters(struct json_writer *w)
{
    json_name(w, "counters"); /* since the start; names as on the metrics page */
    json_begin_object(w);
#define WRITE(id, name, type, help) write_counter(w, name, type, metric_get(METRIC_##id));
    METRICS(WRITE)
#undef WRITE
    json_end_object(w);
}

static void write_load(struct domain *domain, struct json_writer *w, const struct facts *facts)
{
    json_name(w, "connections");
    json_begin_object(w);
    json_field_int(w, "open", metric_get(METRIC_CONNECTIONS));
    json_field_int(w, "mqtt", metric_get(METRIC_MQTT_CONNECTED));
    json_field_int(w, "live_streams", metric_get(METRIC_LIVE_STREAMS));
    json_end_object(w);
    json_field_int(w, "sessions", metric_get(METRIC_MQTT_SESSIONS));
    json_field_int(w, "devices", (int64_t)device_table_count(domain->devices));
    json_name(w, "rates");
    message_rates_write(domain->rates, clock_monotonic_ms(), w);
    json_name(w, "queues");
    json_begin_object(w);
    json_field_int(w, "store", metric_get(METRIC_STORE_QUEUE));
    json_field_int(w, "deliveries", facts->waiting.deliveries);
    json_field_int(w, "mails", facts->waiting.mails);
    json_end_object(w);
}

static void status_run(struct op *op, struct store_tx *tx)
{
    struct status_read *read = container_of(op, struct status_read, op);
    struct admin *admin = read->admin;
    struct domain *domain = admin->domain;
    const int64_t now = domain->now_unix_ms();
    struct facts facts;
    struct json_writer w;
    if (admin_failed(admin, gather(domain, tx, admin->arena, &facts))) {
        return;
    }
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_cstr(&w, "version", MUSTER_VERSION);
    json_field_time(&w, "started_at", domain->started_at_ms);
    json_field_int(&w, "uptime_seconds", (now - domain->started_at_ms) / 1000);
    json_field_time(&w, "last_backup_at", facts.backup_at);
    json_name(&w, "backup_age_seconds");
    if (facts.backup_at == TIME_NONE) {
        json_put_null(&w);
    } else {
        json_put_int(&w, (now - facts.backup_at) / 1000);
    }
    write_load(domain, &w, &facts);
    write_disk(&w, &facts.disk);
    write_certificate(&w, &facts, now);
    write_slow(domain, &w, &read->ask);
    write_talkers(domain, &w);
    write_counters(&w);
    json_end_object(&w);
    admin->reply->status = 200;
}

static void status_done(struct op *op)
{
    struct status_read *read = container_of(op, struct status_read, op);
    if (op->err && !reply_is_error(read->admin->reply)) {
        reply_from_err(read->admin->reply, op->err);
    }
    read->on_done(read);
}

static void consumers_known(struct slow_ask *ask)
{
    struct status_read *read = container_of(ask, struct status_read, ask);
    read->op = (struct op){.home = ask->home, .lane = LANE_READ, .run = status_run, .done = status_done};
    op_submit(read->admin->domain->executor, &read->op);
}

void status_start(struct status_read *read, struct mailbox *home)
{
    struct system_source *system = read->admin->domain->system;
    read->ask = (struct slow_ask){.home = home, .done = consumers_known};
    system->slow_consumers(system, &read->ask);
}

/* --- the metrics page --- */

static void gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRId64 "\n", name, help, name, name, value);
}

void status_metrics(struct domain *domain, struct store_tx *tx, struct arena *arena, struct buf *out)
{
    struct facts facts;
    if (gather(domain, tx, arena, &facts) != ERR_OK) {
        return;
    }
    gauge(out, "muster_disk_bytes", "size of the data folder's file system", facts.disk.total);
    gauge(out, "muster_disk_free_bytes", "free space of the data folder's file system", facts.disk.free);
    gauge(out, "muster_registry_bytes", "size of the registry", facts.disk.registry);
    gauge(out, "muster_telemetry_bytes", "size of the telemetry", facts.disk.telemetry);
    gauge(out, "muster_files_bytes", "contents of files and dumps", facts.disk.files);
    gauge(out, "muster_deliveries_waiting", "webhook and chat calls that wait", facts.waiting.deliveries);
    gauge(out, "muster_mails_waiting", "mails that wait", facts.waiting.mails);
    if (facts.has_certificate) {
        gauge(out, "muster_certificate_expiry_seconds", "when the certificate expires, unix time", facts.certificate.expires_at / 1000);
    }
    if (facts.backup_at != TIME_NONE) {
        gauge(out, "muster_last_backup_seconds", "when the last backup was made, unix time", facts.backup_at / 1000);
    }
}
