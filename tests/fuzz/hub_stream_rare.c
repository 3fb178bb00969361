/* Steps of hub_stream_fuzz.c that came later: properties that few clients use, keys of other scopes and tenants, devices that
 * change hands or go. */
#include "hub_stream.h"

#include <stdio.h>

#include "base/mem.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* --- CONNECT ------------------------------------------------------------------------------------------------------ */

static const struct rare_client {
    const char *user; /* or the name of a device */
    const char *password;
    unsigned who; /* of client id "x"; "y" is one more */
    bool is_device, is_open;
} clients[] = {
    {"dev1", NULL, WATCHED_DEVICES, true, false},
    {"dev2", NULL, WATCHED_DEVICES + 1, true, false},
    {"dev3", NULL, WATCHED_DEVICES + 2, true, false},
    {"org", "org1-read", WATCHED_ORGANIZATION_1, false, false},
    {"org", "org1-brief", WATCHED_ORGANIZATION_1, false, false},
    {"org", "org2", WATCHED_ORGANIZATION_2, false, false},
    {"partner", "partner1", WATCHED_PARTNER, false, false},
    {"", "", WATCHED_OPEN, false, true},
};

static void set_numbers(struct mqtt_properties *p, uint8_t choice)
{
    static const uint32_t expiries[] = {0, 1, 20, UINT32_MAX}, sizes[] = {0, 24, 60, 300};
    static const uint16_t maxima[] = {0, 1, 3, UINT16_MAX}, aliases[] = {0, 1, 31, UINT16_MAX};
    p->session_expiry_s = expiries[choice & 3];
    p->receive_maximum = maxima[choice >> 2 & 3];
    p->maximum_packet_size = sizes[choice >> 4 & 3];
    p->topic_alias_maximum = aliases[choice >> 6];
    mqtt_set(p, MQTT_PROP_SESSION_EXPIRY);
    mqtt_set(p, MQTT_PROP_TOPIC_ALIAS_MAXIMUM);
    if (p->receive_maximum) {
        mqtt_set(p, MQTT_PROP_RECEIVE_MAXIMUM);
    }
    if (p->maximum_packet_size) {
        mqtt_set(p, MQTT_PROP_MAXIMUM_PACKET_SIZE);
    }
}

/* Bits: 0 no Problem Information, 1 Response Information; the Will: 2 one, 3-4 QoS, 5 retained, 6 a delay that is longer than
 * most sessions, 7 with properties. */
static void set_will(const struct fuzz *f, const struct world_client *client, struct mqtt_connect *c, uint8_t bits, char *topic,
                     size_t size)
{
    struct mqtt_properties *p = &c->will.properties;
    c->properties.request_problem_info = (bits & 1) == 0;
    c->properties.request_response_info = (bits & 2) != 0;
    mqtt_set(&c->properties, MQTT_PROP_REQUEST_PROBLEM_INFO);
    mqtt_set(&c->properties, MQTT_PROP_REQUEST_RESPONSE_INFO);
    c->has_will = (bits & 4) != 0;
    if (!c->has_will) {
        return;
    }
    c->will.topic = topic_write(f, client, bits & 64 ? "@user/a" : "@telemetry", topic, size);
    c->will.payload = bits & 32 ? STR("{\"telemetries\":{\"w\":2}}") : STR("");
    c->will.qos = (uint8_t)((bits >> 3 & 3) % 3);
    c->will.retain = (bits & 32) != 0;
    p->will_delay_s = bits & 64 ? 30 : 0;
    mqtt_set(p, MQTT_PROP_WILL_DELAY);
    if (bits & 128) {
        p->message_expiry_s = 2;
        p->response_topic = STR("a/reply");
        p->correlation_data = STR("\0c");
        mqtt_set(p, MQTT_PROP_MESSAGE_EXPIRY);
        mqtt_set(p, MQTT_PROP_RESPONSE_TOPIC);
        mqtt_set(p, MQTT_PROP_CORRELATION_DATA);
    }
}

