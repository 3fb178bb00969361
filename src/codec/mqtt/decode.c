/* Bytes -> packets. One decoder walks the packet with a bounded cursor; the first fault is kept and everything after it
 * is harmless, so each packet's function reads top to bottom like its section of the standard. */
#include "base/utf8.h"
#include "codec/mqtt/property.h"
#include "codec/mqtt/topic.h"

struct decoder {
    struct cursor c;
    enum mqtt_version version;
    enum mqtt_from from;
    enum mqtt_type type;
    uint8_t flags;
    struct mqtt_fault fault;
};

/* Keeps the first fault. A value that was cut off is zero, which must not be blamed on the value. */
static void fail(struct decoder *d, enum mqtt_reason reason, const char *text)
{
    if (d->fault.reason != MQTT_SUCCESS) {
        return;
    }
    d->fault = d->c.failed ? (struct mqtt_fault){MQTT_MALFORMED_PACKET, "packet ends too early"}
                           : (struct mqtt_fault){reason, text};
}

static void require(struct decoder *d, bool condition, enum mqtt_reason reason, const char *text)
{
    if (!condition) {
        fail(d, reason, text);
    }
}

/* [MQTT-1.5.4-1] [MQTT-1.5.4-2] */
static struct str read_string(struct decoder *d, const char *text_if_invalid)
{
    struct str s = cursor_str(&d->c, cursor_u16(&d->c));
    require(d, utf8_is_valid_mqtt(s), MQTT_MALFORMED_PACKET, text_if_invalid);
    return s;
}

static struct str read_binary(struct decoder *d)
{
    return cursor_str(&d->c, cursor_u16(&d->c));
}

static struct str read_rest(struct decoder *d)
{
    return cursor_str(&d->c, cursor_left(&d->c));
}

/* [MQTT-2.2.1-2] [MQTT-2.2.1-3] [MQTT-2.2.1-4] */
static uint16_t read_packet_id(struct decoder *d)
{
    uint16_t id = cursor_u16(&d->c);
    require(d, id != 0, MQTT_PROTOCOL_ERROR, "packet identifier 0");
    return id;
}

static void read_properties(struct decoder *d, struct mqtt_properties *ret, unsigned where)
{
    if (d->version != MQTT_V5) {
        return;
    }
    uint32_t len = cursor_varint(&d->c);
    struct cursor raw = cursor_sub(&d->c, len);
    if (d->c.failed) {
        fail(d, MQTT_MALFORMED_PACKET, "");
        return;
    }
    if (len == 0) {
        return;
    }
    struct mqtt_fault fault = properties_decode(ret, raw, where, d->from);
    require(d, fault.reason == MQTT_SUCCESS, fault.reason, fault.text);
}

static void require_reason(struct decoder *d, uint8_t reason)
{
    require(d, mqtt_reason_is_allowed(d->type, d->from, reason), MQTT_PROTOCOL_ERROR,
            "reason code is not one of this packet's");
}

static bool is_topic_name(struct str topic)
{
    return topic_name_is_valid(topic, NULL);
}

/* ---- CONNECT, section 3.1 */

enum connect_flag {
    CONNECT_RESERVED = 0x01,
    CONNECT_CLEAN_START = 0x02,
    CONNECT_WILL = 0x04,
    CONNECT_WILL_QOS = 0x18,
    CONNECT_WILL_RETAIN = 0x20,
    CONNECT_PASSWORD = 0x40,
    CONNECT_USER_NAME = 0x80,
};

/* Protocol name and level come first and are the same in every version ever published [MQTT-3.1.2-1] [MQTT-3.1.2-2]. */
static void read_protocol(struct decoder *d, struct mqtt_connect *ret)
{
    struct str name = read_binary(d);
    ret->protocol_level = cursor_u8(&d->c);
    if (d->c.failed) {
        fail(d, MQTT_MALFORMED_PACKET, "");
    } else if (!str_eq(name, STR("MQTT"))) {
        ret->protocol_level = 0;
        fail(d, MQTT_UNSUPPORTED_VERSION, "protocol name is not MQTT");
    } else if (ret->protocol_level != MQTT_V311 && ret->protocol_level != MQTT_V5) {
        fail(d, MQTT_UNSUPPORTED_VERSION, "protocol version is neither 5.0 nor 3.1.1");
    } else {
        ret->version = (enum mqtt_version)ret->protocol_level;
        d->version = ret->version;
    }
}

