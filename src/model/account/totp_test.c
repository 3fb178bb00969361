/* The vectors of RFC 6238 appendix B (their last six digits), drift and single use. */
#include "model/account/totp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECRET STR("12345678901234567890")

static void vectors(void **state)
{
    static const struct {
        int64_t at_s;
        const char *code;
    } rows[] = {{59, "287082"},         {1111111109, "081804"},  {1111111111, "050471"},
                {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    char code[TOTP_DIGITS + 1];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        totp_code(SECRET, rows[i].at_s / 30, code);
        assert_string_equal(code, rows[i].code);
    }
}

static void drift_and_single_use(void **state)
{
    const int64_t step = 1111111111 / 30, now = step * TOTP_STEP_MS + 1000;
    char code[TOTP_DIGITS + 1];
    (void)state;
    for (int64_t off = -3; off <= 3; off++) {
        totp_code(SECRET, step + off, code);
        int64_t expected = off >= -1 && off <= 1 ? step + off : 0;
        assert_int_equal(totp_step_of(SECRET, now, 0, str_from_cstr(code)), expected);
    }
    totp_code(SECRET, step, code);
    assert_int_equal(totp_step_of(SECRET, now, step - 1, str_from_cstr(code)), step);
    assert_int_equal(totp_step_of(SECRET, now, step, str_from_cstr(code)), 0);
    assert_int_equal(totp_step_of(SECRET, now, 0, STR("050 471")), step);
    static const char *const wrong[] = {"", "05047", "0504711", "05047x", "50471", "000000", "-50471"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(totp_step_of(SECRET, now, 0, str_from_cstr(wrong[i])), 0);
    }
}

/* RFC 4648 section 10, without the padding. */
static void base32(void **state)
{
    static const char *const rows[][2] = {{"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"},
                                          {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        buf_init(&out, 64);
        base32_append(&out, (const uint8_t *)rows[i][0], strlen(rows[i][0]));
        assert_true(str_eq(buf_str(&out), str_from_cstr(rows[i][1])));
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors), cmocka_unit_test(drift_and_single_use), cmocka_unit_test(base32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
