#include "app/settings_table.h"

#include <stddef.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/config/config_file.h"
#include "io/net.h"

enum setting_type { TYPE_U, TYPE_MS, TYPE_SIZE, TYPE_BOOL, TYPE_TEXT };
static const char *const type_names[] = {"number", "duration", "size", "switch", "text"};
enum { URL_BYTES_MAX = 255, TEXT_BYTES_MAX = 4096 };

struct setting_row {
    const char *section, *name;
    enum setting_type type;
    size_t offset;
    bool reloadable;
    const char *initial, *help;
};

static const struct setting_row rows[] = {
#define SETTING_ROW(section, field, type, initial, reloadable, help) \
    {#section, #field, TYPE_##type, offsetof(struct settings, section##_##field), (reloadable) != 0, #initial, help},
    SETTINGS(SETTING_ROW)
#undef SETTING_ROW
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };
_Static_assert((int)ROW_COUNT <= SETTINGS_MAX, "more settings than marks");

static void *value_at(struct settings *settings, const struct setting_row *row)
{
    return (char *)settings + row->offset;
}

static const void *value_at_const(const struct settings *settings, const struct setting_row *row)
{
    return (const char *)settings + row->offset;
}

bool settings_has_section(struct str section)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        if (str_eq(section, str_from_cstr(rows[i].section))) {
            return true;
        }
    }
    return false;
}

int settings_count(void)
{
    return ROW_COUNT;
}

int settings_find(struct str section, struct str name)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        if (str_eq(section, str_from_cstr(rows[i].section)) && str_eq(name, str_from_cstr(rows[i].name))) {
            return i;
        }
    }
    return -1;
}

static void set_text(char **at, struct str value)
{
    mem_free(*at);
    *at = str_dup(value);
}

/* What a URL must begin with; NULL: it is none. */
static const char *const *schemes_of(const struct setting_row *row)
{
    static const char *const http[] = {"https://", "http://", NULL};
    static const char *const mqtt[] = {"mqtts://", "mqtt://", "wss://", "ws://", NULL};
    bool is_server = strcmp(row->section, "server") == 0;
    if (is_server && (strcmp(row->name, "public_url") == 0 || strcmp(row->name, "static_cert_url") == 0)) {
        return http;
    }
    return is_server && strcmp(row->name, "mqtt_url") == 0 ? mqtt : NULL;
}

static bool is_network_list(const struct setting_row *row)
{
    return strcmp(row->name, "limits_exempt") == 0 || strcmp(row->name, "trusted_proxies") == 0 ||
           strcmp(row->name, "allowed_networks") == 0;
}

/* Clients concatenate it with "/v1/..." (device-api.md 1.1.3). */
static bool is_url(struct str text, const char *const *schemes)
{
    bool has_scheme = false;
    for (; *schemes; schemes++) {
        struct str scheme = str_from_cstr(*schemes);
        has_scheme |= text.len > scheme.len && str_eq(str_sub(text, 0, scheme.len), scheme);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '"' || text.ptr[i] == '\\') {
            return false;
        }
    }
    return has_scheme && text.ptr[text.len - 1] != '/' && text.len <= URL_BYTES_MAX;
}

static bool are_networks(struct str text)
{
    struct network network;
    while (text.len > 0) {
        struct str part = str_trim(str_split(&text, ','));
        if (part.len > 0 && !network_parse(part, &network)) {
            return false;
        }
    }
    return true;
}

/* Of a text: what it must look like; NULL: it does. */
static const char *text_form(const struct setting_row *row, struct str value)
{
    const char *const *schemes = schemes_of(row);
    enum log_level level;
    if (schemes && value.len > 0 && !is_url(value, schemes)) {
        return schemes[0][0] == 'm' ? "a URL such as mqtts://hub.example.com:8883, without a slash at the end"
                                    : "a URL such as https://hub.example.com, without a slash at the end";
    }
    if (is_network_list(row) && !are_networks(value)) {
        return "networks such as 10.0.0.0/8, comma separated";
    }
    if (strcmp(row->name, "log_level") == 0 && !log_level_parse(value, &level)) {
        return "debug, info, warn or error";
    }
    return strcmp(row->name, "log_format") == 0 && !str_eq(value, STR("json")) && !str_eq(value, STR("logfmt"))
               ? "logfmt or json"
               : NULL;
}

