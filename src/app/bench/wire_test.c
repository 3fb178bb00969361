/* What is made by hand must be what the codec makes and reads. */
#include "app/bench/wire.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void check_publish(enum mqtt_version version, uint8_t qos)
{
    struct wire_template template;
    wire_template_init(&template, version, STR("a/b"), qos, false, 9, 200, (struct str){NULL, 0});
    struct buf out;
    buf_init(&out, 4096);
    wire_publish(&out, &template, 0x1234, 77, 88);
    struct mqtt_packet decoded;
    assert_int_equal(mqtt_decode(&decoded, version, MQTT_FROM_CLIENT, out.data, out.len).reason, 0);
    assert_int_equal(decoded.publish.qos, qos);
    assert_int_equal(decoded.publish.packet_id, qos ? 0x1234 : 0);
    assert_int_equal(decoded.publish.payload.len, 200);
    assert_true(str_eq(decoded.publish.topic, STR("a/b")));

    struct wire_packet packet;
    for (size_t len = 0; len < out.len; len++) {
        assert_int_equal(wire_next(out.data, len, &packet), 0);
    }
    assert_int_equal(wire_next(out.data, out.len, &packet), 1);
    assert_int_equal(packet.type, MQTT_PUBLISH);
    assert_int_equal(packet.total_bytes, out.len);
    uint16_t id;
    struct str payload;
    assert_true(wire_publish_read(&packet, version, &id, &payload));
    assert_int_equal(id, qos ? 0x1234 : 0);
    struct wire_stamp stamp;
    assert_true(wire_stamp_read(payload, &stamp));
    assert_int_equal(stamp.publisher, 9);
    assert_int_equal(stamp.number, 77);
    assert_int_equal(stamp.sent_ns, 88);
    for (size_t cut = 1; cut < packet.body_bytes; cut++) { /* a body that lies about its parts is never read past its end */
        struct wire_packet shorter = packet;
        shorter.body_bytes -= cut;
        if (wire_publish_read(&shorter, version, &id, &payload)) {
            assert_true(payload.len <= 200 - cut);
        }
    }
    buf_deinit(&out);
    wire_template_deinit(&template);
}

static void test_publish(void **state)
{
    (void)state;
    for (uint8_t qos = 0; qos <= 2; qos++) {
        check_publish(MQTT_V5, qos);
        check_publish(MQTT_V311, qos);
    }
}

static void test_payload_of_text(void **state)
{
    (void)state;
    struct wire_template template;
    wire_template_init(&template, MQTT_V5, STR("t"), 1, false, 0, 0, STR("{\"a\":1}"));
    struct buf out;
    buf_init(&out, 4096);
    wire_publish(&out, &template, 5, 0, 0);
    struct mqtt_packet decoded;
    assert_int_equal(mqtt_decode(&decoded, MQTT_V5, MQTT_FROM_CLIENT, out.data, out.len).reason, 0);
    assert_true(str_eq(decoded.publish.payload, STR("{\"a\":1}")));
    struct wire_stamp stamp;
    assert_false(wire_stamp_read(decoded.publish.payload, &stamp));
    buf_deinit(&out);
    wire_template_deinit(&template);
}

static void test_acknowledgements(void **state)
{
    (void)state;
    static const enum mqtt_type types[] = {MQTT_PUBACK, MQTT_PUBREC, MQTT_PUBREL, MQTT_PUBCOMP};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct buf out;
        buf_init(&out, 64);
        wire_acknowledge(&out, types[i], 0xfedc);
        struct mqtt_packet decoded;
        assert_int_equal(mqtt_decode(&decoded, MQTT_V5, MQTT_FROM_CLIENT, out.data, out.len).reason, 0);
        assert_int_equal(decoded.type, types[i]);
        assert_int_equal(decoded.puback.packet_id, 0xfedc);
        buf_deinit(&out);
    }
}

static void test_endless_length(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x30, 0xff, 0xff, 0xff, 0xff, 0x7f};
    struct wire_packet packet;
    assert_int_equal(wire_next(bytes, 4, &packet), 0);
    assert_int_equal(wire_next(bytes, sizeof bytes, &packet), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_publish), cmocka_unit_test(test_payload_of_text),
                                       cmocka_unit_test(test_acknowledgements), cmocka_unit_test(test_endless_length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
