#include "app/simulate/device_side.h"

#include <stdio.h>

#include "app/simulate/call.h"
#include "app/simulate/command_side.h"
#include "io/loop.h"

struct call *device_call(struct sim_device *device, const char *method,
                         void (*done)(struct call *call, unsigned status, const struct json *reply), const char *rest)
{
    struct call *call = call_new(device->world, method, device->key, done, "/v1/devices/%s%s", device->thing.id, rest);
    call->device = device;
    return call;
}

/* ---- configuration ----------------------------------------------------------------------------------------------- */

void config_write(struct json_writer *w, uint64_t edit)
{
    json_name(w, "config");
    json_begin_object(w);
    json_name(w, "general");
    json_begin_object(w);
    json_field_int(w, "edit", (int64_t)edit);
    json_end_object(w);
    json_end_object(w);
}

uint64_t config_edit_of(const struct json *config)
{
    int64_t edit;
    if (!json_is_object(config) || json_count(config) == 0) {
        return json_is_object(config) ? 0 : UINT64_MAX;
    }
    return json_count(config) == 1 && json_int(json_get(json_get(config, "general"), "edit"), &edit) ? (uint64_t)edit
                                                                                                     : UINT64_MAX;
}

/* 422: a newer one is there, and will be heard of. */
static void on_confirmed(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    if (call_succeeded(status)) {
        if ((int64_t)call->number > device->config_confirmed) {
            device->config_confirmed = (int64_t)call->number;
        }
    } else if (status != 422) {
        call_unexpected(call, status, reply);
    }
}

static void confirm(struct sim_device *device)
{
    struct call *call = device_is_mqtt(device) ? call_new_publish(device, "config/update", on_confirmed)
                                               : device_call(device, "POST", on_confirmed, "/config");
    struct json_writer w = call_body(call);
    json_field_int(&w, "version", device->config_seen);
    config_write(&w, device->config_edit_seen);
    json_end_object(&w);
    call->number = (uint64_t)device->config_seen;
    call_submit(call);
}

/* Every configuration that is not older than the last one is confirmed, also once more: a confirmation may have met a
 * newer version, and the same version may come again because the last one was lost. */
void device_hears_config(struct sim_device *device, const struct json *config)
{
    int64_t version = 0;
    uint64_t edit = config_edit_of(json_get(config, "config"));
    if (!json_int(json_get(config, "version"), &version) || edit == UINT64_MAX) {
        world_difference(device->world, "%s: its configuration cannot be read", device->serial);
        return;
    }
    if (version <= device->config_seen && version <= device->config_confirmed) {
        return;
    }
    if (version >= device->config_seen) {
        device->config_seen = version;
        device->config_edit_seen = edit;
        confirm(device);
    }
}

/* ---- licences ---------------------------------------------------------------------------------------------------- */

/* 422: what was heard is not so any more (it was taken back, or has gone to another device). */
static void on_license_reported(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_license *license = call->object;
    bool removed = call->number;
    license->reports--;
    if (!call_succeeded(status)) {
        if (status != 422 && status != 404) {
            call_unexpected(call, status, reply);
        }
        return;
    }
    if (removed && license->device == call->device) {
        license->phase = LICENSE_IS_FREE;
        license->was_removed = true;
        license->device = NULL;
    }
    license->is_confirmed = true;
}

void device_hears_license(struct sim_device *device, const struct json *object)
{
    struct world *world = device->world;
    struct thing *thing = world_find(world, THING_LICENSE, json_string(json_get(object, "id")));
    struct str action = json_string(json_get(object, "action"));
    bool remove = str_eq(action, STR("remove"));
    if (!thing || (!remove && !str_eq(action, STR("add")) && !str_eq(action, STR("update")))) {
        world_difference(world, "%s: heard of a licence that it cannot have", device->serial);
        return;
    }
    struct sim_license *license = container_of(thing, struct sim_license, thing);
    struct call *call = device_is_mqtt(device) ? call_new_publish(device, "license/update", on_license_reported)
                                               : device_call(device, "POST", on_license_reported, "/licenses");
    struct json_writer w = call_body(call);
    json_field_cstr(&w, "id", license->thing.id);
    json_field_cstr(&w, "state", remove ? "removed" : "inuse");
    json_end_object(&w);
    call->object = license;
    call->number = remove;
    license->reports++;
    call_submit(call);
}

