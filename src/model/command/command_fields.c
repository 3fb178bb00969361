/* Custom fields of a command (management-api.md 2, 3.3): what may be sent, and what the device gets. */
#include "base/clock.h"
#include "base/utf8.h"
#include "model/command/command.h"

enum { PARAMETERS_BYTES_MAX = 256 * 1024 };

static bool is_empty(const struct json *value)
{
    return json_is_missing(value) || (json_is_string(value) && json_string(value).len == 0);
}

static bool is_listed(const struct json *options, const struct json *value, struct arena *arena)
{
    struct str wanted, candidate;
    if (!json_to_text(value, arena, &wanted)) {
        return false;
    }
    for (const struct json *option = json_first(options); option; option = json_next(option)) {
        /* a map from value to {label, order, value} or to a label, or an array of {label, value} */
        if (!json_is_array(options) && str_eq(json_key(option), wanted)) {
            return true;
        }
        if (json_is_object(option) && json_to_text(json_get(option, "value"), arena, &candidate) &&
            str_eq(candidate, wanted)) {
            return true;
        }
    }
    return false;
}

static bool is_list(const struct json *value)
{
    return json_is_array(value);
}

/* One value of a select; dynamic lists take whatever the device's data offered when the command was composed. */
static bool choice_is_valid(const struct json *field, const struct json *value, struct arena *arena)
{
    struct str text;
    const struct json *options = json_get(field, "options");
    if (!json_to_text(value, arena, &text)) {
        return false;
    }
    return json_is_missing(options) || is_listed(options, value, arena);
}

static bool select_is_valid(const struct json *field, const struct json *value, bool multiple, struct arena *arena)
{
    if (!multiple) {
        return choice_is_valid(field, value, arena);
    }
    if (!is_list(value)) {
        return false;
    }
    for (const struct json *item = json_first(value); item; item = json_next(item)) {
        if (!choice_is_valid(field, item, arena)) {
            return false;
        }
    }
    return true;
}

/* Numbers and booleans may come as text (device-api.md 1.4.5); the device gets them as what they are. */
static bool put_number(struct json_writer *w, const struct json *value, bool whole)
{
    double number = 0;
    int64_t integer;
    if (whole) {
        if (!json_to_int(value, &integer)) {
            return false;
        }
        json_put_int(w, integer);
        return true;
    }
    if (json_is_number(value)) {
        number = json_number(value);
    } else if (!json_is_string(value) || !str_to_double(json_string(value), &number)) {
        return false;
    }
    json_put_double(w, number);
    return true;
}

static bool put_time(struct json_writer *w, const struct json *value, struct arena *arena)
{
    int64_t time;
    struct str text;
    if (json_is_number(value)) {
        json_put_node(w, value);
        return time_from_number(json_number(value), &time);
    }
    if (!json_to_text(value, arena, &text) || !time_parse_iso(text, &time)) {
        return false;
    }
    json_put_str(w, text);
    return true;
}

static bool put_node_if(struct json_writer *w, const struct json *value, bool valid)
{
    json_put_node(w, value);
    return valid;
}

/* Writes the value; false: it is not of the field's type. */
static bool put_value(struct json_writer *w, const struct json *field, const struct json *value, struct arena *arena)
{
    struct str type = json_string(json_get(field, "type"));
    struct str text;
    bool flag;
    if (str_eq(type, STR("number")) || str_eq(type, STR("integer"))) {
        return put_number(w, value, str_eq(type, STR("integer")));
    }
    if (str_eq(type, STR("boolean"))) {
        if (!json_to_bool(value, &flag)) {
            return false;
        }
        json_put_bool(w, flag);
        return true;
    }
    if (str_eq(type, STR("date")) || str_eq(type, STR("datetime"))) {
        return put_time(w, value, arena);
    }
    if (str_eq(type, STR("array"))) {
        return put_node_if(w, value, json_is_array(value));
    }
    if (str_eq(type, STR("object"))) {
        return put_node_if(w, value, json_is_object(value));
    }
    if (str_eq(type, STR("json"))) {
        return put_node_if(w, value, true);
    }
    if (str_eq(type, STR("select")) || str_eq(type, STR("multiselect"))) {
        return put_node_if(w, value, select_is_valid(field, value, str_eq(type, STR("multiselect")), arena));
    }
    if (!json_to_text(value, arena, &text)) { /* string, text, password */
        return false;
    }
    json_put_str(w, text);
    return true;
}

