/* Packets as events of an armed trace: their name, their fields and their message. Passwords and authentication data are
 * never among them; members called like a secret are masked when the event is rendered (model/live/live.c). */
#include "hub/trace.h"

#include "codec/json/json.h"
#include "hub/topic_alias.h"
#include "hub/topic_name.h"

#define PAYLOAD_BYTES_MAX (4 * TRACE_BODY_BYTES_MAX)

static void put_user_properties(struct json_writer *w, const struct mqtt_properties *p)
{
    struct mqtt_property_iter iter = mqtt_property_iter(p);
    struct mqtt_pair pair;
    if (!mqtt_has(p, MQTT_PROP_USER_PROPERTY)) {
        return;
    }
    json_name(w, "user_properties");
    json_begin_object(w);
    while (mqtt_user_property_next(&iter, &pair)) {
        json_name_str(w, pair.name);
        json_put_str(w, pair.value);
    }
    json_end_object(w);
}

static void put_properties(struct json_writer *w, const struct mqtt_properties *p)
{
    const struct {
        enum mqtt_property id;
        const char *name;
        uint32_t value;
    } numbers[] = {
        {MQTT_PROP_SESSION_EXPIRY, "session_expiry", p->session_expiry_s},
        {MQTT_PROP_MESSAGE_EXPIRY, "message_expiry", p->message_expiry_s},
        {MQTT_PROP_RECEIVE_MAXIMUM, "receive_maximum", p->receive_maximum},
        {MQTT_PROP_MAXIMUM_PACKET_SIZE, "maximum_packet_size", p->maximum_packet_size},
        {MQTT_PROP_SERVER_KEEP_ALIVE, "server_keep_alive", p->server_keep_alive_s},
        {MQTT_PROP_TOPIC_ALIAS, "topic_alias", p->topic_alias},
    };
    const struct {
        enum mqtt_property id;
        const char *name;
        struct str value;
    } texts[] = {
        {MQTT_PROP_REASON_STRING, "reason", p->reason_string},
        {MQTT_PROP_CONTENT_TYPE, "content_type", p->content_type},
        {MQTT_PROP_RESPONSE_TOPIC, "response_topic", p->response_topic},
        {MQTT_PROP_ASSIGNED_CLIENT_ID, "assigned_client_id", p->assigned_client_id},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (mqtt_has(p, numbers[i].id)) {
            json_field_int(w, numbers[i].name, numbers[i].value);
        }
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (mqtt_has(p, texts[i].id)) {
            json_field_str(w, texts[i].name, texts[i].value);
        }
    }
    put_user_properties(w, p);
}

static void put_connect(struct json_writer *w, const struct mqtt_connect *connect)
{
    json_field_cstr(w, "version", connect->version == MQTT_V5 ? "5.0" : "3.1.1");
    json_field_str(w, "client_id", connect->client_id);
    json_field_bool(w, "clean_start", connect->clean_start);
    json_field_int(w, "keep_alive", connect->keep_alive_s);
    put_properties(w, &connect->properties);
    if (connect->has_will) {
        json_name(w, "will");
        json_begin_object(w);
        json_field_str(w, "topic", connect->will.topic);
        json_field_int(w, "qos", connect->will.qos);
        put_properties(w, &connect->will.properties);
        json_name(w, "message");
        trace_put_body(w, connect->will.payload);
        json_end_object(w);
    }
}

static void put_publish(struct json_writer *w, const struct mqtt_publish *publish)
{
    if (publish->qos > 0) {
        json_field_int(w, "packet_id", publish->packet_id);
    }
    if (publish->dup) {
        json_field_bool(w, "dup", true);
    }
    if (publish->retain) {
        json_field_bool(w, "retain", true);
    }
    put_properties(w, &publish->properties);
    json_name(w, "message");
    trace_put_body(w, publish->payload);
}

