/* The device's side of its licences (device-api.md 6). */
#include "base/utf8.h"
#include "model/license/license_change.h"

enum { ERROR_CHARS_MAX = 4096, API_DEVICE_ID = 7 };

void license_write_for_device(struct json_writer *w, const struct device_brief *device, const struct license_row *row,
                              int64_t now_ms)
{
    const char *action = license_action_name(row->action);
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    if (device->api_version >= API_DEVICE_ID) {
        json_field_uuid(w, "device_id", &device->id);
    }
    json_field_str(w, "data", row->data);
    json_field_str(w, "signature", row->signature);
    json_field_cstr(w, "action", action);
    json_field_bool(w, action, true);
    if (row->expires_at != TIME_NONE) {
        json_field_time(w, "expires_at", row->expires_at);
    }
    json_field_time(w, "current_time", now_ms);
    json_end_object(w);
}

enum err license_fetch(struct device_change *change, const struct device_brief *device, bool all, bool may_write,
                       struct reply *reply)
{
    struct license_row *rows = NULL;
    size_t count = 0;
    struct json_writer w;
    enum err err = license_store_of_device(change->tx, device->no, true, change->arena, &rows, &count);
    count = !all && count > 1 ? 1 : count;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (!rows[i].fetched && !may_write) {
            return ERR_OK;
        }
        if (!rows[i].fetched) {
            rows[i].fetched = true;
            err = license_store_update(change->tx, &rows[i]);
        }
    }
    if (err != ERR_OK) {
        return err;
    }
    json_writer_init(&w, &reply->body);
    if (all) {
        json_begin_array(&w);
    } else if (count == 0) {
        buf_append_cstr(&reply->body, "{}");
    }
    for (size_t i = 0; i < count; i++) {
        license_write_for_device(&w, device, &rows[i], change->now_ms);
    }
    if (all) {
        json_end_array(&w);
    }
    reply->status = 200;
    return ERR_OK;
}

static bool refuse_switch(struct reply *reply, enum license_state from, enum license_state to)
{
    reply_error(reply, 422, "State can't switch to %s from %s", license_state_name(to), license_state_name(from));
    return false;
}

/* Of what waits, a removal goes on waiting: it is not what the device reports about. */
static void clear_done(struct license_row *row)
{
    row->action = row->action == LICENSE_REMOVE ? LICENSE_REMOVE : LICENSE_NOTHING;
}

/* The table of 6.3. `from`: as this device sees it. False: refused, the reply tells. *ret_changed: to be stored. */
static bool move(struct license_row *row, enum license_state from, enum license_state to, struct str error,
                 struct reply *reply, bool *ret_changed)
{
    struct license_row before = *row;
    *ret_changed = false;
    if (to == LICENSE_PENDING || (from == LICENSE_REMOVED && to == LICENSE_REMOVED)) {
        return true;
    }
    if (from == LICENSE_REMOVED || (from == LICENSE_INUSE && to == LICENSE_ERROR)) {
        return refuse_switch(reply, from, to);
    }
    if (to == LICENSE_REMOVED) {
        license_detach(row, LICENSE_REMOVED);
    } else {
        row->state = to;
        row->error = to == LICENSE_ERROR ? error : (struct str){NULL, 0};
        clear_done(row);
    }
    *ret_changed = row->state != before.state || row->action != before.action || !str_eq(row->error, before.error);
    return true;
}

/* By id, or by Correlation Data. ERR_NOT_FOUND: unknown, or never of this device. ERR_INVALID: the reply tells. */
static enum err find(struct device_change *change, const struct device_brief *device, const struct json *body,
                     struct str correlation, struct license_row *ret_row, enum license_state *ret_from, struct reply *reply)
{
    struct str text = {NULL, 0};
    struct uuid id;
    bool was = false;
    const struct json *value = json_get(body, "id");
    if (!json_is_missing(value) && !json_to_text(value, change->arena, &text)) {
        return ERR_NOT_FOUND;
    }
    text = str_is_blank(text) && uuid_parse(correlation, &id) ? correlation : text;
    if (str_is_blank(text)) {
        reply_error(reply, 422, "Id can't be blank");
        return ERR_INVALID;
    }
    enum err err = uuid_parse(text, &id) ? license_store_find(change->tx, &id, change->arena, ret_row) : ERR_NOT_FOUND;
    if (err != ERR_OK) {
        return err;
    }
    if (ret_row->device_no == device->no) {
        *ret_from = ret_row->state;
        return ERR_OK;
    }
    err = license_store_was_assigned(change->tx, ret_row->no, device->no, &was);
    *ret_from = LICENSE_REMOVED;
    return err != ERR_OK ? err : was ? ERR_OK : ERR_NOT_FOUND;
}

static void answer(struct reply *reply, const struct license_row *row)
{
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_field_str(&w, "data", row->data);
    json_field_str(&w, "signature", row->signature);
    json_field_uuid(&w, "id", &row->id);
    json_field_time(&w, "expires_at", row->expires_at);
    json_end_object(&w);
    reply->status = 200;
}

enum err license_report(struct device_change *change, const struct device_brief *device, const struct json *body,
                        struct str correlation, struct reply *reply)
{
    struct license_row row;
    struct device_core core;
    enum license_state from = LICENSE_REMOVED, to = LICENSE_PENDING;
    struct str error = {NULL, 0};
    bool changed = false;
    enum err err = find(change, device, body, correlation, &row, &from, reply);
    if (err == ERR_NOT_FOUND) {
        reply_error(reply, 404, "Couldn't find License");
    }
    if (err == ERR_NOT_FOUND || err == ERR_INVALID) {
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return err;
    }
    if (!license_state_parse(json_string(json_get(body, "state")), &to)) {
        reply_error(reply, 422, "State is invalid");
        return ERR_OK;
    }
    if (!json_is_missing(json_get(body, "error")) && !json_to_text(json_get(body, "error"), change->arena, &error)) {
        reply_error(reply, 422, "Error is invalid");
        return ERR_OK;
    }
    if (utf8_length(error) > ERROR_CHARS_MAX) {
        reply_error(reply, 422, "Error is too long (maximum is %d characters)", ERROR_CHARS_MAX);
        return ERR_OK;
    }
    if (!move(&row, from, to, error, reply, &changed)) {
        return ERR_OK;
    }
    err = changed ? device_store_core(change->tx, device->no, &core) : ERR_OK;
    if (err == ERR_OK && changed) {
        err = license_changed(change, &row, &core);
    }
    if (err == ERR_OK) {
        answer(reply, &row);
    }
    return err;
}
