#include "app/simulate/command_side.h"

#include <stdio.h>

#include "app/simulate/call.h"
#include "app/simulate/device_side.h"
#include "base/clock.h"
#include "io/loop.h"

enum { OPEN_MAX = 4, FINISH_MS_MIN = 100, FINISH_MS_SPREAD = 1500, SCHEDULED_MS = 2000, LEVELS = 1000, TRIES = 8 };

/* ---- the model's rows -------------------------------------------------------------------------------------------- */

static void on_finish_due(struct timer *timer, uint64_t now_ms);

static struct sim_command *add(struct sim_device *device, struct str id)
{
    struct world *world = device->world;
    struct sim_command *command = mem_new(struct sim_command);
    command->thing.kind = THING_COMMAND;
    command->device = device;
    command->finish.on_due = on_finish_due;
    if (!world_enter(world, &command->thing, id)) {
        world_difference(world, "%s: a command has the id '%.*s'", device->serial, STR_ARG(id));
        mem_free(command);
        return NULL;
    }
    command->next = device->commands;
    device->commands = command;
    device->commands_open++;
    if ((world->command_count & (world->command_count - 1)) == 0) { /* a power of two is full */
        size_t room = world->command_count ? (size_t)world->command_count * 2 : 1;
        world->commands = mem_realloc(world->commands, room * sizeof *world->commands);
    }
    world->commands[world->command_count++] = command;
    return command;
}

/* The device may hear of a command before its owner gets the reply. */
static struct sim_command *find_or_add(struct sim_device *device, struct str id)
{
    struct thing *thing = world_find(device->world, THING_COMMAND, id);
    struct sim_command *command = thing ? container_of(thing, struct sim_command, thing) : NULL;
    if (command && command->device != device) {
        world_difference(device->world, "%s: got the command of %s", device->serial, command->device->serial);
        return NULL;
    }
    return command ? command : add(device, id);
}

void commands_free(struct world *world)
{
    for (unsigned i = 0; i < world->command_count; i++) {
        mem_free(world->commands[i]);
    }
    mem_free(world->commands);
}

static void close_with(struct sim_command *command, enum command_state state)
{
    if (command->state == COMMAND_OPEN || command->state == COMMAND_MAY_BE_ABORTED) {
        command->device->commands_open -= command->state == COMMAND_OPEN;
        command->state = state;
    } else if (command->state != state) {
        world_difference(command->device->world, "%s: command %s was given two ends", command->device->serial,
                         command->thing.id);
    }
}

bool command_is_final(const struct sim_command *command)
{
    return command->state != COMMAND_OPEN || command->was_timed_out;
}

/* ---- the device's side ------------------------------------------------------------------------------------------- */

static void on_reported(struct call *call, unsigned status, const struct json *reply);

static void report(struct sim_command *command, const char *status)
{
    struct sim_device *device = command->device;
    struct sim_device *speaker = device->parent ? device->parent : device;
    const char *topic = device->parent                    ? "command/children/update"
                        : device->kind == DEVICE_MQTT1 ? "commands/update"
                                                       : "command/update";
    struct call *call = device_is_mqtt(speaker) ? call_new_publish(speaker, topic, on_reported)
                                                : device_call(device, "POST", on_reported, "/command");
    struct json_writer w = call_body(call);
    json_field_cstr(&w, "id", command->thing.id);
    json_field_cstr(&w, "status", status);
    json_field_cstr(&w, "message", "simulated");
    json_end_object(&w);
    call->object = command;
    call_submit(call);
}

static void on_finish_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct sim_command *command = container_of(timer, struct sim_command, finish);
    command->outcome = world_draw(command->device->world, 8) == 0 ? "failed" : "done";
    report(command, command->outcome);
}

/* Refused with 404 (over MQTT: 0x99 with that text): it was cancelled, or has timed out. */
static void on_refused(struct call *call, struct sim_command *command, unsigned status, const struct json *reply)
{
    if (!str_eq(json_string(json_get(reply, "error")), STR("no command"))) {
        call_unexpected(call, status, reply);
        return;
    }
    command->was_denied = true;
    if (command->state == COMMAND_MAY_BE_ABORTED) {
        close_with(command, COMMAND_WAS_ABORTED);
    } else if (command->state == COMMAND_OPEN && !command->is_nap && !command->is_busy) {
        call_unexpected(call, status, reply);
    }
}

static void on_reported(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_command *command = call->object;
    struct world *world = call->world;
    if (!call_succeeded(status)) {
        on_refused(call, command, status, reply);
    } else if (command->outcome) {
        bool failed = str_eq(str_from_cstr(command->outcome), STR("failed"));
        close_with(command, failed ? COMMAND_HAS_FAILED : COMMAND_WAS_DONE);
        world->counts.commands_failed += failed;
        world->counts.commands_done += !failed;
    } else if (!command->is_nap) {
        timer_set(loop_timers(world->loop), &command->finish,
                  loop_now_ms(world->loop) + FINISH_MS_MIN + world_draw(world, FINISH_MS_SPREAD));
    }
}

