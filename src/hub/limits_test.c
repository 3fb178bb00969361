/* rate.c, failures.c, counts.c, message.c, what a session keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "hub/connection.h"
#include "hub/counts.h"
#include "hub/failures.h"

static void a_rate_without_limit_never_refuses(void **state)
{
    (void)state;
    struct rate rate = {0};
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(rate_count(&rate, 5, 0, true), RATE_OK);
    }
}

static void a_rate_slows_refuses_and_closes(void **state)
{
    (void)state;
    struct rate rate = {0};
    for (unsigned window = 0; window < 2; window++) {
        uint64_t now = window * 30000;
        assert_int_equal(rate_count(&rate, now, 1, true), RATE_OK);
        assert_int_equal(rate_count(&rate, now, 1, true), RATE_SLOW);
        assert_int_equal(rate_count(&rate, now, 1, true), RATE_OVER);
        assert_int_equal(rate_count(&rate, now, 1, true), RATE_OVER);
    }
    assert_int_equal(rate_count(&rate, 60000, 1, true), RATE_OK);
    assert_int_equal(rate_count(&rate, 60000, 1, true), RATE_CLOSE);
}

static void a_window_in_between_forgives(void **state)
{
    (void)state;
    struct rate rate = {0};
    for (unsigned window = 0; window < 20; window += 2) {
        assert_int_equal(rate_count(&rate, window * 30000u, 1, true), RATE_OK);
        assert_int_equal(rate_count(&rate, window * 30000u, 1, true), RATE_SLOW);
    }
}

static void failures_are_counted_in_windows(void **state)
{
    (void)state;
    struct failures *failures = failures_new();
    uint64_t key = UINT64_C(0x1234567890abcdef);
    assert_int_equal(failures_get(failures, key, 0), 0);
    assert_int_equal(failures_count(failures, key, 0), 1);
    assert_int_equal(failures_count(failures, key, 29999), 2);
    assert_int_equal(failures_get(failures, key ^ (UINT64_C(1) << 40), 0), 0);
    assert_int_equal(failures_get(failures, key, 30000), 0);
    assert_int_equal(failures_count(failures, key, 30000), 1);
    for (unsigned i = 0; i < 5000; i++) {
        failures_count(failures, key, 30000);
    }
    assert_int_equal(failures_get(failures, key, 30000), 4095);
    failures_free(failures);
}

static void many_strangers_do_not_push_out_a_guesser(void **state)
{
    (void)state;
    struct failures *failures = failures_new();
    uint64_t guesser = UINT64_C(7) << 32 | 5;
    for (unsigned i = 0; i < 10; i++) {
        failures_count(failures, guesser, 0);
    }
    for (uint64_t i = 8; i < 1000; i++) { /* all in the guesser's bucket */
        failures_count(failures, i << 32 | 5, 0);
    }
    assert_int_equal(failures_get(failures, guesser, 0), 10);
    failures_free(failures);
}

static void sessions_are_counted_per_tenant(void **state)
{
    (void)state;
    struct session_counts *counts = session_counts_new();
    session_counts_change(counts, PARTY_ORGANIZATION, 1, 1);
    session_counts_change(counts, PARTY_ORGANIZATION, 1, 1);
    session_counts_change(counts, PARTY_PARTNER, 1, 1);
    assert_int_equal(session_counts_get(counts, PARTY_ORGANIZATION, 1), 2);
    assert_int_equal(session_counts_get(counts, PARTY_PARTNER, 1), 1);
    session_counts_change(counts, PARTY_ORGANIZATION, 1, -1);
    session_counts_change(counts, PARTY_ORGANIZATION, 1, -1);
    assert_int_equal(session_counts_get(counts, PARTY_ORGANIZATION, 1), 0);
    session_counts_free(counts);
}

static void a_message_survives_the_disk(void **state)
{
    (void)state;
    struct mqtt_pair user = {STR("a"), STR("b")};
    struct mqtt_properties p = {.content_type = STR("text/plain"), .user = &user, .user_count = 1};
    mqtt_set(&p, MQTT_PROP_CONTENT_TYPE);
    mqtt_set(&p, MQTT_PROP_USER_PROPERTY);
    struct message_parts parts = {.topic = STR("v1/device/7c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d0/user/x"),
                                  .properties = &p,
                                  .payload = STR("hello"),
                                  .qos = 1};
    struct message *message = message_new(&parts, NULL);
    uint32_t ids[] = {3, 4};
    struct delivery delivery = {.packet_id = 1, .qos = 1, .subscription_ids = ids, .subscription_id_count = 2};
    struct buf stored;
    buf_init(&stored, 4096);
    message_encode(&stored, MQTT_V5, message, &delivery, 0);
    assert_int_equal(stored.len, message_packet_bytes(MQTT_V5, message, &delivery));
    uint32_t *read_ids = NULL;
    struct message *back = message_from_stored(buf_str(&stored), 0, &read_ids);
    assert_non_null(back);
    assert_true(str_eq(message_topic(back), parts.topic));
    assert_true(str_eq(message_payload(back), parts.payload));
    assert_true(str_eq(message_properties(back), message_properties(message)));
    assert_int_equal(back->topic_id, TOPIC_USER);
    assert_int_equal(read_ids[0], 2);
    assert_int_equal(read_ids[2], 4);
    assert_null(message_from_stored(STR("garbage"), 0, &read_ids));
    mem_free(read_ids);
    message_unref(back);
    message_unref(message);
    buf_deinit(&stored);
}

/* A client need not release what it publishes with QoS 2, and may use every packet id. */
static void a_session_holds_every_packet_id(void **state)
{
    (void)state;
    struct session session = {0};
    for (unsigned i = 0; i < 65535; i++) { /* 7 and 65535 have no common factor: every id once, in no order */
        uint16_t id = (uint16_t)(i * 7u % 65535 + 1);
        assert_null(session_inbound_find(&session, id));
        assert_int_equal(session_inbound_add(&session, id)->packet_id, id);
    }
    assert_int_equal(session.inbound->count, 65535);
    for (unsigned id = 1; id <= 65535; id++) {
        session_inbound_find(&session, (uint16_t)id)->received = true;
    }
    for (unsigned i = 0; i < 65535; i++) {
        uint16_t id = (uint16_t)(i * 11u % 65535 + 1);
        assert_true(session_inbound_find(&session, id)->received);
        session_inbound_remove(&session, id);
        assert_null(session_inbound_find(&session, id));
    }
    assert_null(session.inbound);
}

/* An idle device connection with its seven topics costs one session, one connection and the filters. */
static void an_idle_device_is_small(void **state)
{
    (void)state;
    size_t filters = 7 * sizeof(struct filter);
    print_message("session %zu + connection %zu + filters %zu = %zu bytes\n", sizeof(struct session),
                  sizeof(struct connection), filters, sizeof(struct session) + sizeof(struct connection) + filters);
    assert_true(sizeof(struct session) + sizeof(struct connection) + filters <= 640);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_without_limit_never_refuses),
        cmocka_unit_test(a_rate_slows_refuses_and_closes),
        cmocka_unit_test(a_window_in_between_forgives),
        cmocka_unit_test(failures_are_counted_in_windows),
        cmocka_unit_test(many_strangers_do_not_push_out_a_guesser),
        cmocka_unit_test(sessions_are_counted_per_tenant),
        cmocka_unit_test(a_message_survives_the_disk),
        cmocka_unit_test(a_session_holds_every_packet_id),
        cmocka_unit_test(an_idle_device_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
