/* Every vector both ways, cut off at every length, and with every single bit flipped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "codec/mqtt/mqtt_testing.h"
#include "codec/mqtt/mqtt_vectors.h"

static enum mqtt_version decode_version(const struct mqtt_vector *vector)
{
    return vector->packet.type == MQTT_CONNECT ? MQTT_VERSION_NONE : vector->version;
}

static void vectors_encode_to_their_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < V_COUNT(mqtt_vectors); i++) {
        const struct mqtt_vector *vector = &mqtt_vectors[i];
        struct buf out;
        buf_init(&out, 4096);
        mqtt_encode(&out, vector->version, &vector->packet);
        if (out.failed || !str_eq(buf_str(&out), vector->bytes)) {
            fail_msg("%s: %zu bytes encoded, %zu expected", vector->name, out.len, vector->bytes.len);
        }
        assert_int_equal(mqtt_packet_bytes(vector->version, &vector->packet), vector->bytes.len);
        buf_deinit(&out);
    }
}

static void vectors_decode_to_their_packets(void **state)
{
    (void)state;
    for (size_t i = 0; i < V_COUNT(mqtt_vectors); i++) {
        const struct mqtt_vector *vector = &mqtt_vectors[i];
        struct mqtt_packet packet;
        struct mqtt_fault fault = mqtt_decode(&packet, decode_version(vector), vector->from,
                                              (const uint8_t *)vector->bytes.ptr, vector->bytes.len);
        if (fault.reason != MQTT_SUCCESS) {
            fail_msg("%s: 0x%02x %s", vector->name, fault.reason, fault.text);
        }
        if (!testing_packets_equal(&packet, &vector->packet)) {
            fail_msg("%s: decoded to something else", vector->name);
        }
    }
}

static void decoded_vectors_encode_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < V_COUNT(mqtt_vectors); i++) {
        const struct mqtt_vector *vector = &mqtt_vectors[i];
        struct mqtt_packet packet;
        struct mqtt_fault fault = mqtt_decode(&packet, decode_version(vector), vector->from,
                                              (const uint8_t *)vector->bytes.ptr, vector->bytes.len);
        assert_int_equal(fault.reason, MQTT_SUCCESS);
        struct buf out;
        buf_init(&out, 4096);
        mqtt_encode(&out, vector->version, &packet);
        if (!str_eq(buf_str(&out), vector->bytes)) {
            fail_msg("%s: decode and encode changed it", vector->name);
        }
        buf_deinit(&out);
    }
}

/* A copy of exactly `len` bytes on the heap, so that a sanitizer sees a read behind it. */
static uint8_t *exact_copy(struct str bytes, size_t len)
{
    uint8_t *copy = mem_alloc(len ? len : 1);
    memcpy(copy, bytes.ptr, len);
    return copy;
}

static void vectors_cut_off_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < V_COUNT(mqtt_vectors); i++) {
        const struct mqtt_vector *vector = &mqtt_vectors[i];
        for (size_t len = 0; len < vector->bytes.len; len++) {
            uint8_t *copy = exact_copy(vector->bytes, len);
            struct mqtt_frame frame;
            struct mqtt_packet packet;
            assert_int_equal(mqtt_frame(copy, len, 0, &frame), MQTT_FRAME_NEED_MORE);
            struct mqtt_fault fault = mqtt_decode(&packet, decode_version(vector), vector->from, copy, len);
            assert_int_equal(fault.reason, MQTT_MALFORMED_PACKET);
            mem_free(copy);
        }
    }
}

/* The body ends too early although Remaining Length is true to it: only the shorter forms that the standard knows may
 * be taken. */
static void vectors_with_a_short_body_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < V_COUNT(mqtt_vectors); i++) {
        const struct mqtt_vector *vector = &mqtt_vectors[i];
        if (vector->bytes.len > 129) {
            continue; /* a length of two bytes */
        }
        for (size_t len = 2; len < vector->bytes.len; len++) {
            uint8_t *copy = exact_copy(vector->bytes, len);
            copy[1] = (uint8_t)(len - 2);
            struct mqtt_packet packet;
            struct mqtt_fault fault = mqtt_decode(&packet, decode_version(vector), vector->from, copy, len);
            bool has_short_form = vector->packet.type != MQTT_CONNECT && vector->packet.type != MQTT_CONNACK;
            if (!has_short_form) {
                assert_int_equal(fault.reason, MQTT_MALFORMED_PACKET);
            }
            mem_free(copy);
        }
    }
}

/* Decodes, and if that succeeds, encodes and decodes again to the same packet. */
static void decode_and_check(const char *name, enum mqtt_version version, enum mqtt_from from, const uint8_t *data,
                             size_t len)
{
    struct mqtt_packet first, second;
    if (mqtt_decode(&first, version, from, data, len).reason != MQTT_SUCCESS) {
        return;
    }
    struct buf out;
    buf_init(&out, 4096);
    mqtt_encode(&out, first.type == MQTT_CONNECT ? first.connect.version : version, &first);
    struct mqtt_fault fault = mqtt_decode(&second, version, from, out.data, out.len);
    if (fault.reason != MQTT_SUCCESS || !testing_packets_equal(&first, &second)) {
        fail_msg("%s: a flipped bit made a packet that does not survive encoding: %s", name, fault.text);
    }
    buf_deinit(&out);
}

static void vectors_with_a_flipped_bit_do_no_harm(void **state)
{
    (void)state;
    static const enum mqtt_version versions[] = {MQTT_VERSION_NONE, MQTT_V311, MQTT_V5};
    for (size_t i = 0; i < V_COUNT(mqtt_vectors); i++) {
        const struct mqtt_vector *vector = &mqtt_vectors[i];
        uint8_t *copy = exact_copy(vector->bytes, vector->bytes.len);
        for (size_t bit = 0; bit < vector->bytes.len * 8; bit++) {
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
            for (size_t v = 0; v < V_COUNT(versions); v++) {
                decode_and_check(vector->name, versions[v], MQTT_FROM_CLIENT, copy, vector->bytes.len);
                decode_and_check(vector->name, versions[v], MQTT_FROM_SERVER, copy, vector->bytes.len);
            }
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        mem_free(copy);
    }
}

static void the_wrong_side_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < V_COUNT(mqtt_vectors); i++) {
        const struct mqtt_vector *vector = &mqtt_vectors[i];
        struct mqtt_packet packet;
        struct mqtt_fault fault = mqtt_decode(&packet, MQTT_VERSION_NONE, MQTT_FROM_CLIENT,
                                              (const uint8_t *)vector->bytes.ptr, vector->bytes.len);
        assert_int_equal(fault.reason, vector->packet.type == MQTT_CONNECT ? MQTT_SUCCESS : MQTT_PROTOCOL_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_encode_to_their_bytes),
        cmocka_unit_test(vectors_decode_to_their_packets),
        cmocka_unit_test(decoded_vectors_encode_again),
        cmocka_unit_test(vectors_cut_off_are_refused),
        cmocka_unit_test(vectors_with_a_short_body_are_refused),
        cmocka_unit_test(vectors_with_a_flipped_bit_do_no_harm),
        cmocka_unit_test(the_wrong_side_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
