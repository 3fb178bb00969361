/* What a device is told of its space (device-api.md 7.4): settings that the space lacks come from the spaces above. */
#include <stdio.h>
#include <time.h>

#include "model/device/device_view.h"
#include "model/domain.h"

enum { DEPTH_MAX = 32, API_DEVICE_ID = 7, MINUTE_MS = 60000, UTC_OFFSET_MINUTES_MAX = 24 * 60 };

struct settings_found {
    struct json *location, *temperature_units, *maintenance; /* copies; NULL: nobody sets it */
    bool location_closed, temperature_closed;                /* this level does not inherit it */
};

static bool inherits(const struct json *config, const char *key)
{
    bool inherit = true;
    json_to_bool(json_get(config, key), &inherit);
    return inherit;
}

static void take(struct json **slot, const struct json *value)
{
    if (!*slot && !json_is_missing(value)) {
        *slot = json_dup(value);
    }
}

static void merge_level(struct settings_found *found, const struct json *config)
{
    if (!found->location_closed) {
        take(&found->location, json_get(config, "location"));
    }
    if (!found->temperature_closed) {
        take(&found->temperature_units, json_get(config, "temperature_units"));
    }
    take(&found->maintenance, json_get(config, "maintenance"));
    found->location_closed = found->location_closed || !inherits(config, "inherit_location");
    found->temperature_closed = found->temperature_closed || !inherits(config, "inherit_temperature_units");
}

static enum err gather(struct store_tx *tx, struct arena *arena, const struct device_space *first, struct settings_found *found)
{
    struct device_space space = *first;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        struct json *config = NULL;
        if (json_parse(space.config, &(struct json_limits){.bytes_max = SIZE_MAX}, &config) == ERR_OK) {
            merge_level(found, config);
            json_free(config);
        }
        if (!space.parent_no) {
            break;
        }
        enum err err = device_space_find(tx, space.parent_no, arena, &space);
        if (err != ERR_OK) {
            return err == ERR_NOT_FOUND ? ERR_OK : err;
        }
    }
    return ERR_OK;
}

/* The time in the space with its offset; +00:00 without a location. */
static void write_local_time(struct json_writer *w, int64_t now_ms, const struct json *location)
{
    int64_t offset = 0;
    json_int(json_get(location, "utc_offset"), &offset);
    if (offset < -UTC_OFFSET_MINUTES_MAX || offset > UTC_OFFSET_MINUTES_MAX) {
        offset = 0;
    }
    struct tm tm;
    time_t seconds = (time_t)((now_ms + offset * MINUTE_MS) / 1000);
    gmtime_r(&seconds, &tm);
    char date[32], text[48];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    int minutes = (int)(offset < 0 ? -offset : offset);
    snprintf(text, sizeof text, "%s%c%02d:%02d", date, offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
    json_field_cstr(w, "local_time", text);
}

static void write(struct json_writer *w, struct domain *domain, const struct device_brief *device,
                  const struct device_space *space, const struct settings_found *found)
{
    bool maintenance = false;
    json_to_bool(found->maintenance, &maintenance);
    json_begin_object(w);
    json_field_node(w, "location", found->location);
    if (found->temperature_units) {
        json_field_node(w, "temperature_units", found->temperature_units);
    } else {
        json_field_cstr(w, "temperature_units", "celsius");
    }
    json_field_bool(w, "maintenance", maintenance);
    json_field_str(w, "name", space->name);
    write_local_time(w, domain->now_unix_ms(), found->location);
    if (device->api_version >= API_DEVICE_ID) {
        json_field_uuid(w, "device_id", &device->id);
    }
    json_end_object(w);
}

enum err device_space_write(struct domain *domain, struct store_tx *tx, const struct device_brief *device, struct arena *arena,
                            struct buf *out)
{
    struct device_core core;
    struct device_space space;
    struct settings_found found = {0};
    enum err err = device_store_core(tx, device->no, &core);
    if (err == ERR_OK && !core.space_no) {
        return ERR_STATE;
    }
    if (err == ERR_OK) {
        err = device_space_find(tx, core.space_no, arena, &space);
    }
    if (err == ERR_OK) {
        err = gather(tx, arena, &space, &found);
    }
    if (err == ERR_OK) {
        struct json_writer w;
        json_writer_init(&w, out);
        write(&w, domain, device, &space, &found);
    }
    json_free(found.location);
    json_free(found.temperature_units);
    json_free(found.maintenance);
    return err;
}
