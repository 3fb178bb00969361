#include "model/settings.h"

#include <stdlib.h>

#include "base/mem.h"

static uint64_t copy_U(uint64_t value)
{
    return value;
}

static uint64_t copy_MS(uint64_t value)
{
    return value;
}

static size_t copy_SIZE(size_t value)
{
    return value;
}

static char *copy_TEXT(const char *value)
{
    return str_dup(str_from_cstr(value));
}

static void drop_U(uint64_t *value)
{
    *value = 0;
}

static void drop_MS(uint64_t *value)
{
    *value = 0;
}

static void drop_SIZE(size_t *value)
{
    *value = 0;
}

static void drop_TEXT(char **value)
{
    free(*value);
    *value = NULL;
}

void settings_init(struct settings *settings)
{
#define SETTING_INIT(section, field, type, initial, reloadable, help) settings->section##_##field = copy_##type(initial);
    SETTINGS(SETTING_INIT)
#undef SETTING_INIT
}

void settings_deinit(struct settings *settings)
{
#define SETTING_DROP(section, field, type, initial, reloadable, help) drop_##type(&settings->section##_##field);
    SETTINGS(SETTING_DROP)
#undef SETTING_DROP
}
