#include "model/license/license_change.h"

#include "model/management/field_text.h"
#include "model/outbox/webhook.h"

enum { LICENSE_JSON_MAX = 1024 * 1024 };

static const char *const state_names[] = {
    [LICENSE_PENDING] = "pending", [LICENSE_INUSE] = "inuse", [LICENSE_REMOVED] = "removed", [LICENSE_ERROR] = "error"};
static const char *const action_names[] = {
    [LICENSE_NOTHING] = NULL, [LICENSE_ADD] = "add", [LICENSE_UPDATE] = "update", [LICENSE_REMOVE] = "remove"};

const char *license_state_name(enum license_state state)
{
    return state_names[state];
}

bool license_state_parse(struct str text, enum license_state *ret_state)
{
    for (enum license_state state = LICENSE_PENDING; state <= LICENSE_ERROR; state++) {
        if (str_eq(text, str_from_cstr(state_names[state]))) {
            *ret_state = state;
            return true;
        }
    }
    return false;
}

const char *license_action_name(enum license_action action)
{
    return action_names[action];
}

static void field_id(struct json_writer *w, const char *name, const struct uuid *id)
{
    json_field_uuid(w, name, uuid_is_nil(id) ? NULL : id);
}

void license_write(struct json_writer *w, const struct license_row *row)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    field_id(w, "product_id", &row->product_id);
    json_field_str(w, "data", row->data);
    json_field_str(w, "signature", row->signature);
    json_field_time(w, "expires_at", row->expires_at);
    json_field_cstr(w, "state", license_state_name(row->state));
    json_field_cstr(w, "action", license_action_name(row->action));
    field_id(w, "device_id", &row->device_id);
    field_id(w, "organization_id", &row->organization_id);
    json_field_time(w, "created_at", row->created_at);
    field_text(w, "error", row->error);
    json_end_object(w);
}

enum err license_begin_action(struct store_tx *tx, struct license_row *row, enum license_action action)
{
    row->action = action;
    return license_store_next_action(tx, &row->action_no);
}

void license_detach(struct license_row *row, enum license_state state)
{
    row->state = state;
    row->action = LICENSE_NOTHING;
    row->fetched = false;
    row->error = (struct str){NULL, 0};
    row->device_no = 0;
    row->device_id = (struct uuid){0};
}

static enum err tell_device(struct device_change *change, const struct license_row *row, const struct device_core *device)
{
    struct license_row *waiting = NULL;
    size_t count = 0;
    struct buf payload;
    struct json_writer w;
    enum err err = license_store_of_device(change->tx, device->no, true, change->arena, &waiting, &count);
    if (err != ERR_OK) {
        return err;
    }
    hot_changes_add(&change->hot, HOT_LICENSE, &(struct device_brief){.no = device->no, .license_waiting = count > 0});
    buf_init(&payload, LICENSE_JSON_MAX);
    json_writer_init(&w, &payload);
    license_write(&w, row);
    device_change_emit(change, EVENT_LICENSE, device, PUSH_LICENSE, buf_str(&payload));
    buf_deinit(&payload);
    return ERR_OK;
}

enum err license_changed(struct device_change *change, const struct license_row *row, const struct device_core *device)
{
    enum err err = license_store_update(change->tx, row);
    if (err == ERR_OK && device) {
        err = tell_device(change, row, device);
    }
    if (err != ERR_OK) {
        return err;
    }
    const char *action = license_action_name(row->action);
    struct webhook_license notice = {
        .partner_no = row->partner_no,
        .device_no = device ? device->no : 0,
        .license_id = row->id,
        .device_id = uuid_is_nil(&row->device_id) ? NULL : &row->device_id,
        .action = action ? str_from_cstr(action) : (struct str){NULL, 0},
        .state = str_from_cstr(license_state_name(row->state)),
    };
    return webhook_license_updated(change->domain, change->tx, &notice);
}
