#include "codec/mqtt/property.h"

#include "base/utf8.h"

#define IN(type) (1u << (type))
#define IN_ACKS (IN(MQTT_PUBACK) | IN(MQTT_PUBREC) | IN(MQTT_PUBREL) | IN(MQTT_PUBCOMP))
#define IN_MESSAGE (IN(MQTT_PUBLISH) | IN(PROPERTY_WILL))
#define IN_CONNECTING (IN(MQTT_CONNECT) | IN(MQTT_CONNACK))
#define IN_AUTH (IN_CONNECTING | IN(MQTT_AUTH))
#define IN_REASON (IN(MQTT_CONNACK) | IN_ACKS | IN(MQTT_SUBACK) | IN(MQTT_UNSUBACK) | IN(MQTT_DISCONNECT) | IN(MQTT_AUTH))
#define IN_ALL (IN_REASON | IN_MESSAGE | IN(MQTT_CONNECT) | IN(MQTT_SUBSCRIBE) | IN(MQTT_UNSUBSCRIBE))

#define AT(field) offsetof(struct mqtt_properties, field)
#define code .not_zero = true, .zero_reason = (code)

/* Table 2-4 of the standard, with the value rules of each property's own section. */
static const struct property_rule rules[PROPERTY_ID_MAX + 1] = {
    [MQTT_PROP_PAYLOAD_FORMAT] = {"Payload Format Indicator", PROPERTY_BYTE, IN_MESSAGE, 0, AT(payload_format), 0},
    [MQTT_PROP_MESSAGE_EXPIRY] = {"Message Expiry Interval", PROPERTY_U32, IN_MESSAGE, 0, AT(message_expiry_s), 0},
    [MQTT_PROP_CONTENT_TYPE] = {"Content Type", PROPERTY_STRING, IN_MESSAGE, 0, AT(content_type), 0},
    [MQTT_PROP_RESPONSE_TOPIC] = {"Response Topic", PROPERTY_STRING, IN_MESSAGE, 0, AT(response_topic), 0},
    [MQTT_PROP_CORRELATION_DATA] = {"Correlation Data", PROPERTY_BINARY, IN_MESSAGE, 0, AT(correlation_data), 0},
    [MQTT_PROP_SUBSCRIPTION_ID] = {"Subscription Identifier", PROPERTY_VARINT, IN(MQTT_PUBLISH) | IN(MQTT_SUBSCRIBE),
                                   IN(MQTT_PUBLISH), 0, MQTT_PROTOCOL_ERROR},
    [MQTT_PROP_SESSION_EXPIRY] = {"Session Expiry Interval", PROPERTY_U32, IN_CONNECTING | IN(MQTT_DISCONNECT), 0,
                                  AT(session_expiry_s), 0},
    [MQTT_PROP_ASSIGNED_CLIENT_ID] = {"Assigned Client Identifier", PROPERTY_STRING, IN(MQTT_CONNACK), 0,
                                      AT(assigned_client_id), 0},
    [MQTT_PROP_SERVER_KEEP_ALIVE] = {"Server Keep Alive", PROPERTY_U16, IN(MQTT_CONNACK), 0, AT(server_keep_alive_s), 0},
    [MQTT_PROP_AUTH_METHOD] = {"Authentication Method", PROPERTY_STRING, IN_AUTH, 0, AT(auth_method), 0},
    [MQTT_PROP_AUTH_DATA] = {"Authentication Data", PROPERTY_BINARY, IN_AUTH, 0, AT(auth_data), 0},
    [MQTT_PROP_REQUEST_PROBLEM_INFO] = {"Request Problem Information", PROPERTY_BYTE, IN(MQTT_CONNECT), 0,
                                        AT(request_problem_info), 0},
    [MQTT_PROP_WILL_DELAY] = {"Will Delay Interval", PROPERTY_U32, IN(PROPERTY_WILL), 0, AT(will_delay_s), 0},
    [MQTT_PROP_REQUEST_RESPONSE_INFO] = {"Request Response Information", PROPERTY_BYTE, IN(MQTT_CONNECT), 0,
                                         AT(request_response_info), 0},
    [MQTT_PROP_RESPONSE_INFO] = {"Response Information", PROPERTY_STRING, IN(MQTT_CONNACK), 0, AT(response_info), 0},
    [MQTT_PROP_SERVER_REFERENCE] = {"Server Reference", PROPERTY_STRING, IN(MQTT_CONNACK) | IN(MQTT_DISCONNECT), 0,
                                    AT(server_reference), 0},
    [MQTT_PROP_REASON_STRING] = {"Reason String", PROPERTY_STRING, IN_REASON, 0, AT(reason_string), 0},
    [MQTT_PROP_RECEIVE_MAXIMUM] = {"Receive Maximum", PROPERTY_U16, IN_CONNECTING, 0, AT(receive_maximum),
                                   MQTT_PROTOCOL_ERROR},
    [MQTT_PROP_TOPIC_ALIAS_MAXIMUM] = {"Topic Alias Maximum", PROPERTY_U16, IN_CONNECTING, 0, AT(topic_alias_maximum), 0},
    [MQTT_PROP_TOPIC_ALIAS] = {"Topic Alias", PROPERTY_U16, IN(MQTT_PUBLISH), 0, AT(topic_alias),
                               MQTT_TOPIC_ALIAS_INVALID}, /* [MQTT-3.3.2-8] */
    [MQTT_PROP_MAXIMUM_QOS] = {"Maximum QoS", PROPERTY_BYTE, IN(MQTT_CONNACK), 0, AT(maximum_qos), 0},
    [MQTT_PROP_RETAIN_AVAILABLE] = {"Retain Available", PROPERTY_BYTE, IN(MQTT_CONNACK), 0, AT(retain_available), 0},
    [MQTT_PROP_USER_PROPERTY] = {"User Property", PROPERTY_PAIR, IN_ALL, IN_ALL, 0, 0},
    [MQTT_PROP_MAXIMUM_PACKET_SIZE] = {"Maximum Packet Size", PROPERTY_U32, IN_CONNECTING, 0, AT(maximum_packet_size),
                                       MQTT_PROTOCOL_ERROR},
    [MQTT_PROP_WILDCARD_AVAILABLE] = {"Wildcard Subscription Available", PROPERTY_BYTE, IN(MQTT_CONNACK), 0,
                                      AT(wildcard_available), 0},
    [MQTT_PROP_SUBSCRIPTION_ID_AVAILABLE] = {"Subscription Identifier Available", PROPERTY_BYTE, IN(MQTT_CONNACK), 0,
                                             AT(subscription_id_available), 0},
    [MQTT_PROP_SHARED_AVAILABLE] = {"Shared Subscription Available", PROPERTY_BYTE, IN(MQTT_CONNACK), 0,
                                    AT(shared_available), 0},
};

