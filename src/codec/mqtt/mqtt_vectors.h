/* Byte-exact packets of both versions and both directions, with the structs they stand for. For tests and for the seed
 * corpus of the fuzz targets. The examples of the standards' figures are among them. */
#ifndef MUSTER_CODEC_MQTT_MQTT_VECTORS_H
#define MUSTER_CODEC_MQTT_MQTT_VECTORS_H

#include "codec/mqtt/mqtt.h"

struct mqtt_vector {
    const char *name;
    enum mqtt_version version; /* of the connection; a CONNECT is decoded with NONE and encoded with this one */
    enum mqtt_from from;
    struct str bytes;
    struct mqtt_packet packet;
};

#define V_STR(literal) STR_INIT(literal)
#define V_BIT(id) MQTT_PROP_BIT(MQTT_PROP_##id)
#define V_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct mqtt_pair v_user[] = {{V_STR("a"), V_STR("1")}, {V_STR("a"), V_STR("2")}, {V_STR(""), V_STR("")}};
static const uint32_t v_ids[] = {1, 128, 268435455};
static const struct mqtt_subscription v_subscriptions_v5[] = {
    {V_STR("a/b"), 1, false, false, 0},
    {V_STR("$share/g/c/#"), 2, false, true, 2},
    {V_STR("+"), 0, true, true, 1},
};
static const struct mqtt_subscription v_subscriptions_v311[] = {
    {V_STR("a/b"), 1, false, false, 0},
    {V_STR("c/d"), 2, false, false, 0},
};
static const struct str v_filters[] = {V_STR("a/b"), V_STR("c/d")};

#define V_USER_BYTES "\x26\x00\x01" "a" "\x00\x01" "1" "\x26\x00\x01" "a" "\x00\x01" "2" "\x26\x00\x00\x00\x00"
#define V_USER .user = v_user, .user_count = V_COUNT(v_user)

