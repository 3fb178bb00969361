/* The device API (device-api.md 11). Registration runs on the registry writer; everything a device asks for itself is a
 * device_call, which MQTT fills in the same way. */
#include "api/api_internal.h"
#include "model/device/device_call.h"
#include "model/registration/registration.h"

/* ---- registration (2.1, 2.4) ---- */

static void registration_done(struct call *call)
{
    registration_committed(call->user);
}

static struct registration *begin_registration(struct call *call)
{
    struct registration *registration = arena_new(&call->arena, struct registration);
    char *local_host = arena_alloc(&call->arena, NET_HOST_TEXT_BYTES);
    net_host_format(&call->local, local_host);
    registration_init(registration, call->domain, &call->arena);
    registration->address = str_from_cstr(call->peer_text);
    registration->local_host = local_host;
    registration->authorization = http_call_of(call)->authorization;
    call->user = registration;
    call->committed = registration_done;
    return registration;
}

static void register_one(struct call *call, struct store_tx *tx)
{
    registration_run(begin_registration(call), tx, call->body, &call->reply);
}

static void register_bulk(struct call *call, struct store_tx *tx)
{
    registration_run_bulk(begin_registration(call), tx, call->body, &call->reply);
}

static void register_child(struct call *call, struct store_tx *tx)
{
    registration_run_child(begin_registration(call), tx, call->device.no, call->body, &call->reply);
}

/* ---- calls of a device ---- */

static void answer(struct op *op)
{
    struct device_call *device_call = container_of(op, struct device_call, op);
    struct call *call = device_call->user;
    struct reply reply = call->reply;
    call->reply = device_call->reply;
    device_call->reply = reply;
    device_call_free(device_call);
    call_finish(call);
}

static void ask(struct call *call, enum device_action action)
{
    struct device_call *device_call = device_call_new(call->domain, action, &call->device, TRANSPORT_HTTPS);
    device_call->body = call->body;
    call->body = NULL;
    device_call->body_bytes = (uint32_t)call->raw_body.len;
    device_call->object_id = call->params[1].len ? arena_str(&device_call->arena, call->params[1]) : STR("");
    device_call->user = call;
    device_call_submit(device_call, http_call_of(call)->home, answer);
}

#define ASK(name, action) \
    static void name(struct call *call, struct store_tx *tx) \
    { \
        (void)tx; \
        ask(call, action); \
    }
ASK(get_info, DEVICE_INFO_GET)
ASK(delete_device, DEVICE_DELETE)
ASK(send_telemetry, DEVICE_TELEMETRY)
ASK(get_command, DEVICE_COMMAND_GET)
ASK(get_commands, DEVICE_COMMANDS_GET)
ASK(update_command, DEVICE_COMMAND_UPDATE)
ASK(get_config, DEVICE_CONFIG_GET)
ASK(set_config, DEVICE_CONFIG_SET)

ASK(get_license, DEVICE_LICENSE_GET)
ASK(get_licenses, DEVICE_LICENSES_GET)
ASK(update_license, DEVICE_LICENSE_UPDATE)
ASK(update_device, DEVICE_UPDATE)
ASK(change_settings, DEVICE_SETTINGS)
ASK(get_space, DEVICE_SPACE_GET)
ASK(move_space, DEVICE_SPACE_MOVE)
ASK(get_children, DEVICE_CHILDREN_GET)
ASK(send_telemetries, DEVICE_TELEMETRY_MANY)
ASK(create_incident, DEVICE_INCIDENT_CREATE)
ASK(get_incidents, DEVICE_INCIDENTS_GET)
ASK(close_incident, DEVICE_INCIDENT_CLOSE)
ASK(close_incidents, DEVICE_INCIDENTS_CLOSE)
ASK(add_event, DEVICE_EVENT_ADD)

