/* Incidents, made by devices over HTTP and closed by either side (device-api.md 9, management-api.md 3.6). */
#include "app/simulate/actions.h"
#include "app/simulate/call.h"
#include "app/simulate/device_side.h"
#include "base/mem.h"

enum { TRIES = 8, PRIORITIES = 5 };

static void add(struct sim_device *device, struct str id, unsigned priority)
{
    struct world *world = device->world;
    struct sim_incident *incident = mem_new(struct sim_incident);
    incident->thing.kind = THING_INCIDENT;
    if (!world_enter(world, &incident->thing, id)) {
        world_difference(world, "%s: an incident has the id '%.*s'", device->serial, STR_ARG(id));
        mem_free(incident);
        return;
    }
    incident->device = device;
    incident->priority = priority;
    incident->is_active = true;
    incident->next = device->incidents;
    device->incidents = incident;
    if ((world->incident_count & (world->incident_count - 1)) == 0) { /* a power of two is full */
        size_t room = world->incident_count ? (size_t)world->incident_count * 2 : 1;
        world->incidents = mem_realloc(world->incidents, room * sizeof *world->incidents);
    }
    world->incidents[world->incident_count++] = incident;
}

void incidents_free(struct world *world)
{
    for (unsigned i = 0; i < world->incident_count; i++) {
        mem_free(world->incidents[i]);
    }
    mem_free(world->incidents);
}

static void on_made(struct call *call, unsigned status, const struct json *reply)
{
    if (status != 200) {
        call_unexpected(call, status, reply);
        return;
    }
    call->world->counts.taken[ACTION_INCIDENT]++;
    add(call->device, json_string(json_get(reply, "incident_id")), (unsigned)call->number);
}

/* Under an issue of its own, so that a repetition finds the incident that the first try has made. */
bool incident_begin(struct world *world)
{
    char issue[32];
    struct sim_device *device = &world->devices[world_draw(world, world->device_count)];
    struct call *call = device_call(device, "POST", on_made, "/incidents");
    call->number = 1 + world_draw(world, PRIORITIES);
    snprintf(issue, sizeof issue, "simulated-%llu", (unsigned long long)++world->issues);
    struct json_writer w = call_body(call);
    json_field_cstr(&w, "title", "Simulated");
    json_field_cstr(&w, "issue", issue);
    json_field_int(&w, "priority", (int64_t)call->number);
    json_end_object(&w);
    call_submit(call);
    return true;
}

/* 404: the first try, whose answer was lost, has closed it. */
static void on_ended(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_incident *incident = call->object;
    incident->is_busy = false;
    if (status != 200 && !(status == 404 && call->lost)) {
        call_unexpected(call, status, reply);
        return;
    }
    call->world->counts.taken[ACTION_INCIDENT_END]++;
    incident->is_active = false;
}

bool incident_begin_end(struct world *world)
{
    for (int i = 0; i < TRIES && world->incident_count; i++) {
        struct sim_incident *incident = world->incidents[world_draw(world, world->incident_count)];
        if (!incident->is_active || incident->is_busy) {
            continue;
        }
        char rest[64];
        struct call *call;
        if (world_draw(world, 2)) {
            snprintf(rest, sizeof rest, "/incidents/%s", incident->thing.id);
            call = device_call(incident->device, "DELETE", on_ended, rest);
        } else {
            call = call_new(world, "DELETE", world->organization_key, on_ended, "/core/v1/organization/incidents/%s",
                            incident->thing.id);
        }
        call->object = incident;
        incident->is_busy = true;
        call_submit(call);
        return true;
    }
    return false;
}
