/* The bytes of four clients (a device, applications, clients of an open listener) through the whole core of the hub, with
 * time, storage faults, crashes, small limits and events between them, in the virtual world of the replay tests. The input
 * is a list of steps (enum world_step): raw bytes, or proper packets made of a few bytes, so that mutation finds its way into
 * QoS 2, sessions, shared subscriptions, aliases and Wills. What the server sends is checked (hub_stream_watch.h): single
 * packets, and what becomes of the messages. */
#include <stdio.h>
#include <stdlib.h>

#include "hub_stream.h"

#define STEPS_MAX 400

static struct world_client *client_of(const struct fuzz *f, unsigned which)
{
    static const char *const names[CLIENTS] = {"A", "B", "C", "D"};
    return world_client(f->w, names[which % CLIENTS]);
}

struct watch *watch_of(struct fuzz *f, const struct world_client *client)
{
    return &f->watches[client - f->w->clients];
}

void send_packet(struct fuzz *f, struct world_client *client, enum mqtt_version version, const struct mqtt_packet *packet)
{
    struct buf out;
    watch_sent(watch_of(f, client), packet);
    if (packet->type == MQTT_CONNECT && packet->connect.clean_start) {
        ledger_starts_clean(f->ledger, watch_of(f, client)->who);
    }
    buf_init(&out, 65536);
    mqtt_encode(&out, version, packet);
    world_send(client, out.data, out.len);
    buf_deinit(&out);
}

/* --- proper packets ----------------------------------------------------------------------------------------------- */

struct str topic_write(const struct fuzz *f, const struct world_client *client, const char *text, char *out, size_t size)
{
    const char *at = strchr(text, '@');
    bool open = client->connection && client->connection->space;
    int head = at ? (int)(at - text) : (int)strlen(text);
    snprintf(out, size, "%.*s%s%s", head, text, at && !open ? f->prefix : "", at ? at + 1 : "");
    return str_from_cstr(out);
}

static struct str topic_of(const struct fuzz *f, const struct world_client *client, unsigned which, bool filter, char *out,
                           size_t size)
{
    static const char *const names[] = {"@user/a",   "@user/a/b",     "@telemetry",     "@config/update", "@command/update",
                                        "@sync",     "@user/$x",      "@events",        "a",              "$s/a"};
    static const char *const filters[] = {"@user/#",   "@user/+",      "$share/g/@user/#", "@telemetry", "@command", "@commands",
                                          "@config",   "@user/a",      "$share/h/@user/a", "#",          "@reply/#", "$share/g/#",
                                          "v1/device/+/user/#", "v1/device/+/telemetry", "@license",  "$s/+"};
    const char *text = filter ? filters[which % (sizeof filters / sizeof filters[0])] : names[which % (sizeof names / sizeof names[0])];
    return topic_write(f, client, text, out, size);
}

static void set_will(const struct fuzz *f, const struct world_client *client, struct mqtt_connect *c, uint8_t options, char *topic,
                     size_t size)
{
    c->has_will = true;
    c->will.topic = topic_of(f, client, options >> 6 & 1 ? 2 : 0, false, topic, size);
    c->will.payload = STR("{\"telemetries\":{\"w\":1}}");
    c->will.qos = (uint8_t)((options >> 1 & 3) % 3);
    c->will.retain = (options & 8) != 0;
    if (options & 16) {
        c->will.properties.will_delay_s = 5;
        mqtt_set(&c->will.properties, MQTT_PROP_WILL_DELAY);
    }
}

