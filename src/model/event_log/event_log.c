#include "model/event_log/event_log.h"

#include "base/utf8.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/ports/event_log_store.h"
#include "model/telemetry/telemetry_rules.h"

enum { TEXT_CHARS_MAX = 255, PAYLOAD_BYTES_MAX = 16384 };
#define DAY_MS INT64_C(86400000)

/* ---- reading a body ---- */

struct fields {
    const struct json *body;
    struct arena *arena;
    struct reply *reply;
};

static bool text_from(struct fields *f, const struct json *value, const char *label, struct str *ret_text)
{
    if (json_is_missing(value)) {
        return true;
    }
    if (!json_to_text(value, f->arena, ret_text)) {
        reply_error(f->reply, 422, "%s is invalid", label);
        return false;
    }
    if (utf8_length(*ret_text) > TEXT_CHARS_MAX) {
        reply_error(f->reply, 422, "%s is too long (maximum is %d characters)", label, TEXT_CHARS_MAX);
        return false;
    }
    return true;
}

static bool required_text(struct fields *f, const char *name, const char *label, struct str *ret_text)
{
    if (!text_from(f, json_get(f->body, name), label, ret_text)) {
        return false;
    }
    if (str_is_blank(*ret_text)) {
        reply_error(f->reply, 422, "%s can't be blank", label);
        return false;
    }
    return true;
}

static bool read_keys(struct fields *f, struct device_event_row *row)
{
    static const char *const int_names[] = {"int_key_1", "int_key_2"}, *const int_labels[] = {"Int key 1", "Int key 2"};
    static const char *const text_names[] = {"string_key_1", "string_key_2"}, *const aliases[] = {"str_key_1", "str_key_2"};
    static const char *const text_labels[] = {"String key 1", "String key 2"};
    for (int i = 0; i < 2; i++) {
        const struct json *value = json_get(f->body, int_names[i]);
        int64_t number = 0;
        row->has_int[i] = !json_is_missing(value);
        if (row->has_int[i] && (!json_to_int(value, &number) || number < INT32_MIN || number > INT32_MAX)) {
            reply_error(f->reply, 422, "%s is invalid", int_labels[i]);
            return false;
        }
        row->int_key[i] = (int32_t)number;
    }
    for (int i = 0; i < 2; i++) {
        const struct json *value = json_get(f->body, text_names[i]);
        value = json_is_missing(value) ? json_get(f->body, aliases[i]) : value;
        if (!text_from(f, value, text_labels[i], &row->string_key[i])) {
            return false;
        }
    }
    return true;
}

static bool read_moment(struct fields *f, struct device_event_row *row)
{
    const struct json *value = json_get(f->body, "timestamp");
    struct telemetry_sample sample = {.at_ms = row->received_at, .received_ms = row->received_at};
    int64_t sent_ms = 0;
    struct str text;
    if (json_is_missing(value)) {
        return true;
    }
    if (!json_to_text(value, f->arena, &text) || !telemetry_moment_from(text, &sent_ms)) {
        reply_error(f->reply, 422, "Timestamp is invalid");
        return false;
    }
    telemetry_take_moment(&sample, sent_ms);
    row->at = sample.at_ms;
    return true;
}

static bool read_event(struct fields *f, struct device_event_row *row)
{
    return required_text(f, "name", "Name", &row->name) && required_text(f, "category", "Category", &row->category) &&
           read_keys(f, row) && read_moment(f, row);
}

/* ---- as JSON ---- */

static void write_fields(struct json_writer *w, const struct device_event_row *row)
{
    static const char *const int_names[] = {"int_key_1", "int_key_2"};
    json_field_str(w, "name", row->name);
    json_field_str(w, "category", row->category);
    for (int i = 0; i < 2; i++) {
        if (row->has_int[i]) {
            json_field_int(w, int_names[i], row->int_key[i]);
        } else {
            json_field_null(w, int_names[i]);
        }
    }
    field_text(w, "string_key_1", row->string_key[0]);
    field_text(w, "string_key_2", row->string_key[1]);
    json_field_time(w, "timestamp", row->at);
}

