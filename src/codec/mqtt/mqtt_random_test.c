/* Random packets of every type through encode and decode. The seed is fixed, so a failure comes again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/mqtt/mqtt_testing.h"

#define PAIRS 3
#define FILTERS 5
#define ROUNDS 40000

/* Where a random packet keeps what it borrows. */
struct material {
    uint64_t seed;
    char text[40][24];
    size_t texts;
    struct mqtt_pair pairs[2][PAIRS];
    uint32_t ids[PAIRS];
    struct mqtt_subscription subscriptions[FILTERS];
    struct str filters[FILTERS];
    uint8_t reasons[FILTERS];
};

/* xorshift64* */
static uint32_t draw(struct material *m, uint32_t below)
{
    m->seed ^= m->seed >> 12;
    m->seed ^= m->seed << 25;
    m->seed ^= m->seed >> 27;
    return (uint32_t)((m->seed * UINT64_C(2685821657736338717)) >> 33) % below;
}

static bool coin(struct material *m)
{
    return draw(m, 2) == 1;
}

static struct str draw_text(struct material *m, size_t min)
{
    static const char *const letters[] = {"a", "b", "/", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "$", " "};
    char *text = m->text[m->texts++ % 40];
    size_t len = 0;
    size_t count = min + draw(m, 5);
    for (size_t i = 0; i < count; i++) {
        const char *letter = letters[draw(m, 8)];
        memcpy(text + len, letter, strlen(letter));
        len += strlen(letter);
    }
    return str_from(text, len);
}

static struct str draw_binary(struct material *m)
{
    char *text = m->text[m->texts++ % 40];
    size_t len = draw(m, 24);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)draw(m, 256);
    }
    return str_from(text, len);
}

static void draw_message_properties(struct material *m, struct mqtt_properties *p)
{
    if (coin(m)) {
        mqtt_set(p, MQTT_PROP_PAYLOAD_FORMAT);
        p->payload_format = (uint8_t)draw(m, 2);
    }
    if (coin(m)) {
        mqtt_set(p, MQTT_PROP_MESSAGE_EXPIRY);
        p->message_expiry_s = draw(m, UINT32_MAX);
    }
    if (coin(m)) {
        mqtt_set(p, MQTT_PROP_CONTENT_TYPE);
        p->content_type = draw_text(m, 0);
    }
    if (coin(m)) {
        mqtt_set(p, MQTT_PROP_RESPONSE_TOPIC);
        p->response_topic = draw_text(m, 1);
    }
    if (coin(m)) {
        mqtt_set(p, MQTT_PROP_CORRELATION_DATA);
        p->correlation_data = draw_binary(m);
    }
}

static void draw_user(struct material *m, struct mqtt_properties *p, size_t set)
{
    p->user_count = draw(m, PAIRS + 1);
    p->user = m->pairs[set];
    for (size_t i = 0; i < p->user_count; i++) {
        m->pairs[set][i] = (struct mqtt_pair){draw_text(m, 0), draw_text(m, 0)};
    }
    if (p->user_count) {
        mqtt_set(p, MQTT_PROP_USER_PROPERTY);
    }
}

static void draw_ids(struct material *m, struct mqtt_properties *p, size_t max)
{
    p->subscription_id_count = draw(m, (uint32_t)max + 1);
    p->subscription_ids = m->ids;
    for (size_t i = 0; i < p->subscription_id_count; i++) {
        m->ids[i] = 1 + draw(m, coin(m) ? 200 : 268435455);
    }
    if (p->subscription_id_count) {
        mqtt_set(p, MQTT_PROP_SUBSCRIPTION_ID);
    }
}

static void draw_reason_string(struct material *m, struct mqtt_properties *p)
{
    if (coin(m)) {
        mqtt_set(p, MQTT_PROP_REASON_STRING);
        p->reason_string = draw_text(m, 0);
    }
    draw_user(m, p, 0);
}

static uint16_t draw_id(struct material *m)
{
    return (uint16_t)(1 + draw(m, 65535));
}