static const struct mqtt_fault no_fault = {MQTT_SUCCESS, ""};

const struct property_rule *property_rule(uint32_t id)
{
    return id <= PROPERTY_ID_MAX && rules[id].kind != PROPERTY_NONE ? &rules[id] : NULL;
}

uint32_t cursor_varint(struct cursor *c)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t byte = cursor_u8(c);
        value |= (uint32_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift > 0) {
                c->failed = true; /* [MQTT-1.5.5-1] */
            }
            return c->failed ? 0 : value;
        }
    }
    c->failed = true;
    return 0;
}

/* One value as read, before it has a field. */
struct value {
    uint32_t number;
    struct str text;
    struct str second; /* of a pair */
};

static struct str read_sized(struct cursor *c)
{
    return cursor_str(c, cursor_u16(c));
}

static struct value read_value(struct cursor *c, enum property_kind kind)
{
    struct value value = {0};
    switch (kind) {
    case PROPERTY_BYTE:
        value.number = cursor_u8(c);
        break;
    case PROPERTY_U16:
        value.number = cursor_u16(c);
        break;
    case PROPERTY_U32:
        value.number = cursor_u32(c);
        break;
    case PROPERTY_VARINT:
        value.number = cursor_varint(c);
        break;
    case PROPERTY_STRING:
    case PROPERTY_BINARY:
        value.text = read_sized(c);
        break;
    case PROPERTY_PAIR:
        value.text = read_sized(c);
        value.second = read_sized(c);
        break;
    case PROPERTY_NONE:
        c->failed = true;
        break;
    }
    return value;
}

