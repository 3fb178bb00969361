#include "app/bench/options.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct cli_command command = {
    .name = "bench", .usage = "", .summary = "", .options = bench_option_table, .arguments_min = 1, .arguments_max = 1};

static bool parse(struct bench_options *options, int argc, const char **argv)
{
    char *words[16];
    for (int i = 0; i < argc; i++) {
        words[i] = (char *)(uintptr_t)argv[i];
    }
    struct cli_values values;
    return cli_parse(&command, argc, words, &values) && bench_options_parse(&command, &values, options);
}
#define PARSE(options, ...) \
    parse((options), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})
#define TO "--to", "127.0.0.1:1883"

static void test_defaults(void **state)
{
    (void)state;
    struct bench_options o;
    assert_true(PARSE(&o, "one-to-one", TO));
    assert_int_equal(o.publishers, 50);
    assert_int_equal(o.subscribers, 50);
    assert_int_equal(o.qos, 1);
    assert_int_equal(o.inflight, 10);
    assert_int_equal(o.payload_bytes, 64);
    assert_true(o.clean_start);
    assert_int_equal(o.expiry_s, 0);
    assert_int_equal(o.version, MQTT_V5);
    assert_true(PARSE(&o, "fan-in", TO));
    assert_int_equal(o.publishers, 100);
    assert_int_equal(o.subscribers, 1);
    assert_string_equal(o.filter, "t/#");
    assert_true(PARSE(&o, "fan-out", TO, "--qos", "0"));
    assert_int_equal(o.publishers, 1);
    assert_int_equal(o.subscribers, 1000);
    assert_int_equal(o.inflight, 0);
    assert_string_equal(o.filter, o.topic);
    assert_true(PARSE(&o, "publish", TO));
    assert_int_equal(o.payload_bytes, 0);
    assert_string_equal(o.topic, "v1/device/{id}/telemetry");
    assert_true(PARSE(&o, "offline", TO));
    assert_int_equal(o.expiry_s, 3600);
}

static void test_values(void **state)
{
    (void)state;
    struct bench_options o;
    assert_true(PARSE(&o, "one-to-one", TO, "--clients", "7", "--subscribers", "9", "--persistent", "--tls", "--resume", "--v311"));
    assert_int_equal(o.publishers, 7);
    assert_int_equal(o.subscribers, 7);
    assert_false(o.clean_start);
    assert_int_equal(o.expiry_s, 3600);
    assert_true(o.has_tls && o.resume);
    assert_int_equal(o.version, MQTT_V311);
    assert_true(PARSE(&o, "fan-in", TO, "--topic", "x/{i}", "--filter", "x/+", "--read-rate", "5"));
    assert_string_equal(o.filter, "x/+");
    assert_int_equal(o.read_rate, 5);
}

static void test_mistakes(void **state)
{
    (void)state;
    struct bench_options o;
    assert_false(PARSE(&o, "nonsense", TO));
    assert_false(PARSE(&o, "one-to-one"));
    assert_false(PARSE(&o, "one-to-one", "--to", "nowhere"));
    assert_false(PARSE(&o, "one-to-one", TO, "--qos", "3"));
    assert_false(PARSE(&o, "one-to-one", TO, "--payload", "23")); /* number and time need 24 */
    assert_false(PARSE(&o, "one-to-one", TO, "--inflight", "0"));
    assert_true(PARSE(&o, "one-to-one", TO, "--inflight", "0", "--qos", "0"));
    assert_false(PARSE(&o, "one-to-one", TO, "--resume"));
    assert_false(PARSE(&o, "register", TO));
    assert_false(PARSE(&o, "report", TO));
    assert_true(PARSE(&o, "report", TO, "--credentials", "file"));
    assert_false(PARSE(&o, "offline", TO, "--qos", "0"));
    assert_false(PARSE(&o, "offline", TO, "--publishers", "10", "--subscribers", "9"));
    assert_false(PARSE(&o, "fan-in", TO, "--topic", "x/{i}"));
    assert_false(PARSE(&o, "publish", TO, "--read-rate", "5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