static void draw_connect(struct material *m, bool v5, struct mqtt_connect *c)
{
    *c = (struct mqtt_connect){.protocol_level = v5 ? 5 : 4, .version = v5 ? MQTT_V5 : MQTT_V311,
                               .clean_start = coin(m), .has_will = coin(m), .has_user_name = coin(m),
                               .keep_alive_s = (uint16_t)draw(m, 65536), .client_id = draw_text(m, 1)};
    c->has_password = (v5 || c->has_user_name) && coin(m);
    c->user_name = c->has_user_name ? draw_text(m, 0) : (struct str){NULL, 0};
    c->password = c->has_password ? draw_binary(m) : (struct str){NULL, 0};
    if (c->has_will) {
        c->will = (struct mqtt_will){.topic = draw_text(m, 1), .payload = draw_binary(m), .qos = (uint8_t)draw(m, 3),
                                     .retain = coin(m)};
    }
    if (v5) {
        mqtt_set(&c->properties, MQTT_PROP_SESSION_EXPIRY);
        c->properties.session_expiry_s = draw(m, UINT32_MAX);
        mqtt_set(&c->properties, MQTT_PROP_RECEIVE_MAXIMUM);
        c->properties.receive_maximum = draw_id(m);
        draw_user(m, &c->properties, 0);
    }
    if (v5 && c->has_will) {
        mqtt_set(&c->will.properties, MQTT_PROP_WILL_DELAY);
        c->will.properties.will_delay_s = draw(m, UINT32_MAX);
        draw_message_properties(m, &c->will.properties);
        draw_user(m, &c->will.properties, 1);
    }
}

static void draw_publish(struct material *m, bool v5, struct mqtt_publish *p)
{
    *p = (struct mqtt_publish){.topic = draw_text(m, 1), .payload = draw_binary(m), .qos = (uint8_t)draw(m, 3),
                               .retain = coin(m)};
    p->dup = p->qos > 0 && coin(m);
    p->packet_id = p->qos > 0 ? draw_id(m) : 0;
    if (v5) {
        draw_message_properties(m, &p->properties);
        draw_user(m, &p->properties, 0);
        draw_ids(m, &p->properties, PAIRS);
        if (coin(m)) {
            mqtt_set(&p->properties, MQTT_PROP_TOPIC_ALIAS);
            p->properties.topic_alias = draw_id(m);
        }
    }
}

static void draw_puback(struct material *m, bool v5, enum mqtt_type type, struct mqtt_puback *p)
{
    *p = (struct mqtt_puback){.packet_id = draw_id(m)};
    if (v5) {
        p->reason = coin(m) ? 0 : type == MQTT_PUBREL || type == MQTT_PUBCOMP ? 0x92 : 0x97;
        draw_reason_string(m, &p->properties);
    }
}

static void draw_subscribe(struct material *m, bool v5, struct mqtt_subscribe *s)
{
    *s = (struct mqtt_subscribe){.packet_id = draw_id(m), .count = 1 + draw(m, FILTERS), .list = m->subscriptions};
    for (size_t i = 0; i < s->count; i++) {
        m->subscriptions[i] = (struct mqtt_subscription){
            .filter = draw_text(m, 1), .qos = (uint8_t)draw(m, 3), .no_local = v5 && coin(m),
            .retain_as_published = v5 && coin(m), .retain_handling = (uint8_t)(v5 ? draw(m, 3) : 0)};
    }
    if (v5) {
        draw_user(m, &s->properties, 0);
        draw_ids(m, &s->properties, 1);
    }
}

static void draw_unsubscribe(struct material *m, bool v5, struct mqtt_unsubscribe *u)
{
    *u = (struct mqtt_unsubscribe){.packet_id = draw_id(m), .count = 1 + draw(m, FILTERS), .list = m->filters};
    for (size_t i = 0; i < u->count; i++) {
        m->filters[i] = draw_text(m, 1);
    }
    if (v5) {
        draw_user(m, &u->properties, 0);
    }
}

static void draw_suback(struct material *m, bool v5, enum mqtt_type type, struct mqtt_suback *s)
{
    static const uint8_t subscribe_codes[] = {0x00, 0x01, 0x02, 0x80};
    static const uint8_t unsubscribe_codes[] = {0x00, 0x11, 0x80, 0x87};
    *s = (struct mqtt_suback){.packet_id = draw_id(m)};
    if (v5 || type == MQTT_SUBACK) {
        s->reasons = str_from(m->reasons, 1 + draw(m, FILTERS));
        for (size_t i = 0; i < s->reasons.len; i++) {
            m->reasons[i] = (type == MQTT_SUBACK ? subscribe_codes : unsubscribe_codes)[draw(m, 4)];
        }
    }
    if (v5) {
        draw_reason_string(m, &s->properties);
    }
}

