/* What is read without a tree is read as the tree's parser reads it; what is not usual is left to it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/telemetry/telemetry_scan_fixture.h"

static struct settings settings;

static bool taken(const char *body)
{
    bool is_taken = false;
    const char *difference = scan_compare(&settings, str_from_cstr(body), &is_taken);
    if (difference) {
        fail_msg("%s: %s", body, difference);
    }
    return is_taken;
}

static void test_usual_bodies_are_read(void **state)
{
    static const char *const bodies[] = {
        "{}",
        " { } ",
        "{\"telemetries\":{}}",
        "{\"telemetries\":{\"temp\":21.5}}",
        "\t{ \"telemetries\" : { \"b\" : 1 , \"a\" : \"x\" } , \"status\" : \"error\" }\r\n",
        "{\"telemetries\":{\"a\":true,\"b\":false,\"c\":null,\"d\":\"\",\"e\":-0}}",
        "{\"telemetries\":{\"status\":\"whatever\",\"a\":1}}",
        "{\"telemetries\":{\"z\":1,\"a\":2,\"z\":3,\"a\":\"last\"}}",
        "{\"telemetries\":{\"\":1,\"t\xc3\xbcr\":\"z\xe2\x82\xac\"}}",
        "{\"status\":\"offline\",\"override\":true,\"message\":\"door open\"}",
        "{\"override\":false,\"message\":\"\"}",
        "{\"timestamp\":1772360000,\"telemetries\":{\"a\":1}}",
        "{\"timestamp\":1772360000123}",
        "{\"timestamp\":1}",
        "{\"timestamp\":\"1772360000\"}",
        "{\"timestamp\":\"2026-03-01T10:14:00Z\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        if (!taken(bodies[i])) {
            fail_msg("left: %s", bodies[i]);
        }
    }
}

static void test_the_unusual_is_left(void **state)
{
    static const char *const bodies[] = {
        "", " ", "null", "[]", "1", "{", "{}x", "{},", "{\"telemetries\":{}", "{\"telemetries\":{},}",
        "{\"telemetries\":{\"a\":1,}}", "{\"telemetries\":{\"a\"}}", "{\"telemetries\":{\"a\":}}", "{\"telemetries\":{a:1}}",
        "{\"telemetries\":[]}", "{\"telemetries\":null}", "{\"telemetries\":{\"a\":[1]}}", "{\"telemetries\":{\"a\":{}}}",
        "{\"telemetries\":{\"a\\u0062\":1}}", "{\"telemetries\":{\"a\":\"x\\n\"}}", "{\"telemetries\":{\"a\":\"x\ny\"}}",
        "{\"telemetries\":{\"a\":01}}", "{\"telemetries\":{\"a\":1.}}", "{\"telemetries\":{\"a\":.5}}",
        "{\"telemetries\":{\"a\":-}}", "{\"telemetries\":{\"a\":+1}}", "{\"telemetries\":{\"a\":1e}}",
        "{\"telemetries\":{\"a\":1e999}}", "{\"telemetries\":{\"a\":NaN}}", "{\"telemetries\":{\"a\":tru}}",
        "{\"telemetries\":{\"a\":1}} {}", "{\"telemetries\":{\"a\":1},\"telemetries\":{}}", "{\"other\":1}",
        "{\"access_token\":\"x\"}", "{\"common\":{\"a\":1}}", "{\"custom\":{\"a\":1}}", "{\"status\":null}",
        "{\"status\":\"gone\"}", "{\"status\":1}", "{\"override\":\"true\"}", "{\"override\":1}", "{\"message\":1}",
        "{\"timestamp\":\"yesterday\"}", "{\"timestamp\":\"\"}", "{\"timestamp\":null}", "{\"timestamp\":1e300}",
        "{\"telemetries\":{\"a\":\"\xc3\"}}", "{\"telemetries\":{\"a\":\"\xed\xa0\x80\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        if (taken(bodies[i])) {
            fail_msg("read: %s", bodies[i]);
        }
    }
}

/* Also those that a single division does not get right. */
static void test_numbers_are_the_nearest_doubles(void **state)
{
    static const char *const numbers[] = {
        "0", "-0", "0.0", "-0.0", "1", "-1", "0.1", "0.2", "0.3", "1.005", "21.37", "99.99", "1234.5678", "0.000001",
        "0.0000000000000000000000000000001", "9007199254740992", "9007199254740993", "9007199254740991.5",
        "123456789012345678", "1234567890123456789", "18446744073709551616", "99999999999999999999999",
        "3.141592653589793", "2.718281828459045235", "0.30000000000000004", "1.7976931348623157e308", "5e-324",
        "2.2250738585072011e-308", "1e22", "1e23", "1E+2", "1e-2", "0e0", "8.5e15", "9007199254740992.0", "72057594037927936.5",
    };
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"telemetries\":{\"n\":%s}}", numbers[i]);
        assert_true(taken(body));
    }
    for (int64_t i = -30000; i < 30000; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"telemetries\":{\"a\":%s%d.%02d,\"b\":0.%05d,\"c\":%lld}}", i < 0 ? "-" : "",
                 (int)(i < 0 ? -i : i) / 100, (int)(i < 0 ? -i : i) % 100, (int)(i < 0 ? -i : i),
                 (long long)(i * INT64_C(317811331111)));
        assert_true(taken(body));
    }
}

