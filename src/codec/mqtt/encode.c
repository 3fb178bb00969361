/* Packets -> bytes. Each packet has one function that writes its body to a sink; it runs twice, first with a sink that
 * only counts (Remaining Length and property lengths come before what they count), then into reserved memory. */
#include "codec/mqtt/property.h"

struct sink {
    uint8_t *at; /* NULL: count only */
    size_t bytes;
    bool failed; /* a string is too long */
};

static void put_bytes(struct sink *s, const void *ptr, size_t len)
{
    if (s->at && len) {
        memcpy(s->at + s->bytes, ptr, len);
    }
    s->bytes += len;
}

static void put_u8(struct sink *s, uint8_t value)
{
    if (s->at) {
        s->at[s->bytes] = value;
    }
    s->bytes++;
}

static void put_u16(struct sink *s, uint16_t value)
{
    put_u8(s, (uint8_t)(value >> 8));
    put_u8(s, (uint8_t)value);
}

static void put_u32(struct sink *s, uint32_t value)
{
    put_u16(s, (uint16_t)(value >> 16));
    put_u16(s, (uint16_t)value);
}

/* Shortest form [MQTT-1.5.5-1]. */
static void put_varint(struct sink *s, size_t value)
{
    if (value > MQTT_REMAINING_MAX) {
        s->failed = true;
        return;
    }
    while (value >= 0x80) {
        put_u8(s, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    put_u8(s, (uint8_t)value);
}

static void put_str(struct sink *s, struct str text)
{
    if (text.len > MQTT_STRING_MAX) {
        s->failed = true;
        return;
    }
    put_u16(s, (uint16_t)text.len);
    put_bytes(s, text.ptr, text.len);
}

static void put_pair(struct sink *s, struct mqtt_pair pair)
{
    put_u8(s, MQTT_PROP_USER_PROPERTY);
    put_str(s, pair.name);
    put_str(s, pair.value);
}

static size_t varint_bytes(size_t value)
{
    return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

/* ---- properties */

static void put_subscription_ids(struct sink *s, const struct mqtt_properties *properties)
{
    struct mqtt_property_iter iter = mqtt_property_iter(properties);
    uint32_t id;
    while (mqtt_subscription_id_next(&iter, &id)) {
        put_u8(s, MQTT_PROP_SUBSCRIPTION_ID);
        put_varint(s, id);
    }
}

static void put_user_properties(struct sink *s, const struct mqtt_properties *properties, struct str drop)
{
    struct mqtt_property_iter iter = mqtt_property_iter(properties);
    struct mqtt_pair pair;
    while (mqtt_user_property_next(&iter, &pair)) {
        if (!drop.ptr || !str_eq(pair.name, drop)) {
            put_pair(s, pair);
        }
    }
}

static void put_property(struct sink *s, const struct mqtt_properties *properties, uint32_t id)
{
    const struct property_rule *rule = property_rule(id);
    const void *field = (const char *)properties + rule->offset;
    switch (rule->kind) {
    case PROPERTY_BYTE:
        put_u8(s, (uint8_t)id);
        put_u8(s, *(const uint8_t *)field);
        break;
    case PROPERTY_U16:
        put_u8(s, (uint8_t)id);
        put_u16(s, *(const uint16_t *)field);
        break;
    case PROPERTY_U32:
        put_u8(s, (uint8_t)id);
        put_u32(s, *(const uint32_t *)field);
        break;
    case PROPERTY_STRING:
    case PROPERTY_BINARY:
        put_u8(s, (uint8_t)id);
        put_str(s, *(const struct str *)field);
        break;
    case PROPERTY_VARINT:
        put_subscription_ids(s, properties);
        break;
    case PROPERTY_PAIR:
        put_user_properties(s, properties, (struct str){NULL, 0});
        break;
    case PROPERTY_NONE:
        break;
    }
}

/* Those present that packet `where` can carry, in the order of their identifiers, without a length. */
static void put_property_list(struct sink *s, const struct mqtt_properties *properties, unsigned where)
{
    for (uint64_t left = properties->present; left; left &= left - 1) {
        uint32_t id = (uint32_t)__builtin_ctzll(left);
        const struct property_rule *rule = property_rule(id);
        if (rule && (rule->where & (1u << where))) {
            put_property(s, properties, id);
        }
    }
}

static size_t property_list_bytes(struct sink *s, const struct mqtt_properties *properties, unsigned where)
{
    struct sink count = {0};
    put_property_list(&count, properties, where);
    s->failed |= count.failed;
    return count.bytes;
}

static void put_properties(struct sink *s, enum mqtt_version version, const struct mqtt_properties *properties,
                           unsigned where)
{
    if (version == MQTT_V5) {
        put_varint(s, property_list_bytes(s, properties, where));
        put_property_list(s, properties, where);
    }
}

/* ---- bodies */

static uint8_t connect_flags(const struct mqtt_connect *connect)
{
    unsigned flags = connect->clean_start ? 0x02 : 0;
    if (connect->has_will) {
        flags |= 0x04u | (unsigned)connect->will.qos << 3 | (connect->will.retain ? 0x20u : 0);
    }
    return (uint8_t)(flags | (connect->has_password ? 0x40u : 0) | (connect->has_user_name ? 0x80u : 0));
}

static void put_connect(struct sink *s, enum mqtt_version version, const struct mqtt_connect *connect)
{
    put_str(s, STR("MQTT"));
    put_u8(s, version == MQTT_V5 ? MQTT_V5 : MQTT_V311);
    put_u8(s, connect_flags(connect));
    put_u16(s, connect->keep_alive_s);
    put_properties(s, version, &connect->properties, MQTT_CONNECT);
    put_str(s, connect->client_id);
    if (connect->has_will) {
        put_properties(s, version, &connect->will.properties, PROPERTY_WILL);
        put_str(s, connect->will.topic);
        put_str(s, connect->will.payload);
    }
    if (connect->has_user_name) {
        put_str(s, connect->user_name);
    }
    if (connect->has_password) {
        put_str(s, connect->password);
    }
}

static void put_connack(struct sink *s, enum mqtt_version version, const struct mqtt_connack *connack)
{
    put_u8(s, connack->session_present ? 1 : 0);
    put_u8(s, connack->reason);
    put_properties(s, version, &connack->properties, MQTT_CONNACK);
}

static void put_publish(struct sink *s, enum mqtt_version version, const struct mqtt_publish *publish)
{
    put_str(s, publish->topic);
    if (publish->qos > 0) {
        put_u16(s, publish->packet_id);
    }
    put_properties(s, version, &publish->properties, MQTT_PUBLISH);
    put_bytes(s, publish->payload.ptr, publish->payload.len);
}

/* Reason 0 without properties is left out, as sections 3.4.2.1, 3.14.2.1 and their like allow. */
static void put_reason(struct sink *s, enum mqtt_type type, uint8_t reason, const struct mqtt_properties *properties)
{
    size_t properties_bytes = property_list_bytes(s, properties, type);
    if (reason != MQTT_SUCCESS || properties_bytes > 0) {
        put_u8(s, reason);
    }
    /* AUTH has no form with a reason and without a property length. */
    if (properties_bytes > 0 || (type == MQTT_AUTH && reason != MQTT_SUCCESS)) {
        put_varint(s, properties_bytes);
        put_property_list(s, properties, type);
    }
}

static void put_puback(struct sink *s, enum mqtt_version version, enum mqtt_type type, const struct mqtt_puback *puback)
{
    put_u16(s, puback->packet_id);
    if (version == MQTT_V5) {
        put_reason(s, type, puback->reason, &puback->properties);
    }
}

static void put_disconnect(struct sink *s, enum mqtt_version version, enum mqtt_type type,
                           const struct mqtt_disconnect *disconnect)
{
    if (version == MQTT_V5) {
        put_reason(s, type, disconnect->reason, &disconnect->properties);
    }
}

static uint8_t subscription_options(enum mqtt_version version, const struct mqtt_subscription *subscription)
{
    unsigned options = subscription->qos;
    if (version == MQTT_V5) {
        options |= (subscription->no_local ? 0x04u : 0) | (subscription->retain_as_published ? 0x08u : 0) |
                   (unsigned)subscription->retain_handling << 4;
    }
    return (uint8_t)options;
}

static void put_subscribe(struct sink *s, enum mqtt_version version, const struct mqtt_subscribe *subscribe)
{
    put_u16(s, subscribe->packet_id);
    put_properties(s, version, &subscribe->properties, MQTT_SUBSCRIBE);
    struct mqtt_filter_iter iter = mqtt_subscribe_iter(subscribe);
    struct mqtt_subscription subscription;
    while (mqtt_subscription_next(&iter, &subscription)) {
        put_str(s, subscription.filter);
        put_u8(s, subscription_options(version, &subscription));
    }
}

static void put_unsubscribe(struct sink *s, enum mqtt_version version, const struct mqtt_unsubscribe *unsubscribe)
{
    put_u16(s, unsubscribe->packet_id);
    put_properties(s, version, &unsubscribe->properties, MQTT_UNSUBSCRIBE);
    struct mqtt_filter_iter iter = mqtt_unsubscribe_iter(unsubscribe);
    struct str filter;
    while (mqtt_unsubscription_next(&iter, &filter)) {
        put_str(s, filter);
    }
}

static void put_suback(struct sink *s, enum mqtt_version version, enum mqtt_type type, const struct mqtt_suback *suback)
{
    put_u16(s, suback->packet_id);
    if (version == MQTT_V5) {
        put_properties(s, version, &suback->properties, type);
        put_bytes(s, suback->reasons.ptr, suback->reasons.len);
        return;
    }
    for (size_t i = 0; type == MQTT_SUBACK && i < suback->reasons.len; i++) {
        uint8_t reason = (uint8_t)suback->reasons.ptr[i];
        put_u8(s, reason <= MQTT_GRANTED_QOS_2 ? reason : MQTT_UNSPECIFIED_ERROR); /* 3.1.1 [MQTT-3.9.3-2] */
    }
}

static void put_body(struct sink *s, enum mqtt_version version, const struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_CONNECT:
        put_connect(s, version, &packet->connect);
        break;
    case MQTT_CONNACK:
        put_connack(s, version, &packet->connack);
        break;
    case MQTT_PUBLISH:
        put_publish(s, version, &packet->publish);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        put_puback(s, version, packet->type, &packet->puback);
        break;
    case MQTT_SUBSCRIBE:
        put_subscribe(s, version, &packet->subscribe);
        break;
    case MQTT_UNSUBSCRIBE:
        put_unsubscribe(s, version, &packet->unsubscribe);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        put_suback(s, version, packet->type, &packet->suback);
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        break;
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        put_disconnect(s, version, packet->type, &packet->disconnect);
        break;
    }
}

/* ---- whole packets */

static uint8_t publish_flags(uint8_t qos, bool dup, bool retain)
{
    return (uint8_t)((dup && qos > 0 ? 0x08u : 0) | (unsigned)qos << 1 | (retain ? 0x01u : 0)); /* [MQTT-3.3.1-2] */
}

static uint8_t first_byte(const struct mqtt_packet *packet)
{
    uint8_t flags = 0;
    if (packet->type == MQTT_PUBLISH) {
        flags = publish_flags(packet->publish.qos, packet->publish.dup, packet->publish.retain);
    } else if (packet->type == MQTT_PUBREL || packet->type == MQTT_SUBSCRIBE || packet->type == MQTT_UNSUBSCRIBE) {
        flags = 0x02; /* [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] */
    }
    return (uint8_t)((unsigned)packet->type << 4 | flags);
}

/* Length behind the fixed header; false: cannot be encoded. */
static bool body_bytes(enum mqtt_version version, const struct mqtt_packet *packet, size_t *ret)
{
    struct sink count = {0};
    put_body(&count, version, packet);
    *ret = count.bytes;
    return !count.failed && count.bytes <= MQTT_REMAINING_MAX;
}

size_t mqtt_packet_bytes(enum mqtt_version version, const struct mqtt_packet *packet)
{
    size_t remaining;
    return body_bytes(version, packet, &remaining) ? 1 + varint_bytes(remaining) + remaining : 0;
}

/* Room for `bytes` at the end of `out`; false: there is none, or nothing is to be written. */
static bool sink_open(struct sink *s, struct buf *out, size_t bytes)
{
    if (bytes == 0 || out->failed || !buf_reserve(out, bytes)) {
        return false;
    }
    *s = (struct sink){.at = out->data + out->len};
    return true;
}

void mqtt_encode(struct buf *out, enum mqtt_version version, const struct mqtt_packet *packet)
{
    size_t remaining;
    struct sink s;
    if (!body_bytes(version, packet, &remaining)) {
        out->failed = true;
        return;
    }
    if (!sink_open(&s, out, 1 + varint_bytes(remaining) + remaining)) {
        return;
    }
    put_u8(&s, first_byte(packet));
    put_varint(&s, remaining);
    put_body(&s, version, packet);
    out->len += s.bytes;
}

void mqtt_encode_puback(struct buf *out, enum mqtt_version version, enum mqtt_type type, uint16_t packet_id,
                        enum mqtt_reason reason, struct str reason_string)
{
    struct sink s;
    if (version == MQTT_V5 && reason_string.len > 0) {
        struct mqtt_packet packet = {.type = type, .puback = {.packet_id = packet_id, .reason = (uint8_t)reason}};
        packet.puback.properties.reason_string = reason_string;
        mqtt_set(&packet.puback.properties, MQTT_PROP_REASON_STRING);
        mqtt_encode(out, version, &packet);
        return;
    }
    bool has_reason = version == MQTT_V5 && reason != MQTT_SUCCESS;
    if (!sink_open(&s, out, has_reason ? 5 : 4)) {
        return;
    }
    put_u8(&s, (uint8_t)((unsigned)type << 4 | (type == MQTT_PUBREL ? 0x02u : 0)));
    put_u8(&s, has_reason ? 3 : 2);
    put_u16(&s, packet_id);
    if (has_reason) {
        put_u8(&s, (uint8_t)reason);
    }
    out->len += s.bytes;
}

static struct mqtt_properties *packet_properties(struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_CONNACK:
        return &packet->connack.properties;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        return &packet->puback.properties;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        return &packet->suback.properties;
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        return &packet->disconnect.properties;
    case MQTT_CONNECT:
    case MQTT_PUBLISH:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        break;
    }
    return NULL;
}

void mqtt_trim_diagnostics(struct mqtt_packet *packet, enum mqtt_version version, bool problem_info,
                           size_t packet_bytes_max)
{
    struct mqtt_properties *properties = packet_properties(packet);
    if (!properties) {
        return;
    }
    if (!problem_info && packet->type != MQTT_CONNACK && packet->type != MQTT_DISCONNECT) {
        mqtt_unset(properties, MQTT_PROP_USER_PROPERTY);
        mqtt_unset(properties, MQTT_PROP_REASON_STRING);
    }
    if (packet_bytes_max && mqtt_packet_bytes(version, packet) > packet_bytes_max) {
        mqtt_unset(properties, MQTT_PROP_USER_PROPERTY);
    }
    if (packet_bytes_max && mqtt_packet_bytes(version, packet) > packet_bytes_max) {
        mqtt_unset(properties, MQTT_PROP_REASON_STRING);
    }
}

/* ---- PUBLISH to many */

static size_t head_property_bytes(const struct mqtt_publish_head *head)
{
    size_t bytes = head->properties.len;
    bytes += head->topic_alias ? 3 : 0;
    bytes += head->has_message_expiry ? 5 : 0;
    for (size_t i = 0; i < head->subscription_id_count; i++) {
        bytes += 1 + varint_bytes(head->subscription_ids[i]);
    }
    return bytes;
}

/* Remaining Length; false: cannot be encoded. */
static bool publish_remaining(enum mqtt_version version, const struct mqtt_publish_head *head, size_t *ret)
{
    if (head->topic.len > MQTT_STRING_MAX || head->payload_bytes > MQTT_REMAINING_MAX) {
        return false;
    }
    size_t bytes = 2 + head->topic.len + (head->qos > 0 ? 2 : 0) + head->payload_bytes;
    if (version == MQTT_V5) {
        size_t properties_bytes = head_property_bytes(head);
        bytes += varint_bytes(properties_bytes) + properties_bytes;
    }
    *ret = bytes;
    return bytes <= MQTT_REMAINING_MAX;
}

size_t mqtt_publish_bytes(enum mqtt_version version, const struct mqtt_publish_head *head)
{
    size_t remaining;
    return publish_remaining(version, head, &remaining) ? 1 + varint_bytes(remaining) + remaining : 0;
}

static void put_head_properties(struct sink *s, const struct mqtt_publish_head *head)
{
    put_varint(s, head_property_bytes(head));
    if (head->topic_alias) {
        put_u8(s, MQTT_PROP_TOPIC_ALIAS);
        put_u16(s, head->topic_alias);
    }
    if (head->has_message_expiry) {
        put_u8(s, MQTT_PROP_MESSAGE_EXPIRY);
        put_u32(s, head->message_expiry_s);
    }
    for (size_t i = 0; i < head->subscription_id_count; i++) {
        put_u8(s, MQTT_PROP_SUBSCRIPTION_ID);
        put_varint(s, head->subscription_ids[i]);
    }
    put_bytes(s, head->properties.ptr, head->properties.len);
}

void mqtt_encode_publish_head(struct buf *out, enum mqtt_version version, const struct mqtt_publish_head *head)
{
    size_t remaining;
    struct sink s;
    if (!publish_remaining(version, head, &remaining)) {
        out->failed = true;
        return;
    }
    if (!sink_open(&s, out, 1 + varint_bytes(remaining) + remaining - head->payload_bytes)) {
        return;
    }
    put_u8(&s, (uint8_t)((unsigned)MQTT_PUBLISH << 4 | publish_flags(head->qos, head->dup, head->retain)));
    put_varint(&s, remaining);
    put_str(&s, head->topic);
    if (head->qos > 0) {
        put_u16(&s, head->packet_id);
    }
    if (version == MQTT_V5) {
        put_head_properties(&s, head);
    }
    out->len += s.bytes;
}

static void put_shared(struct sink *s, const struct mqtt_properties *properties, struct str drop_user)
{
    static const enum mqtt_property shared[] = {MQTT_PROP_PAYLOAD_FORMAT, MQTT_PROP_CONTENT_TYPE,
                                                MQTT_PROP_RESPONSE_TOPIC, MQTT_PROP_CORRELATION_DATA};
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        if (mqtt_has(properties, shared[i])) {
            put_property(s, properties, shared[i]);
        }
    }
    put_user_properties(s, properties, drop_user);
}

void mqtt_encode_shared_properties(struct buf *out, const struct mqtt_properties *properties, struct str drop_user)
{
    struct sink count = {0};
    struct sink s;
    put_shared(&count, properties, drop_user);
    if (count.failed) {
        out->failed = true;
    } else if (sink_open(&s, out, count.bytes)) {
        put_shared(&s, properties, drop_user);
        out->len += s.bytes;
    }
}
