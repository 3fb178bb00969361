#include "model/incident/incident_device.h"

#include "base/crypto.h"
#include "base/utf8.h"
#include "model/domain.h"
#include "model/incident/incident.h"

enum { ISSUE_CHARS_MAX = 64, ISSUE_RANDOM_BYTES = 8 };
#define DAY_MS INT64_C(86400000)

/* Absent or null: *ret_text stays. False: refused. */
static bool read_text(const struct json *body, const char *name, const char *label, size_t chars_max, struct arena *arena,
                      struct str *ret_text, struct reply *reply)
{
    const struct json *value = json_get(body, name);
    if (json_is_missing(value)) {
        return true;
    }
    if (!json_to_text(value, arena, ret_text)) {
        reply_error(reply, 422, "%s is invalid", label);
        return false;
    }
    if (utf8_length(*ret_text) > chars_max) {
        reply_error(reply, 422, "%s is too long (maximum is %zu characters)", label, chars_max);
        return false;
    }
    return true;
}

static bool read_body(const struct json *body, struct arena *arena, struct incident_row *row, struct reply *reply)
{
    const struct json *priority = json_get(body, "priority");
    row->priority = PRIORITY_MODERATE;
    if (!json_is_missing(priority) && !incident_priority_parse(priority, &row->priority)) {
        reply_error(reply, 422, "Priority must be between 1 and 5");
        return false;
    }
    if (!read_text(body, "title", "Title", INCIDENT_TITLE_CHARS_MAX, arena, &row->title, reply)) {
        return false;
    }
    if (str_is_blank(row->title)) {
        reply_error(reply, 422, "Title can't be blank");
        return false;
    }
    return read_text(body, "description", "Description", INCIDENT_DESCRIPTION_CHARS_MAX, arena, &row->description, reply) &&
           read_text(body, "issue", "Issue", ISSUE_CHARS_MAX, arena, &row->issue, reply);
}

static struct str random_issue(struct arena *arena)
{
    uint8_t bytes[ISSUE_RANDOM_BYTES];
    char text[2 * ISSUE_RANDOM_BYTES + 1];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, text);
    return arena_str(arena, str_from_cstr(text));
}

static void answer_id(struct reply *reply, const struct uuid *id)
{
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_field_uuid(&w, "incident_id", id);
    json_end_object(&w);
    reply->status = 200;
}

/* False: too many, `reply` says so. */
static bool has_room(struct device_change *change, int64_t device_no, enum err *ret_err, struct reply *reply)
{
    const struct settings *settings = domain_settings(change->domain);
    int64_t active = 0, today = 0, since = change->now_ms - change->now_ms % DAY_MS;
    *ret_err = incident_store_count_of_device(change->tx, device_no, INCIDENT_DEVICE, since, &active, &today);
    if (*ret_err != ERR_OK) {
        return false;
    }
    if (settings->limits_incidents_open && (uint64_t)active >= settings->limits_incidents_open) {
        reply_error(reply, 422, "Too many incidents (maximum is %llu)", (unsigned long long)settings->limits_incidents_open);
        return false;
    }
    if (settings->limits_device_incidents && (uint64_t)today >= settings->limits_device_incidents) {
        reply_error(reply, 429, "Incident limit reached");
        reply->retry_after_s = (unsigned)((since + DAY_MS - change->now_ms + 999) / 1000);
        return false;
    }
    return true;
}

enum err incident_device_create(struct device_change *change, const struct device_brief *device, const struct json *body,
                                struct reply *reply)
{
    struct device_core core;
    struct incident_row row = {.origin = INCIDENT_DEVICE}, active;
    if (!read_body(body, change->arena, &row, reply)) {
        return ERR_OK;
    }
    enum err err = device_store_core(change->tx, device->no, &core);
    if (err != ERR_OK) {
        return err;
    }
    if (!incident_may_open(change, &core)) {
        struct uuid nothing = uuid_random();
        answer_id(reply, &nothing);
        return ERR_OK;
    }
    if (str_is_empty(row.issue)) {
        row.issue = random_issue(change->arena);
    }
    err = incident_store_active(change->tx, core.no, INCIDENT_DEVICE, row.issue, change->arena, &active);
    if (err == ERR_OK) {
        answer_id(reply, &active.id);
    }
    if (err != ERR_NOT_FOUND || !has_room(change, core.no, &err, reply)) {
        return err;
    }
    err = incident_open(change, &core, &row);
    if (err == ERR_OK) {
        answer_id(reply, &row.id);
    }
    return err;
}

static void succeed(struct reply *reply)
{
    buf_append_cstr(&reply->body, "{\"success\":true}");
    reply->status = 200;
}

enum err incident_device_close(struct device_change *change, const struct device_brief *device, struct str id,
                               struct reply *reply)
{
    struct uuid uuid;
    struct incident_row row;
    enum err err = uuid_parse(id, &uuid) ? incident_store_find(change->tx, &uuid, change->arena, &row) : ERR_NOT_FOUND;
    bool may = err == ERR_OK && row.device_no == device->no && row.closed_at == TIME_NONE &&
               (row.origin == INCIDENT_DEVICE || row.origin == INCIDENT_USER);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !may)) {
        reply_error(reply, 404, "Incident not found");
        return ERR_OK;
    }
    if (err == ERR_OK) {
        err = incident_close(change, &row);
    }
    if (err == ERR_OK) {
        succeed(reply);
    }
    return err;
}

enum err incident_device_close_all(struct device_change *change, const struct device_brief *device, struct reply *reply)
{
    struct incident_row *rows = NULL;
    size_t count = 0;
    enum err err = incident_store_all_active(change->tx, device->no, change->arena, &rows, &count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        if (rows[i].origin == INCIDENT_DEVICE) {
            err = incident_close(change, &rows[i]);
        }
    }
    if (err == ERR_OK) {
        succeed(reply);
    }
    return err;
}
