#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* From the heap, to its exact end. */
static bool is_valid(struct str s)
{
    char *copy = malloc(s.len ? s.len : 1);
    memcpy(copy, s.ptr, s.len);
    bool valid = utf8_is_valid(str_from(copy, s.len));
    free(copy);
    return valid;
}

static void test_valid(void **state)
{
    static const struct str good[] = {
        STR_INIT(""), STR_INIT("a"), STR_INIT("0123456789abcdef\0x"), STR_INIT("\x7f"), STR_INIT("\xc2\x80"),
        STR_INIT("\xdf\xbf"), STR_INIT("\xe0\xa0\x80"), STR_INIT("\xed\x9f\xbf"), STR_INIT("\xee\x80\x80"),
        STR_INIT("\xef\xbf\xbf"), STR_INIT("\xf0\x90\x80\x80"), STR_INIT("\xf4\x8f\xbf\xbf"),
        STR_INIT("01234567é89abcdef😀"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(is_valid(good[i]));
    }
    assert_true(utf8_is_valid(str_from(NULL, 0)));
}

static void test_invalid(void **state)
{
    static const struct str bad[] = {
        STR_INIT("\x80"), STR_INIT("\xbf"), STR_INIT("\xc0\x80"), STR_INIT("\xc1\xbf"), STR_INIT("\xc2"),
        STR_INIT("\xc2x"), STR_INIT("\xe0\x9f\xbf"), STR_INIT("\xe0\xa0"), STR_INIT("\xe2\x82x"),
        STR_INIT("\xed\xa0\x80"), STR_INIT("\xed\xbf\xbf"), STR_INIT("\xf0\x8f\xbf\xbf"), STR_INIT("\xf0\x90\x80"),
        STR_INIT("\xf4\x90\x80\x80"), STR_INIT("\xf5\x80\x80\x80"), STR_INIT("\xff"), STR_INIT("\xfe"),
        STR_INIT("01234567\x80"), STR_INIT("0123456\xff"), STR_INIT("01234567890123\xc3"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(is_valid(bad[i]));
    }
}

static void encode(uint32_t code_point, char out[4], size_t *ret_len)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; code_point >>= 6) {
        out[i] = (char)(0x80 | (code_point & 0x3f));
    }
    out[0] = (char)(uint8_t)(lead[len] | code_point);
    *ret_len = len;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t code_point = 0; code_point < 0x110400; code_point++) {
        char text[4];
        size_t len;
        encode(code_point, text, &len);
        bool expected = code_point < 0x110000 && !(code_point >= 0xd800 && code_point < 0xe000);
        if (utf8_is_valid(str_from(text, len)) != expected || utf8_next(str_from(text, len)) != (expected ? len : 0)) {
            fail_msg("U+%04X", (unsigned)code_point);
        }
    }
}

static void test_mqtt_and_length(void **state)
{
    (void)state;
    assert_true(utf8_is_valid_mqtt(STR("aé")));
    assert_true(utf8_is_valid_mqtt(str_from(NULL, 0)));
    assert_false(utf8_is_valid_mqtt(STR("a\0b")));
    assert_false(utf8_is_valid_mqtt(STR("\xff")));
    assert_int_equal(utf8_length(STR("aé€😀")), 4);
    assert_int_equal(utf8_length(STR("")), 0);
    assert_int_equal(utf8_next(STR("")), 0);
}

static void test_prefix(void **state)
{
    (void)state;
    struct str text = STR("aé€😀"); /* 1, 2, 3 and 4 bytes */
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t max = 0; max < sizeof whole / sizeof whole[0]; max++) {
        assert_true(str_eq(utf8_prefix(text, max), str_sub(text, 0, whole[max])));
    }
    assert_int_equal(utf8_prefix(STR(""), 5).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_mqtt_and_length),
        cmocka_unit_test(test_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
