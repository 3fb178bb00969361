/* Reports: a device's own, a parent's for its children, and one call for several devices (device-api.md 3.1, 3.4, 3.5). A
 * device has one report under way at a time, so its numbers stand in the telemetry in their order. */
#include "app/simulate/actions.h"
#include "app/simulate/call.h"
#include "app/simulate/device_side.h"
#include "base/mem.h"

enum { TRIES = 8, MASS_DEVICES = 8 };

static uint64_t draw(void *user)
{
    return world_random(user);
}

/* The next report of the device, which must be free. */
static void take_sample(struct sim_device *device)
{
    device->is_reporting = true;
    sample_draw(&device->sample, device->state.number + 1, draw, device->world);
}

static void sample_taken(struct sim_device *device, unsigned lost)
{
    expected_state_apply(&device->state, &device->sample);
    device->is_reporting = false;
    device->world->counts.reports++;
    if (lost && device->lost_count < LOST_REPORTS_MAX) {
        device->lost[device->lost_count].number = device->sample.number;
        device->lost[device->lost_count++].times = lost;
    }
}

static void on_reported(struct call *call, unsigned status, const struct json *reply)
{
    if (!call_succeeded(status)) {
        call->device->is_reporting = false;
        call_unexpected(call, status, reply);
        return;
    }
    sample_taken(call->device, call->lost);
    if (!call->publisher) {
        device_hears_levels(call->device, reply);
    }
}

void telemetry_begin(struct sim_device *device)
{
    if (device->is_reporting) {
        return;
    }
    take_sample(device);
    struct call *call = device_is_mqtt(device) ? call_new_publish(device, "telemetry", on_reported)
                                               : device_call(device, "POST", on_reported, "/telemetry");
    struct json_writer w = call_body(call);
    sample_write(&device->sample, &w);
    json_end_object(&w);
    call_submit(call);
}

/* ---- several devices in one call --------------------------------------------------------------------------------- */

struct crew {
    unsigned count;
    struct sim_device *members[64];
};
enum { CREW_MAX = sizeof((struct crew *)0)->members / sizeof(struct sim_device *) };

static bool join(struct crew *crew, struct sim_device *device)
{
    if (device->is_reporting || crew->count == CREW_MAX) {
        return false;
    }
    take_sample(device);
    crew->members[crew->count++] = device;
    return true;
}

static void write_crew(struct call *call, struct crew *crew, bool with_tokens)
{
    struct json_writer w = call_body(call);
    for (unsigned i = 0; i < crew->count; i++) {
        struct sim_device *device = crew->members[i];
        json_name(&w, device->thing.id);
        json_begin_object(&w);
        if (with_tokens) {
            json_field_cstr(&w, "access_token", device->key);
        }
        sample_write(&device->sample, &w);
        json_end_object(&w);
    }
    json_end_object(&w);
    call->object = crew;
}

/* Over MQTT there is one acknowledgement for all. */
static void on_crew_reported(struct call *call, unsigned status, const struct json *reply)
{
    struct crew *crew = call->object;
    if (!call_succeeded(status)) {
        call_unexpected(call, status, reply);
    }
    for (unsigned i = 0; i < crew->count; i++) {
        struct sim_device *device = crew->members[i];
        const struct json *part = json_get(reply, device->thing.id);
        if (!call_succeeded(status) || (!call->publisher && !json_bool(json_get(part, "success")))) {
            device->is_reporting = false;
            call_unexpected(call, status, reply);
            continue;
        }
        sample_taken(device, call->lost);
        if (!call->publisher) {
            device_hears_levels(device, part);
        }
    }
    if (call->number != ACTION_COUNT) { /* else it was not begun by a rate */
        call->world->counts.taken[call->number] += call_succeeded(status);
    }
    mem_free(crew);
}

static bool report_for_children(struct sim_device *parent, bool over_mqtt, bool all)
{
    struct crew *crew = mem_new(struct crew);
    for (struct sim_device *child = parent->first_child; child; child = child->next_child) {
        if (all || world_draw(parent->world, 4)) {
            join(crew, child);
        }
    }
    if (!crew->count) {
        mem_free(crew);
        return false;
    }
    struct call *call = over_mqtt ? call_new_publish(parent, "children/telemetries", on_crew_reported)
                                  : device_call(parent, "POST", on_crew_reported, "/children/telemetries");
    write_crew(call, crew, false);
    call->number = all ? ACTION_COUNT : ACTION_CHILDREN;
    call_submit(call);
    return true;
}

void telemetry_children_now(struct sim_device *parent)
{
    report_for_children(parent, false, true);
}

bool telemetry_begin_children(struct world *world)
{
    unsigned parents = world->device_count - world->scenario.devices[DEVICE_CHILD];
    unsigned with_children = world->scenario.devices[DEVICE_CHILD] < parents ? world->scenario.devices[DEVICE_CHILD] : parents;
    for (int i = 0; i < TRIES && with_children; i++) {
        struct sim_device *parent = world->devices[parents + world_draw(world, world->scenario.devices[DEVICE_CHILD])].parent;
        if (report_for_children(parent, device_is_mqtt(parent) && world_draw(world, 2), false)) {
            return true;
        }
    }
    return false;
}

bool telemetry_begin_mass(struct world *world)
{
    struct crew *crew = mem_new(struct crew);
    for (int i = 0; i < MASS_DEVICES; i++) {
        join(crew, &world->devices[world_draw(world, world->device_count)]);
    }
    if (!crew->count) {
        mem_free(crew);
        return false;
    }
    struct call *call = call_new(world, "POST", NULL, on_crew_reported, "/v1/devices/telemetries");
    write_crew(call, crew, true);
    call->number = ACTION_MASS;
    call_submit(call);
    return true;
}