static void test_limits(void **state)
{
    char body[8192];
    char key[300];
    (void)state;
    memset(key, 'k', sizeof key);
    snprintf(body, sizeof body, "{\"telemetries\":{\"%.*s\":1}}", (int)settings.limits_telemetry_key_max, key);
    assert_true(taken(body));
    snprintf(body, sizeof body, "{\"telemetries\":{\"%.*s\":1}}", (int)settings.limits_telemetry_key_max + 1, key);
    assert_false(taken(body));
    size_t len = (size_t)snprintf(body, sizeof body, "{\"telemetries\":{");
    for (unsigned i = 0; i < TELEMETRY_SCAN_ENTRIES_MAX - 1; i++) {
        len += (size_t)snprintf(body + len, sizeof body - len, "\"key %02u\":%u,", 99 - i, i);
    }
    strcpy(body + len - 1, "}}");
    assert_true(taken(body));
    strcpy(body + len, "\"one more\":1}}");
    assert_false(taken(body));
}

static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Pieces put together at random: most are no JSON, many are nearly right. */
static void test_random_bodies(void **state)
{
    static const char *const pieces[] = {"{", "}", "{\"telemetries\":{", "}}", ",", ":", "\"a\"", "\"b\":1", "\"a\":2.5", "\"c\":\"x\"",
                                         "\"status\":\"online\"", "\"override\":true", "\"timestamp\":1772360000", "\"message\":\"m\"",
                                         " ", "null", "true", "-1e5", "\"\\u00e9\":1", "[1]", "\"telemetries\":", "{}", "\"d\":null"};
    unsigned read = 0;
    uint32_t seed = 7;
    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        char body[512] = "";
        size_t len = 0;
        unsigned count = 1 + random_next(&seed) % 9;
        if (random_next(&seed) % 2) {
            len = (size_t)snprintf(body, sizeof body, "{\"telemetries\":{");
        }
        for (unsigned p = 0; p < count; p++) {
            len += (size_t)snprintf(body + len, sizeof body - len, "%s", pieces[random_next(&seed) % (sizeof pieces / sizeof pieces[0])]);
        }
        if (random_next(&seed) % 2) {
            snprintf(body + len, sizeof body - len, "}}");
        }
        read += taken(body);
    }
    assert_true(read > 100);
}

static int setup(void **state)
{
    (void)state;
    settings_init(&settings);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual_bodies_are_read),
        cmocka_unit_test(test_the_unusual_is_left),
        cmocka_unit_test(test_numbers_are_the_nearest_doubles),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_random_bodies),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