/* What a value of this type must look like; NULL after it was set. */
static const char *set_value(struct settings *settings, const struct setting_row *row, struct str value)
{
    uint64_t number = 0;
    bool flag = false;
    const char *wanted;
    void *at = value_at(settings, row);
    switch (row->type) {
    case TYPE_U:
        if (!config_to_unsigned(value, INT32_MAX, &number)) {
            return "a whole number from 0 to 2147483647";
        }
        *(uint64_t *)at = number;
        break;
    case TYPE_MS:
        if (!config_to_duration_ms(value, &number)) {
            return "a duration such as 500ms, 10s, 5m, 2h or 7d";
        }
        *(uint64_t *)at = number;
        break;
    case TYPE_SIZE:
        if (!config_to_size(value, &number)) {
            return "a size such as 4096, 256KiB or 4MiB";
        }
        *(size_t *)at = (size_t)number;
        break;
    case TYPE_BOOL:
        if (!config_to_bool(value, &flag)) {
            return "on or off";
        }
        *(bool *)at = flag;
        break;
    case TYPE_TEXT:
        wanted = text_form(row, value);
        if (wanted) {
            return wanted;
        }
        set_text(at, value);
        break;
    }
    return NULL;
}

bool settings_set(struct settings *settings, struct str section, struct str name, struct str value, char *ret_mistake,
                  size_t mistake_bytes)
{
    int found = settings_find(section, name);
    const struct setting_row *row = found < 0 ? NULL : &rows[found];
    if (!row) {
        snprintf(ret_mistake, mistake_bytes, "unknown setting '%.*s' in [%.*s]", STR_ARG(name), STR_ARG(section));
        return false;
    }
    const char *wanted = set_value(settings, row, value);
    if (wanted) {
        snprintf(ret_mistake, mistake_bytes, "%s must be %s, not '%.*s'", row->name, wanted, STR_ARG(value));
        return false;
    }
    return true;
}

void settings_copy_row(struct settings *to, const struct settings *from, int number)
{
    const struct setting_row *row = &rows[number];
    const void *source = value_at_const(from, row);
    void *target = value_at(to, row);
    switch (row->type) {
    case TYPE_U:
    case TYPE_MS:
        *(uint64_t *)target = *(const uint64_t *)source;
        break;
    case TYPE_SIZE:
        *(size_t *)target = *(const size_t *)source;
        break;
    case TYPE_BOOL:
        *(bool *)target = *(const bool *)source;
        break;
    case TYPE_TEXT:
        set_text(target, str_from_cstr(*(char *const *)source));
        break;
    }
}

void settings_keep_fixed(struct settings *fresh, const struct settings *current)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        if (!rows[i].reloadable) {
            settings_copy_row(fresh, current, i);
        }
    }
}

/* --- changes while the program runs --- */

bool settings_may_change(int number)
{
    const struct setting_row *row = &rows[number];
    bool is_file = strcmp(row->section, "tls") == 0 || strcmp(row->name, "ca_file") == 0;
    return row->reloadable && !is_file && !is_network_list(row);
}

/* The value as a number; of texts 0. */
static uint64_t number_of(const struct settings *settings, const struct setting_row *row)
{
    const void *at = value_at_const(settings, row);
    switch (row->type) {
    case TYPE_U:
    case TYPE_MS:
        return *(const uint64_t *)at;
    case TYPE_SIZE:
        return *(const size_t *)at;
    case TYPE_BOOL:
        return *(const bool *)at;
    case TYPE_TEXT:
        break;
    }
    return 0;
}

struct str settings_text(const struct settings *settings, int number, struct arena *arena)
{
    const struct setting_row *row = &rows[number];
    unsigned long long value = number_of(settings, row);
    switch (row->type) {
    case TYPE_MS:
        return arena_printf(arena, "%llums", value);
    case TYPE_U:
    case TYPE_SIZE:
        return arena_printf(arena, "%llu", value);
    case TYPE_BOOL:
        return arena_str(arena, value ? STR("on") : STR("off"));
    case TYPE_TEXT:
        break;
    }
    return arena_str(arena, str_from_cstr(*(char *const *)value_at_const(settings, row)));
}

/* Below these nobody could call the API any more to undo it. 0 is off where `or_off`. */
static const struct {
    const char *section, *name;
    uint64_t least;
    bool or_off;
} least_values[] = {
    {"server", "connections_per_address", 10, true}, {"http", "request_timeout", 1000, false},
    {"http", "keep_alive_timeout", 1000, false},     {"http", "headers_max", 4096, false},
    {"http", "body_max", 16384, false},              {"http", "bulk_body_max", 16384, false},
    {"limits", "management_requests", 60, true},     {"limits", "address_requests", 30, true},
    {"limits", "failed_signins_account", 3, true},   {"limits", "failed_signins_address", 3, true},
};