static void set_session(struct mqtt_connect *c, uint8_t flags, uint8_t options)
{
    struct mqtt_properties *p = &c->properties;
    c->clean_start = (flags & 8) != 0;
    if (flags & 16) {
        p->session_expiry_s = 20;
        mqtt_set(p, MQTT_PROP_SESSION_EXPIRY);
    }
    if (flags & 32) {
        p->receive_maximum = 2;
        mqtt_set(p, MQTT_PROP_RECEIVE_MAXIMUM);
    }
    if (flags & 64) {
        p->topic_alias_maximum = 2;
        mqtt_set(p, MQTT_PROP_TOPIC_ALIAS_MAXIMUM);
    }
    if (options & 32) {
        p->maximum_packet_size = 100;
        mqtt_set(p, MQTT_PROP_MAXIMUM_PACKET_SIZE);
    }
}

/* A CONNECT that is accepted. Bits of flags: 0-2 who, 3 Clean Start, 4 expiry, 5 Receive Maximum, 6 aliases, 7 3.1.1; of
 * options: 0-4 and 6 the Will, 5 a small Maximum Packet Size, 7 another client id. */
static void login(struct fuzz *f, struct world_client *client, uint8_t flags, uint8_t options)
{
    static const char *const devices[] = {"dev1", "dev3"};
    unsigned who = flags & 7;
    char id[UUID_TEXT_BYTES], topic[128];
    const struct world_device *d = world_device(f->w, str_from_cstr(devices[who == 1]));
    uuid_format(&d->brief.id, id);
    struct mqtt_packet packet = {.type = MQTT_CONNECT};
    struct mqtt_connect *c = &packet.connect;
    c->version = flags & 128 ? MQTT_V311 : MQTT_V5;
    c->protocol_level = (uint8_t)c->version;
    c->keep_alive_s = 60;
    c->has_user_name = c->has_password = true;
    c->client_id = who < 2 ? str_from_cstr(id) : options & 128 ? STR("x") : STR("y");
    c->user_name = who < 2 ? str_from_cstr(id) : who == 2 ? STR("partner") : STR("org");
    c->password = who < 2 ? str_from_cstr(d->key) : who == 2 ? STR("partner1") : STR("org1");
    set_session(c, flags, options);
    world_open(client, "192.0.2.1", true);
    if (who > 4) {
        client->connection->space = hub_open_space(&f->w->core, STR("open"));
    }
    if (options & 1) {
        set_will(f, client, c, options, topic, sizeof topic);
    }
    client->version = c->version;
    watch_of(f, client)->who = who < 2    ? WATCHED_DEVICES + 2 * who
                               : who == 2 ? WATCHED_PARTNER + (options >> 7)
                               : who < 5  ? WATCHED_ORGANIZATION_1 + (options >> 7)
                                          : WATCHED_OPEN + (options >> 7);
    send_packet(f, client, c->version, &packet);
}

struct str payload_of(struct fuzz *f, const struct world_client *client, const struct mqtt_publish *p, unsigned topic,
                             bool telemetry, char *out, size_t size)
{
    const struct watch *watch = watch_of(f, client);
    bool counts = p->topic.len > 0 && !p->retain;
    bool again = p->dup && p->qos == 2 && watch->connack;
    unsigned number = counts && again ? ledger_repeat(f->ledger, watch->who, p->packet_id) : 0;
    number = counts && number == 0 ? ledger_publish(f->ledger, watch, topic, p) : number;
    if (number == 0) {
        return telemetry ? STR("{\"telemetries\":{\"a\":1}}") : STR("1");
    }
    snprintf(out, size, telemetry ? "{\"telemetries\":{\"s\":%u}}" : "#%u", number);
    return str_from_cstr(out);
}

