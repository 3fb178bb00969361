/* The maker's view of its devices (management-api.md 4, 5.7). No route here sends or cancels a
 * command: partners cannot. */
#include <time.h>

#include "api/device_admin.h"
#include "model/maker/catalog.h"
#include "model/claim/claim.h"
#include "model/device/device_edit.h"
#include "model/registration/registration.h"

#define PREFIX "/core/v1/partner"
enum { HISTORY_PER_PAGE = 500, NOTHING = -1 };

static void filter_owner(struct call *call, struct device_filter *filter)
{
    struct str text;
    struct uuid id;
    struct organization_info organization;
    if (call_query(call, "organization_id", &text)) {
        bool known = uuid_parse(text, &id) && catalog_organization_by_id(call->domain->catalog, &id, &organization);
        filter->owner_no = known ? organization.no : NOTHING;
    }
    filter->unclaimed = call_query(call, "unclaimed", &text) && str_eq_nocase(text, STR("true"));
}

void partner_device_query(struct call *call, struct device_query *query)
{
    struct str mac;
    *query = (struct device_query){.status = device_admin_status(call)};
    device_admin_filter_model(call, &query->filter);
    filter_owner(call, &query->filter);
    call_query(call, "sn", &query->filter.sn);
    call_query(call, "cloud_id", &query->filter.cloud_id);
    call_query(call, "search", &query->filter.search);
    if (call_query(call, "mac", &mac)) {
        query->filter.mac_normal = mac_normalize(mac, &call->arena);
    }
}

static void list_devices(struct call *call, struct store_tx *tx)
{
    struct device_query query;
    partner_device_query(call, &query);
    device_list(call_admin(call), tx, &query, call_page(call));
}

static void list_telemetries(struct call *call, struct store_tx *tx)
{
    if (device_admin_telemetries(call, tx)) {
        call->reply.status = 200;
    }
}

static int64_t start_of_month(int64_t now_ms)
{
    struct tm tm;
    time_t now = (time_t)(now_ms / 1000);
    gmtime_r(&now, &tm);
    tm.tm_mday = 1;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    return (int64_t)timegm(&tm) * 1000;
}

static void list_history_of(struct call *call, struct store_tx *tx, struct admin *admin, int64_t device_no)
{
    struct history_query query = {.filter = {
        .device_no = device_no,
        .from = start_of_month(call->domain->now_unix_ms()),
        .to = INT64_MAX,
        .status = device_admin_status(call), /* "unavailable" is accepted and never produced */
        .ascending = call_is_ascending(call),
    }};
    if (device_admin_window(call, &query.filter.from, &query.filter.to)) {
        device_history_list(admin, tx, &query, call_page_of(call, HISTORY_PER_PAGE, HISTORY_PER_PAGE));
    }
}

static void list_histories(struct call *call, struct store_tx *tx)
{
    list_history_of(call, tx, call_admin(call), 0);
}

static void list_history(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        list_history_of(call, tx, admin, device.no);
    }
}

static void assign(struct call *call, struct store_tx *tx)
{
    device_assign(call_admin(call), tx, call->body);
}

static void rotate_key(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_rotate_key(admin, tx, &device);
    }
}

static void disconnect(struct call *call, struct store_tx *tx)
{
    struct admin *admin;
    struct device_core device;
    if (device_admin_find(call, tx, &admin, &device)) {
        device_kick(admin, tx, &device);
    }
}

/* The path exists for reading: without this row a partner that sends a command would be told 405, as if it could. */
static void refuse_command(struct call *call, struct store_tx *tx)
{
    (void)tx;
    reply_error(&call->reply, 404, "Unknown endpoint");
}

const struct route partner_device_routes[] = {
    {"GET", PREFIX "/devices", ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_devices},
    {"GET", PREFIX "/devices/histories", ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_histories},
    {"POST", PREFIX "/devices/assign", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY | NEEDS(DEVICES_SERVICE), assign},
    {"GET", PREFIX "/devices/:id", ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), device_admin_get},
    {"DELETE", PREFIX "/devices/:id", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(DEVICES_WRITE), device_admin_delete},
    {"GET", PREFIX "/devices/:id/telemetries", ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_telemetries},
    {"GET", PREFIX "/devices/:id/series", ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), device_admin_series},
    {"GET", PREFIX "/devices/:id/config", ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), device_admin_config},
    {"GET", PREFIX "/devices/:id/commands", ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), device_admin_commands},
    {"POST", PREFIX "/devices/:id/commands", ACCESS_PUBLIC, PLACE_LOOP, ROUTE_RAW_BODY, refuse_command},
    {"GET", PREFIX "/devices/:id/history", ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_history},
    {"POST", PREFIX "/devices/:id/unassign", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(DEVICES_WRITE), device_admin_unclaim},
    {"POST", PREFIX "/devices/:id/rotate_key", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY | ROUTE_SECRET_REPLY | NEEDS(DEVICES_WRITE), rotate_key},
    {"POST", PREFIX "/devices/:id/disconnect", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(DEVICES_WRITE), disconnect},
    {"POST", PREFIX "/devices/:id/replace", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(DEVICES_SERVICE), device_admin_replace},
    {"DELETE", PREFIX "/devices/:id/replace", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(DEVICES_SERVICE), device_admin_replace_cancel},
    {"POST", PREFIX "/devices/:id/trace", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(DEVICES_SERVICE), device_admin_trace},
    {"DELETE", PREFIX "/devices/:id/trace", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(DEVICES_SERVICE), device_admin_trace_end},
    {0},
};
