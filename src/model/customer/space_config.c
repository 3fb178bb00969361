#include "model/customer/space_config.h"

#include "model/management/form.h"

enum { CONFIG_BYTES_MAX = 65536, LATITUDE_MAX = 90, LONGITUDE_MAX = 180, UTC_OFFSET_MINUTES_MAX = 24 * 60 };

static bool is_flag(const struct json *value)
{
    bool flag;
    return json_to_bool(value, &flag);
}

static bool is_object(const struct json *value)
{
    return json_is_object(value);
}

static bool is_text(const struct json *value)
{
    return json_is_string(value);
}

static bool is_factor(const struct json *value)
{
    int64_t factor;
    return json_to_int(value, &factor) && factor >= -1 && factor <= 1;
}

static bool is_unit(const struct json *value)
{
    return str_eq(json_string(value), STR("celsius")) || str_eq(json_string(value), STR("fahrenheit"));
}

static bool is_within(const struct json *value, double limit)
{
    return json_is_number(value) && json_number(value) >= -limit && json_number(value) <= limit;
}

static bool is_location(const struct json *value)
{
    const struct json *coordinates = json_get(value, "coordinates");
    const struct json *offset = json_get(value, "utc_offset"), *name = json_get(value, "name");
    int64_t minutes = 0;
    if (!json_is_object(value) || (!json_is_missing(offset) && !json_to_int(offset, &minutes)) ||
        minutes < -UTC_OFFSET_MINUTES_MAX || minutes > UTC_OFFSET_MINUTES_MAX) {
        return false;
    }
    return (json_is_missing(name) || json_is_string(name)) &&
           (json_is_missing(coordinates) || (is_within(json_get(coordinates, "lat"), LATITUDE_MAX) &&
                                             is_within(json_get(coordinates, "lng"), LONGITUDE_MAX)));
}

static const struct {
    const char *name;
    bool (*is_valid)(const struct json *value);
} keys[] = {
    {"priority_factor", is_factor},
    {"temperature_units", is_unit},
    {"img", is_text},
    {"location", is_location},
    {"maintenance", is_flag},
    {"inherit_location", is_flag},
    {"inherit_priority_factor", is_flag},
    {"inherit_temperature_units", is_flag},
    {"events", is_object},
};

/* A factor is kept as text, a switch as a boolean, however it was sent. */
static struct json *normal(const struct json *value, bool (*kind)(const struct json *value))
{
    bool flag;
    int64_t factor;
    if (kind == is_flag && json_to_bool(value, &flag)) {
        return json_new_bool(flag);
    }
    if (kind == is_factor && json_to_int(value, &factor)) {
        return json_new_string(factor < 0 ? STR("-1") : factor ? STR("1") : STR("0"));
    }
    return json_dup(value);
}

/* False: a value is not one of its key. */
static bool take_known(struct json *known, const struct json *source)
{
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        const struct json *value = json_get(source, keys[k].name);
        if (!value) {
            continue;
        }
        if (json_is_null(value)) {
            json_remove(known, str_from_cstr(keys[k].name));
        } else if (keys[k].is_valid(value)) {
            json_set(known, str_from_cstr(keys[k].name), normal(value, keys[k].is_valid));
        } else {
            return false;
        }
    }
    return true;
}

bool space_config_merge(struct admin *admin, const struct json *body, struct str stored, struct str *ret_config)
{
    const struct json *config = json_get(body, "config");
    *ret_config = stored;
    if (json_is_missing(config)) {
        return true;
    }
    if (!json_is_object(config)) {
        reply_error(admin->reply, 422, "Config must be an object");
        return false;
    }
    struct json *known = NULL;
    if (json_parse(stored, NULL, &known) != ERR_OK) {
        known = json_new_object();
    }
    struct buf text;
    buf_init(&text, CONFIG_BYTES_MAX);
    bool is_valid = take_known(known, json_get(config, "general")) && take_known(known, config);
    json_write(&text, known);
    json_free(known);
    if (is_valid && !text.failed) {
        *ret_config = arena_str(admin->arena, buf_str(&text));
    } else {
        is_valid = form_invalid(admin, "config");
    }
    buf_deinit(&text);
    return is_valid;
}
