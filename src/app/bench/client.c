#include "app/bench/client.h"

#include <stdio.h>
#include <time.h>

#include "base/mem.h"

enum { TOPIC_BYTES_MAX = 1024, FILTERS_PER_PACKET = 100, STOP_MS = 5000 };

static void on_stop_due(struct timer *timer, uint64_t now_ms);

uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* Fills in {i}, {id} and {k}. */
static struct str expand(const struct bench_client *client, const char *text, unsigned filter, char *out)
{
    size_t len = 0;
    while (*text && len < TOPIC_BYTES_MAX - BENCH_CLIENT_ID_BYTES) {
        int put = 0, skip = 0;
        if (strncmp(text, "{id}", 4) == 0) {
            put = snprintf(out + len, TOPIC_BYTES_MAX - len, "%s", client->id);
            skip = 4;
        } else if (strncmp(text, "{i}", 3) == 0) {
            put = snprintf(out + len, TOPIC_BYTES_MAX - len, "%u", client->index);
            skip = 3;
        } else if (strncmp(text, "{k}", 3) == 0) {
            put = snprintf(out + len, TOPIC_BYTES_MAX - len, "%u", filter);
            skip = 3;
        } else {
            out[len] = *text;
            put = skip = 1;
        }
        len += (size_t)put;
        text += skip;
    }
    return str_from(out, len);
}

void bench_client_init(struct bench_client *client, const struct bench_client_ops *ops,
                       const struct bench_options *options, struct loop *loop, struct tls_client *tls, char kind,
                       uint32_t index)
{
    *client = (struct bench_client){.ops = ops, .options = options, .loop = loop, .tls = tls, .index = index,
                                    .clean_start = options->clean_start,
                                    .expiry_s = options->expiry_s, .allowance = UINT64_MAX,
                                    .stop = {.on_due = on_stop_due}};
    snprintf(client->id, sizeof client->id, "%.32s-%c%u", options->prefix, kind, index);
}

