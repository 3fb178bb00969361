/* Configurations, edited by the owner under base_version and by the device (device-api.md 5, management-api.md 6.1). One
 * edit of a device's configuration at a time; confirmations (device_side.c) go beside them. */
#include "app/simulate/actions.h"
#include "app/simulate/call.h"
#include "app/simulate/device_side.h"

enum { TRIES = 8 };

static struct sim_device *draw_free(struct world *world)
{
    for (int i = 0; i < TRIES; i++) {
        struct sim_device *device = &world->devices[world_draw(world, world->device_count)];
        if (!device->is_config_busy) {
            device->is_config_busy = true;
            return device;
        }
    }
    return NULL;
}

static void edited(struct sim_device *device, int64_t version, uint64_t edit)
{
    device->config_version = version;
    device->config_edit = edit;
}

/* A repetition whose first try counted meets a newer version than its base: nobody else edits meanwhile. */
static void on_saved(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    int64_t version = 0;
    device->is_config_busy = false;
    if (status == 422 && call->lost) {
        version = device->config_version + 1;
    } else if (status != 200 || !json_int(json_get(reply, "version"), &version) ||
               version != device->config_version + 1) {
        call_unexpected(call, status, reply);
        return;
    }
    call->world->counts.taken[ACTION_CLOUD_CONFIG]++;
    edited(device, version, call->number);
}

bool config_begin_cloud(struct world *world)
{
    struct sim_device *device = draw_free(world);
    if (!device) {
        return false;
    }
    struct call *call = call_new(world, "PUT", world->organization_key, on_saved,
                                 "/core/v1/organization/devices/%s/config", device->thing.id);
    call->device = device;
    call->number = ++world->edits;
    struct json_writer w = call_body(call);
    config_write(&w, call->number);
    json_field_int(&w, "base_version", device->config_version);
    json_end_object(&w);
    call_submit(call);
    return true;
}

/* What the device has set it has applied, and hears of no more. */
static void known_to_device(struct sim_device *device)
{
    device->config_edit_seen = device->config_edit;
    device->config_seen = device->config_confirmed = device->config_version;
}

/* Over MQTT the device names the version, so that a repetition changes nothing. */
static void on_published(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    device->is_config_busy = false;
    if (!call_succeeded(status)) {
        call_unexpected(call, status, reply);
        return;
    }
    call->world->counts.taken[ACTION_DEVICE_CONFIG]++;
    edited(device, (int64_t)call->number_too, call->number);
    known_to_device(device);
}

/* Over HTTP it does not, and each try that counted makes a version: the reply tells which it is. */
static void on_posted(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    int64_t version = 0;
    device->is_config_busy = false;
    if (status != 200 || !json_int(json_get(reply, "version"), &version) || version <= device->config_version ||
        version > device->config_version + 1 + call->lost) {
        call_unexpected(call, status, reply);
        return;
    }
    call->world->counts.taken[ACTION_DEVICE_CONFIG]++;
    edited(device, version, call->number);
    known_to_device(device);
}

bool config_begin_device(struct world *world)
{
    struct sim_device *device = draw_free(world);
    if (!device) {
        return false;
    }
    bool over_mqtt = device_is_mqtt(device);
    struct call *call = over_mqtt ? call_new_publish(device, "config/update", on_published)
                                  : device_call(device, "POST", on_posted, "/config");
    call->number = ++world->edits;
    call->number_too = (uint64_t)device->config_version + 1;
    struct json_writer w = call_body(call);
    if (over_mqtt) {
        json_field_int(&w, "version", (int64_t)call->number_too);
    }
    config_write(&w, call->number);
    json_end_object(&w);
    call_submit(call);
    return true;
}
