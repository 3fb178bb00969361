#include "base/timer_wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TIMERS 400

struct probe {
    struct timer timer;
    unsigned fired;
    uint64_t fired_at;
    struct timer_wheel *wheel;
    uint64_t again_after; /* 0: once */
};

static void on_due(struct timer *timer, uint64_t now_ms)
{
    struct probe *probe = container_of(timer, struct probe, timer);
    assert_false(timer_is_set(timer));
    probe->fired++;
    probe->fired_at = now_ms;
    if (probe->again_after) {
        timer_set(probe->wheel, timer, now_ms + probe->again_after);
    }
}

static struct timer_wheel wheel;

static void test_never_early(void **state)
{
    static const uint64_t delays[] = {0, 1, 63, 64, 65, 4095, 4096, 262143, 262144, 16777216, 1073741823, 1073741824,
                                      UINT64_C(1) << 36, (UINT64_C(1) << 36) + 7, UINT64_C(1) << 40};
    static const uint64_t starts[] = {0, 1, 63, 1000, (UINT64_C(1) << 30) - 1, (UINT64_C(1) << 36) - 1, 1772360100250};
    (void)state;
    for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
        for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
            struct probe probe = {.timer.on_due = on_due, .wheel = &wheel};
            uint64_t due = starts[s] + delays[i];
            timer_wheel_init(&wheel, starts[s]);
            timer_set(&wheel, &probe.timer, due);
            unsigned steps = 0;
            while (probe.fired == 0) { /* as a loop does: sleep until next, advance */
                uint64_t next = timer_wheel_next_ms(&wheel);
                assert_true(next <= due);
                assert_true(++steps <= 100);
                if (next > 0 && next == due) {
                    timer_wheel_advance(&wheel, due > starts[s] ? due - 1 : due);
                    assert_int_equal(probe.fired, due == starts[s]);
                }
                timer_wheel_advance(&wheel, next);
            }
            assert_int_equal(probe.fired, 1);
            assert_int_equal(probe.fired_at, due);
            assert_int_equal(timer_wheel_next_ms(&wheel), UINT64_MAX);
            assert_int_equal(wheel.count, 0);
        }
    }
}

static void test_big_jump(void **state)
{
    static struct probe probes[TIMERS];
    (void)state;
    memset(probes, 0, sizeof probes);
    timer_wheel_init(&wheel, 5);
    for (uint64_t i = 0; i < TIMERS; i++) {
        probes[i].timer.on_due = on_due;
        timer_set(&wheel, &probes[i].timer, i * i * i * i * 100);
    }
    timer_wheel_advance(&wheel, UINT64_C(1) << 50);
    for (unsigned i = 0; i < TIMERS; i++) {
        assert_int_equal(probes[i].fired, 1);
    }
    assert_int_equal(wheel.count, 0);
}

static void test_cancel(void **state)
{
    struct probe a = {.timer.on_due = on_due};
    struct probe b = {.timer.on_due = on_due};
    (void)state;
    timer_wheel_init(&wheel, 100);
    timer_cancel(&wheel, &a.timer); /* not set: nothing */
    timer_set(&wheel, &a.timer, 5000);
    timer_set(&wheel, &b.timer, 5000);
    timer_cancel(&wheel, &a.timer);
    assert_false(timer_is_set(&a.timer));
    assert_int_equal(wheel.count, 1);
    timer_set(&wheel, &b.timer, 200); /* re-armed: the old time is void */
    assert_int_equal(wheel.count, 1);
    timer_wheel_advance(&wheel, 200);
    assert_int_equal(b.fired, 1);
    timer_wheel_advance(&wheel, 10000);
    assert_int_equal(a.fired, 0);
    assert_int_equal(b.fired, 1);
    timer_set(&wheel, &a.timer, UINT64_MAX);
    assert_true(timer_wheel_next_ms(&wheel) < UINT64_MAX);
    timer_cancel(&wheel, &a.timer);
    assert_int_equal(timer_wheel_next_ms(&wheel), UINT64_MAX);
}

static struct probe *victim;

static void on_due_cancel_other(struct timer *timer, uint64_t now_ms)
{
    on_due(timer, now_ms);
    timer_cancel(&wheel, &victim->timer);
}