static void publish(struct fuzz *f, struct world_client *client, const uint8_t *o)
{
    char topic[128], payload[64];
    struct mqtt_packet packet = {.type = MQTT_PUBLISH};
    struct mqtt_publish *p = &packet.publish;
    p->qos = (o[0] & 3) % 3;
    p->retain = (o[0] & 4) != 0;
    p->dup = p->qos > 0 && (o[0] & 8);
    p->packet_id = p->qos > 0 ? 1 + (o[1] & 7) : 0;
    p->topic = o[0] & 16 ? STR("") : topic_of(f, client, o[2], false, topic, sizeof topic);
    p->payload = o[1] & 64 ? STR("") : payload_of(f, client, p, o[2] % 10, (o[1] & 128) != 0, payload, sizeof payload);
    if (o[0] & (16 | 32)) {
        p->properties.topic_alias = 1 + (o[0] >> 7);
        mqtt_set(&p->properties, MQTT_PROP_TOPIC_ALIAS);
    }
    if (o[0] & 64) {
        p->properties.message_expiry_s = 3;
        mqtt_set(&p->properties, MQTT_PROP_MESSAGE_EXPIRY);
    }
    send_packet(f, client, client->version, &packet);
}

void send_subscribe(struct fuzz *f, struct world_client *client, const struct mqtt_packet *packet)
{
    const struct mqtt_subscribe *s = &packet->subscribe;
    for (size_t i = 0; i < s->count; i++) {
        if (str_starts_with(s->list[i].filter, STR("$share/"))) {
            ledger_shares(f->ledger, watch_of(f, client)->who);
        }
    }
    send_packet(f, client, client->version, packet);
}

static void subscribe(struct fuzz *f, struct world_client *client, const uint8_t *o)
{
    char topics[2][128];
    uint32_t identifier = 1 + (o[1] >> 4);
    struct mqtt_subscription list[2];
    struct mqtt_packet packet = {.type = MQTT_SUBSCRIBE};
    struct mqtt_subscribe *s = &packet.subscribe;
    s->count = 1 + (o[0] >> 7);
    for (unsigned i = 0; i < s->count; i++) {
        list[i] = (struct mqtt_subscription){.filter = topic_of(f, client, o[2] >> (i * 4), true, topics[i], sizeof topics[i]),
                                             .qos = (o[0] & 3) % 3,
                                             .no_local = client->version == MQTT_V5 && (o[0] & 4),
                                             .retain_as_published = client->version == MQTT_V5 && (o[0] & 8),
                                             .retain_handling = client->version == MQTT_V5 ? (o[0] >> 4 & 3) % 3 : 0};
    }
    s->list = list;
    s->packet_id = 1 + (o[1] & 7);
    if (o[0] & 64) {
        s->properties.subscription_ids = &identifier;
        s->properties.subscription_id_count = 1;
        mqtt_set(&s->properties, MQTT_PROP_SUBSCRIPTION_ID);
    }
    send_subscribe(f, client, &packet);
}

static void unsubscribe(struct fuzz *f, struct world_client *client, const uint8_t *o)
{
    char topic[128];
    struct str filter = topic_of(f, client, o[2], true, topic, sizeof topic);
    struct mqtt_packet packet = {.type = MQTT_UNSUBSCRIBE,
                                 .unsubscribe = {.packet_id = 1 + (o[1] & 7), .list = &filter, .count = 1}};
    send_packet(f, client, client->version, &packet);
}

void send_acknowledgement(struct fuzz *f, struct world_client *client, enum mqtt_type type, uint16_t packet_id, uint8_t reason)
{
    struct watch *watch = watch_of(f, client);
    if (type == MQTT_PUBACK || type == MQTT_PUBCOMP || (type == MQTT_PUBREC && reason >= 0x80)) {
        watch->in_flight &= packet_id < 64 ? ~(UINT64_C(1) << packet_id) : UINT64_MAX;
        watch->acked++;
    } else if (type == MQTT_PUBREL) {
        ledger_releases(f->ledger, watch->who, packet_id);
    }
    struct mqtt_packet packet = {.type = type, .puback = {.packet_id = packet_id, .reason = reason}};
    send_packet(f, client, client->version, &packet);
}

static void acknowledge(struct fuzz *f, struct world_client *client, enum mqtt_type type, const uint8_t *o)
{
    bool refuses = (type == MQTT_PUBACK || type == MQTT_PUBREC) && (o[0] & 1);
    send_acknowledgement(f, client, type, 1 + (o[1] & 7), refuses ? 0x83 : 0);
}

