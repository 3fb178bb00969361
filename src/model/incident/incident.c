#include "model/incident/incident.h"

#include "codec/json/json.h"
#include "model/device/effective_status.h"
#include "model/device/presence.h"
#include "model/domain.h"
#include "model/incident/incident_view.h"
#include "model/management/field_text.h"
#include "model/outbox/incident_notice.h"

enum { PAYLOAD_BYTES_MAX = 256 * 1024, API_DEVICE_ID = 7 };

static const char *const priority_names[] = {
    [PRIORITY_CRITICAL] = "critical", [PRIORITY_HIGH] = "high",         [PRIORITY_MODERATE] = "moderate",
    [PRIORITY_LOW] = "low",           [PRIORITY_PLANNING] = "planning",
};

const char *incident_priority_name(int priority)
{
    return priority_names[priority];
}

bool incident_priority_parse(const struct json *value, int *ret_priority)
{
    int64_t number;
    if (json_to_int(value, &number)) {
        *ret_priority = (int)number;
        return number >= PRIORITY_CRITICAL && number <= PRIORITY_PLANNING;
    }
    for (int i = PRIORITY_CRITICAL; i <= PRIORITY_PLANNING; i++) {
        if (json_is_string(value) && str_eq_nocase(json_string(value), str_from_cstr(priority_names[i]))) {
            *ret_priority = i;
            return true;
        }
    }
    return false;
}

/* ---- as devices see them (device-api.md 9.2) ---- */

static void write_for_device(struct json_writer *w, const struct uuid *device_id, uint8_t api_version,
                             const struct incident_row *row)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    if (api_version >= API_DEVICE_ID) {
        json_field_uuid(w, "device_id", device_id);
    }
    json_field_cstr(w, "status", "active");
    json_field_cstr(w, "priority", priority_names[row->priority]);
    json_field_str(w, "title", row->title);
    field_text(w, "description", row->description);
    json_field_str(w, "issue", row->issue);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "updated_at", row->updated_at);
    json_end_object(w);
}

enum err incident_write_active(struct store_tx *tx, const struct device_brief *device, struct buf *out, int64_t *ret_newest)
{
    struct arena arena;
    struct incident_row *rows = NULL;
    size_t count = 0;
    struct json_writer w;
    arena_init(&arena);
    enum err err = incident_store_all_active(tx, device->no, &arena, &rows, &count);
    if (err == ERR_OK) {
        json_writer_init(&w, out);
        json_begin_array(&w);
        for (size_t i = 0; i < count; i++) {
            write_for_device(&w, &device->id, device->api_version, &rows[i]);
        }
        json_end_array(&w);
        *ret_newest = count ? rows[0].no : 0;
    }
    arena_deinit(&arena);
    return err;
}

/* ---- what everybody is told ---- */

static void emit(struct device_change *change, const struct incident_view *view, const struct incident_row *row, bool opened)
{
    struct buf payload;
    struct json_writer w;
    struct event *event = device_change_event(change, EVENT_INCIDENT, &view->device.core, opened ? PUSH_INCIDENTS : 0);
    buf_init(&payload, PAYLOAD_BYTES_MAX);
    json_writer_init(&w, &payload);
    incident_view_begin(&w, view, row);
    incident_view_end(&w);
    event_set_payload(event, buf_str(&payload));
    if (opened) {
        buf_clear(&payload);
        json_writer_init(&w, &payload);
        write_for_device(&w, &view->device.core.id, view->model.api_version, row);
        event_set_push_payload(event, buf_str(&payload));
    }
    event_set_topic(event, STR("incidents"));
    buf_deinit(&payload);
    store_tx_emit(change->tx, event);
}

static enum effective_status effective_with(struct domain *domain, const struct device_brief *device)
{
    struct effective_inputs inputs = presence_inputs(domain, device);
    return effective_status(&inputs);
}

/* How urgent the device's incidents are now: in its hot record with the commit, and told with its presence if that makes
 * another effective status (10.3). */
static enum err note_worst(struct device_change *change, const struct device_core *device, int factor)
{
    struct device_brief value, hot;
    int worst = 0;
    enum err err = incident_store_worst(change->tx, device->no, &worst);
    if (err != ERR_OK) {
        return err;
    }
    device_brief_of_core(change->domain, device, &value);
    value.worst_priority = (uint8_t)priority_shifted(worst, factor);
    hot_changes_add(&change->hot, HOT_INCIDENTS, &value);
    if (!device_table_find_no(change->domain->devices, value.no, &hot)) {
        return ERR_OK;
    }
    enum effective_status before = effective_with(change->domain, &hot);
    hot.worst_priority = value.worst_priority;
    if (effective_with(change->domain, &hot) != before) {
        store_tx_emit(change->tx, presence_event(change->domain, &hot, change->now_ms));
    }
    return ERR_OK;
}

