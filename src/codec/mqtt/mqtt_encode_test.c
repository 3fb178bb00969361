/* The hub's fast paths against the general encoder, sizes, what is left out, and names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "codec/mqtt/mqtt_testing.h"

#define BYTES(literal) ((struct str)STR_INIT(literal))

static void assert_bytes(struct buf *out, struct str expected)
{
    assert_false(out->failed);
    assert_int_equal(out->len, expected.len);
    assert_memory_equal(out->data, expected.ptr, expected.len);
    buf_clear(out);
}

static void pubacks(void **state)
{
    (void)state;
    struct str none = {NULL, 0};
    struct buf out;
    buf_init(&out, 1024);
    mqtt_encode_puback(&out, MQTT_V5, MQTT_PUBACK, 0x1234, MQTT_SUCCESS, none);
    assert_bytes(&out, BYTES("\x40\x02\x12\x34"));
    mqtt_encode_puback(&out, MQTT_V5, MQTT_PUBREC, 1, MQTT_NO_MATCHING_SUBSCRIBERS, none);
    assert_bytes(&out, BYTES("\x50\x03\x00\x01\x10"));
    mqtt_encode_puback(&out, MQTT_V5, MQTT_PUBREL, 1, MQTT_PACKET_ID_NOT_FOUND, none);
    assert_bytes(&out, BYTES("\x62\x03\x00\x01\x92"));
    mqtt_encode_puback(&out, MQTT_V5, MQTT_PUBACK, 1, MQTT_PAYLOAD_FORMAT_INVALID, STR("no"));
    assert_bytes(&out, BYTES("\x40\x09\x00\x01\x99\x05\x1f\x00\x02no"));
    mqtt_encode_puback(&out, MQTT_V311, MQTT_PUBCOMP, 1, MQTT_PACKET_ID_NOT_FOUND, STR("no"));
    assert_bytes(&out, BYTES("\x70\x02\x00\x01"));
    buf_deinit(&out);
}

static void a_full_buffer_takes_no_half_packet(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4);
    mqtt_encode_puback(&out, MQTT_V311, MQTT_PUBACK, 1, MQTT_SUCCESS, STR(""));
    mqtt_encode_puback(&out, MQTT_V311, MQTT_PUBACK, 2, MQTT_SUCCESS, STR(""));
    assert_true(out.failed);
    assert_int_equal(out.len, 4);
    buf_deinit(&out);
}

static void publish_heads(void **state)
{
    (void)state;
    static const uint32_t ids[] = {1, 200};
    struct mqtt_publish_head head = {.topic = STR("a/b"), .packet_id = 7, .qos = 1, .dup = true, .retain = true,
                                     .payload_bytes = 2};
    struct buf out;
    buf_init(&out, 1024);
    mqtt_encode_publish_head(&out, MQTT_V311, &head);
    buf_append_cstr(&out, "hi");
    assert_int_equal(mqtt_publish_bytes(MQTT_V311, &head), out.len);
    assert_bytes(&out, BYTES("\x3b\x09\x00\x03" "a/b" "\x00\x07hi"));
    head.topic_alias = 3;
    head.has_message_expiry = true;
    head.message_expiry_s = 60;
    head.subscription_ids = ids;
    head.subscription_id_count = 2;
    head.properties = STR("\x01\x01");
    mqtt_encode_publish_head(&out, MQTT_V5, &head);
    buf_append_cstr(&out, "hi");
    assert_int_equal(mqtt_publish_bytes(MQTT_V5, &head), out.len);
    assert_bytes(&out, BYTES("\x3b\x19\x00\x03" "a/b" "\x00\x07\x0f\x23\x00\x03\x02\x00\x00\x00\x3c\x0b\x01\x0b\xc8\x01\x01\x01hi"));
    head = (struct mqtt_publish_head){.topic = STR("a"), .dup = true};
    mqtt_encode_publish_head(&out, MQTT_V5, &head); /* DUP means nothing at QoS 0 [MQTT-3.3.1-2] */
    assert_bytes(&out, BYTES("\x30\x04\x00\x01" "a" "\x00"));
    buf_deinit(&out);
}

static void a_payload_length_of_every_width(void **state)
{
    (void)state;
    static const size_t payloads[] = {0, 123, 124, 16379, 16380, 2097147, 2097148, 268435451};
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct mqtt_publish_head head = {.topic = STR("a"), .payload_bytes = payloads[i]};
        struct buf out;
        buf_init(&out, 64);
        mqtt_encode_publish_head(&out, MQTT_V5, &head);
        struct mqtt_frame frame;
        (void)mqtt_frame(out.data, out.len, 0, &frame);
        assert_int_equal(frame.total_bytes, out.len + payloads[i]);
        assert_int_equal(frame.total_bytes, mqtt_publish_bytes(MQTT_V5, &head));
        buf_deinit(&out);
    }
    struct mqtt_publish_head head = {.topic = STR("a"), .payload_bytes = 268435452};
    assert_int_equal(mqtt_publish_bytes(MQTT_V5, &head), 0);
    assert_int_equal(mqtt_publish_bytes(MQTT_V311, &head), 268435460);
}

