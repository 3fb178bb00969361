/* Incidents, events and timelines of both management APIs (management-api.md 3.6, 5.7, 6.1). */
#include "api/device_admin.h"
#include "model/customer/space.h"
#include "model/event_log/event_log.h"
#include "model/event_log/timeline.h"
#include "model/incident/incident.h"
#include "model/incident/incident_admin.h"
#include "model/maker/catalog.h"

enum { NOTHING = -1, STATUS_ACTIVE = 1, STATUS_CLOSED = 2 };
#define WEEK_MS (INT64_C(7) * 86400000)
#define MONTH_MS (INT64_C(30) * 86400000)

/* ---- lists ---- */

static int status_of(struct str text)
{
    return str_eq(text, STR("active")) ? STATUS_ACTIVE : str_eq(text, STR("closed")) ? STATUS_CLOSED : NOTHING;
}

static int priority_of(struct call *call, struct str text)
{
    struct json *value = json_new_string(text);
    int priority = 0;
    bool known = incident_priority_parse(value, &priority);
    (void)call;
    json_free(value);
    return known ? priority : NOTHING;
}

static void read_texts(struct call *call, struct incident_filter *filter)
{
    struct str text;
    if (call_query(call, "status", &text)) {
        filter->status = status_of(text);
    }
    if (call_query(call, "priority", &text)) {
        filter->priority = priority_of(call, text);
    }
    call_query(call, "title", &filter->title);
    call_query(call, "description", &filter->description);
    call_query(call, "issue", &filter->issue);
    call_query(call, "device_model", &filter->device_model);
    call_query(call, "sub_model", &filter->sub_model);
    call_query(call, "partner_name", &filter->partner_name);
    if (call_query(call, "space_id", &text) && (!str_to_i64(text, &filter->space_no) || !filter->space_no)) {
        filter->space_no = NOTHING;
    }
}

/* False: 422 is answered. */
static bool read_filter(struct call *call, struct incident_filter *filter)
{
    *filter = (struct incident_filter){.from = call->domain->now_unix_ms() - WEEK_MS, .to = INT64_MAX};
    read_texts(call, filter);
    return device_admin_window(call, &filter->from, &filter->to);
}

static void list_incidents(struct call *call, struct store_tx *tx)
{
    struct incident_filter filter;
    struct device_core device;
    struct str text;
    struct uuid id;
    struct admin *admin = call_admin(call);
    if (!read_filter(call, &filter)) {
        return;
    }
    if (call_query(call, "device_id", &text)) {
        enum err err = uuid_parse(text, &id) ? device_store_core_by_id(tx, &id, &device) : ERR_NOT_FOUND;
        if (err != ERR_NOT_FOUND && admin_failed(admin, err)) {
            return;
        }
        filter.device_no = err == ERR_OK ? device.no : NOTHING;
    }
    incident_list(admin, tx, &filter, call_page(call));
}

static void list_incidents_of_device(struct call *call, struct store_tx *tx)
{
    struct incident_filter filter;
    struct device_core device;
    struct admin *admin;
    if (read_filter(call, &filter) && device_admin_find(call, tx, &admin, &device)) {
        filter.device_no = device.no;
        incident_list(admin, tx, &filter, call_page(call));
    }
}

static void list_events(struct call *call, struct store_tx *tx)
{
    struct device_core device;
    struct admin *admin;
    struct event_log_query query = {
        .from = 0,
        .to = INT64_MAX,
        .name = call_text(call, "name"),
        .category = call_text(call, "category"),
        .ascending = call_is_ascending(call),
    };
    if (device_admin_window(call, &query.from, &query.to) && device_admin_find(call, tx, &admin, &device)) {
        event_log_list(admin, tx, &device, &query, call_page(call));
    }
}

static void list_timeline(struct call *call, struct store_tx *tx)
{
    struct device_core device;
    struct admin *admin;
    int64_t from = call->domain->now_unix_ms() - MONTH_MS, to = INT64_MAX;
    if (device_admin_window(call, &from, &to) && device_admin_find(call, tx, &admin, &device)) {
        device_timeline(admin, tx, &device, from, to, call_is_ascending(call), call_page(call));
    }
}

/* ---- what the owner does ---- */

static void get_incident(struct call *call, struct store_tx *tx)
{
    incident_read(call_admin(call), tx, call->params[0]);
}

static void create_incident(struct call *call, struct store_tx *tx)
{
    incident_create(call_admin(call), tx, call->body);
}

static void close_incident(struct call *call, struct store_tx *tx)
{
    incident_close_by(call_admin(call), tx, call->params[0]);
}

static void acknowledge(struct call *call, struct store_tx *tx)
{
    incident_acknowledge(call_admin(call), tx, call->params[0]);
}

static void comment(struct call *call, struct store_tx *tx)
{
    incident_comment(call_admin(call), tx, call->params[0], call->body);
}

#define ORGANIZATION(path) "/core/v1/organization" path
#define PARTNER(path) "/core/v1/partner" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route incident_routes[] = {
    {"GET", ORGANIZATION("/incidents"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_incidents},
    {"POST", ORGANIZATION("/incidents"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(EDIT), create_incident},
    {"GET", ORGANIZATION("/incidents/:incident_id"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), get_incident},
    {"DELETE", ORGANIZATION("/incidents/:incident_id"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(EDIT), close_incident},
    {"POST", ORGANIZATION("/incidents/:incident_id/acknowledge"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(EDIT), acknowledge},
    {"POST", ORGANIZATION("/incidents/:incident_id/comments"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     CREATE | NEEDS(EDIT), comment},
    {"GET", ORGANIZATION("/devices/:id/incidents"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_incidents_of_device},
    {"GET", ORGANIZATION("/devices/:id/events"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_events},
    {"GET", ORGANIZATION("/devices/:id/timeline"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEW), list_timeline},
    {"GET", PARTNER("/incidents"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_incidents},
    {"GET", PARTNER("/devices/:id/incidents"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_incidents_of_device},
    {"GET", PARTNER("/devices/:id/events"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_events},
    {"GET", PARTNER("/devices/:id/timeline"), ACCESS_PARTNER, PLACE_READ, NEEDS(DEVICES_READ), list_timeline},
    {0},
};
