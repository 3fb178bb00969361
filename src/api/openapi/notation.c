#include "api/openapi/notation.h"

#include <ctype.h>

#define DEPTH_MAX 8u

static bool write_type(struct json_writer *w, struct str type, unsigned depth);

static struct str from(struct str text, size_t at)
{
    return str_sub(text, at, text.len - at);
}

bool notation_next(struct str *fields, struct notation_field *ret_field)
{
    *fields = str_trim(*fields);
    if (fields->len == 0) {
        return false;
    }
    size_t end = 0;
    int open = 0;
    while (end < fields->len && (open > 0 || fields->ptr[end] != ';')) {
        open += fields->ptr[end] == '{' || fields->ptr[end] == '[' || fields->ptr[end] == '(';
        open -= fields->ptr[end] == '}' || fields->ptr[end] == ']' || fields->ptr[end] == ')';
        end++;
    }
    struct str field = str_sub(*fields, 0, end);
    struct str type = field;
    struct str name = str_split(&type, ' ');
    type = str_trim(type);
    if (open != 0 || name.len == 0 || type.len == 0) {
        return false;
    }
    bool required = name.ptr[name.len - 1] == '!';
    *ret_field = (struct notation_field){str_sub(name, 0, name.len - required), type, required};
    *fields = str_trim(from(*fields, end + (end < fields->len)));
    return true;
}

static bool write_object(struct json_writer *w, struct str fields, unsigned depth)
{
    struct notation_field field;
    struct str rest = fields;
    json_begin_object(w);
    json_field_cstr(w, "type", "object");
    json_name(w, "properties");
    json_begin_object(w);
    bool any_required = false;
    while (notation_next(&rest, &field)) {
        json_name_str(w, field.name);
        if (!write_type(w, field.type, depth + 1)) {
            return false;
        }
        any_required |= field.required;
    }
    json_end_object(w);
    if (rest.len) {
        return false;
    }
    if (any_required) {
        json_name(w, "required");
        json_begin_array(w);
        for (rest = fields; notation_next(&rest, &field);) {
            if (field.required) {
                json_put_str(w, field.name);
            }
        }
        json_end_array(w);
    }
    json_end_object(w);
    return true;
}

bool notation_object(struct json_writer *w, struct str fields)
{
    return write_object(w, fields, 0);
}

/* "<=500" behind a type; *ret_max stays when there is nothing. */
static bool parse_max(struct str text, int64_t *ret_max)
{
    return text.len == 0 || (str_starts_with(text, STR("<=")) && str_to_i64(from(text, 2), ret_max));
}

static bool write_array(struct json_writer *w, struct str type, unsigned depth)
{
    size_t end = type.len;
    while (end > 0 && type.ptr[end - 1] != ']') {
        end--;
    }
    int64_t max = -1;
    if (end < 2 || !parse_max(from(type, end), &max)) {
        return false;
    }
    json_begin_object(w);
    json_field_cstr(w, "type", "array");
    if (max >= 0) {
        json_field_int(w, "maxItems", max);
    }
    json_name(w, "items");
    bool known = write_type(w, str_sub(type, 1, end - 2), depth + 1);
    json_end_object(w);
    return known;
}

static bool write_enum(struct json_writer *w, struct str names)
{
    json_begin_object(w);
    json_field_cstr(w, "type", "string");
    json_name(w, "enum");
    json_begin_array(w);
    while (names.len) {
        json_put_str(w, str_split(&names, '|'));
    }
    json_end_array(w);
    json_end_object(w);
    return true;
}

static bool write_range(struct json_writer *w, const char *type, struct str range)
{
    json_begin_object(w);
    json_field_cstr(w, "type", type);
    bool known = true;
    if (range.len) {
        size_t dots = 0;
        while (dots + 1 < range.len && !(range.ptr[dots] == '.' && range.ptr[dots + 1] == '.')) {
            dots++;
        }
        int64_t low, high;
        struct str above = from(range, dots + 2);
        known = dots + 1 < range.len && str_to_i64(str_sub(range, 0, dots), &low) &&
                (above.len == 0 || str_to_i64(above, &high));
        if (known) {
            json_field_int(w, "minimum", low);
        }
        if (known && above.len) {
            json_field_int(w, "maximum", high);
        }
    }
    json_end_object(w);
    return known;
}

