/* outbox.c: what no packet shows. What does show is in tests/replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/connection.h"
#include "hub/outbox.h"
#include "hub/session.h"

#define QUEUE_MAX 100
#define MESSAGES 100000

static uint64_t now_ms(const struct hub_loop *loop)
{
    (void)loop;
    return 1;
}

/* A client that left while a message was in flight may stay away for days, and each that comes pushes out the oldest. */
static void the_queue_of_an_absent_client_stays_small(void **state)
{
    (void)state;
    struct settings settings;
    settings_init(&settings);
    settings.mqtt_open_queue = QUEUE_MAX;
    struct domain domain = {.settings = &settings};
    struct hub_core core = {.domain = &domain};
    struct hub_loop loop = {.core = &core, .now_ms = now_ms};
    struct session session = {.loop = &loop, .party = PARTY_OPEN};
    struct message_parts parts = {.topic = STR("t"), .payload = STR("x"), .qos = 1, .space = 1};
    struct match match = {.qos = 1, .found = true};
    struct message *message = message_new(&parts, NULL);
    struct out_entry sent = {.message = message_ref(message), .packet_id = 65535, .qos = 1};
    outbox_restore(&session, &sent);
    for (unsigned i = 0; i < MESSAGES; i++) {
        outbox_deliver(&session, message, &match, 0);
    }
    assert_int_equal(session.outbox->in_flight, 1);
    assert_int_equal(session.outbox->waiting, QUEUE_MAX);
    assert_true(session.outbox->capacity <= 4 * QUEUE_MAX);
    outbox_free(&session);
    message_unref(message);
    settings_deinit(&settings);
}

/* A connected client that is behind: what others wait for stays, and of the rest the newest. */
static void what_does_not_give_way_is_not_looked_at_again(void **state)
{
    (void)state;
    struct settings settings;
    settings_init(&settings);
    settings.mqtt_open_queue = 2 * QUEUE_MAX;
    struct domain domain = {.settings = &settings};
    struct hub_core core = {.domain = &domain};
    struct hub_loop loop = {.core = &core, .now_ms = now_ms};
    struct connection connection = {.state = CONNECTION_STARTING};
    struct session session = {.loop = &loop, .party = PARTY_OPEN, .connection = &connection, .serial = 7};
    struct message_parts parts = {.topic = STR("t"), .payload = STR("x"), .qos = 1, .space = 1};
    struct match match = {.qos = 1, .found = true};
    struct message *of_others = message_new(&parts, NULL), *own = message_new(&parts, NULL);
    own->sender = 7;
    for (unsigned i = 0; i < MESSAGES; i++) {
        outbox_deliver(&session, i < QUEUE_MAX ? of_others : own, &match, 0);
        assert_true(session.outbox->firm <= session.outbox->count);
    }
    assert_int_equal(session.outbox->waiting, 2 * QUEUE_MAX);
    assert_int_equal(atomic_load(&of_others->ref.count), 1 + QUEUE_MAX);
    assert_true(session.outbox->firm >= QUEUE_MAX);
    session.connection = NULL;
    settings.mqtt_open_queue = QUEUE_MAX;
    outbox_shrink(&session);
    assert_int_equal(session.outbox->waiting, QUEUE_MAX);
    assert_int_equal(atomic_load(&of_others->ref.count), 1);
    outbox_free(&session);
    message_unref(of_others);
    message_unref(own);
    settings_deinit(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_queue_of_an_absent_client_stays_small),
        cmocka_unit_test(what_does_not_give_way_is_not_looked_at_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
