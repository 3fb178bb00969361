/* The fields of a command's form (management-api.md 2 and 5.3). */
#include "base/utf8.h"
#include "model/command/command_definition.h"
#include "model/management/form.h"

static const char *const types[] = {"string",  "text",    "password", "date",   "datetime", "number",     "integer",
                                    "boolean", "array",   "object",   "json",   "select",   "multiselect"};
static const char *const list_types[] = {"staticListSingle", "staticListMulti", "dynamicListSingle", "dynamicListMulti"};

#define OPTIONS_MAX 500

static bool is_one_of(struct str text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(text, str_from_cstr(names[i]))) {
            return true;
        }
    }
    return false;
}

static bool refuse(struct admin *admin, struct str name, const char *reason)
{
    reply_error(admin->reply, 422, "Custom fields is invalid: %.*s %s", STR_ARG(name), reason);
    return false;
}

/* Text or number as the text that is sent; an object's member "value". */
static bool option_value(struct admin *admin, const struct json *value, struct str *ret_text)
{
    return json_to_text(value, admin->arena, ret_text) && ret_text->len > 0;
}

static void option_set(struct json *map, struct str value, struct str label, int64_t order)
{
    struct json *option = json_new_object();
    json_set(option, STR("label"), json_new_string(label));
    json_set(option, STR("order"), json_new_number((double)order));
    json_set(option, STR("value"), json_new_string(value));
    json_set(map, value, option);
}

/* {"33":{"label":"HDMI 1","order":2,"value":"33"}}, {"33":"HDMI 1"} or [{"label":"HDMI 1","value":"33"}] */
static bool option_read(struct admin *admin, const struct json *item, bool in_array, int64_t place, struct json *map)
{
    struct str value = in_array ? (struct str){0} : json_key(item), label = {0};
    int64_t order = place;
    if (json_is_object(item)) {
        const struct json *inner = json_get(item, "value");
        if (!json_is_missing(inner) && !option_value(admin, inner, &value)) {
            return false;
        }
        if (!json_to_text(json_get(item, "label"), admin->arena, &label)) {
            label = value;
        }
        json_to_int(json_get(item, "order"), &order);
    } else {
        if (!json_to_text(item, admin->arena, &label)) {
            return false;
        }
        value = in_array ? label : value;
    }
    if (value.len == 0) {
        return false;
    }
    option_set(map, value, label, order);
    return true;
}

static struct json *options_parse(struct admin *admin, const struct json *options)
{
    size_t count = json_count(options);
    if ((!json_is_object(options) && !json_is_array(options)) || count == 0 || count > OPTIONS_MAX) {
        return NULL;
    }
    struct json *map = json_new_object();
    int64_t place = 1;
    for (const struct json *item = json_first(options); item; item = json_next(item)) {
        if (!option_read(admin, item, json_is_array(options), place++, map)) {
            json_free(map);
            return NULL;
        }
    }
    return map;
}

/* typeName, options and path of a select or multiselect. */
static bool list_parse(struct admin *admin, struct str name, bool is_multi, const struct json *in, struct json *out)
{
    const struct json *options = json_get(in, "options"), *path = json_get(in, "path");
    struct str type_name = json_string(json_get(in, "typeName"));
    bool is_dynamic = type_name.len ? str_starts_with(type_name, STR("dynamic")) : !json_is_missing(path);
    const char *wanted = is_dynamic ? (is_multi ? "dynamicListMulti" : "dynamicListSingle")
                                    : (is_multi ? "staticListMulti" : "staticListSingle");
    if (type_name.len && (!is_one_of(type_name, list_types, sizeof list_types / sizeof list_types[0]) ||
                          !str_eq(type_name, str_from_cstr(wanted)))) {
        return refuse(admin, name, "has a typeName that does not fit its type");
    }
    json_set(out, STR("typeName"), json_new_string(str_from_cstr(wanted)));
    if (is_dynamic) {
        if (!json_is_string(path) || str_is_blank(json_string(path))) {
            return refuse(admin, name, "is a dynamic list and needs a path");
        }
        if (!json_is_missing(options) && json_count(options) > 0) {
            return refuse(admin, name, "is a dynamic list and takes no options");
        }
        json_set(out, STR("path"), json_new_string(str_trim(json_string(path))));
        return true;
    }
    if (!json_is_missing(path)) {
        return refuse(admin, name, "is a static list and takes no path");
    }
    struct json *map = options_parse(admin, options);
    if (!map) {
        return refuse(admin, name, "is a static list and needs options");
    }
    json_set(out, STR("options"), map);
    return true;
}

static bool field_parse(struct admin *admin, const struct json *in, struct json *out)
{
    struct str name, label;
    if (!json_is_object(in) || !json_to_text(json_get(in, "name"), admin->arena, &name) || str_is_blank(name)) {
        return refuse(admin, STR("a field"), "needs a name");
    }
    name = str_trim(name);
    if (name.len > 128) {
        return refuse(admin, utf8_prefix(name, 32), "has too long a name (maximum is 128 bytes)");
    }
    if (!json_to_text(json_get(in, "label"), admin->arena, &label) || str_is_blank(label)) {
        label = name;
    }
    struct str type = json_string(json_get(in, "type"));
    if (!is_one_of(type, types, sizeof types / sizeof types[0])) {
        return refuse(admin, name, "has no valid type");
    }
    bool required = false;
    if (json_get(in, "required") && !json_is_null(json_get(in, "required")) &&
        !json_to_bool(json_get(in, "required"), &required)) {
        return refuse(admin, name, "has no valid required");
    }
    json_set(out, STR("name"), json_new_string(name));
    json_set(out, STR("label"), json_new_string(str_trim(label)));
    json_set(out, STR("type"), json_new_string(type));
    json_set(out, STR("required"), json_new_bool(required));
    bool is_multi = str_eq(type, STR("multiselect"));
    if ((is_multi || str_eq(type, STR("select"))) && !list_parse(admin, name, is_multi, in, out)) {
        return false;
    }
    if (!json_is_missing(json_get(in, "default"))) {
        json_set(out, STR("default"), json_dup(json_get(in, "default")));
    }
    return true;
}

static bool has_field(const struct json *fields, const struct json *until, struct str name)
{
    for (const struct json *field = json_first(fields); field && field != until; field = json_next(field)) {
        if (str_eq(json_string(json_get(field, "name")), name)) {
            return true;
        }
    }
    return false;
}

struct json *custom_fields_parse(struct admin *admin, const struct json *array)
{
    if (!json_is_array(array) || json_count(array) > CUSTOM_FIELDS_MAX) {
        form_invalid(admin, "custom_fields");
        return NULL;
    }
    struct json *fields = json_new_array();
    for (const struct json *in = json_first(array); in; in = json_next(in)) {
        struct json *out = json_new_object();
        json_append(fields, out);
        if (!field_parse(admin, in, out)) {
            json_free(fields);
            return NULL;
        }
        struct str name = json_string(json_get(out, "name"));
        if (has_field(fields, out, name)) {
            refuse(admin, name, "is there twice");
            json_free(fields);
            return NULL;
        }
    }
    return fields;
}
