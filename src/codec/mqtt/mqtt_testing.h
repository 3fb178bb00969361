/* What the codec's unit tests share: packets compared field by field. Included by *_test.c only. */
#ifndef MUSTER_CODEC_MQTT_MQTT_TESTING_H
#define MUSTER_CODEC_MQTT_MQTT_TESTING_H

#include "codec/mqtt/mqtt.h"

static inline bool testing_strings_equal(const struct mqtt_properties *a, const struct mqtt_properties *b)
{
    return str_eq(a->content_type, b->content_type) && str_eq(a->response_topic, b->response_topic) &&
           str_eq(a->correlation_data, b->correlation_data) && str_eq(a->assigned_client_id, b->assigned_client_id) &&
           str_eq(a->auth_method, b->auth_method) && str_eq(a->auth_data, b->auth_data) &&
           str_eq(a->response_info, b->response_info) && str_eq(a->server_reference, b->server_reference) &&
           str_eq(a->reason_string, b->reason_string);
}

static inline bool testing_numbers_equal(const struct mqtt_properties *a, const struct mqtt_properties *b)
{
    return a->message_expiry_s == b->message_expiry_s && a->session_expiry_s == b->session_expiry_s &&
           a->will_delay_s == b->will_delay_s && a->maximum_packet_size == b->maximum_packet_size &&
           a->server_keep_alive_s == b->server_keep_alive_s && a->receive_maximum == b->receive_maximum &&
           a->topic_alias_maximum == b->topic_alias_maximum && a->topic_alias == b->topic_alias &&
           a->payload_format == b->payload_format && a->request_problem_info == b->request_problem_info &&
           a->request_response_info == b->request_response_info && a->maximum_qos == b->maximum_qos &&
           a->retain_available == b->retain_available && a->wildcard_available == b->wildcard_available &&
           a->subscription_id_available == b->subscription_id_available &&
           a->shared_available == b->shared_available;
}

static inline bool testing_users_equal(const struct mqtt_properties *a, const struct mqtt_properties *b)
{
    struct mqtt_property_iter ia = mqtt_property_iter(a), ib = mqtt_property_iter(b);
    struct mqtt_pair pa, pb;
    while (mqtt_user_property_next(&ia, &pa)) {
        if (!mqtt_user_property_next(&ib, &pb) || !str_eq(pa.name, pb.name) || !str_eq(pa.value, pb.value)) {
            return false;
        }
    }
    return !mqtt_user_property_next(&ib, &pb);
}

static inline bool testing_ids_equal(const struct mqtt_properties *a, const struct mqtt_properties *b)
{
    struct mqtt_property_iter ia = mqtt_property_iter(a), ib = mqtt_property_iter(b);
    uint32_t na, nb;
    while (mqtt_subscription_id_next(&ia, &na)) {
        if (!mqtt_subscription_id_next(&ib, &nb) || na != nb) {
            return false;
        }
    }
    return !mqtt_subscription_id_next(&ib, &nb);
}

static inline bool testing_properties_equal(const struct mqtt_properties *a, const struct mqtt_properties *b)
{
    return a->present == b->present && testing_strings_equal(a, b) && testing_numbers_equal(a, b) &&
           testing_users_equal(a, b) && testing_ids_equal(a, b);
}

static inline bool testing_connect_equal(const struct mqtt_connect *a, const struct mqtt_connect *b)
{
    return a->protocol_level == b->protocol_level && a->version == b->version && a->clean_start == b->clean_start &&
           a->has_will == b->has_will && a->has_user_name == b->has_user_name && a->has_password == b->has_password &&
           a->keep_alive_s == b->keep_alive_s && str_eq(a->client_id, b->client_id) &&
           str_eq(a->user_name, b->user_name) && str_eq(a->password, b->password) &&
           testing_properties_equal(&a->properties, &b->properties) && str_eq(a->will.topic, b->will.topic) &&
           str_eq(a->will.payload, b->will.payload) && a->will.qos == b->will.qos &&
           a->will.retain == b->will.retain && testing_properties_equal(&a->will.properties, &b->will.properties);
}

static inline bool testing_publish_equal(const struct mqtt_publish *a, const struct mqtt_publish *b)
{
    return str_eq(a->topic, b->topic) && str_eq(a->payload, b->payload) && a->packet_id == b->packet_id &&
           a->qos == b->qos && a->dup == b->dup && a->retain == b->retain &&
           testing_properties_equal(&a->properties, &b->properties);
}

static inline bool testing_subscribe_equal(const struct mqtt_subscribe *a, const struct mqtt_subscribe *b)
{
    struct mqtt_filter_iter ia = mqtt_subscribe_iter(a), ib = mqtt_subscribe_iter(b);
    struct mqtt_subscription sa, sb;
    while (mqtt_subscription_next(&ia, &sa)) {
        if (!mqtt_subscription_next(&ib, &sb) || !str_eq(sa.filter, sb.filter) || sa.qos != sb.qos ||
            sa.no_local != sb.no_local || sa.retain_as_published != sb.retain_as_published ||
            sa.retain_handling != sb.retain_handling) {
            return false;
        }
    }
    return !mqtt_subscription_next(&ib, &sb) && a->packet_id == b->packet_id && a->count == b->count &&
           testing_properties_equal(&a->properties, &b->properties);
}

static inline bool testing_unsubscribe_equal(const struct mqtt_unsubscribe *a, const struct mqtt_unsubscribe *b)
{
    struct mqtt_filter_iter ia = mqtt_unsubscribe_iter(a), ib = mqtt_unsubscribe_iter(b);
    struct str fa, fb;
    while (mqtt_unsubscription_next(&ia, &fa)) {
        if (!mqtt_unsubscription_next(&ib, &fb) || !str_eq(fa, fb)) {
            return false;
        }
    }
    return !mqtt_unsubscription_next(&ib, &fb) && a->packet_id == b->packet_id && a->count == b->count &&
           testing_properties_equal(&a->properties, &b->properties);
}

static inline bool testing_packets_equal(const struct mqtt_packet *a, const struct mqtt_packet *b)
{
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case MQTT_CONNECT:
        return testing_connect_equal(&a->connect, &b->connect);
    case MQTT_CONNACK:
        return a->connack.session_present == b->connack.session_present && a->connack.reason == b->connack.reason &&
               testing_properties_equal(&a->connack.properties, &b->connack.properties);
    case MQTT_PUBLISH:
        return testing_publish_equal(&a->publish, &b->publish);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        return a->puback.packet_id == b->puback.packet_id && a->puback.reason == b->puback.reason &&
               testing_properties_equal(&a->puback.properties, &b->puback.properties);
    case MQTT_SUBSCRIBE:
        return testing_subscribe_equal(&a->subscribe, &b->subscribe);
    case MQTT_UNSUBSCRIBE:
        return testing_unsubscribe_equal(&a->unsubscribe, &b->unsubscribe);
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        return a->suback.packet_id == b->suback.packet_id && str_eq(a->suback.reasons, b->suback.reasons) &&
               testing_properties_equal(&a->suback.properties, &b->suback.properties);
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
        return true;
    case MQTT_DISCONNECT:
    case MQTT_AUTH:
        return a->disconnect.reason == b->disconnect.reason &&
               testing_properties_equal(&a->disconnect.properties, &b->disconnect.properties);
    }
    return false;
}

#endif
