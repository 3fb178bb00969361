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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_valid), cmocka_unit_test(test_invalid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