static void shared_properties(void **state)
{
    (void)state;
    static const struct mqtt_pair user[] = {{STR_INIT("access_key"), STR_INIT("secret")},
                                            {STR_INIT("k"), STR_INIT("v")}};
    struct mqtt_properties properties = {
        .payload_format = 1, .topic_alias = 3, .message_expiry_s = 9, .content_type = STR("t"),
        .response_topic = STR("r"), .correlation_data = STR("c"), .user = user, .user_count = 2};
    mqtt_set(&properties, MQTT_PROP_PAYLOAD_FORMAT);
    mqtt_set(&properties, MQTT_PROP_TOPIC_ALIAS);
    mqtt_set(&properties, MQTT_PROP_MESSAGE_EXPIRY);
    mqtt_set(&properties, MQTT_PROP_CONTENT_TYPE);
    mqtt_set(&properties, MQTT_PROP_CORRELATION_DATA);
    mqtt_set(&properties, MQTT_PROP_USER_PROPERTY);
    struct buf out;
    buf_init(&out, 1024);
    mqtt_encode_shared_properties(&out, &properties, STR("access_key"));
    struct mqtt_properties decoded;
    struct mqtt_fault fault = mqtt_decode_shared_properties(&decoded, buf_str(&out));
    assert_int_equal(fault.reason, MQTT_SUCCESS);
    struct str value = {NULL, 0};
    assert_false(mqtt_user_property_find(&decoded, STR("access_key"), &value));
    assert_true(mqtt_user_property_find(&decoded, STR("k"), &value));
    assert_true(str_eq(value, STR("v")));
    assert_bytes(&out, BYTES("\x01\x01\x03\x00\x01t\x09\x00\x01" "c" "\x26\x00\x01k\x00\x01v"));
    mqtt_encode_shared_properties(&out, &properties, (struct str){NULL, 0});
    fault = mqtt_decode_shared_properties(&decoded, buf_str(&out));
    assert_int_equal(fault.reason, MQTT_SUCCESS);
    assert_true(mqtt_user_property_find(&decoded, STR("access_key"), &value));
    buf_deinit(&out);
}

static struct mqtt_packet refused_puback(void)
{
    static const struct mqtt_pair user[] = {{STR_INIT("k"), STR_INIT("v")}};
    struct mqtt_packet packet = {.type = MQTT_PUBACK, .puback = {.packet_id = 1, .reason = MQTT_NOT_AUTHORIZED}};
    packet.puback.properties = (struct mqtt_properties){.reason_string = STR("no"), .user = user, .user_count = 1};
    mqtt_set(&packet.puback.properties, MQTT_PROP_REASON_STRING);
    mqtt_set(&packet.puback.properties, MQTT_PROP_USER_PROPERTY);
    return packet;
}

static void diagnostics_are_trimmed(void **state)
{
    (void)state;
    struct mqtt_packet packet = refused_puback();
    size_t whole = mqtt_packet_bytes(MQTT_V5, &packet);
    assert_int_equal(whole, 18);
    mqtt_trim_diagnostics(&packet, MQTT_V5, true, whole);
    assert_int_equal(mqtt_packet_bytes(MQTT_V5, &packet), whole);
    mqtt_trim_diagnostics(&packet, MQTT_V5, true, whole - 1);
    assert_false(mqtt_has(&packet.puback.properties, MQTT_PROP_USER_PROPERTY));
    assert_true(mqtt_has(&packet.puback.properties, MQTT_PROP_REASON_STRING));
    mqtt_trim_diagnostics(&packet, MQTT_V5, true, 10);
    assert_int_equal(mqtt_packet_bytes(MQTT_V5, &packet), 5);
    packet = refused_puback();
    mqtt_trim_diagnostics(&packet, MQTT_V5, false, 0); /* [MQTT-3.1.2-29] */
    assert_int_equal(mqtt_packet_bytes(MQTT_V5, &packet), 5);
    struct mqtt_packet connack = {.type = MQTT_CONNACK, .connack = {.reason = MQTT_NOT_AUTHORIZED}};
    connack.connack.properties.reason_string = STR("no");
    mqtt_set(&connack.connack.properties, MQTT_PROP_REASON_STRING);
    mqtt_trim_diagnostics(&connack, MQTT_V5, false, 0);
    assert_true(mqtt_has(&connack.connack.properties, MQTT_PROP_REASON_STRING));
}

