#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/maker/semver.h"

static void test_valid(void **state)
{
    (void)state;
    static const char *const versions[] = {"0.0.0", "1.3.4", "10.20.30", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-0.3.7",
                                           "1.0.0-x.7.z.92", "1.0.0+001", "1.0.0-a-b+5114f85.x-y", "1.0.0--"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        assert_true(semver_is_valid(str_from_cstr(versions[i])));
    }
}

static void test_invalid(void **state)
{
    (void)state;
    static const char *const versions[] = {"", "1", "1.2", "1.2.3.4", "01.2.3", "1.02.3", "1.2.03", "v1.2.3", "1.2.x",
                                           "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3-a..b", "1.2.3 ", " 1.2.3", "1.2.3-a_b",
                                           "1..3", "-1.2.3", "1.2.3+a+b"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        assert_false(semver_is_valid(str_from_cstr(versions[i])));
    }
}

static void precedence(void **state)
{
    (void)state;
    static const char *const rising[] = {"0.9.10", "1.0.0-0", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1",
                                         "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                                         "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0-x-y", "2.0.0",
                                         "99999999999999999999.0.0", "100000000000000000000.0.0"};
    size_t count = sizeof rising / sizeof rising[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = semver_compare(str_from_cstr(rising[i]), str_from_cstr(rising[j]));
            assert_int_equal(order < 0 ? -1 : order > 0, i < j ? -1 : i > j);
        }
    }
    assert_int_equal(semver_compare(STR("1.0.0+a"), STR("1.0.0+b-c.d")), 0);
    assert_int_equal(semver_compare(STR("1.0.0-rc.1+a"), STR("1.0.0-rc.1")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_valid), cmocka_unit_test(test_invalid), cmocka_unit_test(precedence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