void bench_client_deinit(struct bench_client *client)
{
    wire_template_deinit(&client->template);
    mem_free(client->free_ids);
    mem_free(client->sent_ns);
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static void send_packet(struct bench_client *client, const struct mqtt_packet *packet)
{
    mqtt_encode(stream_output(client->stream), client->options->version, packet);
    stream_commit(client->stream);
}

static void greet(struct stream *stream)
{
    struct bench_client *client = stream_user(stream);
    const struct bench_options *o = client->options;
    struct mqtt_connect connect = {
        .protocol_level = (uint8_t)o->version, .version = o->version, .clean_start = client->clean_start,
        .keep_alive_s = o->keep_alive_s, .client_id = str_from_cstr(client->id)};
    if (client->key) {
        connect.user_name = connect.client_id;
        connect.password = str_from_cstr(client->key);
        connect.has_user_name = connect.has_password = true;
    }
    if (client->expiry_s) {
        connect.properties.session_expiry_s = client->expiry_s;
        mqtt_set(&connect.properties, MQTT_PROP_SESSION_EXPIRY);
    }
    if (o->receive_maximum && client->filter_count) {
        connect.properties.receive_maximum = (uint16_t)o->receive_maximum;
        mqtt_set(&connect.properties, MQTT_PROP_RECEIVE_MAXIMUM);
    }
    client->state = CLIENT_GREETING;
    send_packet(client, &(struct mqtt_packet){.type = MQTT_CONNECT, .connect = connect});
}

/* The k-th filter of a connection. */
static const char *filter_text(const struct bench_client *client, unsigned k)
{
    static const char *const topics[BENCH_DEVICE_TOPICS] = { /* downlinks of mqtt.md */
        "v1/device/{id}/command", "v1/device/{id}/config",    "v1/device/{id}/license", "v1/device/{id}/space_info",
        "v1/device/{id}/firmware", "v1/device/{id}/incidents", "v1/device/{id}/update",
    };
    return client->options->device_topics ? topics[k % BENCH_DEVICE_TOPICS] : client->options->filter;
}

/* The next filters, as many as go into one packet. */
static void subscribe(struct bench_client *client)
{
    unsigned first = client->filter_count - client->filters_left;
    unsigned count = client->filters_left < FILTERS_PER_PACKET ? client->filters_left : FILTERS_PER_PACKET;
    struct mqtt_subscription *list = mem_calloc(count, sizeof *list);
    char *names = mem_alloc((size_t)count * TOPIC_BYTES_MAX);
    for (unsigned i = 0; i < count; i++) {
        list[i].filter = expand(client, filter_text(client, first + i), first + i, names + (size_t)i * TOPIC_BYTES_MAX);
        list[i].qos = client->options->subscribe_qos;
    }
    client->state = CLIENT_SUBSCRIBING;
    send_packet(client, &(struct mqtt_packet){
        .type = MQTT_SUBSCRIBE, .subscribe = {.packet_id = 1, .count = count, .list = list}});
    mem_free(list);
    mem_free(names);
}

static void ready(struct bench_client *client)
{
    client->state = CLIENT_READY;
    client->ops->on_ready(client);
}

static void forget_flight(struct bench_client *client)
{
    client->free_count = 0;
    for (unsigned id = client->window; id > 0; id--) {
        client->free_ids[client->free_count++] = (uint16_t)id;
    }
}

static bool on_connack(struct bench_client *client, const struct wire_packet *packet)
{
    struct mqtt_packet decoded;
    const uint8_t *start = packet->body - (packet->total_bytes - packet->body_bytes);
    if (mqtt_decode(&decoded, client->options->version, MQTT_FROM_SERVER, start, packet->total_bytes).reason) {
        return false;
    }
    const struct mqtt_connack *connack = &decoded.connack;
    client->connack = connack->reason;
    if (client->connack != 0) {
        return false;
    }
    client->session_present = connack->session_present;
    client->window = client->free_ids ? client->options->inflight : 0;
    if (mqtt_has(&connack->properties, MQTT_PROP_RECEIVE_MAXIMUM) &&
        connack->properties.receive_maximum < client->window) {
        client->window = connack->properties.receive_maximum;
    }
    forget_flight(client);
    client->filters_left = client->filter_count;
    if (client->filters_left && !(client->session_present && !client->clean_start)) {
        subscribe(client);
    } else {
        ready(client);
    }
    return true;
}

static bool on_suback(struct bench_client *client, const struct wire_packet *packet)
{
    unsigned count = client->filters_left < FILTERS_PER_PACKET ? client->filters_left : FILTERS_PER_PACKET;
    if (client->state != CLIENT_SUBSCRIBING || packet->body_bytes < 2 + count) {
        return false;
    }
    for (unsigned i = 1; i <= count; i++) { /* the reasons are the last bytes */
        if (packet->body[packet->body_bytes - i] >= 0x80) {
            return false;
        }
    }
    client->filters_left -= count;
    if (client->filters_left) {
        subscribe(client);
    } else {
        ready(client);
    }
    return true;
}

/* --- publishing --------------------------------------------------------------------------------------------------- */

void bench_client_make_template(struct bench_client *client)
{
    const struct bench_options *o = client->options;
    char topic[TOPIC_BYTES_MAX], text[96];
    struct str json = {NULL, 0};
    if (!o->payload_bytes) {
        json = str_from(text, (size_t)snprintf(text, sizeof text,
                                               "{\"telemetries\":{\"temp\":%u.%u,\"n\":%u,\"ok\":true}}",
                                               20 + client->index % 10, client->index % 7, client->index));
    }
    wire_template_init(&client->template, o->version, expand(client, o->topic, 0, topic), o->qos, o->retain,
                       client->index, o->payload_bytes, json);
}

void bench_client_publishes(struct bench_client *client)
{
    const struct bench_options *o = client->options;
    bench_client_make_template(client);
    if (o->qos) {
        client->free_ids = mem_calloc(o->inflight, sizeof *client->free_ids);
        client->sent_ns = mem_calloc((size_t)o->inflight + 1, sizeof *client->sent_ns);
    }
}

bool bench_client_publish_as(struct bench_client *client, const struct wire_template *template, uint64_t number,
                             uint64_t now_ns)
{
    if (client->state != CLIENT_READY) {
        return false;
    }
    uint16_t id = 0;
    if (client->free_ids) {
        if (client->free_count == 0) {
            return false;
        }
        id = client->free_ids[--client->free_count];
        client->sent_ns[id] = now_ns;
    }
    wire_publish(stream_output(client->stream), template, id, number, now_ns);
    client->next_number++;
    return true;
}

bool bench_client_publish(struct bench_client *client, uint64_t now_ns)
{
    return bench_client_publish_as(client, &client->template, client->next_number, now_ns);
}

void bench_client_commit(struct bench_client *client)
{
    if (client->stream) {
        stream_commit(client->stream);
    }
}

static bool on_acknowledgement(struct bench_client *client, const struct wire_packet *packet, uint64_t now_ns)
{
    if (packet->body_bytes < 2) {
        return false;
    }
    uint16_t id = (uint16_t)(packet->body[0] << 8 | packet->body[1]);
    bool refused = packet->body_bytes > 2 && packet->body[2] >= 0x80;
    if (packet->type == MQTT_PUBREL) {
        wire_acknowledge(stream_output(client->stream), MQTT_PUBCOMP, id);
        return true;
    }
    if (id == 0 || id > client->window || client->free_count == client->window) {
        return false;
    }
    if (packet->type == MQTT_PUBREC && !refused) {
        wire_acknowledge(stream_output(client->stream), MQTT_PUBREL, id);
        return true;
    }
    client->free_ids[client->free_count++] = id;
    client->acknowledged += !refused;
    client->refused += refused;
    if (client->ops->on_acknowledged) {
        client->ops->on_acknowledged(client, client->sent_ns[id], now_ns, refused);
    }
    return true;
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

static bool on_publish(struct bench_client *client, const struct wire_packet *packet, uint64_t now_ns)
{
    uint16_t id;
    struct str payload;
    if (!wire_publish_read(packet, client->options->version, &id, &payload)) {
        return false;
    }
    if (id) {
        wire_acknowledge(stream_output(client->stream), (packet->flags & 6) == 2 ? MQTT_PUBACK : MQTT_PUBREC, id);
    }
    if (client->allowance != UINT64_MAX) {
        client->allowance--;
    }
    if (client->ops->on_message) {
        client->ops->on_message(client, payload, now_ns);
    }
    return true;
}

static bool on_packet(struct bench_client *client, const struct wire_packet *packet, uint64_t now_ns)
{
    switch (packet->type) {
    case MQTT_PUBLISH:
        return on_publish(client, packet, now_ns);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        return on_acknowledgement(client, packet, now_ns);
    case MQTT_CONNACK:
        return client->state == CLIENT_GREETING && on_connack(client, packet);
    case MQTT_SUBACK:
        return on_suback(client, packet);
    case MQTT_PINGRESP:
        client->pings -= client->pings > 0;
        if (client->ops->on_pong) {
            client->ops->on_pong(client);
        }
        return true;
    default: /* a DISCONNECT above all */
        return false;
    }
}

static size_t on_data(struct stream *stream, const uint8_t *data, size_t len)
{
    struct bench_client *client = stream_user(stream);
    uint64_t now_ns = bench_now_ns();
    size_t used = 0;
    while (used < len && client->stream == stream) {
        if (client->allowance == 0) {
            client->is_paused = true;
            stream_pause(stream);
            break;
        }
        struct wire_packet packet;
        int found = wire_next(data + used, len - used, &packet);
        if (found == 0) {
            break;
        }
        if (found < 0 || !on_packet(client, &packet, now_ns)) {
            stream_abort(stream);
            return len;
        }
        used += packet.total_bytes;
    }
    if (client->state == CLIENT_READY && client->ops->on_room) {
        client->ops->on_room(client);
    }
    if (client->stream == stream) {
        stream_commit(stream);
    }
    return used;
}

static void on_drained(struct stream *stream)
{
    struct bench_client *client = stream_user(stream);
    if (client->state == CLIENT_READY && client->ops->on_room) {
        client->ops->on_room(client);
    }
}

static void on_closed(struct stream *stream, enum stream_end why)
{
    (void)why;
    struct bench_client *client = stream_user(stream);
    enum bench_client_state was = client->state;
    client->stream = NULL;
    client->state = CLIENT_IDLE;
    client->pings = 0;
    client->is_paused = false;
    timer_cancel(loop_timers(client->loop), &client->stop);
    client->ops->on_closed(client, was);
}

static const struct stream_ops stream_callbacks = {
    .on_data = on_data, .on_drained = on_drained, .on_closed = on_closed};

void bench_client_start(struct bench_client *client)
{
    client->state = CLIENT_CONNECTING;
    client->connack = 0;
    client->stream = stream_connect(client->loop, &client->options->to, client->tls, &stream_callbacks, greet, client);
    if (!client->stream) {
        client->state = CLIENT_IDLE;
        client->ops->on_closed(client, CLIENT_CONNECTING);
    }
}

void bench_client_ping(struct bench_client *client)
{
    if (client->state == CLIENT_READY) {
        client->pings++;
        send_packet(client, &(struct mqtt_packet){.type = MQTT_PINGREQ});
    }
}

void bench_client_allow(struct bench_client *client, uint64_t messages)
{
    client->allowance = messages == UINT64_MAX ? messages : client->allowance + messages;
    if (client->is_paused && client->stream) {
        client->is_paused = false;
        stream_resume(client->stream);
    }
}

static void on_stop_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct bench_client *client = container_of(timer, struct bench_client, stop);
    if (client->stream) {
        stream_abort(client->stream);
    }
}

void bench_client_stop(struct bench_client *client, bool ends_session)
{
    if (!client->stream) {
        return;
    }
    struct mqtt_packet packet = {.type = MQTT_DISCONNECT};
    if (ends_session && client->options->version == MQTT_V5) {
        mqtt_set(&packet.disconnect.properties, MQTT_PROP_SESSION_EXPIRY);
    }
    send_packet(client, &packet);
    client->state = CLIENT_LEAVING;
    timer_set(loop_timers(client->loop), &client->stop, loop_now_ms(client->loop) + STOP_MS);
}
