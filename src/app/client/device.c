#include "app/client/device.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/client/hub_url.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "notify/http_client.h"

enum { BACKOFF_MIN_MS = 500, BACKOFF_MAX_MS = 30000, COMMAND_MS_MIN = 800, COMMAND_MS_SPREAD = 1700 };

static const char *const names[] = {"Lobby panel", "Boiler room sensor", "North entrance", "Rooftop unit", "Workshop meter",
                                    "Cold store",  "Server room",        "Greenhouse",     "Loading dock", "Reception"};

static uint64_t random_below(uint64_t limit)
{
    return limit ? random_u64() % limit : 0;
}

/* ---- registration ------------------------------------------------------------------------------------------------ */

static void write_registration(const struct device *device, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_cstr(&w, "hardware_key", device->fleet->hardware_key);
    json_field_cstr(&w, "firmware_version", "1.3.3");
    json_field_cstr(&w, "sn", device->serial);
    char mac[18];
    snprintf(mac, sizeof mac, "02:00:5e:%02x:%02x:%02x", (device->index >> 16) & 0xff, (device->index >> 8) & 0xff,
             device->index & 0xff);
    json_field_cstr(&w, "mac", mac);
    json_field_cstr(&w, "cloud_id", device->cloud_id);
    if (device->index < sizeof names / sizeof names[0]) {
        json_field_cstr(&w, "name", names[device->index]);
    }
    json_name(&w, "details");
    json_begin_object(&w);
    json_field_bool(&w, "simulated", true);
    json_end_object(&w);
    json_end_object(&w);
}

static bool copy_field(char *out, size_t size, const struct json *object, const char *name)
{
    struct str value = json_string(json_get(object, name));
    if (!value.len || value.len >= size) {
        return false;
    }
    memcpy(out, value.ptr, value.len);
    out[value.len] = 0;
    return true;
}

static bool take_identity(struct device *device, struct str reply)
{
    struct json *body;
    if (json_parse(reply, NULL, &body) != ERR_OK) {
        return false;
    }
    bool ok = copy_field(device->id, sizeof device->id, body, "id") &&
              copy_field(device->access_key, sizeof device->access_key, body, "access_key") &&
              hub_url_parse(json_string(json_get(body, "mqtt_hub_url")), &device->hub, &device->hub_uses_tls);
    json_free(body);
    snprintf(device->topic_prefix, sizeof device->topic_prefix, "v1/device/%s/", device->id);
    return ok;
}

bool device_register(struct device *device, struct http_client *http)
{
    struct buf body;
    buf_init(&body, 4096);
    write_registration(device, &body);
    char url[512];
    snprintf(url, sizeof url, "%s/v1/devices", device->fleet->http_url);
    struct http_exchange exchange = {.method = "POST", .url = url, .body = buf_str(&body)};
    enum err err = http_call(http, &exchange);
    bool ok = err == ERR_OK && exchange.status == 201 && take_identity(device, buf_str(&exchange.reply));
    if (!ok) {
        fprintf(stderr, "simulate: %s: registration failed: %ld %.*s\n", device->serial, exchange.status,
                STR_ARG(buf_str(&exchange.reply)));
    }
    buf_deinit(&exchange.reply);
    buf_deinit(&body);
    device->has_identity = ok;
    return ok;
}

/* ---- what it reports --------------------------------------------------------------------------------------------- */

void device_write_telemetry(struct device *device, struct buf *out)
{
    double minutes = (double)clock_monotonic_ms() / 60000.0;
    double wave = sin(minutes * 2.1 + device->phase);
    device->drift = device->drift * 0.97 + ((double)random_below(2001) / 1000.0 - 1.0) * 0.25;
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_cstr(&w, "status", "online");
    json_name(&w, "telemetries");
    json_begin_object(&w);
    json_field_double(&w, "temp", round((21.5 + 2.4 * wave + device->drift) * 10) / 10);
    json_field_double(&w, "humidity", round((46 - 5 * wave + device->drift * 2) * 10) / 10);
    json_field_int(&w, "power", (int64_t)(180 + 60 * wave + device->drift * 20));
    json_field_int(&w, "battery", 100 - (int64_t)(device->reports / 240 % 60));
    json_field_bool(&w, "door_open", random_below(20) == 0);
    json_field_cstr(&w, "mode", wave > 0.6 ? "cooling" : wave < -0.6 ? "heating" : "idle");
    json_end_object(&w);
    json_end_object(&w);
    device->reports++;
}

