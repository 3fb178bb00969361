/* Licences, assigned, renewed and revoked by the maker (device-api.md 6, management-api.md 5.8). Nothing is begun on one
 * while something about it is not answered, the device's report included. */
#include "app/simulate/actions.h"
#include "app/simulate/call.h"

enum { TRIES = 16, EXPIRIES = 2800 };

static struct sim_license *draw(struct world *world, enum license_phase phase)
{
    for (int i = 0; i < TRIES && world->scenario.licenses; i++) {
        struct sim_license *license = &world->licenses[world_draw(world, world->scenario.licenses)];
        if (!license->is_busy && !license->reports && license->phase == phase) {
            license->is_busy = true;
            return license;
        }
    }
    return NULL;
}

static struct call *begin(struct world *world, struct sim_license *license, const char *verb,
                          void (*done)(struct call *call, unsigned status, const struct json *reply))
{
    struct call *call = call_new(world, "POST", world->partner_key, done, "/core/v1/partner/licenses/%s/%s",
                                 license->thing.id, verb);
    call->object = license;
    license->is_confirmed = false;
    return call;
}

static bool says(const struct json *reply, const char *text)
{
    return str_eq(json_string(json_get(reply, "error")), str_from_cstr(text));
}

/* The holder is set at the beginning: the device may report before the maker gets the reply. */
static void on_assigned(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_license *license = call->object;
    license->is_busy = false;
    if (call_succeeded(status) || (call->lost && says(reply, "License is already assigned"))) {
        call->world->counts.taken[ACTION_ASSIGN]++;
        license->phase = LICENSE_IS_HELD;
        license->was_removed = false;
    } else {
        license->device = NULL;
        call_unexpected(call, status, reply);
    }
}

bool license_begin_assign(struct world *world)
{
    struct sim_license *license = draw(world, LICENSE_IS_FREE);
    if (!license) {
        return false;
    }
    license->device = &world->devices[world_draw(world, world->device_count)];
    struct call *call = begin(world, license, "assign", on_assigned);
    struct json_writer w = call_body(call);
    json_field_cstr(&w, "device_id", license->device->thing.id);
    json_end_object(&w);
    call_submit(call);
    return true;
}

static void on_renewed(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_license *license = call->object;
    license->is_busy = false;
    if (call_succeeded(status)) {
        call->world->counts.taken[ACTION_RENEW]++;
        license->expiry = (unsigned)call->number;
    } else {
        call_unexpected(call, status, reply);
    }
}

bool license_begin_renew(struct world *world)
{
    struct sim_license *license = draw(world, LICENSE_IS_HELD);
    if (!license) {
        return false;
    }
    char text[32];
    struct call *call = begin(world, license, "renew", on_renewed);
    call->number = 1 + world_draw(world, EXPIRIES);
    license_expiry_text((unsigned)call->number, text);
    struct json_writer w = call_body(call);
    json_field_cstr(&w, "expires_at", text);
    json_end_object(&w);
    call_submit(call);
    return true;
}

/* What the device never fetched is taken back at once, the rest when the device has reported to have removed it. */
static void on_revoked(struct call *call, unsigned status, const struct json *reply)
{
    struct sim_license *license = call->object;
    license->is_busy = false;
    bool is_gone = call->lost && says(reply, "License is not assigned");
    if (!call_succeeded(status) && !is_gone) {
        call_unexpected(call, status, reply);
        return;
    }
    call->world->counts.taken[ACTION_REVOKE]++;
    if (license->phase == LICENSE_IS_FREE) { /* the device was quicker with its report than we with the reply */
        return;
    }
    bool taken_back = is_gone || json_is_missing(json_get(reply, "device_id"));
    license->phase = taken_back ? LICENSE_IS_FREE : LICENSE_IS_LEAVING;
    if (taken_back && !license->reports) {
        license->device = NULL;
    }
}

bool license_begin_revoke(struct world *world)
{
    struct sim_license *license = draw(world, LICENSE_IS_HELD);
    if (!license) {
        return false;
    }
    call_submit(begin(world, license, "revoke", on_revoked));
    return true;
}
