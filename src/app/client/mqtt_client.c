#include "app/client/mqtt_client.h"

#include <stdio.h>

#include "base/mem.h"

enum { PACKET_BYTES_MAX = 1024 * 1024 };

static enum mqtt_version client_version(const struct mqtt_client *client)
{
    return client->connect.version;
}

static void arm_ping(struct mqtt_client *client)
{
    if (client->connect.keep_alive_s) {
        timer_set(loop_timers(client->loop), &client->ping,
                  loop_now_ms(client->loop) + (uint64_t)client->connect.keep_alive_s * 750);
    }
}

static void on_ping_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct mqtt_client *client = container_of(timer, struct mqtt_client, ping);
    if (client->established) {
        mqtt_client_send(client, &(struct mqtt_packet){.type = MQTT_PINGREQ});
        arm_ping(client);
    }
}

static size_t on_data(struct stream *stream, const uint8_t *data, size_t len)
{
    struct mqtt_client *client = stream_user(stream);
    size_t used = 0;
    while (client->stream == stream && used < len) {
        struct mqtt_frame frame;
        enum mqtt_frame_status status = mqtt_frame(data + used, len - used, PACKET_BYTES_MAX, &frame);
        if (status == MQTT_FRAME_NEED_MORE) {
            break;
        }
        struct mqtt_packet packet;
        if (status != MQTT_FRAME_OK ||
            mqtt_decode(&packet, client_version(client), MQTT_FROM_SERVER, data + used, frame.total_bytes).reason) {
            stream_abort(stream);
            return len;
        }
        used += frame.total_bytes;
        if (packet.type != MQTT_PINGRESP) {
            client->ops->on_packet(client, &packet);
        }
    }
    return used;
}

static void on_closed(struct stream *stream, enum stream_end why)
{
    (void)why;
    struct mqtt_client *client = stream_user(stream);
    if (client->stream != stream) {
        return;
    }
    client->stream = NULL;
    client->established = false;
    timer_cancel(loop_timers(client->loop), &client->ping);
    client->ops->on_closed(client);
}

static const struct stream_ops stream_callbacks = {.on_data = on_data, .on_closed = on_closed};

static void on_connected(struct stream *stream)
{
    struct mqtt_client *client = stream_user(stream);
    client->established = true;
    mqtt_client_send(client, &(struct mqtt_packet){.type = MQTT_CONNECT, .connect = client->connect});
    arm_ping(client);
}

void mqtt_client_init(struct mqtt_client *client, struct loop *loop, const struct mqtt_client_ops *ops)
{
    *client = (struct mqtt_client){.ops = ops, .loop = loop, .ping = {.on_due = on_ping_due}};
    client->connect = (struct mqtt_connect){
        .protocol_level = 5, .version = MQTT_V5, .clean_start = true, .keep_alive_s = 60};
}

void mqtt_client_start(struct mqtt_client *client, const struct net_address *to, struct tls_client *tls)
{
    client->established = false;
    client->stream = stream_connect(client->loop, to, tls, &stream_callbacks, on_connected, client);
    if (!client->stream) {
        client->ops->on_closed(client);
    }
}

void mqtt_client_send(struct mqtt_client *client, const struct mqtt_packet *packet)
{
    if (client->stream) {
        mqtt_encode(stream_output(client->stream), client_version(client), packet);
        stream_commit(client->stream);
    }
}

uint16_t mqtt_client_packet_id(struct mqtt_client *client)
{
    if (++client->next_packet_id == 0) {
        client->next_packet_id = 1;
    }
    return client->next_packet_id;
}

uint16_t mqtt_client_publish(struct mqtt_client *client, struct str topic, struct str payload, uint8_t qos)
{
    if (!client->stream) {
        return 0;
    }
    uint16_t id = qos ? mqtt_client_packet_id(client) : 0;
    struct buf *out = stream_output(client->stream);
    mqtt_encode_publish_head(out, client_version(client), &(struct mqtt_publish_head){
        .topic = topic, .packet_id = id, .qos = qos, .payload_bytes = payload.len});
    buf_append_str(out, payload);
    stream_commit(client->stream);
    return id;
}

void mqtt_client_stop(struct mqtt_client *client)
{
    if (client->stream) {
        mqtt_client_send(client, &(struct mqtt_packet){.type = MQTT_DISCONNECT});
        stream_close(client->stream);
    }
}

void mqtt_client_abort(struct mqtt_client *client)
{
    if (client->stream) {
        stream_abort(client->stream);
    }
}

void mqtt_client_subscribe(struct mqtt_client *client, const char *prefix, const char *const topics[], size_t count)
{
    char filters[MQTT_CLIENT_TOPICS_MAX][96];
    struct mqtt_subscription list[MQTT_CLIENT_TOPICS_MAX];
    for (size_t i = 0; i < count; i++) {
        snprintf(filters[i], sizeof filters[i], "%s%s", prefix, topics[i]);
        list[i] = (struct mqtt_subscription){.filter = str_from_cstr(filters[i]), .qos = 1};
    }
    mqtt_client_send(client, &(struct mqtt_packet){
        .type = MQTT_SUBSCRIBE, .subscribe = {.packet_id = mqtt_client_packet_id(client), .count = count, .list = list}});
}