enum err incident_factor_changed(struct device_change *change, const struct device_core *device, int factor)
{
    return note_worst(change, device, factor);
}

enum err incident_space_changed(struct device_change *change, const struct device_core *device)
{
    int factor = 0;
    enum err err = priority_factor_of_space(change->tx, device->space_no, change->arena, &factor);
    return err == ERR_OK ? note_worst(change, device, factor) : err;
}

static enum err announce(struct device_change *change, const struct incident_row *row, bool opened, bool counts)
{
    struct incident_view view;
    incident_view_init(&view, change->domain, change->tx, change->arena);
    enum err err = incident_view_load(&view, row->device_no);
    if (err == ERR_OK && counts) {
        err = note_worst(change, &view.device.core, view.factor);
    }
    if (err == ERR_OK && opened) {
        err = incident_notice_queue(&view, row);
    }
    if (err == ERR_OK) {
        emit(change, &view, row, opened);
    }
    return err;
}

enum err incident_announce_change(struct device_change *change, const struct incident_row *row)
{
    return announce(change, row, false, false);
}

/* ---- opening and closing ---- */

bool incident_may_open(const struct device_change *change, const struct device_core *core)
{
    return core->organization_no && !core->incidents_suspended &&
           catalog_partner_is_active(change->domain->catalog, core->partner_no) &&
           catalog_organization_is_active(change->domain->catalog, core->organization_no);
}

enum err incident_open(struct device_change *change, const struct device_core *core, struct incident_row *row)
{
    row->id = uuid_random();
    row->device_no = core->no;
    row->organization_no = core->organization_no;
    row->partner_no = core->partner_no;
    row->created_at = row->updated_at = change->now_ms;
    row->closed_at = TIME_NONE;
    enum err err = incident_store_insert(change->tx, row);
    return err == ERR_OK ? announce(change, row, true, true) : err;
}

enum err incident_close(struct device_change *change, struct incident_row *row)
{
    row->closed_at = row->updated_at = change->now_ms;
    enum err err = incident_store_close(change->tx, row);
    return err == ERR_OK ? announce(change, row, false, true) : err;
}

/* ---- presence (10.2) ---- */

enum err incident_open_offline(struct device_change *change, int64_t device_no)
{
    struct device_core core;
    struct incident_row row;
    enum err err = device_store_core(change->tx, device_no, &core);
    if (err != ERR_OK || !incident_may_open(change, &core)) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    err = incident_store_active(change->tx, device_no, INCIDENT_OFFLINE, STR("offline"), change->arena, &row);
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    row = (struct incident_row){
        .origin = INCIDENT_OFFLINE,
        .priority = PRIORITY_HIGH,
        .title = STR("Device offline"),
        .issue = STR("offline"),
    };
    return incident_open(change, &core, &row);
}

enum err incident_close_offline(struct device_change *change, int64_t device_no)
{
    struct incident_row row;
    enum err err = incident_store_active(change->tx, device_no, INCIDENT_OFFLINE, STR("offline"), change->arena, &row);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    return incident_close(change, &row);
}

/* ---- the start ---- */

struct loader {
    struct domain *domain;
    struct store_tx *tx;
    struct arena arena;
    int64_t space_no; /* of the last one: devices of a space stand together */
    int factor;
    enum err err;
};

static void set_worst(struct device_brief *device, void *arg)
{
    device->worst_priority = *(const uint8_t *)arg;
}

static void load_worst(int64_t device_no, int priority, void *arg)
{
    struct loader *loader = arg;
    struct device_brief device;
    if (loader->err != ERR_OK || !device_table_find_no(loader->domain->devices, device_no, &device)) {
        return;
    }
    if (device.space_no != loader->space_no) {
        loader->space_no = device.space_no;
        arena_reset(&loader->arena);
        loader->err = priority_factor_of_space(loader->tx, device.space_no, &loader->arena, &loader->factor);
    }
    uint8_t worst = (uint8_t)priority_shifted(priority, loader->factor);
    device_table_change(loader->domain->devices, device_no, set_worst, &worst);
}

enum err incidents_load(struct domain *domain, struct store_tx *tx)
{
    struct loader loader = {.domain = domain, .tx = tx};
    arena_init(&loader.arena);
    enum err err = incident_store_each_worst(tx, load_worst, &loader);
    arena_deinit(&loader.arena);
    return err == ERR_OK ? loader.err : err;
}
