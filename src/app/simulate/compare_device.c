/* One device: as it is listed, its telemetry, configuration, commands, children. */
#include "app/simulate/call.h"
#include "app/simulate/compare.h"
#include "app/simulate/device_side.h"

enum { ROWS_MAX = 1000, COMMANDS_MAX = 500 };

/* ---- in the list ------------------------------------------------------------------------------------------------- */

static void check(struct sim_device *device, const char *what, const struct json *is, struct str should)
{
    if (!(should.ptr ? str_eq(json_string(is), should) : json_is_missing(is))) {
        struct buf text;
        buf_init(&text, 4096);
        json_write(&text, is);
        world_difference(device->world, "%s: %s is %.*s, should be %.*s", device->serial, what, STR_ARG(buf_str(&text)),
                         should.ptr ? (int)should.len : 4, should.ptr ? should.ptr : "null");
        buf_deinit(&text);
    }
}

static void check_number(struct sim_device *device, const char *what, const struct json *is, int64_t should)
{
    int64_t number;
    if (!json_int(is, &number) || number != should) {
        world_difference(device->world, "%s: %s is %lld, should be %lld", device->serial, what,
                         (long long)json_number(is), (long long)should);
    }
}

/* device-api.md 10.3; everybody was in contact, and nobody is swept. */
static struct str effective_status(const struct sim_device *device)
{
    bool grave = false, slight = false;
    for (const struct sim_incident *incident = device->incidents; incident; incident = incident->next) {
        grave |= incident->is_active && incident->priority <= 2;
        slight |= incident->is_active && incident->priority == 3;
        slight |= incident->is_active && incident->priority == 4;
    }
    if (device->state.status == REPORTED_OFFLINE) {
        return STR("offline");
    }
    return device->state.status == REPORTED_ERROR || grave ? STR("error") : slight ? STR("warning") : STR("ok");
}

void compare_listed_device(struct sim_device *device, const struct json *item)
{
    struct world *world = device->world;
    char version[16];
    firmware_text(device->firmware, version);
    struct str parent = device->parent ? str_from_cstr(device->parent->thing.id) : (struct str){NULL, 0};
    struct str status = device->state.number ? str_from_cstr(reported_status_name(device->state.status)) : (struct str){NULL, 0};
    check(device, "name", json_get(item, "name"), str_from_cstr(device->serial));
    check(device, "sn", json_get(item, "sn"), str_from_cstr(device->serial));
    check(device, "mac", json_get(item, "mac"), str_from_cstr(device->mac));
    check(device, "parent_id", json_get(item, "parent_id"), parent);
    check(device, "status", json_get(item, "status"), status);
    check(device, "effective_status", json_get(item, "effective_status"), effective_status(device));
    check(device, "firmware", json_get(json_get(item, "firmware"), "version"), str_from_cstr(version));
    check(device, "model", json_get(json_get(item, "model"), "id"), str_from_cstr(world_model_of(world, device)->id));
    check_number(device, "space_id", json_get(item, "space_id"), world->spaces[device->space].id);
    check_number(device, "config_version", json_get(item, "config_version"), device->config_version);
    check_number(device, "applied_config_version", json_get(item, "applied_config_version"), device->config_version);
    if (!expected_state_equals(&device->state, json_get(item, "state"))) {
        struct buf is, should;
        buf_init(&is, 16384);
        buf_init(&should, 16384);
        json_write(&is, json_get(item, "state"));
        expected_state_write(&device->state, &should);
        world_difference(world, "%s: state is %.*s, should be %.*s", device->serial, STR_ARG(buf_str(&is)),
                         STR_ARG(buf_str(&should)));
        buf_deinit(&is);
        buf_deinit(&should);
    }
}

/* ---- telemetry --------------------------------------------------------------------------------------------------- */

static unsigned repetitions_allowed(const struct sim_device *device, uint32_t number)
{
    unsigned times = 0;
    for (unsigned i = 0; i < device->lost_count; i++) {
        times += device->lost[i].number == number ? device->lost[i].times : 0;
    }
    return times;
}

/* Newest first: n, n-1, ... 1, each once, and again only as often as its answer was lost. */
static void on_telemetry(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    if (status != 200 || !json_is_array(reply)) {
        call_unexpected(call, status, reply);
        return;
    }
    uint32_t last = device->state.number + 1, again = 0;
    size_t rows = 0;
    for (const struct json *row = json_first(reply); row; row = json_next(row), rows++) {
        int64_t n = 0;
        bool ok = json_int(json_get(json_get(row, "telemetries"), "n"), &n);
        if (ok && n == (int64_t)last - 1) {
            last--;
            again = 0;
        } else if (!ok || n != (int64_t)last || ++again > repetitions_allowed(device, last)) {
            world_difference(device->world, "%s: behind report %u stands %lld", device->serial, last, (long long)n);
            return;
        }
    }
    if (last != 1 && rows < ROWS_MAX) {
        world_difference(device->world, "%s: reports 1 to %u are missing", device->serial, last - 1);
    }
}