static bool write_text(struct json_writer *w, struct str rest)
{
    int64_t max = -1;
    bool known = parse_max(rest, &max);
    json_begin_object(w);
    json_field_cstr(w, "type", "string");
    if (known && max >= 0) {
        json_field_int(w, "maxLength", max);
    }
    json_end_object(w);
    return known;
}

/* Types without anything behind their name. */
static bool write_plain(struct json_writer *w, struct str type)
{
    static const struct {
        const char *name, *schema;
    } plain[] = {
        {"any", "{}"},
        {"bool", "{\"type\":\"boolean\"}"},
        {"bytes", "{\"type\":\"string\",\"format\":\"binary\"}"},
        {"email", "{\"type\":\"string\",\"format\":\"email\",\"maxLength\":255}"},
        {"object", "{\"type\":\"object\"}"},
        {"space", "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\",\"pattern\":\"^[0-9]+$\"}]}"},
        {"time", "{\"oneOf\":[{\"type\":\"string\",\"format\":\"date-time\"},{\"type\":\"number\"}]}"},
        {"uuid", "{\"type\":\"string\",\"format\":\"uuid\"}"},
    };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (str_eq(type, str_from_cstr(plain[i].name))) {
            json_put_raw(w, str_from_cstr(plain[i].schema));
            return true;
        }
    }
    if (!isupper((unsigned char)type.ptr[0])) {
        return false;
    }
    json_begin_object(w);
    json_name(w, "$ref");
    struct buf name;
    buf_init(&name, 256);
    buf_printf(&name, "#/components/schemas/%.*s", STR_ARG(type));
    json_put_str(w, buf_str(&name));
    buf_deinit(&name);
    json_end_object(w);
    return true;
}

/* "name(inside)": sets *ret_inside. */
static bool is_call(struct str type, struct str name, struct str *ret_inside)
{
    if (!str_starts_with(type, name)) {
        return false;
    }
    struct str rest = from(type, name.len);
    if (rest.len == 0) {
        *ret_inside = rest;
        return true;
    }
    *ret_inside = rest.len >= 2 ? str_sub(rest, 1, rest.len - 2) : rest;
    return rest.ptr[0] == '(' && rest.ptr[rest.len - 1] == ')';
}

static bool write_type(struct json_writer *w, struct str type, unsigned depth)
{
    struct str inside;
    if (type.len == 0 || depth > DEPTH_MAX) {
        return false;
    }
    if (type.ptr[type.len - 1] == '?') {
        json_begin_object(w);
        json_name(w, "oneOf");
        json_begin_array(w);
        bool known = write_type(w, str_sub(type, 0, type.len - 1), depth + 1);
        json_put_raw(w, STR("{\"type\":\"null\"}"));
        json_end_array(w);
        json_end_object(w);
        return known;
    }
    if (type.ptr[0] == '[') {
        return write_array(w, type, depth);
    }
    if (type.ptr[0] == '{') {
        return type.ptr[type.len - 1] == '}' && write_object(w, str_sub(type, 1, type.len - 2), depth);
    }
    if (is_call(type, STR("int"), &inside)) {
        return write_range(w, "integer", inside);
    }
    if (is_call(type, STR("number"), &inside)) {
        return write_range(w, "number", inside);
    }
    if (is_call(type, STR("enum"), &inside)) {
        return inside.len && write_enum(w, inside);
    }
    if (str_starts_with(type, STR("text"))) {
        return write_text(w, from(type, 4));
    }
    return write_plain(w, type);
}

bool notation_type(struct json_writer *w, struct str type)
{
    return write_type(w, str_trim(type), 0);
}
