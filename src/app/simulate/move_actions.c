/* Devices and children, moved to other spaces by the owner (management-api.md 3.2). Moving twice is moving once. */
#include "app/simulate/actions.h"
#include "app/simulate/call.h"

enum { TRIES = 8 };

static void on_moved(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    device->is_moving = false;
    if (!call_succeeded(status)) {
        call_unexpected(call, status, reply);
        return;
    }
    call->world->counts.taken[ACTION_MOVE]++;
    device->space = (unsigned)call->number;
}

bool move_begin(struct world *world)
{
    for (int i = 0; i < TRIES; i++) {
        struct sim_device *device = &world->devices[world_draw(world, world->device_count)];
        if (device->is_moving) {
            continue;
        }
        struct call *call = call_new(world, "POST", world->organization_key, on_moved,
                                     "/core/v1/organization/devices/%s/move", device->thing.id);
        call->device = device;
        call->number = world_draw(world, world->scenario.spaces);
        struct json_writer w = call_body(call);
        json_field_int(&w, "space_id", world->spaces[call->number].id);
        json_end_object(&w);
        device->is_moving = true;
        call_submit(call);
        return true;
    }
    return false;
}
