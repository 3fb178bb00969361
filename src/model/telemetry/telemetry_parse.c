/* A telemetry body, from whichever door, to a sample (device-api.md 3.1, 3.2.4, 1.4.5, 1.5, 1.6.3, 1.7). */
#include "base/clock.h"
#include "base/utf8.h"
#include "codec/json/json.h"
#include "model/domain.h"
#include "model/telemetry/flat.h"
#include "model/telemetry/telemetry.h"
#include "model/telemetry/telemetry_rules.h"

#define SAMPLE_AGE_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)
#define SAMPLE_AHEAD_MAX_MS (INT64_C(5) * 60 * 1000)
#define FIRMWARE_CHARACTERS_MAX 255

struct parse {
    const struct settings *settings;
    struct arena *arena;
    struct reply *reply;
    struct telemetry_sample *sample;
    struct flat_entry *entries;
    size_t count;
};

static const struct {
    struct str text;
    enum device_status status;
} statuses[] = {{STR_INIT("online"), STATUS_ONLINE}, {STR_INIT("offline"), STATUS_OFFLINE}, {STR_INIT("error"), STATUS_ERROR}};

bool telemetry_status_from(struct str text, enum device_status *ret_status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (str_eq(text, statuses[i].text)) {
            *ret_status = statuses[i].status;
            return true;
        }
    }
    return false;
}

struct str telemetry_status_text(enum device_status status)
{
    return status == STATUS_OFFLINE ? STR("offline") : status == STATUS_ERROR ? STR("error") : STR("online");
}

static bool parse_status(struct parse *p, const struct json *node)
{
    if (json_is_missing(node)) {
        p->sample->status = STATUS_ONLINE;
        return true;
    }
    if (json_is_string(node) && telemetry_status_from(json_string(node), &p->sample->status)) {
        return true;
    }
    reply_error(p->reply, 422, "Status must be online, offline or error");
    return false;
}

bool telemetry_moment_from(struct str text, int64_t *ret_ms)
{
    int64_t digits = 0;
    if (str_is_empty(text)) {
        return false;
    }
    return str_to_i64(text, &digits) ? time_from_number((double)digits, ret_ms) : time_parse_iso(text, ret_ms);
}

static bool parse_moment(const struct json *node, int64_t *ret_ms)
{
    return json_is_number(node) ? time_from_number(json_number(node), ret_ms)
                                : telemetry_moment_from(json_string(node), ret_ms);
}

void telemetry_take_moment(struct telemetry_sample *sample, int64_t sent_ms)
{
    sample->device_timestamp_ms = sent_ms;
    if (sent_ms >= sample->received_ms - SAMPLE_AGE_MAX_MS && sent_ms <= sample->received_ms + SAMPLE_AHEAD_MAX_MS) {
        sample->at_ms = sent_ms;
    }
}

/* Sample time: the device's if it is plausible, else ours (3.2.2). */
static bool parse_timestamp(struct parse *p, const struct json *node)
{
    struct telemetry_sample *sample = p->sample;
    sample->at_ms = sample->received_ms;
    sample->device_timestamp_ms = INT64_MIN;
    if (json_is_missing(node)) {
        return true;
    }
    int64_t sent_ms = 0;
    if (!parse_moment(node, &sent_ms)) {
        reply_error(p->reply, 422, "Timestamp is invalid");
        return false;
    }
    telemetry_take_moment(sample, sent_ms);
    return true;
}

static bool parse_options(struct parse *p, const struct json *body)
{
    const struct json *node = json_get(body, "override");
    p->sample->override = false;
    if (!json_is_missing(node) && !json_to_bool(node, &p->sample->override)) {
        reply_error(p->reply, 422, "Override is invalid");
        return false;
    }
    node = json_get(body, "message");
    if (json_is_missing(node)) {
        return true;
    }
    if (!json_to_text(node, p->arena, &p->sample->message)) {
        reply_error(p->reply, 422, "Message is invalid");
        return false;
    }
    if (utf8_length(p->sample->message) > TELEMETRY_MESSAGE_CHARACTERS_MAX) {
        reply_error(p->reply, 422, "Message is too long (maximum is %d characters)", TELEMETRY_MESSAGE_CHARACTERS_MAX);
        return false;
    }
    return true;
}