static void check_connect_flags(struct decoder *d, uint8_t flags)
{
    bool will = (flags & CONNECT_WILL) != 0;
    require(d, !(flags & CONNECT_RESERVED), MQTT_MALFORMED_PACKET, "reserved connect flag is set"); /* [MQTT-3.1.2-3] */
    require(d, (flags & CONNECT_WILL_QOS) != CONNECT_WILL_QOS, MQTT_MALFORMED_PACKET, "Will QoS 3"); /* [MQTT-3.1.2-12] */
    require(d, will || !(flags & CONNECT_WILL_QOS), MQTT_MALFORMED_PACKET, "Will QoS without Will"); /* [MQTT-3.1.2-11] */
    require(d, will || !(flags & CONNECT_WILL_RETAIN), MQTT_MALFORMED_PACKET,
            "Will Retain without Will"); /* [MQTT-3.1.2-13] */
    if (d->version == MQTT_V311 && !(flags & CONNECT_USER_NAME)) {
        require(d, !(flags & CONNECT_PASSWORD), MQTT_MALFORMED_PACKET,
                "password without user name"); /* 3.1.1 [MQTT-3.1.2-22] */
    }
}

static void read_will(struct decoder *d, struct mqtt_will *ret, uint8_t flags)
{
    ret->qos = (uint8_t)((flags & CONNECT_WILL_QOS) >> 3);
    ret->retain = (flags & CONNECT_WILL_RETAIN) != 0;
    read_properties(d, &ret->properties, PROPERTY_WILL);
    ret->topic = read_string(d, "Will Topic is not valid UTF-8"); /* [MQTT-3.1.3-11] */
    require(d, is_topic_name(ret->topic), MQTT_TOPIC_NAME_INVALID, "Will Topic is not a topic name");
    ret->payload = read_binary(d);
}

static void decode_connect(struct decoder *d, struct mqtt_connect *ret)
{
    *ret = (struct mqtt_connect){0};
    read_protocol(d, ret);
    if (d->fault.reason != MQTT_SUCCESS) {
        return;
    }
    uint8_t flags = cursor_u8(&d->c);
    check_connect_flags(d, flags);
    ret->clean_start = (flags & CONNECT_CLEAN_START) != 0;
    ret->has_will = (flags & CONNECT_WILL) != 0;
    ret->has_user_name = (flags & CONNECT_USER_NAME) != 0;
    ret->has_password = (flags & CONNECT_PASSWORD) != 0;
    ret->keep_alive_s = cursor_u16(&d->c);
    read_properties(d, &ret->properties, MQTT_CONNECT);
    ret->client_id = read_string(d, "client identifier is not valid UTF-8"); /* [MQTT-3.1.3-4] */
    if (ret->has_will) {
        read_will(d, &ret->will, flags);
    }
    if (ret->has_user_name) {
        ret->user_name = read_string(d, "user name is not valid UTF-8"); /* [MQTT-3.1.3-12] */
    }
    if (ret->has_password) {
        ret->password = read_binary(d);
    }
    if (d->version == MQTT_V311 && !ret->clean_start) {
        require(d, ret->client_id.len > 0, MQTT_CLIENT_ID_INVALID,
                "empty client identifier needs Clean Session"); /* 3.1.1 [MQTT-3.1.3-8] */
    }
}

/* ---- CONNACK, section 3.2 */

