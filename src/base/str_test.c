#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_compare(void **state)
{
    (void)state;
    assert_true(str_eq(STR(""), str_from(NULL, 0)));
    assert_true(str_eq(str_from("a\0b", 3), str_from("a\0b", 3)));
    assert_false(str_eq(str_from("a\0b", 3), str_from("a\0c", 3)));
    assert_true(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    assert_false(str_eq_nocase(STR("["), STR("{"))); /* differ in the same bit as letters do */
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR(""), str_from(NULL, 0)), 0);
}

static void test_search(void **state)
{
    (void)state;
    assert_true(str_starts_with(STR("abc"), STR("ab")));
    assert_true(str_starts_with(STR("abc"), STR("")));
    assert_false(str_starts_with(STR("a"), STR("ab")));
    assert_true(str_ends_with(STR("abc"), STR("bc")));
    assert_false(str_ends_with(STR("c"), STR("bc")));
    assert_true(str_contains_nocase(STR("Main Hall 3"), STR("hall")));
    assert_true(str_contains_nocase(STR("abc"), STR("C")));
    assert_true(str_contains_nocase(STR("abc"), STR("")));
    assert_false(str_contains_nocase(STR("ab"), STR("abc")));
    assert_false(str_contains_nocase(STR(""), STR("a")));
}

static void test_parts(void **state)
{
    struct str rest = STR("a,,b");
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t a b\r\n ")), STR("a b")));
    assert_true(str_is_blank(STR(" \t")));
    assert_true(str_is_blank(str_from(NULL, 0)));
    assert_true(str_eq(str_sub(STR("abc"), 1, 100), STR("bc")));
    assert_int_equal(str_sub(STR("abc"), 3, 1).len, 0);
    assert_int_equal(str_sub(STR("abc"), SIZE_MAX, SIZE_MAX).len, 0);
    assert_int_equal(str_sub(str_from(NULL, 0), 1, 1).len, 0);
    assert_true(str_eq(str_split(&rest, ','), STR("a")));
    assert_true(str_eq(str_split(&rest, ','), STR("")));
    assert_non_null(rest.ptr);
    assert_true(str_eq(str_split(&rest, ','), STR("b")));
    assert_null(rest.ptr);
    rest = STR("a,");
    str_split(&rest, ',');
    assert_true(rest.ptr && rest.len == 0); /* an empty last part is a part */
    assert_int_equal(str_split(&rest, ',').len, 0);
    assert_null(rest.ptr);
}

static void test_integers(void **state)
{
    static const struct str bad[] = {STR_INIT(""),   STR_INIT("-"),  STR_INIT("+1"), STR_INIT(" 1"), STR_INIT("1 "),
                                     STR_INIT("1.0"), STR_INIT("0x1"), STR_INIT("--1"), STR_INIT("9223372036854775808"),
                                     STR_INIT("-9223372036854775809"), STR_INIT("99999999999999999999999")};
    int64_t value = 7;
    uint64_t natural = 7;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(str_to_i64(bad[i], &value));
    }
    assert_int_equal(value, 7);
    assert_true(str_to_i64(STR("-9223372036854775808"), &value) && value == INT64_MIN);
    assert_true(str_to_i64(STR("9223372036854775807"), &value) && value == INT64_MAX);
    assert_true(str_to_i64(STR("-0"), &value) && value == 0);
    assert_true(str_to_i64(STR("007"), &value) && value == 7);
    assert_true(str_to_u64(STR("18446744073709551615"), &natural) && natural == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), &natural));
    assert_false(str_to_u64(STR("-1"), &natural));
}

static void test_double(void **state)
{
    static const struct str bad[] = {STR_INIT(""),    STR_INIT("nan"), STR_INIT("inf"), STR_INIT("0x1p3"), STR_INIT(" 1"),
                                     STR_INIT("1e999"), STR_INIT("1,5"), STR_INIT("1e"), STR_INIT("-"), STR_INIT("1 2")};
    double value = 7;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(str_to_double(bad[i], &value));
    }
    assert_true(value > 6.9 && value < 7.1);
    assert_true(str_to_double(STR("-12.5e1"), &value));
    assert_true(value > -125.1 && value < -124.9);
    assert_true(str_to_double(str_from("1234", 2), &value)); /* stops at the length */
    assert_true(value > 11.9 && value < 12.1);
}

static void test_dup(void **state)
{
    (void)state;
    char *copy = str_dup(str_from("abc", 2));
    assert_string_equal(copy, "ab");
    free(copy);
    copy = str_dup(str_from(NULL, 0));
    assert_string_equal(copy, "");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),  cmocka_unit_test(test_search), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_integers), cmocka_unit_test(test_double), cmocka_unit_test(test_dup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