/* One value; false: refused. */
static bool add_value(struct parse *p, const struct json *node)
{
    struct flat_entry entry = {.key = json_key(node), .type = FLAT_NULL};
    size_t key_max = p->settings->limits_telemetry_key_max;
    size_t text_max = p->settings->limits_telemetry_string_max;
    if (entry.key.len > UINT16_MAX || (key_max && entry.key.len > key_max)) {
        reply_error(p->reply, 422, "Common telemetries key is too long (maximum is %zu bytes)",
                    key_max ? key_max : (size_t)UINT16_MAX);
        return false;
    }
    if (json_is_object(node) || json_is_array(node)) {
        reply_error(p->reply, 422, "Common telemetries.%.*s must be string, number or boolean", STR_ARG(entry.key));
        return false;
    }
    if (json_is_string(node)) {
        entry.type = FLAT_STRING;
        entry.text = json_string(node);
        if (text_max && entry.text.len > text_max) {
            reply_error(p->reply, 422, "Common telemetries.%.*s is too long (maximum is %zu bytes)", STR_ARG(entry.key), text_max);
            return false;
        }
    } else if (json_is_number(node)) {
        entry.type = FLAT_NUMBER;
        entry.number = json_number(node);
    } else if (json_is_bool(node)) {
        entry.type = json_bool(node) ? FLAT_TRUE : FLAT_FALSE;
    }
    if (!str_eq(entry.key, STR("status"))) { /* the status has its own field, which decides */
        p->entries[p->count++] = entry;
    }
    return true;
}

static bool add_values(struct parse *p, const struct json *object)
{
    for (const struct json *node = json_first(object); node; node = json_next(node)) {
        if (!add_value(p, node)) {
            return false;
        }
    }
    return true;
}

/* Scalars of a legacy object; what is not one is dropped, and what has a meaning of its own is left out (3.2.4). */
static bool add_legacy(struct parse *p, const struct json *object, bool common)
{
    for (const struct json *node = json_first(object); node; node = json_next(node)) {
        struct str key = json_key(node);
        if (json_is_object(node) || json_is_array(node) || (common && str_eq(key, STR("firmware_version")))) {
            continue;
        }
        if (!add_value(p, node)) {
            return false;
        }
    }
    return true;
}

static void parse_firmware(struct parse *p, const struct json *common)
{
    struct str text = {NULL, 0};
    const struct json *node = json_get(common, "firmware_version");
    if (json_to_text(node, p->arena, &text) && !str_is_blank(text) && utf8_length(text) <= FIRMWARE_CHARACTERS_MAX) {
        p->sample->firmware_version = arena_str(p->arena, text);
    }
}

static bool parse_values(struct parse *p, const struct json *body)
{
    const struct json *telemetries = json_get(body, "telemetries");
    const struct json *common = json_get(body, "common");
    const struct json *custom = json_get(body, "custom");
    if (telemetries && !json_is_object(telemetries)) {
        reply_error(p->reply, 422, "Missing 'telemetries' object");
        return false;
    }
    size_t room = json_count(telemetries) + json_count(common) + json_count(custom) + 1;
    p->entries = arena_alloc(p->arena, room * sizeof *p->entries);
    parse_firmware(p, common);
    if (telemetries) {
        return add_values(p, telemetries);
    }
    return add_legacy(p, common, true) && add_legacy(p, custom, false);
}

static bool parse_body(struct parse *p, const struct json *body)
{
    const struct json *status = json_get(body, "status");
    if (json_is_missing(status)) {
        status = json_get(json_get(body, "common"), "status");
    }
    if (!parse_status(p, status) || !parse_values(p, body) || !parse_timestamp(p, json_get(body, "timestamp")) ||
        !parse_options(p, body)) {
        return false;
    }
    p->entries[p->count++] =
        (struct flat_entry){.key = STR("status"), .type = FLAT_STRING, .text = telemetry_status_text(p->sample->status)};
    p->sample->values = flat_encode(p->entries, p->count, p->arena);
    return true;
}

enum err telemetry_parse(struct domain *domain, const struct json *body, uint32_t body_bytes, enum transport transport,
                         struct arena *arena, struct telemetry_sample *ret_sample, struct reply *reply)
{
    const struct settings *settings = domain_settings(domain);
    if (settings->limits_telemetry_max && body_bytes > settings->limits_telemetry_max) {
        reply_error(reply, 413, "Payload too large");
        return ERR_INVALID;
    }
    if (body && !json_is_object(body)) {
        reply_error(reply, 422, "Body must be an object");
        return ERR_INVALID;
    }
    *ret_sample = (struct telemetry_sample){
        .received_ms = domain->now_unix_ms(), .transport = transport, .body_bytes = body_bytes};
    struct parse p = {.settings = settings, .arena = arena, .reply = reply, .sample = ret_sample};
    if (!parse_body(&p, body)) {
        return ERR_INVALID;
    }
    if (ret_sample->message.ptr) {
        ret_sample->message = arena_str(arena, ret_sample->message); /* it may have been the tree's */
    }
    return ERR_OK;
}
