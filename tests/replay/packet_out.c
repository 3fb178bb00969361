#include "script.h"

static void add_text(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, " %s=", name);
    for (size_t i = 0; i < text.len; i++) {
        buf_append_u8(out, text.ptr[i] == ' ' ? '_' : (uint8_t)text.ptr[i]);
    }
}

static void add_number(struct buf *out, const struct mqtt_properties *p, enum mqtt_property id, const char *name,
                       uint64_t value)
{
    if (mqtt_has(p, id)) {
        buf_printf(out, " %s=%llu", name, (unsigned long long)value);
    }
}

static void add_user_properties_in_order(struct buf *out, const struct mqtt_properties *p)
{
    struct mqtt_pair pair;
    struct mqtt_property_iter iter = mqtt_property_iter(p);
    const char *before = " ups=";
    while (mqtt_user_property_next(&iter, &pair)) {
        buf_printf(out, "%s%.*s:%.*s", before, STR_ARG(pair.name), STR_ARG(pair.value));
        before = ",";
    }
}

static void add_properties(struct script *s, struct buf *out, const struct mqtt_properties *p)
{
    struct mqtt_pair pair;
    uint32_t id;
    add_number(out, p, MQTT_PROP_SESSION_EXPIRY, "expiry", p->session_expiry_s);
    add_number(out, p, MQTT_PROP_SERVER_KEEP_ALIVE, "ka", p->server_keep_alive_s);
    add_number(out, p, MQTT_PROP_RECEIVE_MAXIMUM, "rm", p->receive_maximum);
    add_number(out, p, MQTT_PROP_MAXIMUM_PACKET_SIZE, "max", p->maximum_packet_size);
    add_number(out, p, MQTT_PROP_TOPIC_ALIAS_MAXIMUM, "aliases", p->topic_alias_maximum);
    add_number(out, p, MQTT_PROP_TOPIC_ALIAS, "alias", p->topic_alias);
    add_number(out, p, MQTT_PROP_MAXIMUM_QOS, "qos", p->maximum_qos);
    add_number(out, p, MQTT_PROP_RETAIN_AVAILABLE, "retain", p->retain_available);
    add_number(out, p, MQTT_PROP_WILDCARD_AVAILABLE, "wildcard", p->wildcard_available);
    add_number(out, p, MQTT_PROP_SUBSCRIPTION_ID_AVAILABLE, "subids", p->subscription_id_available);
    add_number(out, p, MQTT_PROP_SHARED_AVAILABLE, "shared", p->shared_available);
    add_number(out, p, MQTT_PROP_MESSAGE_EXPIRY, "expiry", p->message_expiry_s);
    add_number(out, p, MQTT_PROP_PAYLOAD_FORMAT, "pf", p->payload_format);
    if (mqtt_has(p, MQTT_PROP_ASSIGNED_CLIENT_ID)) {
        add_text(out, "id", p->assigned_client_id);
    }
    if (mqtt_has(p, MQTT_PROP_RESPONSE_INFO)) {
        add_text(out, "respinfo", topic_shorten(s, p->response_info));
    }
    if (mqtt_has(p, MQTT_PROP_AUTH_METHOD)) {
        add_text(out, "auth", p->auth_method);
    }
    if (mqtt_has(p, MQTT_PROP_CONTENT_TYPE)) {
        add_text(out, "ct", p->content_type);
    }
    if (mqtt_has(p, MQTT_PROP_RESPONSE_TOPIC)) {
        add_text(out, "resp", topic_shorten(s, p->response_topic));
    }
    if (mqtt_has(p, MQTT_PROP_CORRELATION_DATA)) {
        add_text(out, "corr", p->correlation_data);
    }
    if (mqtt_has(p, MQTT_PROP_REASON_STRING)) {
        add_text(out, "text", p->reason_string);
    }
    struct mqtt_property_iter iter = mqtt_property_iter(p);
    while (mqtt_user_property_next(&iter, &pair)) {
        buf_printf(out, " up=%.*s:%.*s", STR_ARG(pair.name), STR_ARG(pair.value));
    }
    add_user_properties_in_order(out, p);
    iter = mqtt_property_iter(p);
    while (mqtt_subscription_id_next(&iter, &id)) {
        buf_printf(out, " subid=%u", id);
    }
}