static void draw_disconnect(struct material *m, bool v5, enum mqtt_type type, struct mqtt_disconnect *d)
{
    *d = (struct mqtt_disconnect){0};
    if (!v5) {
        return;
    }
    draw_reason_string(m, &d->properties);
    if (type == MQTT_AUTH) {
        d->reason = 0x18;
        mqtt_set(&d->properties, MQTT_PROP_AUTH_METHOD);
        d->properties.auth_method = draw_text(m, 0);
    } else {
        d->reason = coin(m) ? 0x00 : 0x97;
    }
}

static void draw_connack(struct material *m, bool v5, struct mqtt_connack *c)
{
    *c = (struct mqtt_connack){.session_present = coin(m)};
    if (!c->session_present && coin(m)) {
        c->reason = v5 ? 0x87 : 5;
    }
    if (v5) {
        draw_reason_string(m, &c->properties);
        mqtt_set(&c->properties, MQTT_PROP_MAXIMUM_PACKET_SIZE);
        c->properties.maximum_packet_size = 1 + draw(m, 1000000);
        mqtt_set(&c->properties, MQTT_PROP_SHARED_AVAILABLE);
        c->properties.shared_available = coin(m);
    }
}

static void draw_packet(struct material *m, bool v5, enum mqtt_type type, struct mqtt_packet *packet)
{
    packet->type = type;
    switch (type) {
    case MQTT_CONNECT:
        draw_connect(m, v5, &packet->connect);
        break;
    case MQTT_CONNACK:
        draw_connack(m, v5, &packet->connack);
        break;
    case MQTT_PUBLISH:
        draw_publish(m, v5, &packet->publish);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        draw_puback(m, v5, type, &packet->puback);
        break;
    case MQTT_SUBSCRIBE:
        draw_subscribe(m, v5, &packet->subscribe);
        break;
    case MQTT_UNSUBSCRIBE:
        draw_unsubscribe(m, v5, &packet->unsubscribe);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        draw_suback(m, v5, type, &packet->suback);
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        break;
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        draw_disconnect(m, v5, type, &packet->disconnect);
        break;
    }
}

/* A side that may send the packet as drawn: identifiers in a PUBLISH come from servers only. */
static enum mqtt_from sender(enum mqtt_version version, enum mqtt_type type)
{
    return type != MQTT_AUTH && mqtt_type_is_allowed(version, MQTT_FROM_SERVER, type) ? MQTT_FROM_SERVER
                                                                                      : MQTT_FROM_CLIENT;
}

static void random_packets_survive(void **state)
{
    (void)state;
    struct material m = {.seed = 20260301};
    struct buf out;
    buf_init(&out, 65536);
    for (unsigned round = 0; round < ROUNDS; round++) {
        bool v5 = coin(&m);
        enum mqtt_version version = v5 ? MQTT_V5 : MQTT_V311;
        enum mqtt_type type = (enum mqtt_type)(1 + draw(&m, v5 ? 15 : 14));
        struct mqtt_packet packet, decoded;
        draw_packet(&m, v5, type, &packet);
        buf_clear(&out);
        mqtt_encode(&out, version, &packet);
        assert_false(out.failed);
        assert_int_equal(mqtt_packet_bytes(version, &packet), out.len);
        struct mqtt_fault fault = mqtt_decode(&decoded, type == MQTT_CONNECT ? MQTT_VERSION_NONE : version,
                                              sender(version, type), out.data, out.len);
        if (fault.reason != MQTT_SUCCESS) {
            fail_msg("round %u, %s: 0x%02x %s", round, mqtt_type_name(type), fault.reason, fault.text);
        }
        if (!testing_packets_equal(&packet, &decoded)) {
            fail_msg("round %u, %s: decoded to something else", round, mqtt_type_name(type));
        }
    }
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_packets_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
