#include "app/bench/tracker.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_verdicts(void **state)
{
    (void)state;
    struct tracker tracker = {0};
    assert_int_equal(tracker_add(&tracker, 0), TRACKER_NEW);
    assert_int_equal(tracker_add(&tracker, 1), TRACKER_NEW);
    assert_int_equal(tracker_add(&tracker, 1), TRACKER_DUPLICATE);
    assert_int_equal(tracker_add(&tracker, 6), TRACKER_NEW); /* 2 to 5 are missing */
    assert_int_equal(tracker.received, 3);
    assert_int_equal(tracker_add(&tracker, 4), TRACKER_LATE);
    assert_int_equal(tracker_add(&tracker, 4), TRACKER_DUPLICATE);
    assert_int_equal(tracker_add(&tracker, 2), TRACKER_LATE);
    assert_int_equal(tracker_add(&tracker, 5), TRACKER_LATE);
    assert_int_equal(tracker_add(&tracker, 3), TRACKER_LATE);
    assert_int_equal(tracker.count, 0);
    assert_int_equal(tracker.received, 7);
    assert_int_equal(tracker.next, 7);
    tracker_deinit(&tracker);
}

/* Against a plain table of what was received, in an order with gaps, repetitions and exchanges. */
static void test_against_a_table(void **state)
{
    (void)state;
    enum { NUMBERS = 5000, STEPS = 20000 };
    static bool seen[NUMBERS];
    struct tracker tracker = {0};
    uint64_t seed = 3, received = 0, highest = 0;
    for (int i = 0; i < STEPS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t number = (uint64_t)i / 4 + (seed >> 60) * ((seed >> 50) % 3);
        number = number < NUMBERS ? number : NUMBERS - 1;
        enum tracker_verdict expected = seen[number]                            ? TRACKER_DUPLICATE
                                        : received && number < highest ? TRACKER_LATE : TRACKER_NEW;
        assert_int_equal(tracker_add(&tracker, number), expected);
        received += !seen[number];
        seen[number] = true;
        highest = number > highest ? number : highest;
    }
    assert_int_equal(tracker.received, received);
    assert_int_equal(tracker.next, highest + 1);
    tracker_deinit(&tracker);
}

static void test_gaps_are_bounded(void **state)
{
    (void)state;
    struct tracker tracker = {0};
    for (uint64_t i = 0; i <= TRACKER_RANGES_MAX; i++) {
        assert_int_equal(tracker_add(&tracker, 2 * i + 1), TRACKER_NEW);
    }
    assert_int_equal(tracker.count, TRACKER_RANGES_MAX);
    assert_int_equal(tracker_add(&tracker, 0), TRACKER_DUPLICATE); /* given up: never counted as received */
    assert_int_equal(tracker_add(&tracker, 2), TRACKER_LATE);
    assert_int_equal(tracker.received, TRACKER_RANGES_MAX + 2);
    tracker_deinit(&tracker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts), cmocka_unit_test(test_against_a_table),
                                       cmocka_unit_test(test_gaps_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
