/* Firmware: uploaded for all models, and reported by devices that have heard of it (device-api.md 7.2, 3.3,
 * management-api.md 5.6). */
#include "app/simulate/actions.h"
#include "app/simulate/call.h"
#include "app/simulate/device_side.h"

enum { TRIES = 16, UPDATES_MAX = 9 /* an hour; the server takes 10 (device-api.md 1.7) */ };

static void on_uploaded(struct call *call, unsigned status, const struct json *reply)
{
    struct world *world = call->world;
    struct str id = json_string(json_get(reply, "id"));
    bool known = call->lost && str_eq(json_string(json_get(reply, "error")), STR("Version has already been taken"));
    world->uploads_open--;
    if (!known && (status != 201 || id.len != UUID_TEXT_BYTES - 1)) {
        call_unexpected(call, status, reply);
    }
    if (world->uploads_open == 0) {
        world->firmware_count++;
        world->counts.taken[ACTION_FIRMWARE]++;
    }
}

bool firmware_begin_upload(struct world *world)
{
    if (world->uploads_open || world->firmware_count + 1 >= FIRMWARES_MAX) {
        return false;
    }
    char version[16];
    firmware_text(world->firmware_count + 1, version);
    for (unsigned i = 0; i < MODELS; i++) {
        struct call *call = call_new(world, "POST", world->partner_key, on_uploaded,
                                     "/core/v1/partner/models/%s/files?name=Firmware&file_type=firmware&version=%s",
                                     world->models[i].id, version);
        for (unsigned j = 0; j < FIRMWARE_BYTES; j++) {
            buf_append_u8(&call->body, (uint8_t)(j * (i + 1)));
        }
        world->uploads_open++;
        call_submit(call);
    }
    return true;
}

/* 429: the hour's calls are used up, by repetitions. */
static void on_updated(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    device->is_updating = false;
    device->updates += 1 + call->lost;
    if (call_succeeded(status)) {
        call->world->counts.taken[ACTION_UPDATE]++;
        device->firmware = (unsigned)call->number;
    } else {
        call_unexpected(call, status, reply);
    }
}

bool firmware_begin_update(struct world *world)
{
    for (int i = 0; i < TRIES; i++) {
        struct sim_device *device = &world->devices[world_draw(world, world->device_count)];
        if (device->is_updating || device->firmware_seen <= device->firmware || device->updates + 1 >= UPDATES_MAX) {
            continue;
        }
        char version[16];
        struct call *call = device_is_mqtt(device) ? call_new_publish(device, "update", on_updated)
                                                   : device_call(device, "PUT", on_updated, "");
        firmware_text(device->firmware_seen, version);
        struct json_writer w = call_body(call);
        json_field_cstr(&w, "firmware_version", version);
        json_end_object(&w);
        call->number = device->firmware_seen;
        device->is_updating = true;
        call_submit(call);
        return true;
    }
    return false;
}