static void what_cannot_be_encoded(void **state)
{
    (void)state;
    char *text = mem_calloc(1, 65536);
    struct mqtt_packet packet = {.type = MQTT_PUBLISH, .publish = {.topic = str_from(text, 65536)}};
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(mqtt_packet_bytes(MQTT_V5, &packet), 0);
    mqtt_encode(&out, MQTT_V5, &packet);
    assert_true(out.failed);
    assert_int_equal(out.len, 0);
    buf_clear(&out);
    packet.publish.topic.len = 65535;
    mqtt_encode(&out, MQTT_V5, &packet);
    assert_false(out.failed);
    buf_deinit(&out);
    mem_free(text);
}

static void foreign_properties_are_left_out(void **state)
{
    (void)state;
    struct mqtt_packet packet = {.type = MQTT_PUBACK, .puback = {.packet_id = 1}};
    packet.puback.properties.topic_alias = 4;
    mqtt_set(&packet.puback.properties, MQTT_PROP_TOPIC_ALIAS);
    struct buf out;
    buf_init(&out, 64);
    mqtt_encode(&out, MQTT_V5, &packet);
    assert_bytes(&out, BYTES("\x40\x02\x00\x01"));
    buf_deinit(&out);
}

static void suback_of_311_knows_one_refusal(void **state)
{
    (void)state;
    struct mqtt_packet packet = {.type = MQTT_SUBACK, .suback = {.packet_id = 1, .reasons = BYTES("\x01\x87\x97\x02")}};
    struct buf out;
    buf_init(&out, 64);
    mqtt_encode(&out, MQTT_V311, &packet);
    assert_bytes(&out, BYTES("\x90\x06\x00\x01\x01\x80\x80\x02"));
    buf_deinit(&out);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(mqtt_type_name(MQTT_PUBLISH), "PUBLISH");
    assert_string_equal(mqtt_type_name(MQTT_UNSUBSCRIBE), "UNSUBSCRIBE");
    assert_string_equal(mqtt_type_name(MQTT_AUTH), "AUTH");
    assert_string_equal(mqtt_type_name((enum mqtt_type)16), "?");
    assert_string_equal(mqtt_reason_name(MQTT_CONNACK, 0), "Success");
    assert_string_equal(mqtt_reason_name(MQTT_SUBACK, 0), "Granted QoS 0");
    assert_string_equal(mqtt_reason_name(MQTT_DISCONNECT, 0), "Normal disconnection");
    assert_string_equal(mqtt_reason_name(MQTT_PUBACK, 0x87), "Not authorized");
    assert_string_equal(mqtt_reason_name(MQTT_DISCONNECT, 0x8e), "Session taken over");
    assert_string_equal(mqtt_reason_name(MQTT_PUBACK, 0x8e), "Unknown");
    assert_true(mqtt_reason_is_allowed(MQTT_DISCONNECT, MQTT_FROM_CLIENT, 0x04));
    assert_false(mqtt_reason_is_allowed(MQTT_DISCONNECT, MQTT_FROM_SERVER, 0x04));
    assert_false(mqtt_reason_is_allowed(MQTT_AUTH, MQTT_FROM_CLIENT, 0x00));
    assert_int_equal(mqtt_v311_return(MQTT_SUCCESS), 0);
    assert_int_equal(mqtt_v311_return(MQTT_UNSUPPORTED_VERSION), 1);
    assert_int_equal(mqtt_v311_return(MQTT_CLIENT_ID_INVALID), 2);
    assert_int_equal(mqtt_v311_return(MQTT_SERVER_BUSY), 3);
    assert_int_equal(mqtt_v311_return(MQTT_BAD_CREDENTIALS), 4);
    assert_int_equal(mqtt_v311_return(MQTT_NOT_AUTHORIZED), 5);
    assert_int_equal(mqtt_v311_return(MQTT_MALFORMED_PACKET), MQTT_V311_CLOSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pubacks),
        cmocka_unit_test(a_full_buffer_takes_no_half_packet),
        cmocka_unit_test(publish_heads),
        cmocka_unit_test(a_payload_length_of_every_width),
        cmocka_unit_test(shared_properties),
        cmocka_unit_test(diagnostics_are_trimmed),
        cmocka_unit_test(what_cannot_be_encoded),
        cmocka_unit_test(foreign_properties_are_left_out),
        cmocka_unit_test(suback_of_311_knows_one_refusal),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
