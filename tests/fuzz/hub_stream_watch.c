/* Single connections: whole, valid packets within the client's limits; CONNACK first and once; nothing behind DISCONNECT; no
 * alias that was not given; no identifier twice in flight, and no more in flight than the client takes; no answer that was
 * not asked for, and all in the order of what they answer.
 *
 * Messages (the ledger): each is delivered to a session once; again with QoS 1 or 2 only with DUP and the same identifier,
 * and with QoS 2 never after PUBREL, though its publisher says it again; those of one connection, topic and QoS in the order
 * in which they were published; none to whom it is no concern of. Retained messages and those of shared subscriptions are
 * left out. */
#include "hub_stream_watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hub/access.h"

#define MESSAGES_MAX 1024
#define REPEATED_IDS 16
#define PACKET_IDS 1024 /* the hub gives them in order */

struct ledger {
    bool gave_up, restarted, owners_changed;
    bool shares[WATCHED_COUNT];
    unsigned count;
    struct published {
        uint8_t who, topic, qos;
        bool repeated; /* so it may be overtaken */
        unsigned connection;
    } messages[MESSAGES_MAX];
    struct received {
        uint16_t packet_id;
        uint8_t qos;
        bool seen, released;
    } received[WATCHED_COUNT][MESSAGES_MAX];
    uint16_t last[WATCHED_COUNT][WATCHED_COUNT][LEDGER_TOPICS][3][3]; /* number of the last one, from 1 */
    uint16_t of_packet_id[WATCHED_COUNT][PACKET_IDS];                 /* number of the message, from 1 */
    uint16_t unreleased[WATCHED_COUNT][REPEATED_IDS];                 /* the same, of what clients publish with QoS 2 */
};

static _Noreturn void violated(const char *what)
{
    fprintf(stderr, "violated: %s\n", what);
    abort();
}
#define require(holds) ((holds) ? (void)0 : violated(#holds))

/* --- what the client sends ---------------------------------------------------------------------------------------- */

void watch_begin(struct watch *watch, unsigned number)
{
    *watch = (struct watch){.who = WATCHED_NOBODY, .number = number, .problem_info = true, .alias_max = UINT16_MAX, .receive_maximum = UINT16_MAX};
}

static void expect(struct watch *watch, enum mqtt_type type, uint16_t packet_id)
{
    require(watch->answer_count < ANSWERS_MAX);
    unsigned at = (watch->answer_first + watch->answer_count++) % ANSWERS_MAX;
    watch->answers[at].type = (uint8_t)type;
    watch->answers[at].packet_id = packet_id;
}

bool watch_next_due(struct watch *watch, enum mqtt_type *ret_type, uint16_t *ret_packet_id)
{
    if (watch->due_count == 0) {
        return false;
    }
    *ret_type = (enum mqtt_type)watch->due[watch->due_first].type;
    *ret_packet_id = watch->due[watch->due_first].packet_id;
    watch->due_first = (watch->due_first + 1) % DUE_MAX;
    watch->due_count--;
    return true;
}

static void note_due(struct watch *watch, enum mqtt_type type, uint16_t packet_id)
{
    unsigned at = (watch->due_first + watch->due_count) % DUE_MAX;
    if (watch->due_count < DUE_MAX) {
        watch->due_count++;
        watch->due[at].type = (uint8_t)type;
        watch->due[at].packet_id = packet_id;
    }
}

static void expect_parameters(struct watch *watch, const struct mqtt_connect *c)
{
    const struct mqtt_properties *p = &c->properties;
    watch->alias_max = mqtt_has(p, MQTT_PROP_TOPIC_ALIAS_MAXIMUM) ? p->topic_alias_maximum : 0;
    watch->packet_bytes_max = mqtt_has(p, MQTT_PROP_MAXIMUM_PACKET_SIZE) ? p->maximum_packet_size : 0;
    watch->problem_info = !mqtt_has(p, MQTT_PROP_REQUEST_PROBLEM_INFO) || p->request_problem_info;
    if (mqtt_has(p, MQTT_PROP_RECEIVE_MAXIMUM)) {
        watch->receive_maximum = p->receive_maximum;
    }
}

