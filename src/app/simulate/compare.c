/* Lists: devices by model, incidents, licences, firmware. */
#include "app/simulate/compare.h"

#include <stdio.h>

#include "app/simulate/call.h"

enum { PAGE = 500 };

/* ---- paging ------------------------------------------------------------------------------------------------------ */

/* A list over all of its pages: `each` for every item, `end` behind the last. */
struct listing {
    const char *path;             /* with what a query needs, and "?" or "&" at its end */
    const char *items;            /* "items", or "data" */
    void (*each)(struct world *world, const struct json *item, struct listing *listing);
    void (*end)(struct world *world, struct listing *listing);
    unsigned page, count, model;
    char text[160];
};

static void next_page(struct world *world, struct listing *listing);

static void on_page(struct call *call, unsigned status, const struct json *reply)
{
    struct listing *listing = call->object;
    if (status != 200) {
        call_unexpected(call, status, reply);
        mem_free(listing);
        return;
    }
    for (const struct json *item = json_first(json_get(reply, listing->items)); item; item = json_next(item)) {
        listing->count++;
        listing->each(call->world, item, listing);
    }
    const struct json *info = json_get(reply, "page_info");
    if (json_bool(info ? json_get(info, "has_next") : json_get(reply, "has_next_page"))) {
        next_page(call->world, listing);
        return;
    }
    if (listing->end) {
        listing->end(call->world, listing);
    }
    mem_free(listing);
}

static void next_page(struct world *world, struct listing *listing)
{
    bool is_partner = strncmp(listing->path, "/core/v1/partner", 16) == 0;
    struct call *call = call_new(world, "GET", is_partner ? world->partner_key : world->organization_key, on_page,
                                 "%sper_page=%d&page=%u", listing->path, PAGE, ++listing->page);
    call->object = listing;
    call_submit(call);
}

static struct listing *list_new(const char *items,
                                void (*each)(struct world *world, const struct json *item, struct listing *listing),
                                void (*end)(struct world *world, struct listing *listing))
{
    struct listing *listing = mem_new(struct listing);
    listing->items = items;
    listing->each = each;
    listing->end = end;
    listing->path = listing->text;
    return listing;
}

/* ---- devices ----------------------------------------------------------------------------------------------------- */

static void each_device(struct world *world, const struct json *item, struct listing *listing)
{
    (void)listing;
    struct str id = json_string(json_get(item, "id"));
    struct thing *thing = world_find(world, THING_DEVICE, id);
    struct sim_device *device = thing ? container_of(thing, struct sim_device, thing) : NULL;
    if (!device || device->is_compared) {
        world_difference(world, "device %.*s is listed, and %s", STR_ARG(id), device ? "a second time" : "should not exist");
        return;
    }
    device->is_compared = true;
    compare_listed_device(device, item);
}

static void list_devices(struct world *world)
{
    for (unsigned i = 0; i < world->device_count; i++) {
        world->devices[i].is_compared = false;
    }
    for (unsigned i = 0; i < MODELS; i++) {
        struct listing *listing = list_new("items", each_device, NULL);
        snprintf(listing->text, sizeof listing->text, "/core/v1/organization/devices?model_id=%s&", world->models[i].id);
        next_page(world, listing);
    }
}

static void find_missing(struct world *world)
{
    for (unsigned i = 0; i < world->device_count; i++) {
        if (!world->devices[i].is_compared) {
            world_difference(world, "%s: is not listed", world->devices[i].serial);
        }
    }
}

/* ---- incidents --------------------------------------------------------------------------------------------------- */

static bool is_of_ours(struct world *world, const struct json *item)
{
    return world_find(world, THING_DEVICE, json_string(json_get(item, "device_id"))) != NULL;
}

static void each_incident(struct world *world, const struct json *item, struct listing *listing)
{
    static const char *const priorities[] = {"", "critical", "high", "moderate", "low", "planning"};
    struct str id = json_string(json_get(item, "id"));
    struct thing *thing = world_find(world, THING_INCIDENT, id);
    if (!is_of_ours(world, item)) {
        listing->count--;
        return;
    }
    if (!thing) {
        world_difference(world, "incident %.*s exists, and should not", STR_ARG(id));
        return;
    }
    const struct sim_incident *incident = container_of(thing, struct sim_incident, thing);
    struct str status = json_string(json_get(item, "status")), priority = json_string(json_get(item, "priority"));
    if (!str_eq(json_string(json_get(item, "device_id")), str_from_cstr(incident->device->thing.id)) ||
        !str_eq(status, incident->is_active ? STR("active") : STR("closed")) ||
        !str_eq(priority, str_from_cstr(priorities[incident->priority])) ||
        !str_eq(json_string(json_get(item, "origin")), STR("device"))) {
        world_difference(world, "%s: incident %s is %.*s, %.*s; should be %s, %s", incident->device->serial,
                         incident->thing.id, STR_ARG(status), STR_ARG(priority),
                         incident->is_active ? "active" : "closed", priorities[incident->priority]);
    }
}