static struct mqtt_fault malformed(const char *text)
{
    return (struct mqtt_fault){MQTT_MALFORMED_PACKET, text};
}

static struct mqtt_fault protocol_error(const char *text)
{
    return (struct mqtt_fault){MQTT_PROTOCOL_ERROR, text};
}

static struct mqtt_fault check_value(const struct property_rule *rule, const struct value *value)
{
    if (rule->kind == PROPERTY_BYTE && value->number > 1) {
        return protocol_error("property value is neither 0 nor 1");
    }
    if (rule->zero_reason != MQTT_SUCCESS && value->number == 0) {
        return (struct mqtt_fault){rule->zero_reason, "property value is 0"};
    }
    if ((rule->kind == PROPERTY_STRING || rule->kind == PROPERTY_PAIR) && !utf8_is_valid_mqtt(value->text)) {
        return malformed("property is not valid UTF-8"); /* [MQTT-1.5.4-1] [MQTT-1.5.4-2] */
    }
    if (rule->kind == PROPERTY_PAIR && !utf8_is_valid_mqtt(value->second)) {
        return malformed("user property is not valid UTF-8"); /* [MQTT-1.5.7-1] */
    }
    return no_fault;
}

static void store_value(struct mqtt_properties *ret, const struct property_rule *rule, const struct value *value)
{
    void *field = (char *)ret + rule->offset;
    switch (rule->kind) {
    case PROPERTY_BYTE:
        *(uint8_t *)field = (uint8_t)value->number;
        break;
    case PROPERTY_U16:
        *(uint16_t *)field = (uint16_t)value->number;
        break;
    case PROPERTY_U32:
        *(uint32_t *)field = value->number;
        break;
    case PROPERTY_STRING:
    case PROPERTY_BINARY:
        *(struct str *)field = value->text;
        break;
    case PROPERTY_VARINT:
    case PROPERTY_PAIR:
    case PROPERTY_NONE:
        break;
    }
}

static struct mqtt_fault decode_one(struct mqtt_properties *ret, struct cursor *c, unsigned where)
{
    uint32_t id = cursor_varint(c);
    const struct property_rule *rule = property_rule(id);
    if (c->failed || !rule) {
        return malformed("unknown property");
    }
    if (!(rule->where & IN(where))) {
        return malformed("property is not allowed in this packet");
    }
    if ((ret->present & MQTT_PROP_BIT(id)) && !(rule->repeats & IN(where))) {
        return protocol_error("property is there twice");
    }
    struct value value = read_value(c, rule->kind);
    if (c->failed) {
        return malformed("property ends too early");
    }
    struct mqtt_fault fault = check_value(rule, &value);
    if (fault.reason != MQTT_SUCCESS) {
        return fault;
    }
    store_value(ret, rule, &value);
    ret->present |= MQTT_PROP_BIT(id);
    return no_fault;
}

static bool has_wildcard_byte(struct str s)
{
    return s.len > 0 && (memchr(s.ptr, '+', s.len) || memchr(s.ptr, '#', s.len));
}