/* Due in the same instant, but cancelled by the one before it. */
static void test_cancel_while_firing(void **state)
{
    struct probe a = {.timer.on_due = on_due_cancel_other};
    struct probe b = {.timer.on_due = on_due};
    (void)state;
    timer_wheel_init(&wheel, 0);
    timer_set(&wheel, &a.timer, 10);
    timer_set(&wheel, &b.timer, 10);
    victim = &b;
    timer_wheel_advance(&wheel, 20);
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 0);
    assert_int_equal(wheel.count, 0);
}

static void on_due_set_in_past(struct timer *timer, uint64_t now_ms)
{
    on_due(timer, now_ms);
    timer_set(&wheel, timer, 1);
}

static void test_set_while_firing(void **state)
{
    struct probe past = {.timer.on_due = on_due_set_in_past};
    struct probe periodic = {.timer.on_due = on_due, .wheel = &wheel, .again_after = 10};
    (void)state;
    timer_wheel_init(&wheel, 0);
    timer_set(&wheel, &past.timer, 5);
    timer_set(&wheel, &periodic.timer, 10);
    timer_wheel_advance(&wheel, 1000);
    assert_int_equal(past.fired, 1); /* again with the next advance, which is due at once */
    assert_int_equal(timer_wheel_next_ms(&wheel), 1000);
    timer_wheel_advance(&wheel, 1000);
    assert_int_equal(past.fired, 2);
    assert_int_equal(periodic.fired, 1);
    timer_cancel(&wheel, &past.timer);
    assert_int_equal(timer_wheel_next_ms(&wheel) <= 1010, 1);
    timer_wheel_advance(&wheel, 1009);
    assert_int_equal(periodic.fired, 1);
    timer_wheel_advance(&wheel, 1010);
    assert_int_equal(periodic.fired, 2);
}

static void test_clock_going_back(void **state)
{
    struct probe probe = {.timer.on_due = on_due};
    (void)state;
    timer_wheel_init(&wheel, 1000);
    timer_set(&wheel, &probe.timer, 1001);
    timer_wheel_advance(&wheel, 5);
    assert_int_equal(wheel.now_ms, 1000);
    assert_int_equal(probe.fired, 0);
}

static uint64_t random_state = 88172645463325252u;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

/* Against the plainest model there is: every timer's due time in an array. */
static void test_random_against_model(void **state)
{
    static struct probe probes[TIMERS];
    static uint64_t due[TIMERS]; /* 0: not set */
    uint64_t now = (UINT64_C(1) << 36) - 2000000;
    (void)state;
    memset(probes, 0, sizeof probes);
    timer_wheel_init(&wheel, now);
    for (int i = 0; i < TIMERS; i++) {
        probes[i].timer.on_due = on_due;
    }
    for (int round = 0; round < 20000; round++) {
        size_t i = (size_t)random_below(TIMERS);
        uint64_t action = random_below(10);
        if (action < 6) {
            due[i] = now + random_below(UINT64_C(1) << random_below(34));
            timer_set(&wheel, &probes[i].timer, due[i]);
        } else if (action < 7) {
            due[i] = 0;
            timer_cancel(&wheel, &probes[i].timer);
        } else {
            uint64_t next = timer_wheel_next_ms(&wheel);
            now += random_below(UINT64_C(1) << random_below(24));
            timer_wheel_advance(&wheel, now);
            for (size_t k = 0; k < TIMERS; k++) {
                bool expected = due[k] != 0 && due[k] <= now;
                assert_int_equal(probes[k].fired, expected);
                assert_int_equal(timer_is_set(&probes[k].timer), due[k] != 0 && !expected);
                if (expected) {
                    assert_true(next <= due[k]);
                    due[k] = 0;
                    probes[k].fired = 0;
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_early),        cmocka_unit_test(test_big_jump),
        cmocka_unit_test(test_cancel),             cmocka_unit_test(test_cancel_while_firing),
        cmocka_unit_test(test_set_while_firing),   cmocka_unit_test(test_clock_going_back),
        cmocka_unit_test(test_random_against_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