static void end_incidents(struct world *world, struct listing *listing)
{
    if (listing->count != world->incident_count) {
        world_difference(world, "%u incidents are listed, there should be %u", listing->count, world->incident_count);
    }
}

/* ---- licences ---------------------------------------------------------------------------------------------------- */

static bool is_null_or(const struct json *value, const char *text)
{
    return text ? str_eq(json_string(value), str_from_cstr(text)) : json_is_null(value);
}

static void each_license(struct world *world, const struct json *item, struct listing *listing)
{
    struct thing *thing = world_find(world, THING_LICENSE, json_string(json_get(item, "id")));
    if (!thing) { /* of somebody else */
        listing->count--;
        return;
    }
    const struct sim_license *license = container_of(thing, struct sim_license, thing);
    bool is_held = license->phase != LICENSE_IS_FREE;
    char expires[32];
    license_expiry_text(license->expiry ? license->expiry : 1, expires);
    const char *state = is_held ? "inuse" : license->was_removed ? "removed" : "pending";
    if (!is_null_or(json_get(item, "device_id"), is_held ? license->device->thing.id : NULL) ||
        !is_null_or(json_get(item, "expires_at"), license->expiry ? expires : NULL) ||
        !is_null_or(json_get(item, "action"), NULL) || !is_null_or(json_get(item, "state"), state)) {
        struct buf text;
        buf_init(&text, 16384);
        json_write(&text, item);
        world_difference(world, "licence %s should be %s%s%s, expire %s: %.*s", license->thing.id, state,
                         is_held ? " by " : "", is_held ? license->device->thing.id : "",
                         license->expiry ? expires : "never", STR_ARG(buf_str(&text)));
        buf_deinit(&text);
    }
}

static void end_licenses(struct world *world, struct listing *listing)
{
    if (listing->count != world->scenario.licenses) {
        world_difference(world, "%u licences are listed, there should be %u", listing->count, world->scenario.licenses);
    }
}

/* ---- firmware ---------------------------------------------------------------------------------------------------- */

static void each_file(struct world *world, const struct json *item, struct listing *listing)
{
    (void)listing;
    struct str version = json_string(json_get(item, "version"));
    int64_t size = 0;
    bool known = false;
    for (unsigned i = 1; i <= world->firmware_count && !known; i++) {
        char text[16];
        firmware_text(i, text);
        known = str_eq(version, str_from_cstr(text));
    }
    json_int(json_get(item, "size"), &size);
    if (!known || size != FIRMWARE_BYTES) {
        world_difference(world, "a firmware %.*s of %lld bytes exists, and should not", STR_ARG(version), (long long)size);
    }
}

static void end_files(struct world *world, struct listing *listing)
{
    if (listing->count != world->firmware_count) {
        world_difference(world, "model %s has %u firmwares, there should be %u", world->models[listing->model].id,
                         listing->count, world->firmware_count);
    }
}

static void list_rest(struct world *world)
{
    struct listing *incidents = list_new("items", each_incident, end_incidents);
    snprintf(incidents->text, sizeof incidents->text, "/core/v1/organization/incidents?from=0&");
    next_page(world, incidents);
    struct listing *licenses = list_new("data", each_license, end_licenses);
    snprintf(licenses->text, sizeof licenses->text, "/core/v1/partner/licenses?");
    next_page(world, licenses);
    for (unsigned i = 0; i < MODELS; i++) {
        struct listing *files = list_new("data", each_file, end_files);
        files->model = i;
        snprintf(files->text, sizeof files->text, "/core/v1/partner/models/%s/files?", world->models[i].id);
        next_page(world, files);
    }
}

bool compare_next(struct world *world)
{
    switch (world->step++) {
    case 0:
        world->maybe_aborted = 0;
        list_devices(world);
        return true;
    case 1:
        find_missing(world);
        list_rest(world);
        return true;
    case 2:
        for (unsigned i = 0; i < world->device_count; i++) {
            compare_details(&world->devices[i]);
        }
        return true;
    default:
        return false;
    }
}
