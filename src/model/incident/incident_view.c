#include "model/incident/incident_view.h"

#include "model/domain.h"
#include "model/incident/incident.h"
#include "model/management/field_text.h"

enum { DEPTH_MAX = 32 };

static const char *const origin_names[] = {
    [INCIDENT_RULE] = "rule", [INCIDENT_USER] = "user", [INCIDENT_DEVICE] = "device", [INCIDENT_OFFLINE] = "offline",
};

/* True: this level decides. */
static bool read_factor(struct str config, int *ret_factor)
{
    struct json *doc = NULL;
    int64_t factor = 0;
    bool inherits = true;
    if (json_parse(config, &(struct json_limits){.bytes_max = SIZE_MAX}, &doc) != ERR_OK) {
        return false;
    }
    bool own = json_to_int(json_get(doc, "priority_factor"), &factor);
    json_to_bool(json_get(doc, "inherit_priority_factor"), &inherits);
    json_free(doc);
    if (own) {
        *ret_factor = factor > 0 ? 1 : factor < 0 ? -1 : 0;
    }
    return own || !inherits;
}

static enum err factor_from(struct store_tx *tx, const struct device_space *first, struct arena *arena, int *ret_factor)
{
    struct device_space space = *first;
    *ret_factor = 0;
    for (int depth = 0; depth < DEPTH_MAX && !read_factor(space.config, ret_factor) && space.parent_no; depth++) {
        enum err err = device_space_find(tx, space.parent_no, arena, &space);
        if (err != ERR_OK) {
            return err == ERR_NOT_FOUND ? ERR_OK : err;
        }
    }
    return ERR_OK;
}

enum err priority_factor_of_space(struct store_tx *tx, int64_t space_no, struct arena *arena, int *ret_factor)
{
    struct device_space space;
    *ret_factor = 0;
    if (!space_no) {
        return ERR_OK;
    }
    enum err err = device_space_find(tx, space_no, arena, &space);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    return factor_from(tx, &space, arena, ret_factor);
}

int priority_shifted(int priority, int factor)
{
    if (!priority) {
        return 0;
    }
    int shifted = priority - factor;
    return shifted < PRIORITY_CRITICAL ? PRIORITY_CRITICAL : shifted > PRIORITY_PLANNING ? PRIORITY_PLANNING : shifted;
}

void incident_view_init(struct incident_view *view, struct domain *domain, struct store_tx *tx, struct arena *arena)
{
    *view = (struct incident_view){.domain = domain, .tx = tx, .arena = arena};
}

enum err incident_view_load(struct incident_view *view, int64_t device_no)
{
    if (view->device.core.no == device_no) {
        return ERR_OK;
    }
    struct device_row device;
    enum err err = device_store_row(view->tx, device_no, view->arena, &device);
    view->space = (struct device_space){0};
    view->factor = 0;
    if (err == ERR_OK && device.core.space_no) {
        err = device_space_find(view->tx, device.core.space_no, view->arena, &view->space);
        if (err == ERR_OK) {
            err = factor_from(view->tx, &view->space, view->arena, &view->factor);
        }
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (err == ERR_OK) {
        view->device = device;
        catalog_model(view->domain->catalog, device.core.model_no, &view->model);
        catalog_partner(view->domain->catalog, device.core.partner_no, &view->partner);
    }
    return err;
}

static void write_place(struct json_writer *w, const struct device_space *space)
{
    if (space->no) {
        json_field_int(w, "space_id", space->no);
        json_field_str(w, "space_tree_path_name", space->path);
    } else {
        json_field_null(w, "space_id");
        json_field_null(w, "space_tree_path_name");
    }
}

void incident_view_begin(struct json_writer *w, const struct incident_view *view, const struct incident_row *row)
{
    const struct device_row *device = &view->device;
    const char *priority = incident_priority_name(priority_shifted(row->priority, view->factor));
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_uuid(w, "device_id", &device->core.id);
    json_field_str(w, "device_name", device->name);
    json_field_cstr(w, "status", row->closed_at == TIME_NONE ? "active" : "closed");
    json_field_cstr(w, "priority", priority);
    json_field_cstr(w, "severity", priority);
    json_field_str(w, "title", row->title);
    field_text(w, "description", row->description);
    json_field_str(w, "issue", row->issue);
    json_field_cstr(w, "origin", origin_names[row->origin]);
    json_field_str(w, "device_model", device->custom_model_name.ptr ? device->custom_model_name : view->model.name);
    field_text(w, "sub_model", device->sub_model);
    json_field_str(w, "partner_name", device->custom_partner_name.ptr ? device->custom_partner_name : view->partner.name);
    write_place(w, &view->space);
    field_text(w, "acknowledged_by", row->acknowledged_by);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "updated_at", row->updated_at);
    json_field_time(w, "closed_at", row->closed_at);
}
