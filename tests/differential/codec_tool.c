/* Reads records from stdin and answers each with one JSON line, in order, until the end of input. A record is
 *   u8 version (0, 4, 5)  u8 sender (0 client, 1 server)  u32 length, big endian  packet
 * and an answer {"packet":{...},"encoded":"<hex of the same packet, encoded again>"} or
 * {"fault":129,"text":"..."}. Field names are those of the npm package mqtt-packet; binary values are hex. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/json/json.h"
#include "codec/mqtt/mqtt.h"

#define RECORD_BYTES_MAX ((size_t)1 << 20)

static void field_hex(struct json_writer *w, const char *name, struct str bytes)
{
    struct buf hex;
    buf_init(&hex, 2 * RECORD_BYTES_MAX + 16);
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(&hex, "%02x", (unsigned)(uint8_t)bytes.ptr[i]);
    }
    json_field_str(w, name, buf_str(&hex));
    buf_deinit(&hex);
}

static void put_numbers(struct json_writer *w, const struct mqtt_properties *p)
{
    const struct {
        enum mqtt_property id;
        const char *name;
        uint32_t value;
    } numbers[] = {
        {MQTT_PROP_PAYLOAD_FORMAT, "payloadFormatIndicator", p->payload_format},
        {MQTT_PROP_MESSAGE_EXPIRY, "messageExpiryInterval", p->message_expiry_s},
        {MQTT_PROP_SESSION_EXPIRY, "sessionExpiryInterval", p->session_expiry_s},
        {MQTT_PROP_SERVER_KEEP_ALIVE, "serverKeepAlive", p->server_keep_alive_s},
        {MQTT_PROP_REQUEST_PROBLEM_INFO, "requestProblemInformation", p->request_problem_info},
        {MQTT_PROP_WILL_DELAY, "willDelayInterval", p->will_delay_s},
        {MQTT_PROP_REQUEST_RESPONSE_INFO, "requestResponseInformation", p->request_response_info},
        {MQTT_PROP_RECEIVE_MAXIMUM, "receiveMaximum", p->receive_maximum},
        {MQTT_PROP_TOPIC_ALIAS_MAXIMUM, "topicAliasMaximum", p->topic_alias_maximum},
        {MQTT_PROP_TOPIC_ALIAS, "topicAlias", p->topic_alias},
        {MQTT_PROP_MAXIMUM_QOS, "maximumQoS", p->maximum_qos},
        {MQTT_PROP_RETAIN_AVAILABLE, "retainAvailable", p->retain_available},
        {MQTT_PROP_MAXIMUM_PACKET_SIZE, "maximumPacketSize", p->maximum_packet_size},
        {MQTT_PROP_WILDCARD_AVAILABLE, "wildcardSubscriptionAvailable", p->wildcard_available},
        {MQTT_PROP_SUBSCRIPTION_ID_AVAILABLE, "subscriptionIdentifiersAvailable", p->subscription_id_available},
        {MQTT_PROP_SHARED_AVAILABLE, "sharedSubscriptionAvailable", p->shared_available},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (mqtt_has(p, numbers[i].id)) {
            json_field_int(w, numbers[i].name, numbers[i].value);
        }
    }
}

static void put_texts(struct json_writer *w, const struct mqtt_properties *p)
{
    const struct {
        enum mqtt_property id;
        const char *name;
        struct str value;
    } texts[] = {
        {MQTT_PROP_CONTENT_TYPE, "contentType", p->content_type},
        {MQTT_PROP_RESPONSE_TOPIC, "responseTopic", p->response_topic},
        {MQTT_PROP_ASSIGNED_CLIENT_ID, "assignedClientIdentifier", p->assigned_client_id},
        {MQTT_PROP_AUTH_METHOD, "authenticationMethod", p->auth_method},
        {MQTT_PROP_RESPONSE_INFO, "responseInformation", p->response_info},
        {MQTT_PROP_SERVER_REFERENCE, "serverReference", p->server_reference},
        {MQTT_PROP_REASON_STRING, "reasonString", p->reason_string},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (mqtt_has(p, texts[i].id)) {
            json_field_str(w, texts[i].name, texts[i].value);
        }
    }
    if (mqtt_has(p, MQTT_PROP_CORRELATION_DATA)) {
        field_hex(w, "correlationData", p->correlation_data);
    }
    if (mqtt_has(p, MQTT_PROP_AUTH_DATA)) {
        field_hex(w, "authenticationData", p->auth_data);
    }
}

static void put_repeated(struct json_writer *w, const struct mqtt_properties *p)
{
    struct mqtt_property_iter iter = mqtt_property_iter(p);
    uint32_t id;
    if (mqtt_has(p, MQTT_PROP_SUBSCRIPTION_ID)) {
        json_name(w, "subscriptionIdentifier");
        json_begin_array(w);
        while (mqtt_subscription_id_next(&iter, &id)) {
            json_put_int(w, id);
        }
        json_end_array(w);
    }
    struct mqtt_pair pair;
    iter = mqtt_property_iter(p);
    if (mqtt_has(p, MQTT_PROP_USER_PROPERTY)) {
        json_name(w, "userProperties");
        json_begin_array(w);
        while (mqtt_user_property_next(&iter, &pair)) {
            json_begin_array(w);
            json_put_str(w, pair.name);
            json_put_str(w, pair.value);
            json_end_array(w);
        }
        json_end_array(w);
    }
}

static void put_properties(struct json_writer *w, const struct mqtt_properties *p)
{
    if (p->present == 0) {
        return;
    }
    json_name(w, "properties");
    json_begin_object(w);
    put_numbers(w, p);
    put_texts(w, p);
    put_repeated(w, p);
    json_end_object(w);
}

static void put_connect(struct json_writer *w, const struct mqtt_connect *c)
{
    json_field_int(w, "protocolVersion", c->protocol_level);
    json_field_bool(w, "clean", c->clean_start);
    json_field_int(w, "keepalive", c->keep_alive_s);
    json_field_str(w, "clientId", c->client_id);
    put_properties(w, &c->properties);
    if (c->has_will) {
        json_name(w, "will");
        json_begin_object(w);
        json_field_str(w, "topic", c->will.topic);
        field_hex(w, "payload", c->will.payload);
        json_field_int(w, "qos", c->will.qos);
        json_field_bool(w, "retain", c->will.retain);
        put_properties(w, &c->will.properties);
        json_end_object(w);
    }
    if (c->has_user_name) {
        json_field_str(w, "username", c->user_name);
    }
    if (c->has_password) {
        field_hex(w, "password", c->password);
    }
}

static void put_publish(struct json_writer *w, const struct mqtt_publish *p)
{
    json_field_str(w, "topic", p->topic);
    field_hex(w, "payload", p->payload);
    json_field_int(w, "qos", p->qos);
    json_field_bool(w, "dup", p->dup);
    json_field_bool(w, "retain", p->retain);
    if (p->qos > 0) {
        json_field_int(w, "messageId", p->packet_id);
    }
    put_properties(w, &p->properties);
}

static void put_subscribe(struct json_writer *w, const struct mqtt_subscribe *s)
{
    json_field_int(w, "messageId", s->packet_id);
    json_name(w, "subscriptions");
    json_begin_array(w);
    struct mqtt_filter_iter iter = mqtt_subscribe_iter(s);
    struct mqtt_subscription subscription;
    while (mqtt_subscription_next(&iter, &subscription)) {
        json_begin_object(w);
        json_field_str(w, "topic", subscription.filter);
        json_field_int(w, "qos", subscription.qos);
        json_field_bool(w, "nl", subscription.no_local);
        json_field_bool(w, "rap", subscription.retain_as_published);
        json_field_int(w, "rh", subscription.retain_handling);
        json_end_object(w);
    }
    json_end_array(w);
    put_properties(w, &s->properties);
}

static void put_unsubscribe(struct json_writer *w, const struct mqtt_unsubscribe *u)
{
    json_field_int(w, "messageId", u->packet_id);
    json_name(w, "unsubscriptions");
    json_begin_array(w);
    struct mqtt_filter_iter iter = mqtt_unsubscribe_iter(u);
    struct str filter;
    while (mqtt_unsubscription_next(&iter, &filter)) {
        json_put_str(w, filter);
    }
    json_end_array(w);
    put_properties(w, &u->properties);
}

static void put_suback(struct json_writer *w, const struct mqtt_suback *s)
{
    json_field_int(w, "messageId", s->packet_id);
    json_name(w, "granted");
    json_begin_array(w);
    for (size_t i = 0; i < s->reasons.len; i++) {
        json_put_int(w, (uint8_t)s->reasons.ptr[i]);
    }
    json_end_array(w);
    put_properties(w, &s->properties);
}

static void put_packet(struct json_writer *w, const struct mqtt_packet *packet)
{
    json_field_cstr(w, "type", mqtt_type_name(packet->type));
    switch (packet->type) {
    case MQTT_CONNECT:
        put_connect(w, &packet->connect);
        break;
    case MQTT_CONNACK:
        json_field_bool(w, "sessionPresent", packet->connack.session_present);
        json_field_int(w, "reasonCode", packet->connack.reason);
        put_properties(w, &packet->connack.properties);
        break;
    case MQTT_PUBLISH:
        put_publish(w, &packet->publish);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        json_field_int(w, "messageId", packet->puback.packet_id);
        json_field_int(w, "reasonCode", packet->puback.reason);
        put_properties(w, &packet->puback.properties);
        break;
    case MQTT_SUBSCRIBE:
        put_subscribe(w, &packet->subscribe);
        break;
    case MQTT_UNSUBSCRIBE:
        put_unsubscribe(w, &packet->unsubscribe);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        put_suback(w, &packet->suback);
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        break;
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        json_field_int(w, "reasonCode", packet->disconnect.reason);
        put_properties(w, &packet->disconnect.properties);
        break;
    }
}

static void answer(struct buf *out, enum mqtt_version version, enum mqtt_from from, const uint8_t *data, size_t len)
{
    struct mqtt_packet packet;
    struct mqtt_fault fault = mqtt_decode(&packet, version, from, data, len);
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    if (fault.reason != MQTT_SUCCESS) {
        json_field_int(&w, "fault", (int64_t)fault.reason);
        json_field_cstr(&w, "text", fault.text);
    } else {
        struct buf encoded;
        buf_init(&encoded, RECORD_BYTES_MAX + 16);
        mqtt_encode(&encoded, packet.type == MQTT_CONNECT ? packet.connect.version : version, &packet);
        json_name(&w, "packet");
        json_begin_object(&w);
        put_packet(&w, &packet);
        json_end_object(&w);
        field_hex(&w, "encoded", buf_str(&encoded));
        buf_deinit(&encoded);
    }
    json_end_object(&w);
    buf_append_u8(out, '\n');
}

int main(void)
{
    uint8_t head[6];
    struct buf out;
    buf_init(&out, 8 * RECORD_BYTES_MAX);
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t len = (size_t)head[2] << 24 | (size_t)head[3] << 16 | (size_t)head[4] << 8 | head[5];
        if (len > RECORD_BYTES_MAX) {
            return EXIT_FAILURE;
        }
        uint8_t *data = mem_alloc(len + 1);
        if (fread(data, 1, len, stdin) != len) {
            mem_free(data);
            return EXIT_FAILURE;
        }
        buf_clear(&out);
        answer(&out, (enum mqtt_version)head[0], head[1] ? MQTT_FROM_SERVER : MQTT_FROM_CLIENT, data, len);
        mem_free(data);
        if (out.failed || fwrite(out.data, 1, out.len, stdout) != out.len) {
            return EXIT_FAILURE;
        }
    }
    buf_deinit(&out);
    return EXIT_SUCCESS;
}
