#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/device/talkers.h"

#define NOW UINT64_C(1000000)

static void those_that_send_most_come_first(void **state)
{
    (void)state;
    struct talkers *talkers = talkers_new();
    struct talker top[3];
    assert_int_equal(talkers_top(talkers, NOW, top, 3), 0);
    for (int i = 0; i < 30; i++) { /* on two loops, as its HTTP calls come in */
        talkers_add(talkers, (unsigned)i % 2, 7, NOW + (uint64_t)i);
    }
    talkers_add(talkers, 0, 9, NOW);
    for (int i = 0; i < 5; i++) {
        talkers_add(talkers, 1, 8, NOW);
    }
    assert_int_equal(talkers_top(talkers, NOW, top, 3), 3);
    static const struct talker expected[] = {{7, 30}, {8, 5}, {9, 1}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(top[i].device_no, expected[i].device_no);
        assert_int_equal(top[i].messages, expected[i].messages);
    }
    assert_int_equal(talkers_top(talkers, NOW, top, 2), 2);
    talkers_free(talkers);
}

static void what_is_older_than_a_minute_does_not_count(void **state)
{
    (void)state;
    struct talkers *talkers = talkers_new();
    struct talker top[2];
    for (uint64_t second = 0; second < 300; second++) {
        talkers_add(talkers, 0, 7, NOW + second * 1000);
    }
    assert_int_equal(talkers_top(talkers, NOW + 299000, top, 2), 1);
    assert_in_range(top[0].messages, 50, 60);
    assert_int_equal(talkers_top(talkers, NOW + 330000, top, 2), 1);
    assert_in_range(top[0].messages, 20, 30);
    assert_int_equal(talkers_top(talkers, NOW + 400000, top, 2), 0);
    talkers_free(talkers);
}

/* A hundred thousand devices send once each, two of them much more. */
static void a_crowd_neither_hides_nor_claims_anything(void **state)
{
    (void)state;
    enum { CROWD = 100000, LOUD = 20000 };
    struct talkers *talkers = talkers_new();
    struct talker top[10];
    for (int64_t i = 1; i <= CROWD; i++) {
        talkers_add(talkers, 0, i, NOW);
        if (i % 5 == 0) {
            talkers_add(talkers, 0, CROWD + 1, NOW);
            talkers_add(talkers, 0, CROWD + 2, NOW);
        }
    }
    assert_int_equal(talkers_top(talkers, NOW, top, 10), 10);
    for (size_t i = 0; i < 2; i++) {
        assert_in_range(top[i].device_no, CROWD + 1, CROWD + 2);
        assert_in_range(top[i].messages, LOUD * 9 / 10, LOUD);
    }
    for (size_t i = 2; i < 10; i++) {
        assert_int_equal(top[i].messages, 1);
    }
    talkers_free(talkers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_send_most_come_first),
        cmocka_unit_test(what_is_older_than_a_minute_does_not_count),
        cmocka_unit_test(a_crowd_neither_hides_nor_claims_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