static void decode_connack(struct decoder *d, struct mqtt_connack *ret)
{
    *ret = (struct mqtt_connack){0};
    uint8_t flags = cursor_u8(&d->c);
    require(d, flags <= 1, MQTT_MALFORMED_PACKET, "reserved acknowledge flags are set"); /* [MQTT-3.2.2-1] */
    ret->session_present = flags == 1;
    ret->reason = cursor_u8(&d->c);
    if (d->version == MQTT_V5) {
        require_reason(d, ret->reason); /* [MQTT-3.2.2-8] */
    } else {
        require(d, ret->reason <= MQTT_V311_NOT_AUTHORIZED, MQTT_PROTOCOL_ERROR, "reserved return code");
    }
    require(d, ret->reason == 0 || !ret->session_present, MQTT_PROTOCOL_ERROR,
            "session present in a refusal"); /* [MQTT-3.2.2-6] */
    read_properties(d, &ret->properties, MQTT_CONNACK);
}

/* ---- PUBLISH, section 3.3 */

static void check_publish_topic(struct decoder *d, const struct mqtt_publish *publish)
{
    if (str_is_empty(publish->topic)) {
        require(d, mqtt_has(&publish->properties, MQTT_PROP_TOPIC_ALIAS), MQTT_PROTOCOL_ERROR,
                "empty topic name without topic alias"); /* section 3.3.2.1, 3.1.1 [MQTT-4.7.3-1] */
    } else {
        require(d, is_topic_name(publish->topic), MQTT_TOPIC_NAME_INVALID,
                "topic name contains a wildcard"); /* [MQTT-3.3.2-2] */
    }
}

static void decode_publish(struct decoder *d, struct mqtt_publish *ret)
{
    *ret = (struct mqtt_publish){0};
    ret->qos = (d->flags >> 1) & 3;
    ret->dup = (d->flags & 0x08) != 0;
    ret->retain = (d->flags & 0x01) != 0;
    ret->topic = read_string(d, "topic name is not valid UTF-8"); /* [MQTT-3.3.2-1] */
    if (ret->qos > 0) {
        ret->packet_id = read_packet_id(d);
    }
    read_properties(d, &ret->properties, MQTT_PUBLISH);
    check_publish_topic(d, ret);
    ret->payload = read_rest(d);
}

/* ---- PUBACK, PUBREC, PUBREL, PUBCOMP, sections 3.4 to 3.7 */

static void decode_puback(struct decoder *d, struct mqtt_puback *ret)
{
    *ret = (struct mqtt_puback){0};
    ret->packet_id = read_packet_id(d);
    if (d->version != MQTT_V5 || cursor_left(&d->c) == 0) {
        return; /* 5.0: reason 0, no properties */
    }
    ret->reason = cursor_u8(&d->c);
    require_reason(d, ret->reason); /* [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] */
    if (cursor_left(&d->c) > 0) {
        read_properties(d, &ret->properties, d->type);
    }
}

/* ---- SUBSCRIBE, section 3.8 */

enum subscribe_option {
    SUBSCRIBE_QOS = 0x03,
    SUBSCRIBE_NO_LOCAL = 0x04,
    SUBSCRIBE_RETAIN_AS_PUBLISHED = 0x08,
    SUBSCRIBE_RETAIN_HANDLING = 0x30,
    SUBSCRIBE_RESERVED = 0xC0,
};

static void check_subscribe_options(struct decoder *d, struct str filter, uint8_t options)
{
    uint8_t reserved = d->version == MQTT_V5 ? SUBSCRIBE_RESERVED : (uint8_t)~SUBSCRIBE_QOS;
    require(d, !(options & reserved), MQTT_MALFORMED_PACKET,
            "reserved subscription options are set"); /* [MQTT-3.8.3-5], 3.1.1 [MQTT-3-8.3-4] */
    require(d, (options & SUBSCRIBE_QOS) != SUBSCRIBE_QOS, MQTT_PROTOCOL_ERROR, "Maximum QoS 3"); /* section 3.8.3.1 */
    require(d, (options & SUBSCRIBE_RETAIN_HANDLING) != SUBSCRIBE_RETAIN_HANDLING, MQTT_PROTOCOL_ERROR,
            "Retain Handling 3"); /* section 3.8.3.1 */
    require(d, !(options & SUBSCRIBE_NO_LOCAL) || !str_starts_with(filter, STR("$share/")), MQTT_PROTOCOL_ERROR,
            "No Local on a shared subscription"); /* [MQTT-3.8.3-4] */
}