static void send_proper(struct fuzz *f, struct world_client *client, uint8_t kind, const uint8_t *o)
{
    struct mqtt_packet packet = {.type = kind & 8 ? MQTT_DISCONNECT : MQTT_PINGREQ};
    if (!client->connection || !client->version) {
        return;
    }
    switch (kind % 12) {
    case 0: case 1: case 2: case 3:
        publish(f, client, o);
        break;
    case 4: case 5:
        subscribe(f, client, o);
        break;
    case 6:
        unsubscribe(f, client, o);
        break;
    case 7:
        acknowledge(f, client, MQTT_PUBACK, o);
        break;
    case 8:
        acknowledge(f, client, MQTT_PUBREC, o);
        break;
    case 9:
        acknowledge(f, client, MQTT_PUBREL, o);
        break;
    case 10:
        acknowledge(f, client, MQTT_PUBCOMP, o);
        break;
    default:
        if (packet.type == MQTT_DISCONNECT) {
            packet.disconnect.reason = o[0] & 1 ? MQTT_DISCONNECT_WITH_WILL : 0;
            packet.disconnect.properties.session_expiry_s = o[1];
            if (o[0] & 2) {
                mqtt_set(&packet.disconnect.properties, MQTT_PROP_SESSION_EXPIRY);
            }
        }
        send_packet(f, client, client->version, &packet);
        break;
    }
}

/* --- the domain --------------------------------------------------------------------------------------------------- */

static void send_event(struct world *w, uint8_t which)
{
    static const enum event_type types[] = {EVENT_TELEMETRY, EVENT_STATUS,        EVENT_DEVICE_KICK,  EVENT_DEVICE_KEY_CHANGED,
                                            EVENT_INCIDENT,  EVENT_TENANT_SUSPENDED, EVENT_API_KEY_REVOKED};
    const struct world_device *d = world_device(w, STR("dev1"));
    struct event event = {.type = types[which % (sizeof types / sizeof types[0])],
                          .device_no = d->brief.no,
                          .device_id = d->brief.id,
                          .partner_no = 1,
                          .organization_no = 1,
                          .api_key_no = 101,
                          .transport = TRANSPORT_HTTPS,
                          .push = PUSH_INCIDENTS,
                          .payload = STR("{}")};
    world_event(w, &event);
}