/* ---- space and firmware ------------------------------------------------------------------------------------------ */

void device_hears_space(struct sim_device *device, const struct json *space)
{
    struct world *world = device->world;
    struct str name = json_string(json_get(space, "name"));
    for (unsigned i = 0; i < world->scenario.spaces; i++) {
        if (str_eq(name, str_from_cstr(world->spaces[i].name))) {
            device->space_seen = i + 1;
            return;
        }
    }
    world_difference(world, "%s: heard of a space '%.*s'", device->serial, STR_ARG(name));
}

void device_hears_firmware(struct sim_device *device, struct str version)
{
    for (unsigned i = 1; i < FIRMWARES_MAX; i++) {
        char text[16];
        firmware_text(i, text);
        if (str_eq(version, str_from_cstr(text))) {
            device->firmware_seen = i;
            return;
        }
    }
    world_difference(device->world, "%s: heard of a firmware '%.*s'", device->serial, STR_ARG(version));
}

/* ---- fetching over HTTP ------------------------------------------------------------------------------------------ */

static bool fetched(struct call *call, unsigned status, const struct json *reply)
{
    call->device->world->counts.levels_fetched++;
    if (status == 200) {
        return true;
    }
    call_unexpected(call, status, reply);
    return false;
}

static void on_command(struct call *call, unsigned status, const struct json *reply)
{
    call->device->is_fetching_command = false;
    if (!fetched(call, status, reply)) {
        return;
    }
    if (json_is_array(reply)) {
        for (const struct json *item = json_first(reply); item; item = json_next(item)) {
            device_hears_command(call->device, item);
        }
    } else if (json_count(reply)) {
        device_hears_command(call->device, reply);
    }
}

static void on_config(struct call *call, unsigned status, const struct json *reply)
{
    call->device->is_fetching_config = false;
    if (fetched(call, status, reply)) {
        device_hears_config(call->device, reply);
    }
}

static void on_licenses(struct call *call, unsigned status, const struct json *reply)
{
    call->device->is_fetching_licenses = false;
    if (fetched(call, status, reply)) {
        for (const struct json *item = json_first(reply); item; item = json_next(item)) {
            device_hears_license(call->device, item);
        }
    }
}

static void on_space(struct call *call, unsigned status, const struct json *reply)
{
    call->device->is_fetching_space = false;
    if (fetched(call, status, reply)) {
        call->device->space_level_seen = (int64_t)call->number;
        device_hears_space(call->device, reply);
    }
}

static void fetch(struct sim_device *device, bool *is_fetching, const char *rest, int64_t level,
                  void (*done)(struct call *call, unsigned status, const struct json *reply))
{
    if (*is_fetching) {
        return;
    }
    *is_fetching = true;
    struct call *call = device_call(device, "GET", done, rest);
    call->number = (uint64_t)level;
    call_submit(call);
}

void device_hears_levels(struct sim_device *device, const struct json *levels)
{
    int64_t config = 0, space = 0;
    json_int(json_get(levels, "config_version"), &config);
    json_int(json_get(levels, "space_data_version"), &space);
    bool has_command = json_bool(json_get(levels, "command"));
    struct sim_device *speaker = device->parent ? device->parent : device;
    if (device_is_mqtt(speaker)) {
        has_command = false; /* it is told */
    }
    if (device->kind == DEVICE_HTTP && device->first_child) { /* its own level does not tell of its children's */
        has_command = true;
    }
    if (has_command) {
        fetch(speaker, &speaker->is_fetching_command, speaker->first_child ? "/command/pending_commands" : "/command", 0,
              on_command);
    }
    if (device_is_mqtt(device)) {
        return; /* it is told the rest */
    }
    if (config > device->config_confirmed) {
        fetch(device, &device->is_fetching_config, "/config", 0, on_config);
    }
    if (json_bool(json_get(levels, "new_licenses"))) {
        fetch(device, &device->is_fetching_licenses, "/licenses", 0, on_licenses);
    }
    if (space > device->space_level_seen) {
        fetch(device, &device->is_fetching_space, "/space", space, on_space);
    }
    struct str version = json_string(json_get(levels, "latest_fw_version"));
    if (version.len) {
        device_hears_firmware(device, version);
    }
}