static void publish_named(struct device *device, const char *name, struct str payload)
{
    char topic[128];
    snprintf(topic, sizeof topic, "%s%s", device->topic_prefix, name);
    mqtt_client_publish(&device->client, str_from_cstr(topic), payload, 1);
}

static void on_report_due(struct timer *timer, uint64_t now_ms)
{
    struct device *device = container_of(timer, struct device, report);
    struct buf body;
    buf_init(&body, 4096);
    device_write_telemetry(device, &body);
    publish_named(device, "telemetry", buf_str(&body));
    buf_deinit(&body);
    timer_set(loop_timers(device->fleet->loop), timer, now_ms + device->fleet->interval_ms);
}

/* ---- what it is told --------------------------------------------------------------------------------------------- */

static void report_command(struct device *device, const char *status, const char *message)
{
    struct buf body;
    buf_init(&body, 1024);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_begin_object(&w);
    json_field_cstr(&w, "id", device->command_id);
    json_field_cstr(&w, "status", status);
    json_field_cstr(&w, "message", message);
    json_end_object(&w);
    mqtt_client_publish(&device->client, str_from_cstr(device->response_topic), buf_str(&body), 1);
    buf_deinit(&body);
}

static void on_finish_due(struct timer *timer, uint64_t now_ms)
{
    struct device *device = container_of(timer, struct device, finish);
    if (!timer_is_set(&device->report)) { /* not connected: an in-progress command is not sent again, so it is kept */
        timer_set(loop_timers(device->fleet->loop), timer, now_ms + COMMAND_MS_MIN);
        return;
    }
    report_command(device, "done", "Simulated");
    device->command_id[0] = 0;
    atomic_fetch_add(&device->fleet->commands, 1);
}

/* A command may arrive twice (mqtt.md 5.2.5): one that is under way is not begun again. */
static void on_command(struct device *device, const struct mqtt_publish *publish, const struct json *body)
{
    char id[sizeof device->command_id];
    if (!copy_field(id, sizeof id, body, "id") || strcmp(id, device->command_id) == 0) {
        return;
    }
    memcpy(device->command_id, id, sizeof id);
    struct str answer_to = publish->properties.response_topic;
    if (answer_to.len && answer_to.len < sizeof device->response_topic) {
        snprintf(device->response_topic, sizeof device->response_topic, "%.*s", STR_ARG(answer_to));
    } else {
        snprintf(device->response_topic, sizeof device->response_topic, "%scommand/update", device->topic_prefix);
    }
    report_command(device, "in_progress", NULL);
    timer_set(loop_timers(device->fleet->loop), &device->finish,
              loop_now_ms(device->fleet->loop) + COMMAND_MS_MIN + random_below(COMMAND_MS_SPREAD));
}

static void on_publish(struct device *device, const struct mqtt_publish *publish)
{
    if (publish->qos) {
        mqtt_client_send(&device->client,
                         &(struct mqtt_packet){.type = MQTT_PUBACK, .puback = {.packet_id = publish->packet_id}});
    }
    struct json *body;
    if (json_parse(publish->payload, NULL, &body) != ERR_OK) {
        return;
    }
    if (str_ends_with(publish->topic, STR("/command"))) {
        on_command(device, publish, body);
    } else if (str_ends_with(publish->topic, STR("/config"))) {
        publish_named(device, "config/update", publish->payload); /* applied: told back as it came (device-api.md 5.2) */
    }
    json_free(body);
}

/* ---- its connection ---------------------------------------------------------------------------------------------- */

static void subscribe(struct device *device)
{
    static const char *const topics[] = {"command", "config", "license", "space_info", "firmware", "incidents", "update"};
    mqtt_client_subscribe(&device->client, device->topic_prefix, topics, sizeof topics / sizeof topics[0]);
}