static void push(struct world *w, uint8_t amount)
{
    struct world_device *d = world_device(w, STR("dev1"));
    world_pend(d, (enum push_mask)(1u << (amount % 6)), amount, amount & 64 ? STR("c1") : STR("c2"), STR("{}"), 0);
    struct event event = {.type = EVENT_CONFIG, .device_no = d->brief.no, .device_id = d->brief.id, .push = amount & PUSH_ALL};
    world_event(w, &event);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static void check_outputs(struct fuzz *f)
{
    for (size_t i = 0; i < f->w->client_count; i++) {
        watch_output(&f->watches[i], f->ledger, &f->w->clients[i]);
    }
}

/* A new connection is watched from its beginning. */
static void begin(struct fuzz *f, struct world_client *client)
{
    if (client->connection) {
        world_close(client);
    }
    check_outputs(f);
    watch_begin(watch_of(f, client), ++f->connections);
}

static size_t client_step(struct fuzz *f, struct world_client *client, enum world_step step, uint8_t amount, const uint8_t *rest,
                          size_t left)
{
    uint8_t options[3] = {0, 0, 0};
    memcpy(options, rest, left < sizeof options ? left : sizeof options);
    switch ((int)step) {
    case WORLD_SEND:
        left = amount < left ? amount : left;
        watch_of(f, client)->raw = true;
        ledger_give_up(f->ledger);
        if (client->connection) {
            world_send(client, rest, left);
        }
        return left;
    case WORLD_OPEN:
        begin(f, client);
        world_open(client, "192.0.2.1", amount & 1);
        if (amount & 2) {
            client->connection->space = hub_open_space(&f->w->core, STR("open"));
        }
        return 0;
    case WORLD_LOGIN:
        begin(f, client);
        login(f, client, amount, options[0]);
        return left < 1 ? left : 1;
    case WORLD_PACKET:
        send_proper(f, client, amount, options);
        return left < 3 ? left : 3;
    case WORLD_RARE_LOGIN:
        begin(f, client);
        rare_login(f, client, amount, options);
        return left < 2 ? left : 2;
    case WORLD_RARE_PACKET:
        rare_packet(f, client, amount, options);
        return left < 3 ? left : 3;
    case WORLD_BLOCK:
        client->output_blocked = amount & 1 ? (size_t)1024 * 1024 : 0;
        if (client->connection) {
            connection_drained(client->connection);
            world_settle(f->w);
        }
        return 0;
    default:
        world_close(client);
        return 0;
    }
}

static void world_do(struct fuzz *f, enum world_step step, uint8_t amount)
{
    struct world *w = f->w;
    switch ((int)step) {
    case WORLD_ADVANCE:
        world_advance(w, (uint64_t)amount * amount * 10);
        break;
    case WORLD_HOLD:
        w->hold = true;
        break;
    case WORLD_RELEASE:
        w->hold = amount & 1 ? w->hold : false;
        world_release(w, (enum op_lane)((amount >> 1 & 7) % (LANE_COUNT + 1)), 1 + (amount >> 4));
        break;
    case WORLD_FAIL:
        w->fail = (amount & 1) != 0;
        break;
    case WORLD_PUSH:
        push(w, amount);
        break;
    case WORLD_EVENT:
        send_event(w, amount);
        break;
    case WORLD_LIMIT:
        world_limit(w, amount);
        break;
    case WORLD_RESTART:
        w->fail = false;
        ledger_restarted(f->ledger);
        world_restart(w);
        break;
    case WORLD_DRAIN:
        world_drain(w);
        break;
    case WORLD_OWNER:
        rare_owner(f, amount);
        break;
    case WORLD_RARE_EVENT:
        rare_event(f, amount);
        break;
    default:
        break;
    }
}

static size_t run_step(struct fuzz *f, uint8_t what, uint8_t amount, const uint8_t *rest, size_t left)
{
    unsigned number = what >> 2;
    enum world_step step = (enum world_step)(number < WORLD_OWNER ? number % WORLD_STEP_COUNT : number);
    struct world_client *client = client_of(f, what);
    switch ((int)step) {
    case WORLD_SEND: case WORLD_OPEN: case WORLD_CLOSE: case WORLD_LOGIN: case WORLD_PACKET: case WORLD_BLOCK:
    case WORLD_RARE_LOGIN: case WORLD_RARE_PACKET:
        return client_step(f, client, step, amount, rest, left);
    default:
        world_do(f, step, amount);
        return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    char id[UUID_TEXT_BYTES];
    struct fuzz f = {.w = world_new(1 + data[0] % 2), .ledger = ledger_new()};
    uuid_format(&world_device(f.w, STR("dev1"))->brief.id, id);
    snprintf(f.prefix, sizeof f.prefix, DEVICE_PREFIX "%s/", id);
    for (unsigned i = 0; i < CLIENTS; i++) {
        watch_begin(watch_of(&f, client_of(&f, i)), 0);
    }
    size_t at = 1;
    for (unsigned steps = 0; at + 2 <= size && steps < STEPS_MAX; steps++) {
        uint8_t what = data[at], amount = data[at + 1];
        at += 2;
        at += run_step(&f, what, amount, data + at, size - at);
        check_outputs(&f);
    }
    world_free(f.w);
    ledger_free(f.ledger);
    return 0;
}
