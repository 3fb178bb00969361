#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <time.h>

#include <cmocka.h>

static void assert_format(int64_t unix_ms, const char *expected)
{
    char text[TIME_TEXT_BYTES];
    time_format(unix_ms, text);
    assert_string_equal(text, expected);
}

static void test_format(void **state)
{
    (void)state;
    assert_format(0, "1970-01-01T00:00:00.000Z");
    assert_format(1772360100250, "2026-03-01T10:15:00.250Z");
    assert_format(951782399999, "2000-02-28T23:59:59.999Z");
    assert_format(951782400000, "2000-02-29T00:00:00.000Z");
    assert_format(4107542400000, "2100-03-01T00:00:00.000Z");
    assert_format(-1, "1969-12-31T23:59:59.999Z");
    assert_format(253402300799999, "9999-12-31T23:59:59.999Z");
    assert_format(INT64_MAX, "9999-12-31T23:59:59.999Z");
    assert_format(INT64_MIN, "0000-01-01T00:00:00.000Z");
}

/* The C library as the second opinion, a day and some milliseconds at a time. */
static void test_format_against_libc(void **state)
{
    (void)state;
    for (int64_t ms = -3000000000000; ms < 5000000000000; ms += 86400000LL * 3 + 12345678) {
        time_t seconds = (time_t)((ms - ((ms % 1000) + 1000) % 1000) / 1000);
        struct tm tm;
        char expected[64];
        gmtime_r(&seconds, &tm);
        size_t len = strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &tm);
        char text[TIME_TEXT_BYTES];
        time_format(ms, text);
        assert_memory_equal(text, expected, len);
        int64_t back;
        assert_true(time_parse_iso(str_from_cstr(text), &back));
        assert_int_equal(back, ms);
    }
}

static void test_parse(void **state)
{
    static const struct {
        struct str text;
        int64_t unix_ms;
    } cases[] = {
        {STR_INIT("2026-03-01"), 1772323200000},
        {STR_INIT("2026-03-01T10:15:00"), 1772360100000},
        {STR_INIT("2026-03-01T10:15"), 1772360100000},
        {STR_INIT("2026-03-01 10:15:00Z"), 1772360100000},
        {STR_INIT("2026-03-01t10:15:00z"), 1772360100000},
        {STR_INIT("2026-03-01T10:15:00.25Z"), 1772360100250},
        {STR_INIT("2026-03-01T10:15:00,250"), 1772360100250},
        {STR_INIT("2026-03-01T10:15:00.2509999999999999Z"), 1772360100250},
        {STR_INIT("2026-03-01T10:15:00+01:00"), 1772356500000},
        {STR_INIT("2026-03-01T10:15:00-0530"), 1772379900000},
        {STR_INIT("2026-03-01T10:15:00.5+01"), 1772356500500},
        {STR_INIT("2024-02-29"), 1709164800000},
        {STR_INIT("2016-12-31T23:59:60Z"), 1483228800000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t unix_ms = 0;
        assert_true(time_parse_iso(cases[i].text, &unix_ms));
        assert_int_equal(unix_ms, cases[i].unix_ms);
    }
}

static void test_parse_refused(void **state)
{
    static const struct str bad[] = {
        STR_INIT(""),                    STR_INIT("2026"),                 STR_INIT("2026-03"),
        STR_INIT("2026-3-1"),            STR_INIT("2026-02-29"),           STR_INIT("2026-13-01"),
        STR_INIT("2026-00-01"),          STR_INIT("2026-01-00"),           STR_INIT("2026-04-31"),
        STR_INIT("2100-02-29"),          STR_INIT("2026-03-01T"),          STR_INIT("2026-03-01T24:00:00"),
        STR_INIT("2026-03-01T10"),       STR_INIT("2026-03-01T10:60"),     STR_INIT("2026-03-01T10:15:61"),
        STR_INIT("2026-03-01T10:15:00."), STR_INIT("2026-03-01T10:15:00+"), STR_INIT("2026-03-01T10:15:00+1"),
        STR_INIT("2026-03-01T10:15:00+01:"), STR_INIT("2026-03-01T10:15:00+01:60"), STR_INIT("2026-03-01T10:15:00+24"),
        STR_INIT("2026-03-01T10:15:00Zx"), STR_INIT(" 2026-03-01"),         STR_INIT("2026-03-01 "),
        STR_INIT("+026-03-01"),          STR_INIT("2026/03/01"),           STR_INIT("yesterday"),
        STR_INIT("2026-03-01T10:15:00\0"), STR_INIT("-2026-03-01"),
    };
    int64_t unix_ms = 42;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (time_parse_iso(bad[i], &unix_ms)) {
            fail_msg("accepted %s", bad[i].ptr);
        }
    }
    assert_int_equal(unix_ms, 42);
    assert_false(time_parse_iso(str_from(NULL, 0), &unix_ms));
}

static void test_number(void **state)
{
    int64_t unix_ms = 42;
    (void)state;
    assert_true(time_from_number(1772360100, &unix_ms) && unix_ms == 1772360100000);
    assert_true(time_from_number(1772360100.25, &unix_ms) && unix_ms == 1772360100250);
    assert_true(time_from_number(1772360100250, &unix_ms) && unix_ms == 1772360100250);
    assert_true(time_from_number(99999999999, &unix_ms) && unix_ms == 99999999999000);
    assert_true(time_from_number(1e11, &unix_ms) && unix_ms == 100000000000);
    assert_true(time_from_number(0, &unix_ms) && unix_ms == 0);
    assert_false(time_from_number(-1, &unix_ms));
    assert_false(time_from_number(1e300, &unix_ms));
    assert_false(time_from_number(INFINITY, &unix_ms));
    assert_false(time_from_number(NAN, &unix_ms));
    assert_int_equal(unix_ms, 0);
}

static void test_clocks(void **state)
{
    (void)state;
    uint64_t ms = clock_monotonic_ms();
    uint64_t us = clock_monotonic_us();
    assert_true(us / 1000 >= ms);
    assert_true(clock_unix_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),        cmocka_unit_test(test_format_against_libc), cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refused), cmocka_unit_test(test_number),              cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