/* Rules that look at more than one property, or at who sent them. */
static struct mqtt_fault check_together(const struct mqtt_properties *p, unsigned where, enum mqtt_from from)
{
    if (mqtt_has(p, MQTT_PROP_AUTH_DATA) && !mqtt_has(p, MQTT_PROP_AUTH_METHOD)) {
        return protocol_error("Authentication Data without Authentication Method"); /* section 3.1.2.11.10 */
    }
    if (mqtt_has(p, MQTT_PROP_RESPONSE_TOPIC) &&
        (str_is_empty(p->response_topic) || has_wildcard_byte(p->response_topic))) {
        return protocol_error("Response Topic is not a topic name"); /* [MQTT-3.3.2-14] [MQTT-4.7.3-1] */
    }
    if (where == MQTT_PUBLISH && from == MQTT_FROM_CLIENT && mqtt_has(p, MQTT_PROP_SUBSCRIPTION_ID)) {
        return protocol_error("Subscription Identifier from a client"); /* [MQTT-3.3.4-6] */
    }
    if (where == MQTT_DISCONNECT && from == MQTT_FROM_SERVER && mqtt_has(p, MQTT_PROP_SESSION_EXPIRY)) {
        return protocol_error("Session Expiry Interval from a server"); /* [MQTT-3.14.2-2] */
    }
    return no_fault;
}

struct mqtt_fault properties_decode(struct mqtt_properties *ret, struct cursor raw, unsigned where,
                                    enum mqtt_from from)
{
    *ret = (struct mqtt_properties){.raw = str_from(raw.ptr, cursor_left(&raw))};
    while (cursor_left(&raw) > 0) {
        struct mqtt_fault fault = decode_one(ret, &raw, where);
        if (fault.reason != MQTT_SUCCESS) {
            return fault;
        }
    }
    return ret->present ? check_together(ret, where, from) : no_fault;
}

struct mqtt_fault mqtt_decode_shared_properties(struct mqtt_properties *ret, struct str raw)
{
    return properties_decode(ret, cursor_make(raw.ptr, raw.len), MQTT_PUBLISH, MQTT_FROM_SERVER);
}

struct mqtt_property_iter mqtt_property_iter(const struct mqtt_properties *properties)
{
    return (struct mqtt_property_iter){cursor_make(properties->raw.ptr, properties->raw.len), properties, 0};
}

/* The next property `id` of the raw bytes. */
static bool iter_raw_next(struct mqtt_property_iter *iter, enum mqtt_property id, struct value *ret)
{
    while (cursor_left(&iter->raw) > 0) {
        uint32_t found = cursor_varint(&iter->raw);
        const struct property_rule *rule = property_rule(found);
        if (!rule) {
            return false;
        }
        struct value value = read_value(&iter->raw, rule->kind);
        if (found == (uint32_t)id && !iter->raw.failed) {
            *ret = value;
            return true;
        }
    }
    return false;
}

bool mqtt_user_property_next(struct mqtt_property_iter *iter, struct mqtt_pair *ret)
{
    struct value value;
    if (!mqtt_has(iter->properties, MQTT_PROP_USER_PROPERTY)) {
        return false;
    }
    if (iter_raw_next(iter, MQTT_PROP_USER_PROPERTY, &value)) {
        *ret = (struct mqtt_pair){value.text, value.second};
        return true;
    }
    if (iter->next >= iter->properties->user_count) {
        return false;
    }
    *ret = iter->properties->user[iter->next++];
    return true;
}

bool mqtt_subscription_id_next(struct mqtt_property_iter *iter, uint32_t *ret)
{
    struct value value;
    if (!mqtt_has(iter->properties, MQTT_PROP_SUBSCRIPTION_ID)) {
        return false;
    }
    if (iter_raw_next(iter, MQTT_PROP_SUBSCRIPTION_ID, &value)) {
        *ret = value.number;
        return true;
    }
    if (iter->next >= iter->properties->subscription_id_count) {
        return false;
    }
    *ret = iter->properties->subscription_ids[iter->next++];
    return true;
}

bool mqtt_user_property_find(const struct mqtt_properties *properties, struct str name, struct str *ret_value)
{
    struct mqtt_property_iter iter = mqtt_property_iter(properties);
    struct mqtt_pair pair;
    while (mqtt_user_property_next(&iter, &pair)) {
        if (str_eq(pair.name, name)) {
            *ret_value = pair.value;
            return true;
        }
    }
    return false;
}
