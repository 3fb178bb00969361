#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "io/gather.h"

#define SPAN_US 250u

/* Traffic of `rate` events/s that comes whatever we do, for that long; each turn begins when there is something, and not
 * before the gathering allows. Returns the number of turns. */
static unsigned steady(struct gather *g, uint64_t *now_us, unsigned rate, uint64_t for_us)
{
    uint64_t end_us = *now_us + for_us, arrived = 0, served = 0, begin_us = *now_us;
    unsigned turns = 0;
    while (*now_us < end_us) {
        uint64_t until_us = gather_until_us(g);
        *now_us = until_us > *now_us ? until_us : *now_us + 1;
        arrived = (*now_us - begin_us) * rate / 1000000;
        if (arrived > served) {
            gather_turn(g, *now_us, (unsigned)(arrived - served));
            served = arrived;
            turns++;
        }
    }
    return turns;
}

/* Peers that send again 60 us after they were served: each turn has one event of each. Returns the number of turns. */
static unsigned waiting_peers(struct gather *g, uint64_t *now_us, unsigned peers, uint64_t for_us)
{
    uint64_t end_us = *now_us + for_us;
    unsigned turns = 0;
    while (*now_us < end_us) {
        uint64_t until_us = gather_until_us(g);
        *now_us = *now_us + 60 > until_us ? *now_us + 60 : until_us;
        gather_turn(g, *now_us, peers);
        turns++;
    }
    return turns;
}

static void single_events_are_gathered(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, SPAN_US, now_us);
    unsigned turns = steady(&g, &now_us, 10000, 1000000);
    assert_true(g.is_on);
    assert_in_range(turns, 3900, 4400); /* it takes a few windows to begin */
    assert_in_range(steady(&g, &now_us, 10000, 1000000), 3900, 4001);
}

static void rare_events_are_not_held_back(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, SPAN_US, now_us);
    assert_in_range(steady(&g, &now_us, 2000, 1000000), 1999, 2000);
    assert_false(g.is_on);
}

static void a_busy_loop_is_left_alone(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, SPAN_US, now_us);
    for (unsigned i = 0; i < 20000; i++) {
        now_us += 50;
        gather_turn(&g, now_us, 4);
        assert_int_equal(gather_until_us(&g), 0);
    }
}

static void a_rate_of_many_events_is_served_at_once(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, SPAN_US, now_us);
    for (unsigned i = 0; i < 60000; i++) { /* one by one: only the rate tells */
        now_us += 17;
        gather_turn(&g, now_us, 1);
        assert_false(g.is_on);
    }
}

static void it_ends_and_stays_off_when_the_rate_has_grown(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, SPAN_US, now_us);
    steady(&g, &now_us, 10000, 100000);
    assert_true(g.is_on);
    steady(&g, &now_us, 40000, 60000);
    for (unsigned i = 0; i < 100; i++) {
        assert_false(g.is_on);
        steady(&g, &now_us, 40000, 10000);
    }
}

/* A peer that does not run for 5 ms now and then, and sends what was due after it. */
static void a_hiccup_does_not_begin_it(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, SPAN_US, now_us);
    for (unsigned i = 0; i < 100; i++) {
        steady(&g, &now_us, 40000, 15000);
        assert_false(g.is_on);
        now_us += 5000;
        gather_turn(&g, now_us, 20);
        assert_false(g.is_on);
    }
}

static void it_ends_with_the_traffic(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, SPAN_US, now_us);
    steady(&g, &now_us, 10000, 100000);
    assert_true(g.is_on);
    now_us += 1000000;
    gather_turn(&g, now_us, 1);
    assert_int_equal(gather_until_us(&g), 0);
}

static void peers_that_wait_for_us_lose_little(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, SPAN_US, now_us);
    unsigned turns = waiting_peers(&g, &now_us, 1, 20000000);
    assert_in_range(turns, 20000000 / 60 * 97 / 100, 20000000 / 60);
}

static void it_can_be_off(void **state)
{
    (void)state;
    struct gather g;
    uint64_t now_us = 5;
    gather_init(&g, 0, now_us);
    assert_int_equal(steady(&g, &now_us, 10000, 1000000), 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_events_are_gathered),
        cmocka_unit_test(rare_events_are_not_held_back),
        cmocka_unit_test(a_busy_loop_is_left_alone),
        cmocka_unit_test(a_rate_of_many_events_is_served_at_once),
        cmocka_unit_test(it_ends_and_stays_off_when_the_rate_has_grown),
        cmocka_unit_test(a_hiccup_does_not_begin_it),
        cmocka_unit_test(it_ends_with_the_traffic),
        cmocka_unit_test(peers_that_wait_for_us_lose_little),
        cmocka_unit_test(it_can_be_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