/* ---- configuration ----------------------------------------------------------------------------------------------- */

static void on_config(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    int64_t version = 0;
    uint64_t edit = config_edit_of(json_get(reply, "config"));
    if (status != 200 || !json_int(json_get(reply, "version"), &version)) {
        call_unexpected(call, status, reply);
    } else if (version != device->config_version || edit != device->config_edit) {
        world_difference(device->world, "%s: configuration %lld is of edit %llu, should be %lld of edit %llu",
                         device->serial, (long long)version, (unsigned long long)edit, (long long)device->config_version,
                         (unsigned long long)device->config_edit);
    }
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static bool ended_rightly(const struct sim_command *command, struct str status, struct str message)
{
    bool done = str_eq(status, STR("done")), failed = str_eq(status, STR("failed")), aborted = str_eq(status, STR("aborted"));
    bool timed_out = str_eq(message, STR("Timed out"));
    switch (command->state) {
    case COMMAND_OPEN:
        return command->is_nap && failed && timed_out;
    case COMMAND_WAS_DONE:
        return done;
    case COMMAND_HAS_FAILED:
        return failed && !timed_out;
    case COMMAND_WAS_ABORTED:
        return aborted;
    case COMMAND_MAY_BE_ABORTED:
        command->device->world->maybe_aborted++;
        return aborted || (command->is_nap && failed && timed_out);
    }
    return false;
}

static void compare_command(struct sim_device *device, const struct json *item)
{
    static const char *const ends[] = {"open, or timed out", "done", "failed", "aborted", "aborted, or timed out"};
    struct str id = json_string(json_get(item, "id"));
    struct thing *thing = world_find(device->world, THING_COMMAND, id);
    struct sim_command *command = thing ? container_of(thing, struct sim_command, thing) : NULL;
    if (!command || command->device != device || !command->is_sent) {
        world_difference(device->world, "%s: command %.*s exists, and should not", device->serial, STR_ARG(id));
        return;
    }
    struct str status = json_string(json_get(item, "status")), name = json_string(json_get(item, "name"));
    if (!ended_rightly(command, status, json_string(json_get(item, "message")))) {
        world_difference(device->world, "%s: %.*s command %s is %.*s, should be %s", device->serial, STR_ARG(name),
                         command->thing.id, STR_ARG(status), ends[command->state]);
    }
    if (!str_eq(name, command->is_nap ? STR("nap") : STR("set_level")) ||
        json_number(json_get(json_get(item, "parameters"), "level")) != command->level) {
        world_difference(device->world, "%s: command %s has another name or parameter", device->serial, command->thing.id);
    }
}

static void on_commands(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    unsigned should = 0, is = 0;
    if (status != 200 || !json_is_array(json_get(reply, "items"))) {
        call_unexpected(call, status, reply);
        return;
    }
    for (const struct json *item = json_first(json_get(reply, "items")); item; item = json_next(item), is++) {
        compare_command(device, item);
    }
    for (const struct sim_command *command = device->commands; command; command = command->next) {
        should++;
    }
    if (is != should && is < COMMANDS_MAX) {
        world_difference(device->world, "%s: %u commands are listed, there should be %u", device->serial, is, should);
    }
}

/* ---- children ---------------------------------------------------------------------------------------------------- */

static void on_children(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_device *device = call->device;
    unsigned should = 0, is = 0;
    if (status != 200 || !json_is_array(reply)) {
        call_unexpected(call, status, reply);
        return;
    }
    for (const struct json *item = json_first(reply); item; item = json_next(item), is++) {
        struct thing *thing = world_find(device->world, THING_DEVICE, json_string(json_get(item, "id")));
        struct sim_device *child = thing ? container_of(thing, struct sim_device, thing) : NULL;
        if (!child || child->parent != device || !expected_state_equals(&child->state, json_get(item, "state"))) {
            world_difference(device->world, "%s: child %s is not its child, or has another state", device->serial,
                             child ? child->serial : "(unknown)");
        }
    }
    for (const struct sim_device *child = device->first_child; child; child = child->next_child) {
        should++;
    }
    if (is != should) {
        world_difference(device->world, "%s: has %u children, should have %u", device->serial, is, should);
    }
}

void compare_details(struct sim_device *device)
{
    struct world *world = device->world;
    struct call *calls[] = {
        call_new(world, "GET", world->partner_key, on_telemetry, "/core/v1/partner/devices/%s/telemetries?limit=%d",
                 device->thing.id, ROWS_MAX),
        call_new(world, "GET", world->organization_key, on_config, "/core/v1/organization/devices/%s/config",
                 device->thing.id),
        call_new(world, "GET", world->organization_key, on_commands,
                 "/core/v1/organization/devices/%s/commands?per_page=%d", device->thing.id, COMMANDS_MAX),
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        calls[i]->device = device;
        call_submit(calls[i]);
    }
    if (!device->parent) {
        call_submit(device_call(device, "GET", on_children, "/children"));
    }
}