const struct route device_routes[] = {
    {"POST", "/v1/devices", ACCESS_PUBLIC, PLACE_REGISTRY, ROUTE_SECRET_REPLY, register_one},
    {"POST", "/v1/devices/bulk_create", ACCESS_PUBLIC, PLACE_REGISTRY, ROUTE_SECRET_REPLY | ROUTE_BULK_BODY | ROUTE_ARRAY_BODY,
     register_bulk},
    {"POST", "/v1/devices-1", ACCESS_PUBLIC, PLACE_REGISTRY, ROUTE_SECRET_REPLY | ROUTE_BULK_BODY | ROUTE_ARRAY_BODY,
     register_bulk},
    {"POST", "/v1/devices/telemetries", ACCESS_PUBLIC, PLACE_LOOP, ROUTE_BULK_BODY, send_telemetries},
    {"POST", "/v1/devices/:id/children", ACCESS_DEVICE, PLACE_REGISTRY, ROUTE_SECRET_REPLY, register_child},
    {"GET", "/v1/devices/:id/children", ACCESS_DEVICE, PLACE_LOOP, 0, get_children},
    {"POST", "/v1/devices/:id/children/telemetries", ACCESS_DEVICE, PLACE_LOOP, ROUTE_BULK_BODY, send_telemetries},
    {"PUT", "/v1/devices/:id/cloud_settings", ACCESS_DEVICE, PLACE_LOOP, 0, change_settings},
    {"GET", "/v1/devices/:id/space", ACCESS_DEVICE, PLACE_LOOP, 0, get_space},
    {"PUT", "/v1/devices/:id/space/move", ACCESS_DEVICE, PLACE_LOOP, 0, move_space},
    {"GET", "/v1/devices/:id", ACCESS_DEVICE, PLACE_LOOP, 0, get_info},
    {"PUT", "/v1/devices/:id", ACCESS_DEVICE, PLACE_LOOP, 0, update_device},
    {"DELETE", "/v1/devices/:id", ACCESS_DEVICE, PLACE_LOOP, 0, delete_device},
    {"POST", "/v1/devices/:id/telemetry", ACCESS_DEVICE, PLACE_LOOP, 0, send_telemetry},
    {"GET", "/v1/devices/:id/command", ACCESS_DEVICE, PLACE_LOOP, 0, get_command},
    {"GET", "/v1/devices/:id/command/pending_commands", ACCESS_DEVICE, PLACE_LOOP, 0, get_commands},
    {"POST", "/v1/devices/:id/command", ACCESS_DEVICE, PLACE_LOOP, 0, update_command},
    {"GET", "/v1/devices/:id/config", ACCESS_DEVICE, PLACE_LOOP, 0, get_config},
    {"POST", "/v1/devices/:id/config", ACCESS_DEVICE, PLACE_LOOP, 0, set_config},
    {"POST", "/v1/devices/:id/incidents", ACCESS_DEVICE, PLACE_LOOP, 0, create_incident},
    {"GET", "/v1/devices/:id/incidents", ACCESS_DEVICE, PLACE_LOOP, 0, get_incidents},
    {"DELETE", "/v1/devices/:id/incidents", ACCESS_DEVICE, PLACE_LOOP, 0, close_incidents},
    {"DELETE", "/v1/devices/:id/incidents/:incident_id", ACCESS_DEVICE, PLACE_LOOP, 0, close_incident},
    {"POST", "/v1/devices/:id/events", ACCESS_DEVICE, PLACE_LOOP, 0, add_event},
    {"GET", "/v1/devices/:id/license", ACCESS_DEVICE, PLACE_LOOP, 0, get_license},
    {"POST", "/v1/devices/:id/license", ACCESS_DEVICE, PLACE_LOOP, 0, update_license},
    {"GET", "/v1/devices/:id/licenses", ACCESS_DEVICE, PLACE_LOOP, 0, get_licenses},
    {"POST", "/v1/devices/:id/licenses", ACCESS_DEVICE, PLACE_LOOP, 0, update_license},
    {0},
};