void watch_sent(struct watch *watch, const struct mqtt_packet *packet)
{
    switch ((int)packet->type) {
    case MQTT_CONNECT:
        if (packet->connect.version == MQTT_V5) {
            expect_parameters(watch, &packet->connect);
        }
        break;
    case MQTT_PUBLISH:
        if (packet->publish.qos > 0) {
            expect(watch, packet->publish.qos == 1 ? MQTT_PUBACK : MQTT_PUBREC, packet->publish.packet_id);
        }
        break;
    case MQTT_PUBREL:
        expect(watch, MQTT_PUBCOMP, packet->puback.packet_id);
        break;
    case MQTT_SUBSCRIBE:
        expect(watch, MQTT_SUBACK, packet->subscribe.packet_id);
        break;
    case MQTT_UNSUBSCRIBE:
        expect(watch, MQTT_UNSUBACK, packet->unsubscribe.packet_id);
        break;
    default:
        break;
    }
}

/* --- the ledger --------------------------------------------------------------------------------------------------- */

struct ledger *ledger_new(void)
{
    return mem_new(struct ledger);
}

void ledger_free(struct ledger *ledger)
{
    mem_free(ledger);
}

unsigned ledger_publish(struct ledger *ledger, const struct watch *watch, unsigned topic, const struct mqtt_publish *publish)
{
    unsigned who = watch->who;
    if (who >= WATCHED_COUNT || ledger->count + 1 >= MESSAGES_MAX) {
        return 0;
    }
    ledger->messages[++ledger->count] = (struct published){(uint8_t)who, (uint8_t)topic, publish->qos, false, watch->number};
    if (publish->qos == 2 && publish->packet_id < REPEATED_IDS) {
        ledger->unreleased[who][publish->packet_id] = (uint16_t)ledger->count;
    }
    return ledger->count;
}

unsigned ledger_repeat(struct ledger *ledger, unsigned who, uint16_t packet_id)
{
    unsigned number = who < WATCHED_COUNT && packet_id < REPEATED_IDS ? ledger->unreleased[who][packet_id] : 0;
    ledger->messages[number].repeated = true;
    return number;
}

void ledger_starts_clean(struct ledger *ledger, unsigned who)
{
    if (who < WATCHED_COUNT) {
        memset(ledger->unreleased[who], 0, sizeof ledger->unreleased[who]);
    }
}

void ledger_releases(struct ledger *ledger, unsigned who, uint16_t packet_id)
{
    if (who < WATCHED_COUNT && packet_id < REPEATED_IDS) {
        ledger->unreleased[who][packet_id] = 0;
    }
}

void ledger_give_up(struct ledger *ledger)
{
    ledger->gave_up = true;
}

void ledger_shares(struct ledger *ledger, unsigned who)
{
    if (who < WATCHED_COUNT) {
        ledger->shares[who] = true;
    }
}

void ledger_restarted(struct ledger *ledger)
{
    ledger->restarted = true;
}

void ledger_owners_change(struct ledger *ledger)
{
    ledger->owners_changed = true;
}

/* The number behind `#` or `"s":`; 0: there is none. */
static unsigned number_of(const struct ledger *ledger, struct str payload)
{
    static const struct str marks[] = {STR_INIT("#"), STR_INIT("{\"telemetries\":{\"s\":")};
    for (size_t i = 0; i < 2; i++) {
        if (str_starts_with(payload, marks[i])) {
            unsigned number = 0;
            const char *at = payload.ptr + marks[i].len, *end = payload.ptr + payload.len;
            for (; at < end && *at >= '0' && *at <= '9' && number < MESSAGES_MAX; at++) {
                number = number * 10 + (unsigned)(*at - '0');
            }
            return number <= ledger->count ? number : 0;
        }
    }
    return 0;
}