/* Checks every filter (and its options), counts them, and returns their bytes. */
static struct str read_filters(struct decoder *d, bool with_options, size_t *ret_count)
{
    struct cursor start = d->c;
    size_t count = 0;
    while (cursor_left(&d->c) > 0 && d->fault.reason == MQTT_SUCCESS) {
        struct str filter = read_string(d, "topic filter is not valid UTF-8"); /* [MQTT-3.8.3-1] [MQTT-3.10.3-1] */
        if (with_options) {
            check_subscribe_options(d, filter, cursor_u8(&d->c));
        }
        count++;
    }
    require(d, count > 0, MQTT_PROTOCOL_ERROR, "no topic filter"); /* [MQTT-3.8.3-2] [MQTT-3.10.3-2] */
    *ret_count = count;
    return cursor_str(&start, cursor_left(&start));
}

static void decode_subscribe(struct decoder *d, struct mqtt_subscribe *ret)
{
    *ret = (struct mqtt_subscribe){0};
    ret->packet_id = read_packet_id(d);
    read_properties(d, &ret->properties, MQTT_SUBSCRIBE);
    ret->raw = read_filters(d, true, &ret->count);
}

static void decode_unsubscribe(struct decoder *d, struct mqtt_unsubscribe *ret)
{
    *ret = (struct mqtt_unsubscribe){0};
    ret->packet_id = read_packet_id(d);
    read_properties(d, &ret->properties, MQTT_UNSUBSCRIBE);
    ret->raw = read_filters(d, false, &ret->count);
}

/* ---- SUBACK, UNSUBACK, sections 3.9 and 3.11 */

static bool suback_reason_is_allowed_v311(uint8_t reason)
{
    return reason <= MQTT_GRANTED_QOS_2 || reason == MQTT_UNSPECIFIED_ERROR; /* 3.1.1 [MQTT-3.9.3-2] */
}

static void decode_suback(struct decoder *d, struct mqtt_suback *ret)
{
    *ret = (struct mqtt_suback){0};
    ret->packet_id = read_packet_id(d);
    if (d->type == MQTT_UNSUBACK && d->version == MQTT_V311) {
        return; /* no payload there */
    }
    read_properties(d, &ret->properties, d->type);
    ret->reasons = read_rest(d);
    require(d, ret->reasons.len > 0, MQTT_PROTOCOL_ERROR, "no reason code");
    for (size_t i = 0; i < ret->reasons.len && d->fault.reason == MQTT_SUCCESS; i++) {
        uint8_t reason = (uint8_t)ret->reasons.ptr[i];
        if (d->version == MQTT_V5) {
            require_reason(d, reason); /* [MQTT-3.9.3-2] [MQTT-3.11.3-2] */
        } else {
            require(d, suback_reason_is_allowed_v311(reason), MQTT_PROTOCOL_ERROR, "reserved return code");
        }
    }
}

/* ---- DISCONNECT, section 3.14; AUTH, section 3.15 */

static void decode_disconnect(struct decoder *d, struct mqtt_disconnect *ret)
{
    *ret = (struct mqtt_disconnect){0};
    if (d->version != MQTT_V5 || cursor_left(&d->c) == 0) {
        return;
    }
    ret->reason = cursor_u8(&d->c);
    require_reason(d, ret->reason); /* [MQTT-3.14.2-1] [MQTT-3.15.2-1] */
    if (d->type == MQTT_AUTH) {
        read_properties(d, &ret->properties, MQTT_AUTH);
        require(d, mqtt_has(&ret->properties, MQTT_PROP_AUTH_METHOD), MQTT_PROTOCOL_ERROR,
                "AUTH without Authentication Method"); /* section 3.15.2.2.2 */
    } else if (cursor_left(&d->c) > 0) {
        read_properties(d, &ret->properties, MQTT_DISCONNECT);
    }
}

