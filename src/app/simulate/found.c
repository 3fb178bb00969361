#include "app/simulate/found.h"

#include <errno.h>
#include <stdio.h>

#include "app/client/hub_url.h"
#include "app/simulate/call.h"
#include "app/simulate/device_side.h"
#include "base/crypto.h"
#include "base/mem.h"

/* Children are spread over devices of all kinds: every so many devices one, again from the beginning at the end. */
enum { KEYS_BYTES_MAX = 4096, NAP_SECONDS = 1, CHILD_STRIDE = 7 };

static bool copy(char *out, size_t size, struct str value)
{
    if (!value.len || value.len >= size) {
        return false;
    }
    memcpy(out, value.ptr, value.len);
    out[value.len] = 0;
    return true;
}

static bool copy_field(char *out, size_t size, const struct json *object, const char *name)
{
    return copy(out, size, json_string(json_get(object, name)));
}

bool found_read_keys(struct world *world)
{
    char text[KEYS_BYTES_MAX];
    struct json *keys;
    const char *path = world->scenario.keys;
    FILE *file = fopen(path, "re");
    size_t got = file ? fread(text, 1, sizeof text, file) : 0;
    bool ok = file && json_parse(str_from(text, got), NULL, &keys) == ERR_OK;
    if (file) {
        fclose(file);
    }
    if (ok) {
        ok = copy_field(world->partner_key, sizeof world->partner_key, keys, "partner_key") &&
             copy_field(world->organization_key, sizeof world->organization_key, keys, "organization_key") &&
             copy_field(world->organization_id, sizeof world->organization_id, keys, "organization_id");
        json_free(keys);
    }
    if (!ok) {
        fprintf(stderr, "muster simulate: %s is not the line that 'muster setup' prints\n", path);
    }
    secret_wipe(text, sizeof text);
    return ok;
}

void found_make_devices(struct world *world)
{
    const unsigned *devices = world->scenario.devices;
    unsigned parents = devices[DEVICE_HTTP] + devices[DEVICE_MQTT1] + devices[DEVICE_MQTT2], index = 0;
    world->device_count = parents + devices[DEVICE_CHILD];
    world->devices = mem_calloc(world->device_count, sizeof *world->devices);
    for (enum device_kind kind = 0; kind < DEVICE_KIND_COUNT; kind++) {
        for (unsigned i = 0; i < devices[kind]; i++, index++) {
            struct sim_device *device = &world->devices[index];
            device->thing.kind = THING_DEVICE;
            device->world = world;
            device->index = index;
            device->kind = kind;
            device->is_persistent = index % 2;
            snprintf(device->serial, sizeof device->serial, "SCN-%s-%u", world->run_name, index);
            snprintf(device->mac, sizeof device->mac, "02:53:%02x:%02x:%02x:%02x", (index >> 24) & 0xff,
                     (index >> 16) & 0xff, (index >> 8) & 0xff, index & 0xff);
            if (kind == DEVICE_CHILD) {
                device->parent = &world->devices[(size_t)i * CHILD_STRIDE % parents];
                device->next_child = device->parent->first_child;
                device->parent->first_child = device;
            }
        }
    }
}

/* ---- models, commands, spaces, licences -------------------------------------------------------------------------- */

static void on_ready(struct call *call, unsigned status, const struct json *reply)
{
    if (status != 200) {
        call_unexpected(call, status, reply);
    }
}

static void on_model(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_model *model = call->object;
    if (status != 201 || !copy_field(model->id, sizeof model->id, reply, "id")) {
        call_unexpected(call, status, reply);
    }
}

static void make_models(struct world *world)
{
    static const struct {
        const char *name, *protocol, *type;
    } kinds[MODELS] = {{"Poller", "https", "physical"}, {"Panel", "mqtt", "physical"}, {"Zone", "https", "digital"}};
    for (unsigned i = 0; i < MODELS; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", kinds[i].name, world->run_name);
        struct call *call = call_new(world, "POST", world->partner_key, on_model, "/core/v1/partner/models");
        struct json_writer w = call_body(call);
        json_field_cstr(&w, "name", name);
        json_field_cstr(&w, "communication_protocol", kinds[i].protocol);
        json_field_cstr(&w, "device_type", kinds[i].type);
        json_field_cstr(&w, "authentication_method", "mac_sn");
        json_field_null(&w, "offline_threshold_minutes"); /* the last report alone says what the status is */
        json_end_object(&w);
        call->object = &world->models[i];
        call_submit(call);
    }
}

static void on_hardware_key(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_model *model = call->object;
    if (status != 200 ||
        !copy_field(model->hardware_key, sizeof model->hardware_key, json_at(json_get(reply, "data"), 0), "key")) {
        call_unexpected(call, status, reply);
    }
}

static void on_created(struct call *call, unsigned status, const struct json *reply)
{
    if (!call_succeeded(status)) {
        call_unexpected(call, status, reply);
    }
}

static void define_command(struct world *world, const struct sim_model *model, const char *name, unsigned timeout_s)
{
    struct call *call = call_new(world, "POST", world->partner_key, on_created, "/core/v1/partner/models/%s/commands",
                                 model->id);
    struct json_writer w = call_body(call);
    json_field_cstr(&w, "name", name);
    json_field_cstr(&w, "friendly_name", name);
    json_field_int(&w, "timeout_seconds", timeout_s);
    json_name(&w, "custom_fields");
    json_begin_array(&w);
    json_begin_object(&w);
    json_field_cstr(&w, "name", "level");
    json_field_cstr(&w, "type", "integer");
    json_field_bool(&w, "required", true);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
    call_submit(call);
}