static void emit(struct device_change *change, const struct device_core *core, const struct device_event_row *row)
{
    struct buf payload;
    struct json_writer w;
    struct event *event = device_change_event(change, EVENT_DEVICE_EVENT, core, 0);
    buf_init(&payload, PAYLOAD_BYTES_MAX);
    json_writer_init(&w, &payload);
    json_begin_object(&w);
    write_fields(&w, row);
    json_end_object(&w);
    event->relays = change->transport != TRANSPORT_MQTT;
    event->hears_itself = event->relays; /* seldom enough to ask whether it listens to its own events */
    event_set_topic(event, STR("events"));
    event_set_payload(event, buf_str(&payload));
    buf_deinit(&payload);
    store_tx_emit(change->tx, event);
}

/* ---- Add Event ---- */

/* False: the day's events are all there, `reply` says so. */
static bool has_room(struct device_change *change, int64_t device_no, enum err *ret_err, struct reply *reply)
{
    uint64_t max = domain_settings(change->domain)->limits_device_events;
    int64_t count = 0, since = change->now_ms - change->now_ms % DAY_MS;
    *ret_err = max ? event_log_store_count_since(change->tx, device_no, since, &count) : ERR_OK;
    if (*ret_err == ERR_OK && max && (uint64_t)count >= max) {
        reply_error(reply, 429, "Event limit reached");
        reply->retry_after_s = (unsigned)((since + DAY_MS - change->now_ms + 999) / 1000);
        return false;
    }
    return *ret_err == ERR_OK;
}

static enum err store(struct device_change *change, const struct device_core *core, struct device_event_row *row)
{
    row->id = uuid_random();
    row->device_no = core->no;
    row->epoch = core->epoch;
    enum err err = event_log_store_insert(change->tx, row);
    if (err == ERR_OK) {
        emit(change, core, row);
    }
    return err;
}

enum err event_log_add(struct device_change *change, const struct device_brief *device, const struct json *body,
                       int64_t intent_no, struct reply *reply)
{
    struct device_core core;
    struct device_event_row row = {.at = change->now_ms, .received_at = change->now_ms, .intent_no = intent_no};
    struct fields fields = {body, change->arena, reply};
    if (!read_event(&fields, &row)) {
        return ERR_OK;
    }
    enum err err = device_store_core(change->tx, device->no, &core);
    if (err == ERR_OK && core.organization_no) {
        if (!has_room(change, core.no, &err, reply)) {
            return err;
        }
        err = store(change, &core, &row);
    }
    if (err == ERR_OK) {
        buf_append_cstr(&reply->body, "{\"status\":true}");
        reply->status = 200;
    }
    return err;
}

/* ---- lists ---- */

struct listing {
    struct json_writer *w;
    const struct uuid *device_id;
};

static void list_row(const struct device_event_row *row, void *arg)
{
    const struct listing *listing = arg;
    struct json_writer *w = listing->w;
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_uuid(w, "device_id", listing->device_id);
    write_fields(w, row);
    json_field_time(w, "created_at", row->received_at);
    json_end_object(w);
}

void event_log_list(struct admin *admin, struct store_tx *tx, const struct device_core *device,
                    const struct event_log_query *query, struct page page)
{
    struct device_event_filter filter = {
        .device_no = device->no,
        .epoch = device->epoch,
        .from = query->from,
        .to = query->to,
        .name = query->name.len ? query->name : (struct str){NULL, 0},
        .category = query->category.len ? query->category : (struct str){NULL, 0},
        .ascending = query->ascending,
    };
    int64_t total = 0;
    struct envelope envelope;
    struct listing listing = {&envelope.w, &device->id};
    envelope_begin(&envelope, admin->reply, admin->principal.tenant_kind, page);
    enum err err = event_log_store_list(tx, &filter, page, list_row, &listing);
    if (err == ERR_OK) {
        err = event_log_store_count(tx, &filter, &total);
    }
    if (!admin_failed(admin, err)) {
        envelope_end(&envelope, total);
    }
}
