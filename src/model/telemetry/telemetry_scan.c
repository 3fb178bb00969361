#include "model/telemetry/telemetry_scan.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "codec/json/json.h"
#include "model/settings.h"
#include "model/telemetry/telemetry_rules.h"

#define EXACT_INTEGER_MAX (UINT64_C(1) << 53)
#define EXACT_POWER_MAX 22 /* 10^22 is a double */
#define DIGITS_MAX 18      /* of an uint64_t that cannot overflow */

struct scan {
    const char *at, *end;
    const struct settings *settings;
    struct telemetry_scan *out;
    unsigned seen; /* fields of the body, as bits: none may come twice */
};

enum field { FIELD_STATUS, FIELD_TIMESTAMP, FIELD_OVERRIDE, FIELD_MESSAGE, FIELD_TELEMETRIES, FIELD_COUNT };

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) {
        s->at++;
    }
}

static bool accept(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

/* Behind blanks on both sides. */
static bool accept_token(struct scan *s, char c)
{
    skip_blanks(s);
    if (!accept(s, c)) {
        return false;
    }
    skip_blanks(s);
    return true;
}

static bool accept_word(struct scan *s, struct str word)
{
    if ((size_t)(s->end - s->at) < word.len || memcmp(s->at, word.ptr, word.len) != 0) {
        return false;
    }
    s->at += word.len;
    return true;
}

/* A string without escapes. */
static bool take_string(struct scan *s, struct str *ret_text)
{
    if (!accept(s, '"')) {
        return false;
    }
    const char *start = s->at;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at == '\\' || (unsigned char)*s->at < 0x20) {
            return false;
        }
        s->at++;
    }
    *ret_text = str_from(start, (size_t)(s->at - start));
    return accept(s, '"');
}

/* ---- numbers ---- */

struct digits {
    uint64_t value;
    unsigned count;    /* leading zeros included */
    unsigned behind;   /* the point */
};

static unsigned take_digits(struct scan *s, struct digits *digits)
{
    const char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        digits->value = digits->value * 10 + (uint64_t)(*s->at - '0'); /* used only if it did not overflow */
        s->at++;
    }
    unsigned taken = (unsigned)(s->at - start);
    digits->count += taken;
    return taken;
}

static bool skip_exponent(struct scan *s, bool *ret_has)
{
    struct digits ignored = {0};
    *ret_has = accept(s, 'e') || accept(s, 'E');
    if (!*ret_has) {
        return true;
    }
    if (!accept(s, '+')) {
        accept(s, '-');
    }
    return take_digits(s, &ignored) > 0;
}

/* As the library of the tree does it. */
static bool number_from_text(struct str text, double *ret_number)
{
    char copy[JSON_NUMBER_BYTES_MAX + 1];
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *ret_number = strtod(copy, NULL);
    return isfinite(*ret_number);
}