static void describe_publish(struct script *s, struct buf *out, const struct mqtt_publish *p)
{
    struct str topic = topic_shorten(s, p->topic);
    buf_printf(out, "publish %.*s %.*s q=%u", STR_ARG(topic), STR_ARG(p->payload), p->qos);
    if (p->qos > 0) {
        buf_printf(out, " pid=%u", p->packet_id);
    }
    buf_append_cstr(out, p->dup ? " dup" : "");
    buf_append_cstr(out, p->retain ? " retain" : "");
    add_properties(s, out, &p->properties);
}

static void describe_codes(struct buf *out, struct str reasons)
{
    for (size_t i = 0; i < reasons.len; i++) {
        buf_printf(out, "%s%02x", i ? "," : " codes=", (unsigned)(uint8_t)reasons.ptr[i]);
    }
}

static const char *word_of(enum mqtt_type type)
{
    static const char *const words[] = {"?",      "connect",   "connack", "publish",     "puback",   "pubrec",
                                        "pubrel", "pubcomp",   "subscribe", "suback",    "unsubscribe", "unsuback",
                                        "pingreq", "pingresp", "disconnect", "auth"};
    return words[type];
}

static void describe(struct script *s, struct buf *out, const struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_CONNACK:
        buf_printf(out, "connack 0x%02x present=%d", packet->connack.reason, packet->connack.session_present);
        add_properties(s, out, &packet->connack.properties);
        break;
    case MQTT_PUBLISH:
        describe_publish(s, out, &packet->publish);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        buf_printf(out, "%s pid=%u 0x%02x", word_of(packet->type), packet->puback.packet_id, packet->puback.reason);
        add_properties(s, out, &packet->puback.properties);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        buf_printf(out, "%s pid=%u", word_of(packet->type), packet->suback.packet_id);
        describe_codes(out, packet->suback.reasons);
        add_properties(s, out, &packet->suback.properties);
        break;
    case MQTT_DISCONNECT:
        buf_printf(out, "disconnect 0x%02x", packet->disconnect.reason);
        add_properties(s, out, &packet->disconnect.properties);
        break;
    case MQTT_PINGRESP:
        buf_append_cstr(out, "pingresp");
        break;
    case MQTT_CONNECT:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_PINGREQ:
    case MQTT_AUTH:
        buf_append_cstr(out, word_of(packet->type));
        break;
    }
}

static void inbox_add(struct script *s, struct inbox *inbox, struct str line)
{
    if (inbox->count == LINES_MAX) {
        script_fail(s, "too many packets that nobody expected");
        inbox->count = inbox->first = 0;
    }
    inbox->lines[inbox->count++] = arena_str(&s->arena, line);
}

static void collect_packets(struct script *s, struct world_client *client, struct inbox *inbox)
{
    struct buf text;
    buf_init(&text, (size_t)2 * 1024 * 1024);
    while (client->output.len > 0) {
        struct mqtt_frame frame;
        struct mqtt_packet packet;
        if (mqtt_frame(client->output.data, client->output.len, 0, &frame) != MQTT_FRAME_OK) {
            script_fail(s, "the server sent half a packet to %s", client->name);
            buf_clear(&client->output);
            break;
        }
        struct mqtt_fault fault =
            mqtt_decode(&packet, client->version ? client->version : MQTT_V311, MQTT_FROM_SERVER, client->output.data, frame.total_bytes);
        buf_clear(&text);
        if (fault.reason) {
            script_fail(s, "the server sent a packet that is wrong: %s", fault.text);
        } else {
            describe(s, &text, &packet);
            inbox_add(s, inbox, buf_str(&text));
        }
        buf_consume(&client->output, frame.total_bytes);
    }
    buf_deinit(&text);
}

void script_collect(struct script *s)
{
    for (size_t i = 0; i < s->world->client_count; i++) {
        struct world_client *client = &s->world->clients[i];
        collect_packets(s, client, &s->inboxes[i]);
        if (!s->stage->is_open(s, client) && !s->inboxes[i].closed_is_told) {
            s->inboxes[i].closed_is_told = true;
            inbox_add(s, &s->inboxes[i], STR("closed"));
        }
    }
}
