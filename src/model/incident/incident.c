#include "model/incident/incident.h"

#include "model/maker/catalog.h"
#include "model/device/device_change.h"
#include "model/domain.h"
#include "model/management/field_text.h"
#include "model/ports/incident_store.h"

enum { PAYLOAD_BYTES_MAX = 65536 };

static const char *const priority_names[] = {
    [PRIORITY_CRITICAL] = "critical", [PRIORITY_HIGH] = "high",         [PRIORITY_MODERATE] = "moderate",
    [PRIORITY_LOW] = "low",           [PRIORITY_PLANNING] = "planning",
};
static const char *const origin_names[] = {
    [INCIDENT_RULE] = "rule", [INCIDENT_USER] = "user", [INCIDENT_DEVICE] = "device", [INCIDENT_OFFLINE] = "offline",
};

/* The Incident object of management-api.md 2. */
static void write_incident(struct json_writer *w, struct domain *domain, const struct device_row *device,
                           const struct device_space *space, const struct incident_row *row)
{
    struct model_info model = {0};
    struct partner_info partner = {0};
    catalog_model(domain->catalog, device->core.model_no, &model);
    catalog_partner(domain->catalog, device->core.partner_no, &partner);
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_uuid(w, "device_id", &device->core.id);
    json_field_str(w, "device_name", device->name);
    json_field_cstr(w, "status", row->closed_at == TIME_NONE ? "active" : "closed");
    json_field_cstr(w, "priority", priority_names[row->priority]);
    json_field_cstr(w, "severity", priority_names[row->priority]);
    json_field_str(w, "title", row->title);
    field_text(w, "description", row->description);
    json_field_str(w, "issue", row->issue);
    json_field_cstr(w, "origin", origin_names[row->origin]);
    json_field_str(w, "device_model", model.name);
    field_text(w, "sub_model", device->sub_model);
    json_field_str(w, "partner_name", partner.name);
    json_field_int(w, "space_id", space->no);
    field_text(w, "space_tree_path_name", space->path);
    json_field_null(w, "acknowledged_by");
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "updated_at", row->updated_at);
    json_field_time(w, "closed_at", row->closed_at);
    json_end_object(w);
}

static enum err emit(struct device_change *change, int64_t device_no, const struct incident_row *row, uint32_t push)
{
    struct device_row device;
    struct device_space space = {0};
    enum err err = device_store_row(change->tx, device_no, change->arena, &device);
    if (err == ERR_OK && device.core.space_no) {
        err = device_space_find(change->tx, device.core.space_no, change->arena, &space);
    }
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    struct buf payload;
    struct json_writer w;
    buf_init(&payload, PAYLOAD_BYTES_MAX);
    json_writer_init(&w, &payload);
    write_incident(&w, change->domain, &device, &space, row);
    device_change_emit(change, EVENT_INCIDENT, &device.core, push, buf_str(&payload));
    buf_deinit(&payload);
    return ERR_OK;
}

static enum err open_offline(struct device_change *change, int64_t device_no)
{
    struct device_core core;
    struct incident_row row;
    enum err err = device_store_core(change->tx, device_no, &core);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (!core.organization_no || core.incidents_suspended) {
        return ERR_OK;
    }
    err = incident_store_active(change->tx, device_no, INCIDENT_OFFLINE, STR("offline"), change->arena, &row);
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    row = (struct incident_row){
        .id = uuid_random(),
        .device_no = device_no,
        .organization_no = core.organization_no,
        .origin = INCIDENT_OFFLINE,
        .priority = PRIORITY_HIGH,
        .title = STR("Device offline"),
        .issue = STR("offline"),
        .created_at = change->now_ms,
        .updated_at = change->now_ms,
        .closed_at = TIME_NONE,
    };
    err = incident_store_insert(change->tx, &row);
    return err == ERR_OK ? emit(change, device_no, &row, PUSH_INCIDENTS) : err;
}

static enum err close_offline(struct device_change *change, int64_t device_no)
{
    struct incident_row row;
    enum err err = incident_store_active(change->tx, device_no, INCIDENT_OFFLINE, STR("offline"), change->arena, &row);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    row.closed_at = row.updated_at = change->now_ms;
    err = incident_store_close(change->tx, row.no, change->now_ms);
    return err == ERR_OK ? emit(change, device_no, &row, 0) : err;
}

static enum err with_change(struct domain *domain, struct store_tx *tx, int64_t device_no,
                            enum err (*run)(struct device_change *change, int64_t device_no))
{
    struct arena arena;
    struct device_change change;
    arena_init(&arena);
    device_change_init(&change, domain, tx, &arena, TRANSPORT_NONE);
    enum err err = run(&change, device_no);
    arena_deinit(&arena);
    return err;
}

enum err incident_open_offline(struct domain *domain, struct store_tx *tx, int64_t device_no)
{
    return with_change(domain, tx, device_no, open_offline);
}

enum err incident_close_offline(struct domain *domain, struct store_tx *tx, int64_t device_no)
{
    return with_change(domain, tx, device_no, close_offline);
}

static void write_for_device(struct json_writer *w, const struct device_brief *device, const struct incident_row *row)
{
    enum { API_DEVICE_ID = 7 };
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    if (device->api_version >= API_DEVICE_ID) {
        json_field_uuid(w, "device_id", &device->id);
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
            write_for_device(&w, device, &rows[i]);
        }
        json_end_array(&w);
        *ret_newest = count ? rows[0].no : 0;
    }
    arena_deinit(&arena);
    return err;
}
