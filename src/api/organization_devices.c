/* The owner's view of its devices (management-api.md 3.2, 3.3, 6.1). */
#include "api/claim_guard.h"
#include "api/device_admin.h"
#include "model/claim/claim.h"
#include "model/command/command.h"
#include "model/configuration/configuration.h"
#include "model/device/device_edit.h"

#define PREFIX "/core/v1/organization"
enum { HISTORY_PER_PAGE = 100, HISTORY_PER_PAGE_MAX = 1000, NOTHING = -1 };
#define WEEK_MS (INT64_C(7) * 86400000)

void organization_device_query(struct call *call, struct device_query *query)
{
    *query = (struct device_query){.status = device_admin_status(call)};
    device_admin_filter_model(call, &query->filter);
    device_admin_filter_space(call, &query->filter);
    call_query(call, "search", &query->filter.search);
}

static void list_devices(struct call *call, struct store_tx *tx)
{
    struct device_query query;
    organization_device_query(call, &query);
    device_list(call_admin(call), tx, &query, call_page(call));
}

static void update(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_update(admin, tx, &device, call->body);
    }
}

static void move(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_move(admin, tx, &device, call->body);
    }
}

static void suspend_or_resume(struct call *call, struct store_tx *tx, bool suspended)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_suspend_incidents(admin, tx, &device, suspended);
    }
}

static void suspend_incidents(struct call *call, struct store_tx *tx)
{
    suspend_or_resume(call, tx, true);
}

static void resume_incidents(struct call *call, struct store_tx *tx)
{
    suspend_or_resume(call, tx, false);
}

/* ---- claims ---- */

static void claim(struct call *call, struct store_tx *tx)
{
    claim_guarded(call, tx, device_claim);
}

static void lookup(struct call *call, struct store_tx *tx)
{
    claim_guarded(call, tx, device_claim_lookup);
}

/* ---- histories and data ---- */

static void list_histories(struct call *call, struct store_tx *tx)
{
    struct admin *admin = call_admin(call);
    struct device_core device;
    struct uuid id;
    struct str text;
    struct history_query query = {.filter = {
        .from = call->domain->now_unix_ms() - WEEK_MS,
        .to = INT64_MAX,
        .status = device_admin_status(call),
    }};
    if (!device_admin_window(call, &query.filter.from, &query.filter.to)) {
        return;
    }
    device_admin_filter_space(call, &query.filter.devices);
    call_query(call, "name", &query.filter.devices.name);
    query.filter.ascending = call_is_ascending(call);
    if (call_query(call, "device_id", &text)) {
        enum err err = uuid_parse(text, &id) ? device_store_core_by_id(tx, &id, &device) : ERR_NOT_FOUND;
        if (err != ERR_NOT_FOUND && admin_failed(admin, err)) {
            return;
        }
        query.filter.device_no = err == ERR_OK ? device.no : NOTHING;
    }
    device_history_list(admin, tx, &query, call_page_of(call, HISTORY_PER_PAGE, HISTORY_PER_PAGE_MAX));
}

static void list_telemetries(struct call *call, struct store_tx *tx)
{
    buf_append_cstr(&call->reply.body, "{\"items\":");
    if (device_admin_telemetries(call, tx)) {
        buf_append_cstr(&call->reply.body, ",\"next_page\":null,\"has_next_page\":false}");
        call->reply.status = 200;
    }
}

static void put_config(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        configuration_put(admin, tx, &device, call->body);
    }
}

static void list_versions(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        configuration_versions(admin, tx, &device);
    }
}

/* ---- commands (3.3) ---- */

static void send_command(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        command_send(admin, tx, &device, call->body);
    }
}

static void get_command(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        command_get(admin, tx, &device, call->params[1]);
    }
}

static void cancel_command(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        command_cancel(admin, tx, &device, call->params[1]);
    }
}

const struct route organization_device_routes[] = {
    {"GET", PREFIX "/devices", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_devices},
    {"GET", PREFIX "/devices/histories", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_histories},
    {"POST", PREFIX "/devices/claim", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY | NEEDS(ADMIN), claim},
    {"POST", PREFIX "/devices/claim/lookup", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(ADMIN), lookup},
    {"GET", PREFIX "/devices/:id", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), device_admin_get},
    {"PATCH", PREFIX "/devices/:id", ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT), update},
    {"DELETE", PREFIX "/devices/:id", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMIN), device_admin_delete},
    {"POST", PREFIX "/devices/:id/move", ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(ADMIN), move},
    {"POST", PREFIX "/devices/:id/suspend_incidents", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(EDIT), suspend_incidents},
    {"POST", PREFIX "/devices/:id/resume_incidents", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(EDIT), resume_incidents},
    {"POST", PREFIX "/devices/:id/unclaim", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMIN), device_admin_unclaim},
    {"GET", PREFIX "/devices/:id/telemetries", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_telemetries},
    {"GET", PREFIX "/devices/:id/series", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), device_admin_series},
    {"GET", PREFIX "/devices/:id/config", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), device_admin_config},
    {"PUT", PREFIX "/devices/:id/config", ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT), put_config},
    {"GET", PREFIX "/devices/:id/config/versions", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_versions},
    {"GET", PREFIX "/devices/:id/commands", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), device_admin_commands},
    {"POST", PREFIX "/devices/:id/commands", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY | NEEDS(EDIT), send_command},
    {"GET", PREFIX "/devices/:id/commands/:command_id", ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), get_command},
    {"DELETE", PREFIX "/devices/:id/commands/:command_id", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(EDIT), cancel_command},
    {"POST", PREFIX "/devices/:id/replace", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMIN), device_admin_replace},
    {"DELETE", PREFIX "/devices/:id/replace", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMIN), device_admin_replace_cancel},
    {"POST", PREFIX "/devices/:id/trace", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(EDIT), device_admin_trace},
    {"DELETE", PREFIX "/devices/:id/trace", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(EDIT), device_admin_trace_end},
    {0},
};