static int64_t organization_of(unsigned who)
{
    return who >= WATCHED_OPEN ? 0 : who >= WATCHED_ORGANIZATION_2 ? 2 : who >= WATCHED_ORGANIZATION_1 ? 1 : 0;
}

/* Nobody gets what is another's. */
static void check_audience(const struct ledger *ledger, struct world *w, unsigned who, struct str topic)
{
    static const char *const names[] = {"dev1", "dev2", "dev3"};
    struct uuid id;
    struct str rest;
    bool is_of_device = device_topic_split(topic, &id, &rest);
    if (topic.len == 0 || who >= WATCHED_OPEN) {
        return; /* an alias; and on open listeners all is everybody's */
    }
    require(is_of_device);
    if (who < WATCHED_PARTNER) {
        require(uuid_eq(&id, &world_device(w, str_from_cstr(names[who]))->brief.id));
        return;
    }
    require(access_may_receive(organization_of(who) != 0 ? PARTY_ORGANIZATION : PARTY_PARTNER, topic_id_find(rest)));
    for (size_t i = 0; organization_of(who) != 0 && !ledger->owners_changed && i < w->device_count; i++) {
        const struct device_brief *device = &w->devices[i].brief;
        require(!uuid_eq(&id, &device->id) || device->organization_no == organization_of(who));
    }
}

static void check_again(const struct ledger *ledger, const struct received *r, const struct mqtt_publish *p)
{
    if ((p->qos < 2 || r->qos < 2) && ledger->restarted) {
        return; /* a crash before the publisher was told, who says it again */
    }
    require(p->qos > 0);
    require(p->dup && p->packet_id == r->packet_id && !r->released);
}

static void check_message(struct ledger *ledger, unsigned who, const struct mqtt_publish *p)
{
    unsigned number = number_of(ledger, p->payload);
    if (p->qos > 0) {
        ledger->of_packet_id[who][p->packet_id % PACKET_IDS] = (uint16_t)number;
    }
    if (number == 0) {
        return;
    }
    const struct published *m = &ledger->messages[number];
    struct received *r = &ledger->received[who][number];
    require((m->who >= WATCHED_OPEN) == (who >= WATCHED_OPEN));
    require(p->qos <= m->qos);
    if (r->seen) {
        check_again(ledger, r, p);
    } else if (!m->repeated) {
        uint16_t *last = &ledger->last[who][m->who][m->topic][m->qos][p->qos];
        require(number > *last || m->connection != ledger->messages[*last].connection); /* mqtt.md 14.6 */
        *last = (uint16_t)number;
    }
    *r = (struct received){.seen = true, .packet_id = p->packet_id, .qos = p->qos};
}

static void look_into_ledger(struct ledger *ledger, struct world *w, const struct watch *watch, const struct mqtt_packet *packet)
{
    if (ledger->gave_up || watch->who >= WATCHED_COUNT) {
        return;
    }
    if (packet->type == MQTT_PUBLISH) {
        check_audience(ledger, w, watch->who, packet->publish.topic);
        if (!ledger->shares[watch->who]) {
            check_message(ledger, watch->who, &packet->publish);
        }
    } else if (packet->type == MQTT_PUBREL && packet->puback.reason == 0) {
        ledger->received[watch->who][ledger->of_packet_id[watch->who][packet->puback.packet_id % PACKET_IDS]].released = true;
    } else if (packet->type == MQTT_PUBREC && packet->puback.reason >= 0x80) {
        ledger_releases(ledger, watch->who, packet->puback.packet_id);
    } else if (packet->type == MQTT_CONNACK && packet->connack.reason == 0 && !packet->connack.session_present) {
        ledger_starts_clean(ledger, watch->who);
    }
}

/* --- what comes out ----------------------------------------------------------------------------------------------- */

