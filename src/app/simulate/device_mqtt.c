/* The MQTT connection of a device of a scenario: it subscribes to its generation's topics (mqtt.md 3, 4), comes back after
 * every end, and carries its publishes until they are acknowledged. */
#include <stdio.h>

#include "app/client/hub_url.h"
#include "app/simulate/call.h"
#include "app/simulate/device_side.h"
#include "io/loop.h"
#include "io/tls.h"

enum { BACKOFF_MIN_MS = 250, BACKOFF_MAX_MS = 8000, SESSION_EXPIRY_S = 3600 };

/* ---- publishes --------------------------------------------------------------------------------------------------- */

static void publish_now(struct sim_device *device, struct call *call)
{
    char topic[160];
    snprintf(topic, sizeof topic, "%s%s", device->prefix, call->path);
    call->packet_id = mqtt_client_publish(&device->client, str_from_cstr(topic), buf_str(&call->body), 1);
    list_append(&device->in_flight, &call->node);
}

void device_publish(struct sim_device *device, struct call *call)
{
    if (device->is_ready) {
        publish_now(device, call);
    } else {
        list_append(&device->waiting, &call->node);
    }
}

/* What an acknowledgement says in the words of the HTTP twin (mqtt.md 6). */
static unsigned status_of(uint8_t reason)
{
    switch (reason) {
    case MQTT_SUCCESS:
    case MQTT_NO_MATCHING_SUBSCRIBERS:
        return 200;
    case MQTT_PAYLOAD_FORMAT_INVALID:
        return 422;
    case MQTT_QUOTA_EXCEEDED:
        return 429;
    default:
        return 403;
    }
}

static void on_puback(struct sim_device *device, const struct mqtt_puback *puback)
{
    list_each(node, &device->in_flight) {
        struct call *call = list_entry(node, struct call, node);
        if (call->packet_id == puback->packet_id) {
            struct json *reply = json_new_object();
            if (puback->reason >= 0x80) {
                json_set(reply, STR("error"), json_new_string(puback->properties.reason_string));
            }
            list_remove(&call->node);
            call_answer(call, status_of(puback->reason), reply);
            json_free(reply);
            return;
        }
    }
    world_difference(device->world, "%s: an acknowledgement of nothing", device->serial);
}

/* Acknowledgements that will not come: in front of what waits, in the old order. */
static void lose_flight(struct sim_device *device)
{
    list_each(node, &device->in_flight) {
        list_entry(node, struct call, node)->lost++;
        device->world->counts.lost++;
    }
    list_take_all(&device->in_flight, &device->waiting);
    list_take_all(&device->waiting, &device->in_flight);
}

/* ---- pushes ------------------------------------------------------------------------------------------------------ */

static void hear_commands(struct sim_device *device, const struct json *body)
{
    for (const struct json *item = json_first(body); item; item = json_next(item)) {
        device_hears_command(device, item);
    }
}

static void hear_licenses(struct sim_device *device, const struct json *body)
{
    if (json_is_array(body) != (device->kind == DEVICE_MQTT2)) {
        world_difference(device->world, "%s: licences in the shape of the other generation", device->serial);
    } else if (device->kind == DEVICE_MQTT1) {
        device_hears_license(device, body);
    } else {
        for (const struct json *item = json_first(body); item; item = json_next(item)) {
            device_hears_license(device, item);
        }
    }
}

static void hear(struct sim_device *device, struct str name, const struct json *body)
{
    device->world->counts.pushes++;
    if (str_eq(name, STR("commands")) || str_eq(name, STR("command"))) {
        if (str_eq(name, STR("commands")) != (device->kind == DEVICE_MQTT1)) {
            world_difference(device->world, "%s: a command on the topic of the other generation", device->serial);
        }
        device_hears_command(device, body);
    } else if (str_eq(name, STR("command/children"))) {
        hear_commands(device, body);
    } else if (str_eq(name, STR("config"))) {
        device_hears_config(device, body);
    } else if (str_eq(name, STR("license"))) {
        hear_licenses(device, body);
    } else if (str_eq(name, STR("space_info"))) {
        device_hears_space(device, body);
    } else if (str_eq(name, STR("firmware"))) {
        device_hears_firmware(device, json_string(json_get(body, "latest_fw_version")));
    } else if (!str_eq(name, STR("incidents"))) {
        world_difference(device->world, "%s: a message on '%.*s'", device->serial, STR_ARG(name));
    }
}

