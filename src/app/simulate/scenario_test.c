#include "app/simulate/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>

static const char *const whole =
    "[run]\n"
    "duration = 10m\n"
    "seed = 7\n"
    "[server]\n"
    "url = http://127.0.0.1:8080/\n"
    "keys = keys.json\n"
    "command = muster serve --data x\n"
    "kill_at = 2m  5m 450s\n"
    "[fleet]\n"
    "http = 5000\n"
    "mqtt_generation_1 = 20\n"
    "children = 3\n"
    "report_every = 500ms\n"
    "[rates]\n"
    "command = 2.5\n"
    "move = 1\n";

static bool parse(struct scenario *scenario, const char *text, char *errors, size_t size)
{
    FILE *out = fmemopen(errors, size, "w");
    scenario_init(scenario);
    bool ok = scenario_parse(scenario, str_from_cstr(text), "file", out);
    fclose(out);
    return ok;
}

static void test_whole_file(void **state)
{
    (void)state;
    struct scenario s;
    char errors[512] = "";
    assert_true(parse(&s, whole, errors, sizeof errors));
    assert_string_equal(errors, "");
    assert_int_equal(s.duration_ms, 600000);
    assert_int_equal(s.seed, 7);
    assert_string_equal(s.url, "http://127.0.0.1:8080"); /* without the slash */
    assert_string_equal(s.command, "muster serve --data x");
    assert_int_equal(s.kills, 3);
    assert_int_equal(s.kill_at_ms[2], 450000);
    assert_int_equal(s.devices[DEVICE_HTTP], 5000);
    assert_int_equal(s.devices[DEVICE_MQTT1], 20);
    assert_int_equal(s.devices[DEVICE_MQTT2], 0);
    assert_int_equal(s.devices[DEVICE_CHILD], 3);
    assert_int_equal(s.report_every_ms, 500);
    assert_true(s.rates[ACTION_COMMAND] == 2.5);
    assert_true(s.rates[ACTION_MOVE] == 1);
    assert_true(s.rates[ACTION_CANCEL] == 0);
}

static void test_mistakes_have_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *errors;
    } rows[] = {
        {"[run]\nduration = 10m\nspeed = 2\n", "file:3: unknown key 'speed' in [run]\n"},
        {"[fleet]\nduration = 10m\n", "file:2: unknown key 'duration' in [fleet]\n"},
        {"[flight]\nhttp = 1\n", "file:1: unknown section [flight]\n"},
        {"http = 1\n", "file:1: 'http' stands before the first [section]\n"},
        {"[run]\nduration = soon\n", "file:2: duration must be a time above 0, e.g. 10m\n"},
        {"[run]\nduration = 0\n", "file:2: duration must be a time above 0, e.g. 10m\n"},
        {"[fleet]\nhttp = -1\n", "file:2: http must be a whole number up to 1000000\n"},
        {"[fleet]\nhttp = 1000001\n", "file:2: http must be a whole number up to 1000000\n"},
        {"[rates]\ncommand = often\n", "file:2: command must be a number a second, up to 100000\n"},
        {"[rates]\ncommand = -1\n", "file:2: command must be a number a second, up to 100000\n"},
        {"[rates]\ncommand = nan\n", "file:2: command must be a number a second, up to 100000\n"},
        {"[server]\nkill_at = 5m 2m\n", "file:2: kill_at must be up to 32 times that ascend, e.g. 2m 5m 450s\n"},
        {"[run]\nseed = 1\nseed = 2\n", "file:3: seed stands here for the second time\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario s;
        char errors[512] = "";
        assert_false(parse(&s, rows[i].text, errors, sizeof errors));
        assert_string_equal(errors, rows[i].errors);
    }
}

static void test_what_belongs_together(void **state)
{
    (void)state;
    static const struct {
        const char *text, *errors;
    } rows[] = {
        {"[run]\nduration = 1s\n", "file: [server] needs url and keys\n"},
        {"[server]\nurl = http://x\nkeys = k\n", "file: [run] needs a duration\n"},
        {"[run]\nduration = 1s\n[server]\nurl = http://x\nkeys = k\n", "file: [fleet] needs devices\n"},
        {"[run]\nduration = 1s\n[server]\nurl = http://x\nkeys = k\n[fleet]\nhttp = 1\nspaces = 0\n",
         "file: [fleet] needs a space and a connection at least\n"},
        {"[run]\nduration = 9s\n[server]\nurl = http://x\nkeys = k\nkill_at = 1s\n[fleet]\nhttp = 1\n",
         "file: kill_at needs the command that starts the server\n"},
        {"[run]\nduration = 1s\n[server]\nurl = http://x\nkeys = k\ncommand = x\nkill_at = 1s\n[fleet]\nhttp = 1\n",
         "file: kill_at must be before the end of the run\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario s;
        char errors[512] = "";
        assert_false(parse(&s, rows[i].text, errors, sizeof errors));
        assert_string_equal(errors, rows[i].errors);
    }
}

static void test_every_action_has_a_key(void **state)
{
    (void)state;
    for (enum action action = 0; action < ACTION_COUNT; action++) {
        struct scenario s;
        char text[128], errors[512] = "";
        snprintf(text, sizeof text, "[rates]\n%s = 3\n", action_name(action));
        parse(&s, text, errors, sizeof errors); /* no devices: refused in the end */
        assert_string_equal(errors, "file: [server] needs url and keys\n");
        assert_true(s.rates[action] == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_file),
        cmocka_unit_test(test_mistakes_have_lines),
        cmocka_unit_test(test_what_belongs_together),
        cmocka_unit_test(test_every_action_has_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