void device_hears_command(struct sim_device *owner, const struct json *object)
{
    struct world *world = owner->world;
    struct str device_id = json_string(json_get(object, "device_id"));
    struct thing *thing = world_find(world, THING_DEVICE, device_id);
    struct sim_device *device = thing ? container_of(thing, struct sim_device, thing) : NULL;
    if (!device || (device != owner && device->parent != owner)) {
        world_difference(world, "%s: got a command of %.*s", owner->serial, STR_ARG(device_id));
        return;
    }
    struct sim_command *command = find_or_add(device, json_string(json_get(object, "id")));
    if (!command || command->is_taken) { /* a command may come twice (mqtt.md 5.2.5) */
        return;
    }
    command->is_taken = true;
    command->is_nap = str_eq(json_string(json_get(object, "name")), STR("nap"));
    if (!command->is_nap || world_draw(world, 2)) {
        report(command, "in_progress");
    }
}

/* ---- the owner's side -------------------------------------------------------------------------------------------- */

static void on_sent(struct call *call, unsigned status, const struct json *reply)
{
    struct world *world = call->world;
    if (!call_succeeded(status)) {
        world->counts.refused[ACTION_COMMAND]++;
        call_unexpected(call, status, reply);
        return;
    }
    world->counts.taken[ACTION_COMMAND]++;
    struct sim_command *command = find_or_add(call->device, json_string(json_get(reply, "id")));
    if (command) {
        command->is_sent = true;
        command->is_nap = call->number_too;
        command->level = (unsigned)call->number;
    }
}

bool command_begin_send(struct world *world)
{
    struct sim_device *device = NULL;
    for (int i = 0; i < TRIES && !device; i++) {
        struct sim_device *drawn = &world->devices[world_draw(world, world->device_count)];
        device = drawn->commands_open < OPEN_MAX ? drawn : NULL;
    }
    if (!device) {
        return false;
    }
    bool nap = world_draw(world, 12) == 0;
    struct call *call = call_new(world, "POST", world->organization_key, on_sent,
                                 "/core/v1/organization/devices/%s/commands", device->thing.id);
    call->device = device;
    call->number = world_draw(world, LEVELS);
    call->number_too = nap;
    call->idempotency = ++world->issues;
    struct json_writer w = call_body(call);
    json_field_cstr(&w, "name", nap ? "nap" : "set_level");
    json_name(&w, "extra_params");
    json_begin_object(&w);
    json_field_int(&w, "level", (int64_t)call->number);
    json_end_object(&w);
    if (world_draw(world, 10) == 0) {
        json_field_time(&w, "scheduled_at", clock_unix_ms() + SCHEDULED_MS);
    }
    json_end_object(&w);
    call_submit(call);
    return true;
}

/* 422 is right if the command is final by now; or if it was our own first try, whose answer was lost. */
static void on_cancelled(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_command *command = call->object;
    command->is_busy = false;
    if (call_succeeded(status)) {
        call->world->counts.taken[ACTION_CANCEL]++;
        close_with(command, COMMAND_WAS_ABORTED);
        return;
    }
    call->world->counts.refused[ACTION_CANCEL]++;
    if (status != 422) {
        call_unexpected(call, status, reply);
    } else if (call->lost && command->state == COMMAND_OPEN) {
        close_with(command, command->was_denied && !command->is_nap ? COMMAND_WAS_ABORTED : COMMAND_MAY_BE_ABORTED);
    } else if (command->state == COMMAND_OPEN && !command->is_nap && !command->outcome) {
        call_unexpected(call, status, reply);
    }
}

bool command_begin_cancel(struct world *world)
{
    for (int i = 0; i < TRIES && world->command_count; i++) {
        unsigned recent = world->command_count < 200 ? world->command_count : 200; /* older ones are mostly final */
        struct sim_command *command = world->commands[world->command_count - 1 - world_draw(world, recent)];
        if (command->state != COMMAND_OPEN || command->is_busy || !command->is_sent) {
            continue;
        }
        struct call *call = call_new(world, "DELETE", world->organization_key, on_cancelled,
                                     "/core/v1/organization/devices/%s/commands/%s", command->device->thing.id,
                                     command->thing.id);
        call->object = command;
        command->is_busy = true;
        call_submit(call);
        return true;
    }
    return false;
}

/* ---- what times out ---------------------------------------------------------------------------------------------- */

static void on_asked(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_command *command = call->object;
    struct str state = json_string(json_get(reply, "status"));
    command->is_busy = false;
    if (status != 200) {
        call_unexpected(call, status, reply);
    } else if (str_eq(state, STR("failed")) || str_eq(state, STR("aborted"))) {
        command->was_timed_out = true; /* the comparison says whether it ended rightly */
    }
}

void command_ask(struct sim_command *command)
{
    struct world *world = command->device->world;
    struct call *call = call_new(world, "GET", world->organization_key, on_asked,
                                 "/core/v1/organization/devices/%s/commands/%s", command->device->thing.id,
                                 command->thing.id);
    call->object = command;
    command->is_busy = true;
    call_submit(call);
}