static void on_connack(struct device *device, const struct mqtt_connack *connack)
{
    if (connack->reason != MQTT_SUCCESS) {
        if (!device->fleet->is_quiet) {
            fprintf(stderr, "simulate: %s: refused: 0x%02x %s %.*s\n", device->serial, (unsigned)connack->reason,
                    mqtt_reason_name(MQTT_CONNACK, connack->reason), STR_ARG(connack->properties.reason_string));
        }
        /* Credentials that are dead mean a deleted device: it starts over, as firmware does. */
        device->has_identity = connack->reason != MQTT_BAD_CREDENTIALS;
        return;
    }
    device->failures = 0;
    atomic_fetch_add(&device->fleet->connected, 1);
    device->client.established = true;
    subscribe(device);
    timer_set(loop_timers(device->fleet->loop), &device->report,
              loop_now_ms(device->fleet->loop) + random_below(device->fleet->interval_ms + 1));
}

static void on_packet(struct mqtt_client *client, const struct mqtt_packet *packet)
{
    struct device *device = container_of(client, struct device, client);
    switch (packet->type) {
    case MQTT_CONNACK:
        on_connack(device, &packet->connack);
        break;
    case MQTT_PUBLISH:
        on_publish(device, &packet->publish);
        break;
    case MQTT_PUBACK:
        atomic_fetch_add(&device->fleet->samples, 1);
        if (device->fleet->on_acknowledged) {
            device->fleet->on_acknowledged(device, packet->puback.packet_id);
        }
        break;
    case MQTT_CONNECT:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_SUBSCRIBE:
    case MQTT_SUBACK:
    case MQTT_UNSUBSCRIBE:
    case MQTT_UNSUBACK:
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        break;
    }
}

static uint64_t backoff_ms(const struct device *device)
{
    uint64_t ceiling = (uint64_t)BACKOFF_MIN_MS << (device->failures < 8 ? device->failures : 8);
    if (ceiling > BACKOFF_MAX_MS) {
        ceiling = BACKOFF_MAX_MS;
    }
    return ceiling / 2 + random_below(ceiling / 2 + 1); /* jittered, so that a fleet does not come back at once */
}

static void on_closed(struct mqtt_client *client)
{
    struct device *device = container_of(client, struct device, client);
    struct timer_wheel *timers = loop_timers(device->fleet->loop);
    if (timer_is_set(&device->report)) {
        atomic_fetch_sub(&device->fleet->connected, 1);
    }
    timer_cancel(timers, &device->report);
    if (!device->fleet->stopping && !device->is_stopped) {
        timer_set(timers, &device->reconnect, loop_now_ms(device->fleet->loop) + backoff_ms(device));
        device->failures++;
    }
}

static const struct mqtt_client_ops callbacks = {.on_packet = on_packet, .on_closed = on_closed};

static void make_identity(struct device *device)
{
    snprintf(device->serial, sizeof device->serial, "SIM-%s-%05u", device->fleet->run_name, device->index + 1);
    char random[17];
    random_base62(random, 16);
    snprintf(device->cloud_id, sizeof device->cloud_id, "%s%s", device->fleet->short_code, random);
}

static void on_reconnect_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct device *device = container_of(timer, struct device, reconnect);
    if (device->has_identity) {
        device_connect(device);
    } else {
        timer_cancel(loop_timers(device->fleet->loop), &device->finish);
        device->command_id[0] = 0;
        make_identity(device);
        device->fleet->want_registration(device->fleet, device);
    }
}

void device_init(struct device *device, struct fleet *fleet, unsigned index)
{
    *device = (struct device){.fleet = fleet, .index = index};
    device->report.on_due = on_report_due;
    device->reconnect.on_due = on_reconnect_due;
    device->finish.on_due = on_finish_due;
    device->phase = (double)random_below(6283) / 1000.0;
    make_identity(device);
}

void device_connect(struct device *device)
{
    unsigned keep = device->client.next_packet_id;
    mqtt_client_init(&device->client, device->fleet->loop, &callbacks);
    device->client.next_packet_id = (uint16_t)keep;
    struct mqtt_connect *connect = &device->client.connect;
    connect->client_id = connect->user_name = str_from_cstr(device->id);
    connect->password = str_from_cstr(device->access_key);
    connect->has_user_name = connect->has_password = true;
    mqtt_client_start(&device->client, &device->hub, device->hub_uses_tls ? device->fleet->tls : NULL);
}

void device_stop(struct device *device)
{
    device->is_stopped = true;
    timer_cancel(loop_timers(device->fleet->loop), &device->reconnect);
    timer_cancel(loop_timers(device->fleet->loop), &device->finish);
    mqtt_client_stop(&device->client);
}