/* Flags: 0-2 who, 3 Clean Start, 4-5 keep-alive, 6 client id (applications and open ones), 7 none. */
void rare_login(struct fuzz *f, struct world_client *client, uint8_t flags, const uint8_t *options)
{
    static const uint16_t keep_alives[] = {0, 1, 30, UINT16_MAX};
    const struct rare_client *r = &clients[flags & 7];
    char id[UUID_TEXT_BYTES] = "", topic[128];
    struct mqtt_packet packet = {.type = MQTT_CONNECT};
    struct mqtt_connect *c = &packet.connect;
    const struct world_device *d = r->is_device ? world_device(f->w, str_from_cstr(r->user)) : NULL;
    if (d) {
        uuid_format(&d->brief.id, id);
    }
    *c = (struct mqtt_connect){.version = MQTT_V5,
                               .protocol_level = MQTT_V5,
                               .clean_start = (flags & 8) != 0,
                               .keep_alive_s = keep_alives[flags >> 4 & 3],
                               .has_user_name = !r->is_open,
                               .has_password = !r->is_open,
                               .user_name = d ? str_from_cstr(id) : str_from_cstr(r->user),
                               .password = d ? str_from_cstr(d->key) : str_from_cstr(r->password)};
    c->client_id = flags & 128 ? STR("") : d ? str_from_cstr(id) : flags & 64 ? STR("x") : STR("y");
    set_numbers(&c->properties, options[0]);
    world_open(client, "192.0.2.1", true);
    if (r->is_open) {
        client->connection->space = hub_open_space(&f->w->core, STR("open"));
    }
    set_will(f, client, c, options[1], topic, sizeof topic);
    client->version = MQTT_V5;
    bool is_assigned = !r->is_device && (flags & 128);
    watch_of(f, client)->who = is_assigned ? WATCHED_NOBODY : r->who + (!r->is_device && (flags & 64));
    send_packet(f, client, MQTT_V5, &packet);
}

/* --- other packets ------------------------------------------------------------------------------------------------ */

/* Bits: 0 device_id, 1 access_key, 2 a wrong one of these, 3 two others, 4 Response Topic, 5 that is not ours, 6 Correlation
 * Data, 7 Content Type and format. */
static void set_properties(struct fuzz *f, struct world_client *client, struct mqtt_properties *p, uint8_t bits,
                           struct mqtt_pair *user, char *topic, size_t size)
{
    static char id[UUID_TEXT_BYTES];
    const struct world_device *d = world_device(f->w, STR("dev1"));
    uuid_format(&d->brief.id, id);
    if (bits & 1) {
        user[p->user_count++] = (struct mqtt_pair){STR("device_id"), bits & 4 ? STR("other") : str_from_cstr(id)};
    }
    if (bits & 8) {
        user[p->user_count++] = (struct mqtt_pair){STR("b"), STR("1")};
    }
    if (bits & 2) {
        user[p->user_count++] = (struct mqtt_pair){STR("access_key"), bits & 4 ? STR("wrong") : str_from_cstr(d->key)};
    }
    if (bits & 8) {
        user[p->user_count++] = (struct mqtt_pair){STR("a"), STR("2")};
    }
    p->user = user;
    if (p->user_count > 0) {
        mqtt_set(p, MQTT_PROP_USER_PROPERTY);
    }
    if (bits & 16) {
        p->response_topic = topic_write(f, client, bits & 32 ? "elsewhere" : "@reply/r", topic, size);
        mqtt_set(p, MQTT_PROP_RESPONSE_TOPIC);
    }
    if (bits & 64) {
        p->correlation_data = STR("\0\1");
        mqtt_set(p, MQTT_PROP_CORRELATION_DATA);
    }
    if (bits & 128) {
        p->content_type = STR("t");
        p->payload_format = 1;
        mqtt_set(p, MQTT_PROP_CONTENT_TYPE);
        mqtt_set(p, MQTT_PROP_PAYLOAD_FORMAT);
    }
}