static void put_subscribe(struct json_writer *w, const struct mqtt_subscribe *subscribe)
{
    struct mqtt_filter_iter iter = mqtt_subscribe_iter(subscribe);
    struct mqtt_subscription subscription;
    json_field_int(w, "packet_id", subscribe->packet_id);
    put_properties(w, &subscribe->properties);
    json_name(w, "filters");
    json_begin_array(w);
    while (mqtt_subscription_next(&iter, &subscription)) {
        json_begin_object(w);
        json_field_str(w, "filter", subscription.filter);
        json_field_int(w, "qos", subscription.qos);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_unsubscribe(struct json_writer *w, const struct mqtt_unsubscribe *unsubscribe)
{
    struct mqtt_filter_iter iter = mqtt_unsubscribe_iter(unsubscribe);
    struct str filter;
    json_field_int(w, "packet_id", unsubscribe->packet_id);
    put_properties(w, &unsubscribe->properties);
    json_name(w, "filters");
    json_begin_array(w);
    while (mqtt_unsubscription_next(&iter, &filter)) {
        json_put_str(w, filter);
    }
    json_end_array(w);
}

/* Returns the first refusal among the reasons, or 0. */
static uint8_t put_suback(struct json_writer *w, const struct mqtt_suback *suback)
{
    uint8_t refusal = 0;
    json_field_int(w, "packet_id", suback->packet_id);
    put_properties(w, &suback->properties);
    json_name(w, "reasons");
    json_begin_array(w);
    for (size_t i = 0; i < suback->reasons.len; i++) {
        uint8_t reason = (uint8_t)suback->reasons.ptr[i];
        refusal = refusal == 0 && reason >= 0x80 ? reason : refusal;
        json_put_int(w, reason);
    }
    json_end_array(w);
    return refusal;
}

/* The fields of a packet; what an event has members for goes into the record. */
static void put_packet(struct json_writer *w, const struct mqtt_packet *packet, struct trace_record *record)
{
    switch (packet->type) {
    case MQTT_CONNECT:
        put_connect(w, &packet->connect);
        break;
    case MQTT_CONNACK:
        record->code = packet->connack.reason;
        json_field_bool(w, "session_present", packet->connack.session_present);
        put_properties(w, &packet->connack.properties);
        break;
    case MQTT_PUBLISH:
        record->qos = packet->publish.qos;
        record->topic = packet->publish.topic;
        put_publish(w, &packet->publish);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        record->code = packet->puback.reason;
        json_field_int(w, "packet_id", packet->puback.packet_id);
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
        record->code = put_suback(w, &packet->suback);
        break;
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        record->code = packet->disconnect.reason;
        put_properties(w, &packet->disconnect.properties);
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        break;
    }
}

/* As other events name topics: below the device's prefix. */
static struct str short_topic(const struct device_brief *device, struct str topic)
{
    struct uuid id;
    struct str rest;
    return device_topic_split(topic, &id, &rest) && uuid_eq(&id, &device->id) ? rest : topic;
}

/* Of a PUBLISH; what its alias stands for if it has none, which is nothing if the alias is wrong. */
static struct str aliased_topic(const struct connection *c, const struct mqtt_packet *packet, enum direction direction)
{
    const struct mqtt_properties *p = &packet->publish.properties;
    const struct alias_table *table = direction == DIRECTION_UP ? c->aliases_in : c->aliases_out;
    bool is_aliased = packet->publish.topic.len == 0 && mqtt_has(p, MQTT_PROP_TOPIC_ALIAS);
    return is_aliased && p->topic_alias != 0 ? alias_topic(table, p->topic_alias) : packet->publish.topic;
}

static void tell(struct connection *c, const struct mqtt_packet *packet, const char *error, struct trace_record record)
{
    struct device_brief device;
    struct buf payload;
    struct json_writer w;
    if (!hub_ports(c->loop)->find_device_no(c->loop->core->domain, c->trace_device_no, &device)) {
        return;
    }
    buf_init(&payload, PAYLOAD_BYTES_MAX);
    json_writer_init(&w, &payload);
    json_begin_object(&w);
    if (packet && packet->type != 0) {
        json_field_cstr(&w, "packet", mqtt_type_name(packet->type));
    }
    if (error) {
        json_field_cstr(&w, "error", error);
    } else {
        put_packet(&w, packet, &record);
        if (packet->type == MQTT_PUBLISH) {
            record.topic = aliased_topic(c, packet, record.direction);
        }
    }
    json_end_object(&w);
    record.transport = TRANSPORT_MQTT;
    record.topic = short_topic(&device, record.topic);
    record.payload = payload.failed ? STR("{}") : buf_str(&payload);
    trace_emit(c->loop->core->domain, &device, &record);
    buf_deinit(&payload);
}

void hub_trace_tell_in(struct connection *c, const struct mqtt_packet *packet, size_t bytes)
{
    if (!c->trace_told) {
        c->trace_told = true;
        tell(c, packet, NULL, (struct trace_record){.direction = DIRECTION_UP, .size = (uint32_t)bytes});
    }
}

/* Whose it is, its user name says: also of one that is refused. */
void hub_trace_tell_connect(struct connection *c, const struct mqtt_packet *packet, size_t bytes)
{
    struct uuid id;
    struct device_brief device;
    if (c->space) {
        return; /* nobody asked who that is */
    }
    if (packet->connect.has_user_name && uuid_parse(packet->connect.user_name, &id) &&
        hub_ports(c->loop)->find_device(c->loop->core->domain, &id, &device)) {
        c->trace_device_no = device.no;
        if (hub_trace_sees(c)) {
            hub_trace_tell_in(c, packet, bytes);
        }
    }
}

void hub_trace_tell_fault(struct connection *c, const struct mqtt_packet *packet, struct mqtt_fault fault)
{
    tell(c, packet, fault.text, (struct trace_record){.direction = DIRECTION_UP, .code = (uint16_t)fault.reason});
}

void hub_trace_tell_out(struct connection *c, const uint8_t *data, size_t len)
{
    struct mqtt_packet packet;
    if (mqtt_decode(&packet, (enum mqtt_version)c->version, MQTT_FROM_SERVER, data, len).reason == 0) {
        tell(c, &packet, NULL, (struct trace_record){.direction = DIRECTION_DOWN, .size = (uint32_t)len});
    }
}