/* [MQTT-2.2.1-4], [MQTT-4.9.0-2]. An acknowledgement that the server ignores only makes this milder. */
static void check_flight(struct watch *watch, const struct mqtt_publish *p)
{
    if (p->qos > 0 && !watch->raw) {
        uint64_t bit = p->packet_id < 64 ? UINT64_C(1) << p->packet_id : 0;
        require((watch->in_flight & bit) == 0);
        watch->in_flight |= bit;
        watch->sent++;
        require(watch->sent <= watch->acked + watch->receive_maximum);
    }
}

/* [MQTT-4.6.0-2] to [MQTT-4.6.0-4], and the same of the others. */
static void check_answer(struct watch *watch, enum mqtt_type type, uint16_t packet_id)
{
    if (!watch->raw) {
        require(watch->answer_count > 0);
        require(watch->answers[watch->answer_first].type == type && watch->answers[watch->answer_first].packet_id == packet_id);
        watch->answer_first = (watch->answer_first + 1) % ANSWERS_MAX;
        watch->answer_count--;
    }
}

static void check_publish(struct watch *watch, const struct mqtt_publish *p)
{
    unsigned alias = mqtt_has(&p->properties, MQTT_PROP_TOPIC_ALIAS) ? p->properties.topic_alias : 0;
    uint32_t bit = alias ? 1u << (alias & 31) : 0;
    require(p->topic.len > 0 || (watch->aliases & bit) != 0);
    require(alias <= watch->alias_max || watch->raw);
    require(p->qos > 0 || !p->dup);
    watch->aliases |= bit;
    check_flight(watch, p);
    if (p->qos > 0) {
        note_due(watch, p->qos == 1 ? MQTT_PUBACK : MQTT_PUBREC, p->packet_id);
    }
}

static void check_packet(struct watch *watch, const struct mqtt_packet *packet)
{
    require(!watch->disconnect);
    require(watch->connack != (packet->type == MQTT_CONNACK));
    switch ((int)packet->type) {
    case MQTT_CONNACK:
        watch->connack = true;
        break;
    case MQTT_DISCONNECT:
        watch->disconnect = true;
        break;
    case MQTT_PUBLISH:
        check_publish(watch, &packet->publish);
        break;
    case MQTT_PUBACK: case MQTT_PUBREC: case MQTT_PUBCOMP:
        require(watch->problem_info || watch->raw || !mqtt_has(&packet->puback.properties, MQTT_PROP_REASON_STRING));
        check_answer(watch, packet->type, packet->puback.packet_id);
        if (packet->type == MQTT_PUBREC && packet->puback.reason < 0x80) {
            note_due(watch, MQTT_PUBREL, packet->puback.packet_id);
        }
        break;
    case MQTT_PUBREL:
        note_due(watch, MQTT_PUBCOMP, packet->puback.packet_id);
        break;
    case MQTT_SUBACK: case MQTT_UNSUBACK:
        check_answer(watch, packet->type, packet->suback.packet_id);
        break;
    default:
        break;
    }
}

void watch_output(struct watch *watch, struct ledger *ledger, struct world_client *client)
{
    struct buf *out = &client->output;
    enum mqtt_version version = client->version ? client->version : MQTT_V311;
    for (size_t at = 0; at < out->len;) {
        struct mqtt_frame frame;
        struct mqtt_packet packet;
        require(mqtt_frame(out->data + at, out->len - at, 0, &frame) == MQTT_FRAME_OK);
        require(mqtt_decode(&packet, version, MQTT_FROM_SERVER, out->data + at, frame.total_bytes).reason == 0);
        require(version == MQTT_V5 || packet.type != MQTT_DISCONNECT);
        require(watch->raw || watch->packet_bytes_max == 0 || frame.total_bytes <= watch->packet_bytes_max);
        check_packet(watch, &packet);
        look_into_ledger(ledger, client->world, watch, &packet);
        at += frame.total_bytes;
    }
    buf_clear(out);
}
