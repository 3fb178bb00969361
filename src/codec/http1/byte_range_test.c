#include "codec/http1/byte_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t size;
        enum byte_range_result result;
        uint64_t from, length;
    } cases[] = {
        {NULL, 10, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=0-0", 10, BYTE_RANGE_PART, 0, 1},
        {"bytes=0-", 10, BYTE_RANGE_PART, 0, 10},
        {"Bytes= 3-5 ", 10, BYTE_RANGE_PART, 3, 3},
        {"bytes=9-100", 10, BYTE_RANGE_PART, 9, 1},
        {"bytes=5-99999999999999999999999", 10, BYTE_RANGE_PART, 5, 5},
        {"bytes=-3", 10, BYTE_RANGE_PART, 7, 3},
        {"bytes=-30", 10, BYTE_RANGE_PART, 0, 10},
        {"bytes=10-", 10, BYTE_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=99999999999999999999999-", 10, BYTE_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 10, BYTE_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, BYTE_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-1", 0, BYTE_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=5-4", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=0-1,3-4", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=-", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=5", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=1--2", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"items=0-1", 10, BYTE_RANGE_WHOLE, 0, 0},
        {"", 10, BYTE_RANGE_WHOLE, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t from = 0, length = 0;
        assert_int_equal(byte_range_parse(str_from_cstr(cases[i].value), cases[i].size, &from, &length), cases[i].result);
        if (cases[i].result == BYTE_RANGE_PART) {
            assert_int_equal(from, cases[i].from);
            assert_int_equal(length, cases[i].length);
        }
    }
}

static void entity_tags(void **state)
{
    (void)state;
    struct str etag = STR("\"abc\"");
    assert_true(etag_list_has(STR("\"abc\""), etag));
    assert_true(etag_list_has(STR("W/\"abc\""), etag));
    assert_true(etag_list_has(STR("\"x\", \"abc\""), etag));
    assert_true(etag_list_has(STR("*"), etag));
    assert_false(etag_list_has(STR("\"abcd\""), etag));
    assert_false(etag_list_has(STR("abc"), etag));
    assert_false(etag_list_has(STR(""), etag));
    assert_false(etag_list_has((struct str){NULL, 0}, etag));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(entity_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
