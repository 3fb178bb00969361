#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/rollout/rollout_wave.h"

struct world {
    struct rollout_row rollout;
    struct rollout_wave_row waves[3];
};

/* Three waves of 10, 40 and 50 devices, the first of which runs. */
static struct world new_world(void)
{
    return (struct world){
        .rollout = {.wave = 1, .success_percent = 80, .error_percent = 20},
        .waves = {{.wave = 1, .last_seq = 10, .waiting = 10}, {.wave = 2, .last_seq = 50, .waiting = 40},
                  {.wave = 3, .last_seq = 100, .waiting = 50}},
    };
}

static void set(struct world *world, int wave, int64_t sent, int64_t done, int64_t failed, int64_t skipped)
{
    struct rollout_wave_row *row = &world->waves[wave - 1];
    int64_t all = row->waiting + row->sent + row->done + row->failed + row->skipped;
    row->sent = sent;
    row->done = done;
    row->failed = failed;
    row->skipped = skipped;
    row->waiting = all - sent - done - failed - skipped;
}

static enum rollout_step step(const struct world *world)
{
    return rollout_step_of(&world->rollout, world->waves, 3);
}

static void the_next_wave_waits_for_successes(void **state)
{
    (void)state;
    struct world world = new_world();
    assert_int_equal(step(&world), ROLLOUT_STAY);
    set(&world, 1, 1, 8, 0, 0); /* one is not sent yet */
    assert_int_equal(step(&world), ROLLOUT_STAY);
    set(&world, 1, 3, 7, 0, 0);
    assert_int_equal(step(&world), ROLLOUT_STAY);
    set(&world, 1, 2, 8, 0, 0); /* those that are offline hold nobody up */
    assert_int_equal(step(&world), ROLLOUT_NEXT_WAVE);
    set(&world, 1, 0, 4, 0, 5); /* of 4 that count, and one that waits */
    assert_int_equal(step(&world), ROLLOUT_STAY);
    set(&world, 1, 0, 4, 1, 5);
    world.rollout.error_percent = 100;
    assert_int_equal(step(&world), ROLLOUT_NEXT_WAVE);
    set(&world, 1, 0, 0, 0, 10); /* nobody left to succeed */
    assert_int_equal(step(&world), ROLLOUT_NEXT_WAVE);
}

static void too_few_successes_pause(void **state)
{
    (void)state;
    struct world world = new_world();
    world.rollout.error_percent = 100;
    set(&world, 1, 1, 6, 3, 0);
    assert_int_equal(step(&world), ROLLOUT_STAY);
    set(&world, 1, 0, 7, 3, 0);
    assert_int_equal(step(&world), ROLLOUT_PAUSE_SUCCESS);
}

static void failures_pause(void **state)
{
    (void)state;
    struct world world = new_world();
    set(&world, 1, 9, 0, 1, 0);
    assert_int_equal(step(&world), ROLLOUT_STAY);
    set(&world, 1, 8, 0, 2, 0); /* 2 of 10 */
    assert_int_equal(step(&world), ROLLOUT_PAUSE_ERRORS);
    world.rollout.forgiven = 2;
    assert_int_equal(step(&world), ROLLOUT_STAY);
    world.rollout.wave = 2; /* of 50 then, and 2 are forgiven */
    set(&world, 2, 31, 0, 9, 0);
    assert_int_equal(step(&world), ROLLOUT_STAY);
    set(&world, 2, 30, 0, 10, 0);
    assert_int_equal(step(&world), ROLLOUT_PAUSE_ERRORS);
    world.rollout.error_percent = 0; /* the first one is enough, none is not */
    world.rollout.forgiven = 11;
    assert_int_equal(step(&world), ROLLOUT_PAUSE_ERRORS);
    world.rollout.forgiven = 12;
    assert_int_equal(step(&world), ROLLOUT_STAY);
}

static void it_is_done_when_nothing_is_open(void **state)
{
    (void)state;
    struct world world = new_world();
    world.rollout.wave = 3;
    set(&world, 1, 1, 9, 0, 0);
    set(&world, 2, 0, 40, 0, 0);
    set(&world, 3, 0, 0, 50, 0); /* all of them failed: there is nothing to be saved by a pause */
    assert_int_equal(step(&world), ROLLOUT_STAY);
    set(&world, 1, 0, 10, 0, 0);
    assert_int_equal(step(&world), ROLLOUT_FINISH);
    assert_int_equal(rollout_step_of(&world.rollout, world.waves, 0), ROLLOUT_FINISH);
}

static void devices_are_spread(void **state)
{
    (void)state;
    int64_t seqs[3];
    rollout_spread(100, (int64_t[]){10, 40, 50}, 3, seqs);
    assert_int_equal(seqs[0], 10);
    assert_int_equal(seqs[1], 50);
    assert_int_equal(seqs[2], 100);
    rollout_spread(3, (int64_t[]){1, 49, 50}, 3, seqs); /* the first is not empty while there are devices */
    assert_int_equal(seqs[0], 1);
    assert_int_equal(seqs[1], 2);
    assert_int_equal(seqs[2], 3);
    rollout_spread(0, (int64_t[]){1, 49, 50}, 3, seqs);
    assert_int_equal(seqs[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_wave_waits_for_successes),
        cmocka_unit_test(too_few_successes_pause),
        cmocka_unit_test(failures_pause),
        cmocka_unit_test(it_is_done_when_nothing_is_open),
        cmocka_unit_test(devices_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