static void on_space(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_space *space = call->object;
    if (!call_succeeded(status) || !json_int(json_get(reply, "id"), &space->id)) {
        call_unexpected(call, status, reply);
    }
}

static void make_spaces(struct world *world)
{
    world->spaces = mem_calloc(world->scenario.spaces, sizeof *world->spaces);
    for (unsigned i = 0; i < world->scenario.spaces; i++) {
        struct sim_space *space = &world->spaces[i];
        struct call *call = call_new(world, "POST", world->organization_key, on_space, "/core/v1/organization/spaces");
        snprintf(space->name, sizeof space->name, "Room %s %u", world->run_name, i + 1);
        struct json_writer w = call_body(call);
        json_field_cstr(&w, "name", space->name);
        json_end_object(&w);
        call->object = space;
        call_submit(call);
    }
}

static void on_license(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_license *license = call->object;
    if (status != 201 || !world_enter(call->world, &license->thing, json_string(json_get(reply, "id")))) {
        call_unexpected(call, status, reply);
    }
}

static void make_licenses(struct world *world)
{
    world->licenses = mem_calloc(world->scenario.licenses + 1, sizeof *world->licenses);
    for (unsigned i = 0; i < world->scenario.licenses; i++) {
        struct call *call = call_new(world, "POST", world->partner_key, on_license, "/core/v1/partner/licenses");
        struct json_writer w = call_body(call);
        json_field_cstr(&w, "organization_id", world->organization_id);
        json_field_cstr(&w, "data", "feature=simulated");
        json_end_object(&w);
        world->licenses[i].thing.kind = THING_LICENSE;
        call->object = &world->licenses[i];
        call_submit(call);
    }
}

static void make_parts(struct world *world)
{
    for (unsigned i = 0; i < MODELS; i++) {
        define_command(world, &world->models[i], "set_level", 0);
        define_command(world, &world->models[i], "nap", NAP_SECONDS);
        if (i != MODEL_OF_CHILDREN) {
            struct call *call = call_new(world, "GET", world->partner_key, on_hardware_key,
                                         "/core/v1/partner/models/%s/hardware_keys", world->models[i].id);
            call->object = &world->models[i];
            call_submit(call);
        }
    }
    make_spaces(world);
    make_licenses(world);
}

/* ---- the fleet --------------------------------------------------------------------------------------------------- */

static void on_registered(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    if (status != 201 || !world_enter(call->world, &device->thing, json_string(json_get(reply, "id"))) ||
        !copy_field(device->key, sizeof device->key, reply, "access_key")) {
        call_unexpected(call, status, reply);
        return;
    }
    snprintf(device->prefix, sizeof device->prefix, "v1/device/%s/", device->thing.id);
    if (device_is_mqtt(device) &&
        !hub_url_parse(json_string(json_get(reply, "mqtt_hub_url")), &device->hub, &device->hub_uses_tls)) {
        world_difference(call->world, "%s: its mqtt_hub_url has no numeric address", device->serial);
    }
}

static void write_registration(struct sim_device *device, struct call *call)
{
    const struct sim_model *model = world_model_of(device->world, device);
    char version[16];
    firmware_text(0, version);
    struct json_writer w = call_body(call);
    if (device->parent) {
        json_field_cstr(&w, "model_id", model->id);
    } else {
        json_field_cstr(&w, "hardware_key", model->hardware_key);
    }
    json_field_cstr(&w, "firmware_version", version);
    json_field_cstr(&w, "sn", device->serial);
    json_field_cstr(&w, "mac", device->mac);
    json_field_cstr(&w, "name", device->serial);
    json_end_object(&w);
    call->device = device;
}

static void register_devices(struct world *world)
{
    for (unsigned i = 0; i < world->device_count; i++) {
        if (!world->devices[i].parent) {
            struct call *call = call_new(world, "POST", NULL, on_registered, "/v1/devices");
            write_registration(&world->devices[i], call);
            call_submit(call);
        }
    }
}

static void claim_devices(struct world *world)
{
    for (unsigned i = 0; i < world->device_count; i++) {
        struct sim_device *device = &world->devices[i];
        if (device->parent) {
            continue;
        }
        struct call *call = call_new(world, "POST", world->organization_key, on_created,
                                     "/core/v1/organization/devices/claim");
        device->space = world_draw(world, world->scenario.spaces);
        struct json_writer w = call_body(call);
        json_field_int(&w, "space_id", world->spaces[device->space].id);
        json_field_cstr(&w, "mac", device->mac);
        json_field_cstr(&w, "sn", device->serial);
        json_end_object(&w);
        call_submit(call);
    }
}

/* Claimed at once, where their parents are (device-api.md 2.5). */
static void register_children(struct world *world)
{
    for (unsigned i = 0; i < world->device_count; i++) {
        struct sim_device *device = &world->devices[i];
        if (device->parent) {
            struct call *call = device_call(device->parent, "POST", on_registered, "/children");
            write_registration(device, call);
            device->space = device->parent->space;
            call_submit(call);
        }
    }
}

bool found_next(struct world *world)
{
    switch (world->step++) {
    case 0:
        call_submit(call_new(world, "GET", NULL, on_ready, "/healthz"));
        return true;
    case 1:
        make_models(world);
        return true;
    case 2:
        make_parts(world);
        return true;
    case 3:
        register_devices(world);
        return true;
    case 4:
        claim_devices(world);
        return true;
    case 5:
        register_children(world);
        return true;
    default:
        return false;
    }
}