static void rare_publish(struct fuzz *f, struct world_client *client, const uint8_t *o)
{
    static const char *const names[] = {"@update", "@license/update", "@command/children/update", "@children/telemetries",
                                        "@config/sync", "@sync/command", "@user", "@user/b", "@presence", "@command",
                                        "@user//", "@user/é", "x/y/z", "@commands/update", "@telemetry", "@events"};
    static const char *const bodies[] = {"{\"refuse\":422,\"text\":\"no\"}", "{\"refuse\":429}", "{\"refuse\":503}", "[{\"id\":1}]",
                                         "{\"access_token\":\"secret\"}", "{", ""};
    static char longer[2000];
    char topic[128], response[128], payload[64];
    struct mqtt_pair user[4];
    struct mqtt_packet packet = {.type = MQTT_PUBLISH};
    struct mqtt_publish *p = &packet.publish;
    unsigned body = o[1] >> 4;
    p->qos = (o[0] & 3) % 3;
    p->retain = (o[0] & 12) == 12;
    p->dup = p->qos > 0 && (o[0] & 12) == 8;
    p->packet_id = p->qos > 0 ? (uint16_t)(1 + (o[1] & 7) + (o[1] & 8 ? 65520u : 0u)) : 0;
    p->topic = topic_write(f, client, names[o[0] >> 4], topic, sizeof topic);
    set_properties(f, client, &p->properties, o[2], user, response, sizeof response);
    memset(longer, ' ', sizeof longer);
    p->payload = body < COUNT(bodies) ? str_from_cstr(bodies[body])
                 : body == 7          ? str_from(longer, sizeof longer)
                                      : payload_of(f, client, p, 10 + (o[0] >> 4), (body & 1) != 0, payload, sizeof payload);
    send_packet(f, client, client->version, &packet);
}

static const char *const filters[] = {"@#",         "@+",        "@user/+/b",   "v1/device/+/#", "+/+/+/presence",
                                      "@presence",  "@incidents", "@command/children", "$share/g/v1/device/+/telemetry", "$share/h/#",
                                      "user/#",     "@events",   "@firmware",   "$SYS/#",        "@user//+",
                                      "@space_info"};

static void rare_subscribe(struct fuzz *f, struct world_client *client, const uint8_t *o)
{
    char topics[3][128];
    uint32_t identifier = o[1] & 128 ? 268435455 : 300;
    struct mqtt_subscription list[3];
    struct mqtt_packet packet = {.type = MQTT_SUBSCRIBE};
    struct mqtt_subscribe *s = &packet.subscribe;
    bool v5 = client->version == MQTT_V5;
    s->count = 1 + (o[1] >> 3 & 3) % 3;
    for (unsigned i = 0; i < s->count; i++) {
        struct str filter = topic_write(f, client, filters[(o[0] + i * (o[2] >> 2)) % COUNT(filters)], topics[i], sizeof topics[i]);
        list[i] = (struct mqtt_subscription){.filter = filter, .qos = (o[2] & 3) % 3, .retain_as_published = v5 && (o[0] & 64),
                                             .no_local = v5 && (o[0] & 128) && !str_starts_with(filter, STR("$share/"))};
    }
    s->list = list;
    s->packet_id = 20 + (o[1] & 7);
    if (o[1] & 64) {
        s->properties.subscription_ids = &identifier;
        s->properties.subscription_id_count = 1;
        mqtt_set(&s->properties, MQTT_PROP_SUBSCRIPTION_ID);
    }
    send_subscribe(f, client, &packet);
}

