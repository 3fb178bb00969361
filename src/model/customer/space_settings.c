#include "model/customer/space_settings.h"

#include <assert.h>

#include "codec/json/json.h"
#include "model/customer/space.h"
#include "model/incident/incident.h"
#include "model/incident/incident_view.h"

enum { INHERITED_COUNT = 4, PRIORITY_FACTOR = 2, INHERITED_BYTES_MAX = 65536 };

/* The settings that are inherited, and the switch that ends it; NULL: there is none. */
static const struct {
    const char *key, *inherit;
} inherited[INHERITED_COUNT] = {
    {"location", "inherit_location"},
    {"temperature_units", "inherit_temperature_units"},
    [PRIORITY_FACTOR] = {"priority_factor", "inherit_priority_factor"},
    {"maintenance", NULL},
};

/* The texts of the inherited values, empty: nobody sets it. */
struct level {
    int64_t no;
    struct str values[INHERITED_COUNT];
};

struct space_settings {
    struct arena *arena;
    size_t count, cap;
    struct level *levels;                 /* as they were visited */
    struct level path[SPACE_DEPTH_MAX + 1]; /* while reading: the last one of each depth */
};

static struct str text_of(struct arena *arena, const struct json *value)
{
    struct buf text;
    buf_init(&text, INHERITED_BYTES_MAX);
    json_write(&text, value);
    struct str copy = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}

/* Spaces come depth first, so that the one above a space is the last that was one level higher. */
static struct level *enter(struct space_settings *settings, const struct space_row *row)
{
    struct json *own = NULL;
    if (json_parse(row->config, NULL, &own) != ERR_OK) {
        own = NULL;
    }
    assert(row->depth >= 0 && row->depth <= SPACE_DEPTH_MAX);
    const struct level *above = row->depth ? &settings->path[row->depth - 1] : NULL;
    struct level *level = &settings->path[row->depth];
    level->no = row->no;
    for (size_t i = 0; i < INHERITED_COUNT; i++) {
        const struct json *value = json_get(own, inherited[i].key);
        bool inherit = true;
        if (inherited[i].inherit) {
            json_to_bool(json_get(own, inherited[i].inherit), &inherit);
        }
        level->values[i] = !json_is_missing(value) ? text_of(settings->arena, value)
                           : inherit && above      ? above->values[i]
                                                   : STR("");
    }
    json_free(own);
    return level;
}

static void enter_above(const struct space_row *row, void *settings)
{
    enter(settings, row);
}

static void add(const struct space_row *row, void *arg)
{
    struct space_settings *settings = arg;
    if (settings->count == settings->cap) {
        size_t cap = settings->cap ? 2 * settings->cap : 16;
        struct level *levels = arena_alloc(settings->arena, cap * sizeof *levels);
        if (settings->count) {
            memcpy(levels, settings->levels, settings->count * sizeof *levels);
        }
        settings->levels = levels;
        settings->cap = cap;
    }
    settings->levels[settings->count++] = *enter(settings, row);
}

enum err space_settings_read(struct store_tx *tx, struct arena *arena, int64_t space_no,
                             struct space_settings **ret_settings)
{
    struct space_settings *settings = arena_new(arena, struct space_settings);
    settings->arena = arena;
    *ret_settings = settings;
    enum err err = space_store_above(tx, space_no, enter_above, settings);
    return err ? err : space_store_below(tx, space_no, add, settings);
}

static bool differ(const struct level *a, const struct level *b)
{
    for (size_t i = 0; i < INHERITED_COUNT; i++) {
        if (!str_eq(a->values[i], b->values[i])) {
            return true;
        }
    }
    return false;
}

static enum err tell_devices(struct device_change *change, int64_t space_no, bool has_other_factor)
{
    struct device_core *devices = NULL;
    size_t count = 0;
    int factor = 0;
    enum err err = device_store_raise_space_version(change->tx, space_no, change->arena, &devices, &count);
    if (err == ERR_OK && has_other_factor) {
        err = priority_factor_of_space(change->tx, space_no, change->arena, &factor);
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        device_change_core(change, HOT_OWNER, &devices[i]);
        if (has_other_factor) {
            err = incident_factor_changed(change, &devices[i], factor);
        }
        device_change_emit(change, EVENT_DEVICE_UPDATED, &devices[i], PUSH_SPACE, (struct str){NULL, 0});
    }
    return err;
}

enum err space_settings_tell(struct device_change *change, int64_t space_no, const struct space_settings *before)
{
    struct space_settings *after;
    enum err err = space_settings_read(change->tx, change->arena, space_no, &after);
    for (size_t i = 0; i < after->count && err == ERR_OK; i++) {
        /* The spaces below stay the same by a change of the one above, and so does their order. */
        assert(i < before->count && before->levels[i].no == after->levels[i].no);
        if (i == 0 || differ(&before->levels[i], &after->levels[i])) {
            bool has_other_factor = !str_eq(before->levels[i].values[PRIORITY_FACTOR], after->levels[i].values[PRIORITY_FACTOR]);
            err = tell_devices(change, after->levels[i].no, has_other_factor);
        }
    }
    return err;
}