static void on_publish(struct sim_device *device, const struct mqtt_publish *publish)
{
    if (publish->qos) {
        mqtt_client_send(&device->client,
                         &(struct mqtt_packet){.type = MQTT_PUBACK, .puback = {.packet_id = publish->packet_id}});
    }
    struct json *body;
    struct str prefix = str_from_cstr(device->prefix);
    if (!str_starts_with(publish->topic, prefix) || json_parse(publish->payload, NULL, &body) != ERR_OK) {
        world_difference(device->world, "%s: a message that cannot be read on '%.*s'", device->serial,
                         STR_ARG(publish->topic));
        return;
    }
    hear(device, str_sub(publish->topic, prefix.len, publish->topic.len), body);
    json_free(body);
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static void subscribe(struct sim_device *device)
{
    const char *const topics[] = {device->kind == DEVICE_MQTT1 ? "commands" : "command", "command/children", "config",
                                  "license", "space_info", "firmware", "incidents"};
    mqtt_client_subscribe(&device->client, device->prefix, topics, sizeof topics / sizeof topics[0]);
}

static void become_ready(struct sim_device *device)
{
    device->is_ready = true;
    device->failures = 0;
    device->world->ready_count++;
    device->world->counts.connects++;
    while (!list_is_empty(&device->waiting)) {
        struct call *call = list_entry(device->waiting.next, struct call, node);
        list_remove(&call->node);
        publish_now(device, call);
    }
}

static void on_connack(struct sim_device *device, const struct mqtt_connack *connack)
{
    if (connack->reason == MQTT_SUCCESS && connack->session_present) {
        become_ready(device);
    } else if (connack->reason == MQTT_SUCCESS) {
        subscribe(device);
    } else if (connack->reason != MQTT_SERVER_UNAVAILABLE && connack->reason != MQTT_SERVER_BUSY) {
        world_difference(device->world, "%s: CONNACK 0x%02x %.*s", device->serial, connack->reason,
                         STR_ARG(connack->properties.reason_string));
    }
}

static void on_suback(struct sim_device *device, const struct mqtt_suback *suback)
{
    for (size_t i = 0; i < suback->reasons.len; i++) {
        uint8_t reason = (uint8_t)suback->reasons.ptr[i];
        if (reason >= 0x80) {
            world_difference(device->world, "%s: SUBACK 0x%02x", device->serial, reason);
        }
    }
    become_ready(device);
}

static void on_packet(struct mqtt_client *client, const struct mqtt_packet *packet)
{
    struct sim_device *device = container_of(client, struct sim_device, client);
    switch (packet->type) {
    case MQTT_CONNACK:
        on_connack(device, &packet->connack);
        break;
    case MQTT_SUBACK:
        on_suback(device, &packet->suback);
        break;
    case MQTT_PUBLISH:
        on_publish(device, &packet->publish);
        break;
    case MQTT_PUBACK:
        on_puback(device, &packet->puback);
        break;
    case MQTT_DISCONNECT:
        world_difference(device->world, "%s: DISCONNECT 0x%02x %.*s", device->serial, packet->disconnect.reason,
                         STR_ARG(packet->disconnect.properties.reason_string));
        break;
    case MQTT_CONNECT:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_UNSUBACK:
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_AUTH:
        break;
    }
}

static void on_closed(struct mqtt_client *client)
{
    struct sim_device *device = container_of(client, struct sim_device, client);
    struct world *world = device->world;
    world->ready_count -= device->is_ready;
    device->is_ready = false;
    lose_flight(device);
    if (world->phase == PHASE_END) {
        return;
    }
    uint64_t ceiling = (uint64_t)BACKOFF_MIN_MS << (device->failures < 6 ? device->failures : 6);
    ceiling = ceiling > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : ceiling;
    device->failures++;
    timer_set(loop_timers(world->loop), &device->reconnect,
              loop_now_ms(world->loop) + ceiling / 2 + world_draw(world, (unsigned)ceiling / 2 + 1));
}

static const struct mqtt_client_ops callbacks = {.on_packet = on_packet, .on_closed = on_closed};

static void on_reconnect_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    device_mqtt_start(container_of(timer, struct sim_device, reconnect));
}

void device_mqtt_init(struct sim_device *device)
{
    list_init(&device->waiting);
    list_init(&device->in_flight);
    device->reconnect.on_due = on_reconnect_due;
    mqtt_client_init(&device->client, device->world->loop, &callbacks);
    struct mqtt_connect *connect = &device->client.connect;
    connect->client_id = connect->user_name = str_from_cstr(device->thing.id);
    connect->password = str_from_cstr(device->key);
    connect->has_user_name = connect->has_password = true;
    if (device->is_persistent) {
        connect->clean_start = false;
        connect->properties.session_expiry_s = SESSION_EXPIRY_S;
        mqtt_set(&connect->properties, MQTT_PROP_SESSION_EXPIRY);
    }
}

void device_mqtt_start(struct sim_device *device)
{
    mqtt_client_start(&device->client, &device->hub, device->hub_uses_tls ? device->world->tls : NULL);
}

void device_mqtt_stop(struct sim_device *device)
{
    timer_cancel(loop_timers(device->world->loop), &device->reconnect);
    mqtt_client_stop(&device->client);
}

static void on_synced(struct call *call, unsigned status, const struct json *reply)
{
    if (!call_succeeded(status)) {
        call_unexpected(call, status, reply);
    }
}

void device_mqtt_sync(struct sim_device *device)
{
    call_submit(call_new_publish(device, "sync", on_synced));
}
