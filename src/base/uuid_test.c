#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_text(void **state)
{
    struct uuid uuid;
    char text[UUID_TEXT_BYTES];
    (void)state;
    assert_true(uuid_parse(STR("7C1DE0A4-52f1-4b0e-9a55-3f6b2e81c9d0"), &uuid));
    assert_memory_equal(uuid.bytes, "\x7c\x1d\xe0\xa4\x52\xf1\x4b\x0e\x9a\x55\x3f\x6b\x2e\x81\xc9\xd0", 16);
    uuid_format(&uuid, text);
    assert_string_equal(text, "7c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d0");
    assert_false(uuid_is_nil(&uuid));
    assert_true(uuid_parse(STR("00000000-0000-0000-0000-000000000000"), &uuid));
    assert_true(uuid_is_nil(&uuid));
}

static void test_refused(void **state)
{
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("7c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d"),
        STR_INIT("7c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d00"),
        STR_INIT("7c1de0a452f14b0e9a553f6b2e81c9d0"),
        STR_INIT("7c1de0a4-52f1-4b0e-9a55-3f6b2e81c9dg"),
        STR_INIT("7c1de0a4_52f1-4b0e-9a55-3f6b2e81c9d0"),
        STR_INIT("7c1de0a4-52f1-4b0e-9a553-f6b2e81c9d0"),
        STR_INIT("{c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d}"),
        STR_INIT("+c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d0"),
    };
    struct uuid uuid = {{1}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(uuid_parse(bad[i], &uuid));
    }
    assert_int_equal(uuid.bytes[0], 1);
}

static void test_random(void **state)
{
    struct uuid a = uuid_random();
    struct uuid b = uuid_random();
    (void)state;
    assert_false(uuid_eq(&a, &b));
    assert_int_equal(a.bytes[6] >> 4, 4);
    assert_int_equal(a.bytes[8] >> 6, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