static bool check_required(const struct json *fields, const struct json *params, struct reply *reply)
{
    for (const struct json *field = json_first(fields); field; field = json_next(field)) {
        struct str name = json_string(json_get(field, "name"));
        if (json_bool(json_get(field, "required")) && is_empty(json_get_str(params, name))) {
            reply_error(reply, 422, "Parameter %.*s is required", STR_ARG(name));
            return false;
        }
    }
    return true;
}

static bool is_field(const struct json *fields, struct str name)
{
    for (const struct json *field = json_first(fields); field; field = json_next(field)) {
        if (str_eq(json_string(json_get(field, "name")), name)) {
            return true;
        }
    }
    return false;
}

static bool check_known(const struct json *fields, const struct json *params, struct reply *reply)
{
    for (const struct json *param = json_first(params); param; param = json_next(param)) {
        if (!is_field(fields, json_key(param))) {
            reply_error(reply, 422, "Unknown parameter %.*s", STR_ARG(utf8_prefix(json_key(param), 128)));
            return false;
        }
    }
    return true;
}

static bool put_fields(struct json_writer *w, const struct json *fields, const struct json *params, struct arena *arena,
                       struct reply *reply)
{
    json_begin_object(w);
    for (const struct json *field = json_first(fields); field; field = json_next(field)) {
        struct str name = json_string(json_get(field, "name"));
        const struct json *value = json_get_str(params, name);
        json_name_str(w, name);
        if (is_empty(value)) {
            json_put_null(w);
        } else if (!put_value(w, field, value, arena)) {
            reply_error(reply, 422, "%.*s is invalid", STR_ARG(name));
            return false;
        }
    }
    json_end_object(w);
    return true;
}

/* Kept with the command: the definition may change while the command is in the history. */
static struct str secret_names(const struct json *fields, struct arena *arena)
{
    struct json_writer w;
    struct buf text;
    bool any = false;
    buf_init(&text, PARAMETERS_BYTES_MAX);
    json_writer_init(&w, &text);
    json_begin_array(&w);
    for (const struct json *field = json_first(fields); field; field = json_next(field)) {
        if (str_eq(json_string(json_get(field, "type")), STR("password"))) {
            json_put_str(&w, json_string(json_get(field, "name")));
            any = true;
        }
    }
    json_end_array(&w);
    struct str names = any ? arena_str(arena, buf_str(&text)) : (struct str){NULL, 0};
    buf_deinit(&text);
    return names;
}

static bool check(const struct json *fields, const struct json *params, struct arena *arena, struct str *ret_parameters,
                  struct str *ret_secret_names, struct reply *reply)
{
    struct json_writer w;
    struct buf text;
    if (!json_is_missing(params) && !json_is_object(params)) {
        reply_error(reply, 422, "Extra params must be an object");
        return false;
    }
    if (!check_required(fields, params, reply)) {
        return false;
    }
    buf_init(&text, PARAMETERS_BYTES_MAX);
    json_writer_init(&w, &text);
    bool valid = put_fields(&w, fields, params, arena, reply) && check_known(fields, params, reply);
    if (valid && text.failed) {
        reply_error(reply, 413, "Payload too large");
        valid = false;
    }
    if (valid) {
        *ret_secret_names = secret_names(fields, arena);
        *ret_parameters = json_count(fields) ? arena_str(arena, buf_str(&text)) : (struct str){NULL, 0};
    }
    buf_deinit(&text);
    return valid;
}

bool command_fields_check(struct str custom_fields, const struct json *extra_params, struct arena *arena,
                          struct str *ret_parameters, struct str *ret_secret_names, struct reply *reply)
{
    struct json *fields = NULL;
    if (json_parse(custom_fields, NULL, &fields) != ERR_OK) {
        reply_from_err(reply, ERR_INTERNAL);
        return false;
    }
    bool valid = check(fields, extra_params, arena, ret_parameters, ret_secret_names, reply);
    json_free(fields);
    return valid;
}
