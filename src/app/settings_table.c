#include "app/settings_table.h"

#include <stddef.h>

#include "base/mem.h"
#include "codec/config/config_file.h"

enum setting_type { TYPE_U, TYPE_MS, TYPE_SIZE, TYPE_BOOL, TYPE_TEXT };

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

static const struct setting_row *find_row(struct str section, struct str name)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        if (str_eq(section, str_from_cstr(rows[i].section)) && str_eq(name, str_from_cstr(rows[i].name))) {
            return &rows[i];
        }
    }
    return NULL;
}

static void set_text(char **at, struct str value)
{
    mem_free(*at);
    *at = str_dup(value);
}

/* What a value of this type must look like; NULL after it was set. */
static const char *set_value(struct settings *settings, const struct setting_row *row, struct str value)
{
    uint64_t number = 0;
    bool flag = false;
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
        set_text(at, value);
        break;
    }
    return NULL;
}

bool settings_set(struct settings *settings, struct str section, struct str name, struct str value, char *ret_mistake,
                  size_t mistake_bytes)
{
    const struct setting_row *row = find_row(section, name);
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

void settings_keep_fixed(struct settings *fresh, const struct settings *current)
{
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct setting_row *row = &rows[i];
        if (row->reloadable) {
            continue;
        }
        const void *from = value_at_const(current, row);
        void *to = value_at(fresh, row);
        switch (row->type) {
        case TYPE_U:
        case TYPE_MS:
            *(uint64_t *)to = *(const uint64_t *)from;
            break;
        case TYPE_SIZE:
            *(size_t *)to = *(const size_t *)from;
            break;
        case TYPE_BOOL:
            *(bool *)to = *(const bool *)from;
            break;
        case TYPE_TEXT:
            set_text(to, str_from_cstr(*(char *const *)from));
            break;
        }
    }
}

void settings_print_table(FILE *out)
{
    static const char *const type_names[] = {"number", "duration", "size", "switch", "text"};
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
