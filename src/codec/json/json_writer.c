#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "codec/json/json.h"

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){out, false};
}

static void before_element(struct json_writer *w)
{
    if (w->comma) {
        buf_append_u8(w->out, ',');
    }
    w->comma = true;
}

static void begin(struct json_writer *w, char bracket)
{
    before_element(w);
    buf_append_u8(w->out, (uint8_t)bracket);
    w->comma = false;
}

static void end(struct json_writer *w, char bracket)
{
    buf_append_u8(w->out, (uint8_t)bracket);
    w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

static void put_escape(struct buf *out, uint8_t byte)
{
    static const char short_forms[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                       ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (byte < sizeof short_forms && short_forms[byte]) {
        buf_append(out, (char[]){'\\', short_forms[byte]}, 2);
    } else {
        buf_printf(out, "\\u%04x", byte);
    }
}

/* How many bytes from the start can be copied as they are. */
static size_t plain_prefix(struct str s)
{
    size_t at = 0;
    while (at < s.len) {
        uint8_t byte = (uint8_t)s.ptr[at];
        if (byte < 0x20 || byte == '"' || byte == '\\') {
            break;
        }
        size_t len = byte < 0x80 ? 1 : utf8_next(str_sub(s, at, 4));
        if (len == 0) {
            break;
        }
        at += len;
    }
    return at;
}

static void put_text(struct buf *out, struct str s)
{
    buf_append_u8(out, '"');
    while (s.len > 0) {
        size_t plain = plain_prefix(s);
        buf_append(out, s.ptr, plain);
        if (plain < s.len) {
            uint8_t byte = (uint8_t)s.ptr[plain];
            if (byte < 0x80) {
                put_escape(out, byte);
            } else {
                buf_append_cstr(out, "\xef\xbf\xbd"); /* U+FFFD */
            }
            plain++;
        }
        s = str_sub(s, plain, s.len);
    }
    buf_append_u8(out, '"');
}

void json_name_str(struct json_writer *w, struct str name)
{
    before_element(w);
    put_text(w->out, name);
    buf_append_u8(w->out, ':');
    w->comma = false;
}

void json_name(struct json_writer *w, const char *name)
{
    json_name_str(w, str_from_cstr(name));
}

void json_put_str(struct json_writer *w, struct str value)
{
    before_element(w);
    put_text(w->out, value);
}

void json_put_cstr(struct json_writer *w, const char *value)
{
    if (value) {
        json_put_str(w, str_from_cstr(value));
    } else {
        json_put_null(w);
    }
}

static void put_integer(struct buf *out, bool negative, uint64_t magnitude)
{
    char text[24];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (negative) {
        text[--at] = '-';
    }
    buf_append(out, text + at, sizeof text - at);
}

void json_put_int(struct json_writer *w, int64_t value)
{
    before_element(w);
    put_integer(w->out, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static bool same_double(double a, double b)
{
    return !(a < b) && !(a > b);
}

/* Most measurements have few decimals. If m / 10^k, which the division rounds correctly, is the value, then the text
 * "m with k decimals" reads back as it. */
static bool put_few_decimals(struct buf *out, double value)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    double magnitude = fabs(value);
    for (unsigned decimals = 0; decimals < sizeof powers / sizeof powers[0]; decimals++) {
        double scaled = round(magnitude * powers[decimals]);
        if (scaled > (double)JSON_INTEGER_MAX) {
            return false;
        }
        if (same_double(scaled / powers[decimals], magnitude)) {
            uint64_t digits = (uint64_t)scaled;
            uint64_t unit = (uint64_t)powers[decimals];
            put_integer(out, value < 0, digits / unit);
            if (decimals > 0) {
                buf_printf(out, ".%0*" PRIu64, (int)decimals, digits % unit);
            }
            return true;
        }
    }
    return false;
}

static void put_double(struct buf *out, double value)
{
    if (put_few_decimals(out, value)) {
        return;
    }
    char text[40];
    int digits = fabs(value) < DBL_MIN ? 1 : 15; /* subnormal numbers have fewer significant digits */
    do {
        snprintf(text, sizeof text, "%.*g", digits, value);
    } while (digits++ < 17 && !same_double(strtod(text, NULL), value)); /* 17 always read back as the same double */
    char *exponent = strchr(text, 'e');
    if (exponent && exponent[2] == '0') { /* 1e-07 */
        memmove(exponent + 2, exponent + 3, strlen(exponent + 3) + 1);
    }
    buf_append_cstr(out, text);
}

void json_put_double(struct json_writer *w, double value)
{
    if (isfinite(value)) {
        before_element(w);
        put_double(w->out, value);
    } else {
        json_put_null(w);
    }
}

void json_put_raw(struct json_writer *w, struct str compact_json)
{
    before_element(w);
    buf_append_str(w->out, compact_json);
}

void json_put_bool(struct json_writer *w, bool value)
{
    json_put_raw(w, value ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *w)
{
    json_put_raw(w, STR("null"));
}

static void put_container(struct json_writer *w, const struct json *node)
{
    bool object = json_is_object(node);
    begin(w, object ? '{' : '[');
    for (const struct json *item = json_first(node); item; item = json_next(item)) {
        if (object) {
            json_name_str(w, json_key(item));
        }
        json_put_node(w, item);
    }
    end(w, object ? '}' : ']');
}

void json_put_node(struct json_writer *w, const struct json *node)
{
    if (json_is_object(node) || json_is_array(node)) {
        put_container(w, node);
    } else if (json_is_string(node)) {
        json_put_str(w, json_string(node));
    } else if (json_is_number(node)) {
        json_put_double(w, json_number(node));
    } else if (json_is_bool(node)) {
        json_put_bool(w, json_bool(node));
    } else {
        json_put_null(w);
    }
}

void json_write(struct buf *out, const struct json *node)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_put_node(&w, node);
}

void json_put_time(struct json_writer *w, int64_t unix_ms)
{
    char text[TIME_TEXT_BYTES];
    if (unix_ms == INT64_MIN) {
        json_put_null(w);
        return;
    }
    time_format(unix_ms, text);
    json_put_cstr(w, text);
}

void json_put_uuid(struct json_writer *w, const struct uuid *uuid)
{
    char text[UUID_TEXT_BYTES];
    if (!uuid) {
        json_put_null(w);
        return;
    }
    uuid_format(uuid, text);
    json_put_cstr(w, text);
}

void json_field_str(struct json_writer *w, const char *name, struct str value)
{
    json_name(w, name);
    json_put_str(w, value);
}

void json_field_cstr(struct json_writer *w, const char *name, const char *value)
{
    json_name(w, name);
    json_put_cstr(w, value);
}

void json_field_int(struct json_writer *w, const char *name, int64_t value)
{
    json_name(w, name);
    json_put_int(w, value);
}

void json_field_double(struct json_writer *w, const char *name, double value)
{
    json_name(w, name);
    json_put_double(w, value);
}

void json_field_bool(struct json_writer *w, const char *name, bool value)
{
    json_name(w, name);
    json_put_bool(w, value);
}

void json_field_null(struct json_writer *w, const char *name)
{
    json_name(w, name);
    json_put_null(w);
}

void json_field_raw(struct json_writer *w, const char *name, struct str compact_json)
{
    json_name(w, name);
    json_put_raw(w, compact_json);
}

void json_field_node(struct json_writer *w, const char *name, const struct json *node)
{
    json_name(w, name);
    json_put_node(w, node);
}

void json_field_time(struct json_writer *w, const char *name, int64_t unix_ms)
{
    json_name(w, name);
    json_put_time(w, unix_ms);
}

void json_field_uuid(struct json_writer *w, const char *name, const struct uuid *uuid)
{
    json_name(w, name);
    json_put_uuid(w, uuid);
}