/* A quotient of two numbers that doubles hold exactly is rounded once, so it is the double nearest to the text. */
static bool take_number(struct scan *s, double *ret_number)
{
    static const double powers[EXACT_POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *start = s->at;
    struct digits digits = {0};
    bool negative = accept(s, '-');
    bool zero = accept(s, '0');
    bool has_exponent = false;
    if (!zero && take_digits(s, &digits) == 0) {
        return false;
    }
    if (accept(s, '.')) {
        digits.behind = take_digits(s, &digits);
        if (digits.behind == 0) {
            return false;
        }
    }
    if (!skip_exponent(s, &has_exponent) || s->at - start > JSON_NUMBER_BYTES_MAX) {
        return false;
    }
    if (has_exponent || digits.count > DIGITS_MAX || digits.value > EXACT_INTEGER_MAX) {
        return number_from_text(str_from(start, (size_t)(s->at - start)), ret_number);
    }
    double number = (double)digits.value / powers[digits.behind];
    *ret_number = negative ? -number : number;
    return true;
}

/* ---- the values ---- */

static bool take_value(struct scan *s, struct flat_entry *entry)
{
    size_t text_max = s->settings->limits_telemetry_string_max;
    if (s->at == s->end) {
        return false;
    }
    switch (*s->at) {
    case '"':
        entry->type = FLAT_STRING;
        return take_string(s, &entry->text) && (text_max == 0 || entry->text.len <= text_max);
    case 't':
        entry->type = FLAT_TRUE;
        return accept_word(s, STR("true"));
    case 'f':
        entry->type = FLAT_FALSE;
        return accept_word(s, STR("false"));
    case 'n':
        entry->type = FLAT_NULL;
        return accept_word(s, STR("null"));
    default:
        entry->type = FLAT_NUMBER;
        return take_number(s, &entry->number);
    }
}

static bool take_name(struct scan *s, struct str *ret_name)
{
    return take_string(s, ret_name) && accept_token(s, ':');
}

static bool take_values(struct scan *s)
{
    struct telemetry_scan *out = s->out;
    size_t key_max = s->settings->limits_telemetry_key_max;
    key_max = key_max && key_max < UINT16_MAX ? key_max : UINT16_MAX;
    if (!accept_token(s, '{')) {
        return false;
    }
    if (accept(s, '}')) {
        return true;
    }
    do {
        struct flat_entry *entry = &out->entries[out->entry_count];
        if (out->entry_count + 1 == TELEMETRY_SCAN_ENTRIES_MAX || !take_name(s, &entry->key) || entry->key.len > key_max ||
            !take_value(s, entry)) {
            return false;
        }
        if (!str_eq(entry->key, STR("status"))) { /* the status has its own field, which decides */
            out->entry_count++;
        }
    } while (accept_token(s, ','));
    return accept(s, '}');
}

/* ---- the body ---- */

static bool take_status(struct scan *s)
{
    struct str text;
    return take_string(s, &text) && telemetry_status_from(text, &s->out->sample.status);
}

static bool take_timestamp(struct scan *s)
{
    struct str text;
    double number;
    int64_t sent_ms;
    bool is_text = s->at < s->end && *s->at == '"';
    if (is_text ? !take_string(s, &text) || !telemetry_moment_from(text, &sent_ms)
                : !take_number(s, &number) || !time_from_number(number, &sent_ms)) {
        return false;
    }
    telemetry_take_moment(&s->out->sample, sent_ms);
    return true;
}

static bool take_override(struct scan *s)
{
    s->out->sample.override = accept_word(s, STR("true"));
    return s->out->sample.override || accept_word(s, STR("false"));
}

static bool take_message(struct scan *s)
{
    return take_string(s, &s->out->sample.message) &&
           utf8_length(s->out->sample.message) <= TELEMETRY_MESSAGE_CHARACTERS_MAX;
}

static const struct {
    struct str name;
    bool (*take)(struct scan *s);
} fields[FIELD_COUNT] = {
    [FIELD_STATUS] = {STR_INIT("status"), take_status},
    [FIELD_TIMESTAMP] = {STR_INIT("timestamp"), take_timestamp},
    [FIELD_OVERRIDE] = {STR_INIT("override"), take_override},
    [FIELD_MESSAGE] = {STR_INIT("message"), take_message},
    [FIELD_TELEMETRIES] = {STR_INIT("telemetries"), take_values},
};

static bool take_field(struct scan *s)
{
    struct str name;
    if (!take_name(s, &name)) {
        return false;
    }
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (str_eq(name, fields[i].name)) {
            bool again = s->seen >> i & 1;
            s->seen |= 1u << i;
            return !again && fields[i].take(s);
        }
    }
    return false;
}

static bool take_body(struct scan *s)
{
    if (!accept_token(s, '{')) {
        return false;
    }
    if (!accept(s, '}')) {
        do {
            if (!take_field(s)) {
                return false;
            }
        } while (accept_token(s, ','));
        if (!accept(s, '}')) {
            return false;
        }
    }
    skip_blanks(s);
    return s->at == s->end;
}

bool telemetry_scan(const struct settings *settings, struct str body, int64_t now_unix_ms, struct telemetry_scan *ret_scan)
{
    size_t bytes_max = settings->limits_telemetry_max;
    struct scan s = {.at = body.ptr, .end = body.ptr + body.len, .settings = settings, .out = ret_scan};
    if (body.len == 0 || body.len > UINT32_MAX || (bytes_max && body.len > bytes_max) || !utf8_is_valid(body)) {
        return false;
    }
    ret_scan->entry_count = 0;
    ret_scan->sample = (struct telemetry_sample){.status = STATUS_ONLINE,
                                                 .at_ms = now_unix_ms,
                                                 .received_ms = now_unix_ms,
                                                 .device_timestamp_ms = INT64_MIN,
                                                 .body_bytes = (uint32_t)body.len};
    if (!take_body(&s)) {
        return false;
    }
    ret_scan->entries[ret_scan->entry_count++] = (struct flat_entry){
        .key = STR("status"), .type = FLAT_STRING, .text = telemetry_status_text(ret_scan->sample.status)};
    return true;
}

size_t telemetry_scan_room(const struct telemetry_scan *scan)
{
    return flat_room(scan->entries, scan->entry_count) + scan->sample.message.len;
}

void telemetry_scan_take(struct telemetry_scan *scan, char *memory, struct telemetry_sample *ret_sample)
{
    *ret_sample = scan->sample;
    ret_sample->values = str_from(memory, flat_put(scan->entries, scan->entry_count, memory));
    if (scan->sample.message.ptr) {
        char *at = memory + ret_sample->values.len;
        if (scan->sample.message.len > 0) {
            memcpy(at, scan->sample.message.ptr, scan->sample.message.len);
        }
        ret_sample->message = str_from(at, scan->sample.message.len);
    }
}