static const struct mqtt_vector mqtt_vectors[] = {
    /* ---- 3.1.1 */
    {"connect_v311_minimal", MQTT_V311, MQTT_FROM_CLIENT, V_STR("\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"),
     {MQTT_CONNECT, {.connect = {.protocol_level = 4, .version = MQTT_V311, .clean_start = true}}}},
    {"connect_v311_full", MQTT_V311, MQTT_FROM_CLIENT,
     V_STR("\x10\x21\x00\x04MQTT\x04\xee\x00\x0a\x00\x03" "dev" "\x00\x03" "w/t" "\x00\x04" "gone" "\x00\x01" "u" "\x00\x02\x00\xff"),
     {MQTT_CONNECT,
      {.connect = {.protocol_level = 4, .version = MQTT_V311, .clean_start = true, .has_will = true,
                   .has_user_name = true, .has_password = true, .keep_alive_s = 10, .client_id = V_STR("dev"),
                   .user_name = V_STR("u"), .password = V_STR("\x00\xff"),
                   .will = {.topic = V_STR("w/t"), .payload = V_STR("gone"), .qos = 1, .retain = true}}}}},
    {"connect_v311_persistent", MQTT_V311, MQTT_FROM_CLIENT,
     V_STR("\x10\x0f\x00\x04MQTT\x04\x00\xff\xff\x00\x03" "dev"),
     {MQTT_CONNECT, {.connect = {.protocol_level = 4, .version = MQTT_V311, .keep_alive_s = 65535,
                                 .client_id = V_STR("dev")}}}},
    {"connack_v311_present", MQTT_V311, MQTT_FROM_SERVER, V_STR("\x20\x02\x01\x00"),
     {MQTT_CONNACK, {.connack = {.session_present = true}}}},
    {"connack_v311_refused", MQTT_V311, MQTT_FROM_SERVER, V_STR("\x20\x02\x00\x05"),
     {MQTT_CONNACK, {.connack = {.reason = MQTT_V311_NOT_AUTHORIZED}}}},
    {"publish_v311_qos0", MQTT_V311, MQTT_FROM_CLIENT, V_STR("\x31\x07\x00\x03" "a/b" "hi"),
     {MQTT_PUBLISH, {.publish = {.topic = V_STR("a/b"), .payload = V_STR("hi"), .retain = true}}}},
    {"publish_v311_qos1", MQTT_V311, MQTT_FROM_SERVER, V_STR("\x32\x07\x00\x03" "a/b" "\x00\x0a"),
     {MQTT_PUBLISH, {.publish = {.topic = V_STR("a/b"), .packet_id = 10, .qos = 1}}}},
    {"publish_v311_qos2_dup", MQTT_V311, MQTT_FROM_CLIENT, V_STR("\x3c\x08\x00\x03" "a/b" "\xff\xff" "x"),
     {MQTT_PUBLISH, {.publish = {.topic = V_STR("a/b"), .payload = V_STR("x"), .packet_id = 65535, .qos = 2,
                                 .dup = true}}}},
    {"puback_v311", MQTT_V311, MQTT_FROM_SERVER, V_STR("\x40\x02\x12\x34"),
     {MQTT_PUBACK, {.puback = {.packet_id = 0x1234}}}},
    {"pubrec_v311", MQTT_V311, MQTT_FROM_CLIENT, V_STR("\x50\x02\x12\x34"),
     {MQTT_PUBREC, {.puback = {.packet_id = 0x1234}}}},
    {"pubrel_v311", MQTT_V311, MQTT_FROM_CLIENT, V_STR("\x62\x02\x12\x34"),
     {MQTT_PUBREL, {.puback = {.packet_id = 0x1234}}}},
    {"pubcomp_v311", MQTT_V311, MQTT_FROM_SERVER, V_STR("\x70\x02\x12\x34"),
     {MQTT_PUBCOMP, {.puback = {.packet_id = 0x1234}}}},
    {"subscribe_v311", MQTT_V311, MQTT_FROM_CLIENT,
     V_STR("\x82\x0e\x00\x0a\x00\x03" "a/b" "\x01\x00\x03" "c/d" "\x02"),
     {MQTT_SUBSCRIBE, {.subscribe = {.packet_id = 10, .count = 2, .list = v_subscriptions_v311}}}},
    {"suback_v311", MQTT_V311, MQTT_FROM_SERVER, V_STR("\x90\x05\x00\x0a\x00\x02\x80"),
     {MQTT_SUBACK, {.suback = {.packet_id = 10, .reasons = V_STR("\x00\x02\x80")}}}},
    {"unsubscribe_v311", MQTT_V311, MQTT_FROM_CLIENT, V_STR("\xa2\x0c\x00\x0a\x00\x03" "a/b" "\x00\x03" "c/d"),
     {MQTT_UNSUBSCRIBE, {.unsubscribe = {.packet_id = 10, .count = 2, .list = v_filters}}}},
    {"unsuback_v311", MQTT_V311, MQTT_FROM_SERVER, V_STR("\xb0\x02\x00\x0a"),
     {MQTT_UNSUBACK, {.suback = {.packet_id = 10}}}},
    {"pingreq_v311", MQTT_V311, MQTT_FROM_CLIENT, V_STR("\xc0\x00"), {MQTT_PINGREQ, {.puback = {0}}}},
    {"pingresp_v311", MQTT_V311, MQTT_FROM_SERVER, V_STR("\xd0\x00"), {MQTT_PINGRESP, {.puback = {0}}}},
    {"disconnect_v311", MQTT_V311, MQTT_FROM_CLIENT, V_STR("\xe0\x00"), {MQTT_DISCONNECT, {.disconnect = {0}}}},

    /* ---- 5.0 */
    {"connect_v5_minimal", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\x10\x0d\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00"),
     {MQTT_CONNECT, {.connect = {.protocol_level = 5, .version = MQTT_V5, .clean_start = true}}}},
    {"connect_v5_password_only", MQTT_V5, MQTT_FROM_CLIENT,
     V_STR("\x10\x11\x00\x04MQTT\x05\x40\x00\x3c\x00\x00\x01" "c" "\x00\x01" "p"),
     {MQTT_CONNECT, {.connect = {.protocol_level = 5, .version = MQTT_V5, .has_password = true, .keep_alive_s = 60,
                                 .client_id = V_STR("c"), .password = V_STR("p")}}}},
    {"connect_v5_full", MQTT_V5, MQTT_FROM_CLIENT,
     V_STR("\x10\x80\x01\x00\x04MQTT\x05\xf6\x00\x3c"
           "\x30" "\x11\x00\x00\x0e\x10" "\x15\x00\x01" "m" "\x16\x00\x02\x00\x01" "\x17\x00" "\x19\x01" "\x21\x00\x14"
           "\x22\x00\x05" V_USER_BYTES "\x27\x00\x01\x00\x00"
           "\x00\x03" "dev"
           "\x2e" "\x01\x01" "\x02\x00\x00\x00\x3c" "\x03\x00\x01" "t" "\x08\x00\x03" "r/t" "\x09\x00\x02\x00\xff"
           "\x18\x00\x00\x00\x1e" V_USER_BYTES
           "\x00\x03" "w/t" "\x00\x04" "gone" "\x00\x01" "u" "\x00\x01" "p"),
     {MQTT_CONNECT,
      {.connect = {.protocol_level = 5, .version = MQTT_V5, .clean_start = true, .has_will = true,
                   .has_user_name = true, .has_password = true, .keep_alive_s = 60, .client_id = V_STR("dev"),
                   .user_name = V_STR("u"), .password = V_STR("p"),
                   .properties = {.present = V_BIT(SESSION_EXPIRY) | V_BIT(AUTH_METHOD) | V_BIT(AUTH_DATA) |
                                             V_BIT(REQUEST_PROBLEM_INFO) | V_BIT(REQUEST_RESPONSE_INFO) |
                                             V_BIT(RECEIVE_MAXIMUM) | V_BIT(TOPIC_ALIAS_MAXIMUM) |
                                             V_BIT(USER_PROPERTY) | V_BIT(MAXIMUM_PACKET_SIZE),
                                  .session_expiry_s = 3600, .auth_method = V_STR("m"),
                                  .auth_data = V_STR("\x00\x01"), .request_problem_info = 0,
                                  .request_response_info = 1, .receive_maximum = 20, .topic_alias_maximum = 5,
                                  .maximum_packet_size = 65536, V_USER},
                   .will = {.topic = V_STR("w/t"), .payload = V_STR("gone"), .qos = 2, .retain = true,
                            .properties = {.present = V_BIT(PAYLOAD_FORMAT) | V_BIT(MESSAGE_EXPIRY) |
                                                      V_BIT(CONTENT_TYPE) | V_BIT(RESPONSE_TOPIC) |
                                                      V_BIT(CORRELATION_DATA) | V_BIT(WILL_DELAY) |
                                                      V_BIT(USER_PROPERTY),
                                           .payload_format = 1, .message_expiry_s = 60, .content_type = V_STR("t"),
                                           .response_topic = V_STR("r/t"), .correlation_data = V_STR("\x00\xff"),
                                           .will_delay_s = 30, V_USER}}}}}},
    {"connack_v5_success", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x20\x03\x00\x00\x00"),
     {MQTT_CONNACK, {.connack = {0}}}},
    {"connack_v5_full", MQTT_V5, MQTT_FROM_SERVER,
     V_STR("\x20\x4d\x01\x00\x4a" "\x11\x00\x09\x3a\x80" "\x12\x00\x02" "id" "\x13\x02\x58" "\x15\x00\x01" "m"
           "\x16\x00\x01\xfe" "\x1a\x00\x01" "r" "\x1c\x00\x01" "s" "\x1f\x00\x02" "ok" "\x21\x01\x00" "\x22\x00\x20"
           "\x24\x01" "\x25\x01" V_USER_BYTES "\x27\x00\x04\x00\x00" "\x28\x01" "\x29\x01" "\x2a\x00"),
     {MQTT_CONNACK,
      {.connack = {.session_present = true,
                   .properties = {.present = V_BIT(SESSION_EXPIRY) | V_BIT(ASSIGNED_CLIENT_ID) |
                                             V_BIT(SERVER_KEEP_ALIVE) | V_BIT(AUTH_METHOD) | V_BIT(AUTH_DATA) |
                                             V_BIT(RESPONSE_INFO) | V_BIT(SERVER_REFERENCE) | V_BIT(REASON_STRING) |
                                             V_BIT(RECEIVE_MAXIMUM) | V_BIT(TOPIC_ALIAS_MAXIMUM) |
                                             V_BIT(MAXIMUM_QOS) | V_BIT(RETAIN_AVAILABLE) | V_BIT(USER_PROPERTY) |
                                             V_BIT(MAXIMUM_PACKET_SIZE) | V_BIT(WILDCARD_AVAILABLE) |
                                             V_BIT(SUBSCRIPTION_ID_AVAILABLE) | V_BIT(SHARED_AVAILABLE),
                                  .session_expiry_s = 604800, .assigned_client_id = V_STR("id"),
                                  .server_keep_alive_s = 600, .auth_method = V_STR("m"), .auth_data = V_STR("\xfe"),
                                  .response_info = V_STR("r"), .server_reference = V_STR("s"),
                                  .reason_string = V_STR("ok"), .receive_maximum = 256, .topic_alias_maximum = 32,
                                  .maximum_qos = 1, .retain_available = 1, .maximum_packet_size = 262144,
                                  .wildcard_available = 1, .subscription_id_available = 1, V_USER}}}}},
    {"connack_v5_refused", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x20\x03\x00\x86\x00"),
     {MQTT_CONNACK, {.connack = {.reason = MQTT_BAD_CREDENTIALS}}}},
    {"publish_v5_qos0", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\x30\x08\x00\x03" "a/b" "\x00" "hi"),
     {MQTT_PUBLISH, {.publish = {.topic = V_STR("a/b"), .payload = V_STR("hi")}}}},
    {"publish_v5_alias_only", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\x32\x08\x00\x00\x00\x01\x03\x23\x00\x05"),
     {MQTT_PUBLISH, {.publish = {.packet_id = 1, .qos = 1,
                                 .properties = {.present = V_BIT(TOPIC_ALIAS), .topic_alias = 5}}}}},
    {"publish_v5_full", MQTT_V5, MQTT_FROM_SERVER,
     V_STR("\x3d\x40\x00\x03" "a/b" "\x00\x07\x36" "\x01\x01" "\x02\x00\x00\x00\x3c" "\x03\x00\x01" "t" "\x08\x00\x03" "r/t"
           "\x09\x00\x02\x00\xff" "\x0b\x01" "\x0b\x80\x01" "\x0b\xff\xff\xff\x7f" "\x23\xff\xff" V_USER_BYTES "hi"),
     {MQTT_PUBLISH,
      {.publish = {.topic = V_STR("a/b"), .payload = V_STR("hi"), .packet_id = 7, .qos = 2, .dup = true, .retain = true,
                   .properties = {.present = V_BIT(PAYLOAD_FORMAT) | V_BIT(MESSAGE_EXPIRY) | V_BIT(CONTENT_TYPE) |
                                             V_BIT(RESPONSE_TOPIC) | V_BIT(CORRELATION_DATA) |
                                             V_BIT(SUBSCRIPTION_ID) | V_BIT(TOPIC_ALIAS) | V_BIT(USER_PROPERTY),
                                  .payload_format = 1, .message_expiry_s = 60, .content_type = V_STR("t"),
                                  .response_topic = V_STR("r/t"), .correlation_data = V_STR("\x00\xff"),
                                  .topic_alias = 65535, .subscription_ids = v_ids,
                                  .subscription_id_count = V_COUNT(v_ids), V_USER}}}}},
    {"puback_v5", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\x40\x02\x12\x34"), {MQTT_PUBACK, {.puback = {.packet_id = 0x1234}}}},
    {"puback_v5_reason", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x40\x03\x12\x34\x10"),
     {MQTT_PUBACK, {.puback = {.packet_id = 0x1234, .reason = MQTT_NO_MATCHING_SUBSCRIBERS}}}},
    {"puback_v5_full", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x40\x1c\x12\x34\x99\x18" "\x1f\x00\x02" "no" V_USER_BYTES),
     {MQTT_PUBACK,
      {.puback = {.packet_id = 0x1234, .reason = MQTT_PAYLOAD_FORMAT_INVALID,
                  .properties = {.present = V_BIT(REASON_STRING) | V_BIT(USER_PROPERTY), .reason_string = V_STR("no"),
                                 V_USER}}}}},
    {"puback_v5_success_text", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x40\x08\x12\x34\x00\x04\x1f\x00\x01" "y"),
     {MQTT_PUBACK, {.puback = {.packet_id = 0x1234,
                               .properties = {.present = V_BIT(REASON_STRING), .reason_string = V_STR("y")}}}}},
    {"pubrec_v5", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x50\x03\x00\x01\x87"),
     {MQTT_PUBREC, {.puback = {.packet_id = 1, .reason = MQTT_NOT_AUTHORIZED}}}},
    {"pubrel_v5", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\x62\x03\x00\x01\x92"),
     {MQTT_PUBREL, {.puback = {.packet_id = 1, .reason = MQTT_PACKET_ID_NOT_FOUND}}}},
    {"pubcomp_v5", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x70\x02\x00\x01"), {MQTT_PUBCOMP, {.puback = {.packet_id = 1}}}},
    {"subscribe_v5", MQTT_V5, MQTT_FROM_CLIENT,
     V_STR("\x82\x32\x00\x0a\x16" "\x0b\x80\x01" V_USER_BYTES "\x00\x03" "a/b" "\x01\x00\x0c" "$share/g/c/#" "\x2a\x00\x01" "+" "\x1c"),
     {MQTT_SUBSCRIBE,
      {.subscribe = {.packet_id = 10, .count = V_COUNT(v_subscriptions_v5), .list = v_subscriptions_v5,
                     .properties = {.present = V_BIT(SUBSCRIPTION_ID) | V_BIT(USER_PROPERTY),
                                    .subscription_ids = v_ids + 1, .subscription_id_count = 1, V_USER}}}}},
    {"suback_v5", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x90\x06\x00\x0a\x00\x01\x00\x87"),
     {MQTT_SUBACK, {.suback = {.packet_id = 10, .reasons = V_STR("\x01\x00\x87")}}}},
    {"suback_v5_text", MQTT_V5, MQTT_FROM_SERVER, V_STR("\x90\x1c\x00\x0a\x18\x1f\x00\x02" "no" V_USER_BYTES "\x8f"),
     {MQTT_SUBACK,
      {.suback = {.packet_id = 10, .reasons = V_STR("\x8f"),
                  .properties = {.present = V_BIT(REASON_STRING) | V_BIT(USER_PROPERTY), .reason_string = V_STR("no"),
                                 V_USER}}}}},
    {"unsubscribe_v5", MQTT_V5, MQTT_FROM_CLIENT,
     V_STR("\xa2\x20\x00\x0a\x13" V_USER_BYTES "\x00\x03" "a/b" "\x00\x03" "c/d"),
     {MQTT_UNSUBSCRIBE,
      {.unsubscribe = {.packet_id = 10, .count = 2, .list = v_filters,
                       .properties = {.present = V_BIT(USER_PROPERTY), V_USER}}}}},
    {"unsuback_v5", MQTT_V5, MQTT_FROM_SERVER, V_STR("\xb0\x05\x00\x0a\x00\x00\x11"),
     {MQTT_UNSUBACK, {.suback = {.packet_id = 10, .reasons = V_STR("\x00\x11")}}}},
    {"pingreq_v5", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\xc0\x00"), {MQTT_PINGREQ, {.puback = {0}}}},
    {"pingresp_v5", MQTT_V5, MQTT_FROM_SERVER, V_STR("\xd0\x00"), {MQTT_PINGRESP, {.puback = {0}}}},
    {"disconnect_v5", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\xe0\x00"), {MQTT_DISCONNECT, {.disconnect = {0}}}},
    {"disconnect_v5_will", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\xe0\x01\x04"),
     {MQTT_DISCONNECT, {.disconnect = {.reason = MQTT_DISCONNECT_WITH_WILL}}}},
    {"disconnect_v5_expiry", MQTT_V5, MQTT_FROM_CLIENT, V_STR("\xe0\x07\x00\x05\x11\xff\xff\xff\xff"),
     {MQTT_DISCONNECT, {.disconnect = {.properties = {.present = V_BIT(SESSION_EXPIRY), .session_expiry_s = UINT32_MAX}}}}},
    {"disconnect_v5_full", MQTT_V5, MQTT_FROM_SERVER,
     V_STR("\xe0\x1e\x8b\x1c" "\x1c\x00\x01" "s" "\x1f\x00\x02" "no" V_USER_BYTES),
     {MQTT_DISCONNECT,
      {.disconnect = {.reason = MQTT_SERVER_SHUTTING_DOWN,
                      .properties = {.present = V_BIT(SERVER_REFERENCE) | V_BIT(REASON_STRING) | V_BIT(USER_PROPERTY),
                                     .server_reference = V_STR("s"), .reason_string = V_STR("no"), V_USER}}}}},
    {"auth_v5_success", MQTT_V5, MQTT_FROM_SERVER, V_STR("\xf0\x00"), {MQTT_AUTH, {.disconnect = {0}}}},
    {"auth_v5_continue", MQTT_V5, MQTT_FROM_CLIENT,
     V_STR("\xf0\x23\x18\x21" "\x15\x00\x01" "m" "\x16\x00\x02\x00\xff" "\x1f\x00\x02" "ok" V_USER_BYTES),
     {MQTT_AUTH,
      {.disconnect = {.reason = MQTT_CONTINUE_AUTHENTICATION,
                      .properties = {.present = V_BIT(AUTH_METHOD) | V_BIT(AUTH_DATA) | V_BIT(REASON_STRING) |
                                                V_BIT(USER_PROPERTY),
                                     .auth_method = V_STR("m"), .auth_data = V_STR("\x00\xff"),
                                     .reason_string = V_STR("ok"), V_USER}}}}},
};

#endif