static void decode_body(struct decoder *d, struct mqtt_packet *ret)
{
    switch (d->type) {
    case MQTT_CONNECT:
        decode_connect(d, &ret->connect);
        break;
    case MQTT_CONNACK:
        decode_connack(d, &ret->connack);
        break;
    case MQTT_PUBLISH:
        decode_publish(d, &ret->publish);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        decode_puback(d, &ret->puback);
        break;
    case MQTT_SUBSCRIBE:
        decode_subscribe(d, &ret->subscribe);
        break;
    case MQTT_UNSUBSCRIBE:
        decode_unsubscribe(d, &ret->unsubscribe);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        decode_suback(d, &ret->suback);
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        break;
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        decode_disconnect(d, &ret->disconnect);
        break;
    }
}

struct mqtt_fault mqtt_decode(struct mqtt_packet *ret, enum mqtt_version version, enum mqtt_from from,
                              const uint8_t *data, size_t len)
{
    struct mqtt_frame frame;
    enum mqtt_frame_status status = mqtt_frame(data, len, 0, &frame);
    ret->type = frame.type;
    if (frame.type == MQTT_CONNECT) {
        ret->connect.protocol_level = 0;
        ret->connect.version = MQTT_VERSION_NONE;
    }
    if (status != MQTT_FRAME_OK || frame.total_bytes != len) {
        return (struct mqtt_fault){MQTT_MALFORMED_PACKET, frame.error ? frame.error : "packet ends too early"};
    }
    if (!mqtt_type_is_allowed(version, from, frame.type)) {
        return (struct mqtt_fault){MQTT_PROTOCOL_ERROR, "packet type is not allowed here"};
    }
    struct decoder d = {.version = version, .from = from, .type = frame.type, .flags = frame.flags};
    d.c = cursor_make(data, len);
    (void)cursor_bytes(&d.c, frame.header_bytes);
    decode_body(&d, ret);
    require(&d, !d.c.failed && cursor_left(&d.c) == 0, MQTT_MALFORMED_PACKET, "packet is longer than its content");
    return d.fault;
}

/* ---- filters of SUBSCRIBE and UNSUBSCRIBE */

struct mqtt_filter_iter mqtt_subscribe_iter(const struct mqtt_subscribe *subscribe)
{
    return (struct mqtt_filter_iter){.raw = cursor_make(subscribe->raw.ptr, subscribe->raw.len),
                                     .subscriptions = subscribe->list,
                                     .left = subscribe->count};
}

struct mqtt_filter_iter mqtt_unsubscribe_iter(const struct mqtt_unsubscribe *unsubscribe)
{
    return (struct mqtt_filter_iter){.raw = cursor_make(unsubscribe->raw.ptr, unsubscribe->raw.len),
                                     .filters = unsubscribe->list,
                                     .left = unsubscribe->count};
}

bool mqtt_subscription_next(struct mqtt_filter_iter *iter, struct mqtt_subscription *ret)
{
    if (iter->left == 0) {
        return false;
    }
    iter->left--;
    if (iter->subscriptions) {
        *ret = *iter->subscriptions++;
        return true;
    }
    struct str filter = cursor_str(&iter->raw, cursor_u16(&iter->raw));
    uint8_t options = cursor_u8(&iter->raw);
    if (iter->raw.failed) {
        iter->left = 0;
        return false;
    }
    *ret = (struct mqtt_subscription){
        .filter = filter,
        .qos = options & SUBSCRIBE_QOS,
        .no_local = (options & SUBSCRIBE_NO_LOCAL) != 0,
        .retain_as_published = (options & SUBSCRIBE_RETAIN_AS_PUBLISHED) != 0,
        .retain_handling = (uint8_t)((options & SUBSCRIBE_RETAIN_HANDLING) >> 4),
    };
    return true;
}

bool mqtt_unsubscription_next(struct mqtt_filter_iter *iter, struct str *ret_filter)
{
    if (iter->left == 0) {
        return false;
    }
    iter->left--;
    if (iter->filters) {
        *ret_filter = *iter->filters++;
        return true;
    }
    struct str filter = cursor_str(&iter->raw, cursor_u16(&iter->raw));
    if (iter->raw.failed) {
        iter->left = 0;
        return false;
    }
    *ret_filter = filter;
    return true;
}