static bool is_enough(const struct settings *settings, const struct setting_row *row, struct buf *why)
{
    uint64_t value = number_of(settings, row);
    for (size_t i = 0; i < sizeof least_values / sizeof least_values[0]; i++) {
        bool is_it = strcmp(row->section, least_values[i].section) == 0 && strcmp(row->name, least_values[i].name) == 0;
        if (is_it && value < least_values[i].least && !(value == 0 && least_values[i].or_off)) {
            buf_printf(why, "Setting %s.%s must be at least %llu", row->section, row->name,
                       (unsigned long long)least_values[i].least);
            return false;
        }
    }
    return true;
}

bool settings_set_json(struct settings *settings, int number, const struct json *value, struct buf *why)
{
    const struct setting_row *row = &rows[number];
    char text[32] = "";
    struct str given = str_from_cstr(text);
    int64_t whole;
    const char *wanted = row->type == TYPE_TEXT ? "a text" : row->type == TYPE_BOOL ? "on or off" : "a whole number";
    bool known = true;
    if (json_is_string(value)) {
        given = json_string(value);
    } else if (json_is_bool(value) && row->type == TYPE_BOOL) {
        given = json_bool(value) ? STR("on") : STR("off");
    } else if (json_int(value, &whole) && whole >= 0 && row->type != TYPE_TEXT && row->type != TYPE_BOOL) {
        snprintf(text, sizeof text, "%lld%s", (long long)whole, row->type == TYPE_MS ? "ms" : "");
        given = str_from_cstr(text);
    } else {
        known = false;
    }
    if (known && (given.len == 0 || memchr(given.ptr, 0, given.len) == NULL)) {
        wanted = given.len <= TEXT_BYTES_MAX ? set_value(settings, row, given) : "shorter";
    }
    if (wanted) {
        buf_printf(why, "Setting %s.%s must be %s", row->section, row->name, wanted);
        return false;
    }
    return is_enough(settings, row, why);
}

static void write_value(struct json_writer *w, const char *name, const struct settings *settings, const struct setting_row *row)
{
    switch (row->type) {
    case TYPE_U:
    case TYPE_MS:
    case TYPE_SIZE:
        json_field_int(w, name, (int64_t)number_of(settings, row));
        break;
    case TYPE_BOOL:
        json_field_bool(w, name, number_of(settings, row) != 0);
        break;
    case TYPE_TEXT:
        json_field_cstr(w, name, *(char *const *)value_at_const(settings, row));
        break;
    }
}

void settings_write(struct json_writer *w, const struct settings *settings, const struct setting_marks *from_file,
                    const struct setting_marks *changed)
{
    struct settings defaults;
    const char *section = NULL;
    settings_init(&defaults);
    json_begin_object(w);
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct setting_row *row = &rows[i];
        if (!section || strcmp(section, row->section) != 0) {
            if (section) {
                json_end_object(w);
            }
            section = row->section;
            json_name(w, section);
            json_begin_object(w);
        }
        json_name(w, row->name);
        json_begin_object(w);
        write_value(w, "value", settings, row);
        write_value(w, "default", &defaults, row);
        json_field_cstr(w, "source", from_file->set[i] ? "file" : changed->set[i] ? "changed" : "default");
        json_field_bool(w, "editable", settings_may_change(i) && !from_file->set[i]);
        json_field_cstr(w, "type", type_names[row->type]);
        json_field_cstr(w, "help", row->help);
        json_end_object(w);
    }
    if (section) {
        json_end_object(w);
    }
    json_end_object(w);
    settings_deinit(&defaults);
}

void settings_print_table(FILE *out)
{
    const char *section = "";
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct setting_row *row = &rows[i];
        if (strcmp(section, row->section) != 0) {
            section = row->section;
            fprintf(out, "\n### [%s]\n\n| setting | type | default | at SIGHUP | meaning |\n|---|---|---|---|---|\n", section);
        }
        fprintf(out, "| `%s` | %s | `%s`%s | %s | %s |\n", row->name, type_names[row->type], row->initial,
                row->type == TYPE_MS ? " ms" : row->type == TYPE_SIZE ? " bytes" : "", row->reloadable ? "yes" : "no",
                row->help);
    }
}