static void rare_unsubscribe(struct fuzz *f, struct world_client *client, const uint8_t *o)
{
    char topics[2][128];
    struct str list[2];
    for (unsigned i = 0; i < 2; i++) {
        list[i] = topic_write(f, client, filters[(o[i] & 127) % COUNT(filters)], topics[i], sizeof topics[i]);
    }
    struct mqtt_packet packet = {.type = MQTT_UNSUBSCRIBE,
                                 .unsubscribe = {.packet_id = 30 + (o[2] & 7), .list = list, .count = 1 + (o[2] >> 7)}};
    send_packet(f, client, client->version, &packet);
}

/* A good client says what is due. */
static void acknowledge(struct fuzz *f, struct world_client *client, unsigned count)
{
    enum mqtt_type type;
    uint16_t packet_id;
    while (count-- > 0 && client->connection && watch_next_due(watch_of(f, client), &type, &packet_id)) {
        send_acknowledgement(f, client, type, packet_id, 0);
    }
}

/* Kinds from 128 on: so many acknowledgements. */
void rare_packet(struct fuzz *f, struct world_client *client, uint8_t kind, const uint8_t *options)
{
    if (!client->connection || !client->version) {
        return;
    }
    if (kind & 128) {
        acknowledge(f, client, kind & 127);
        return;
    }
    switch (kind % 8) {
    case 0: case 1: case 2: case 3: case 4:
        rare_publish(f, client, options);
        break;
    case 5: case 6:
        rare_subscribe(f, client, options);
        break;
    default:
        rare_unsubscribe(f, client, options);
        break;
    }
}

/* --- the domain --------------------------------------------------------------------------------------------------- */

static struct event event_about(const struct world_device *d, enum event_type type)
{
    struct event event = world_event_about(d, type);
    event.transport = TRANSPORT_HTTPS;
    event.payload = STR("{\"telemetries\":{\"h\":1}}");
    return event;
}

/* Claim and un-claim. */
void rare_owner(struct fuzz *f, uint8_t amount)
{
    static const char *const names[] = {"dev1", "dev2", "dev3", "dev4"};
    struct world_device *d = world_device(f->w, str_from_cstr(names[amount & 3]));
    int64_t owner = (amount >> 2 & 3) % 3;
    ledger_owners_change(f->ledger);
    if (d->deleted || d->brief.organization_no == owner || (owner != 0 && d->brief.organization_no != 0)) {
        return; /* nobody claims what is another's */
    }
    d->brief.epoch += owner == 0;
    d->brief.organization_no = owner;
    struct event event = event_about(d, owner == 0 ? EVENT_DEVICE_UNCLAIMED : EVENT_DEVICE_CLAIMED);
    event.push = PUSH_SPACE;
    world_event(f->w, &event);
}

void rare_event(struct fuzz *f, uint8_t amount)
{
    static const char *const names[] = {"dev1", "dev2", "dev3"};
    static const enum event_type types[] = {EVENT_TELEMETRY, EVENT_DEVICE_EVENT, EVENT_DEVICE_REPLACED, EVENT_CONFIG,
                                            EVENT_STATUS,    EVENT_INCIDENT,     EVENT_DEVICE_DELETED};
    struct world_device *d = world_device(f->w, str_from_cstr(names[(amount >> 4) % 3]));
    unsigned which = amount % 8;
    if (which == 7) {
        f->w->sick = (amount & 128) != 0;
        return;
    }
    struct event event = event_about(d, types[which]);
    event.relays = event.type == EVENT_TELEMETRY || event.type == EVENT_DEVICE_EVENT;
    event.push = event.type == EVENT_INCIDENT ? PUSH_INCIDENTS : event.type == EVENT_CONFIG ? PUSH_ALL : 0;
    event.code = amount & 8 ? 422 : 0;
    if (!d->deleted && (event.type != EVENT_DEVICE_DELETED || d != world_device(f->w, STR("dev1")))) {
        d->deleted = event.type == EVENT_DEVICE_DELETED;
        world_event(f->w, &event);
    }
}
