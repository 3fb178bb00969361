#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

static int pipe_ends[2];

static int setup(void **state)
{
    (void)state;
    return pipe(pipe_ends);
}

/* What was written since, without the time in front. */
static const char *logged(void)
{
    static char text[32768];
    ssize_t len = read(pipe_ends[0], text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = '\0';
    const char *behind_time = strchr(text, text[0] == '{' ? ',' : ' ');
    assert_non_null(behind_time);
    return behind_time + 1;
}

static void test_logfmt(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, pipe_ends[1]);
    log_event(LOG_DEBUG, "not_this");
    log_event(LOG_INFO, "ready");
    assert_string_equal(logged(), "level=info event=ready\n");
    log_event(LOG_WARN, "listening", log_s("kind", "mqtt"), log_i("port", -1883), log_str("path", STR("/a/b?c")),
              log_s("none", NULL), log_s("empty", ""));
    assert_string_equal(logged(),
                        "level=warn event=listening kind=mqtt port=-1883 path=/a/b?c none=\"\" empty=\"\"\n");
}

static void test_json(void **state)
{
    (void)state;
    log_setup(LOG_DEBUG, LOG_JSON, pipe_ends[1]);
    log_event(LOG_DEBUG, "ready", log_s("kind", "a\"\\\n\x01é\x7f"), log_i("port", 1883), log_s("none", NULL));
    assert_string_equal(logged(), "\"level\":\"debug\",\"event\":\"ready\",\"kind\":\"a\\\"\\\\\\n\\u0001é\\u007f\","
                                  "\"port\":1883,\"none\":null}\n");
}

/* Whatever a stranger sends stays one value in one line. */
static void test_forging(void **state)
{
    static const struct {
        struct str value;
        const char *written;
    } cases[] = {
        {STR_INIT("a b"), "\"a b\""},
        {STR_INIT("x\ntime=2026 level=error event=fake"), "\"x\\ntime=2026 level=error event=fake\""},
        {STR_INIT("x\r\n"), "\"x\\r\\n\""},
        {STR_INIT("a=b"), "\"a=b\""},
        {STR_INIT("\""), "\"\\\"\""},
        {STR_INIT("\\\""), "\"\\\\\\\"\""},
        {STR_INIT("a\0b"), "\"a\\u0000b\""},
        {STR_INIT("\x1b[2J"), "\"\\u001b[2J\""},
        {STR_INIT("\xc2\x9b" "2J"), "\"\\u009b2J\""},
        {STR_INIT("\xc2\x85"), "\"\\u0085\""},
        {STR_INIT("\xe2\x80\xa8"), "\"\\u2028\""},
        {STR_INIT("\xe2\x80\xae"), "\"\\u202e\""},
        {STR_INIT("\xe2\x81\xa6"), "\"\\u2066\""},
        {STR_INIT("\xff\xc3"), "\"\\ufffd\\ufffd\""},
        {STR_INIT("é€😀"), "\"é€😀\""},
    };
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, pipe_ends[1]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[256];
        log_event(LOG_INFO, "e", log_str("v", cases[i].value), log_i("n", 1));
        snprintf(expected, sizeof expected, "level=info event=e v=%s n=1\n", cases[i].written);
        assert_string_equal(logged(), expected);
    }
}

static size_t count_of(const char *text, char c)
{
    size_t count = 0;
    for (; *text; text++) {
        count += *text == c;
    }
    return count;
}

static void test_long(void **state)
{
    char *text = malloc(10000);
    (void)state;
    memset(text, 1, 10000); /* six characters each when escaped */
    for (int json = 0; json < 2; json++) {
        log_setup(LOG_INFO, json ? LOG_JSON : LOG_LOGFMT, pipe_ends[1]);
        struct str value = str_from(text, 10000);
        log_event(LOG_INFO, "long", log_str("a", value), log_str("b", value), log_str("c", value), log_i("n", 1));
        const char *line = logged();
        assert_true(strlen(line) < 8192);
        assert_int_equal(count_of(line, '\n'), 1);
        assert_non_null(strstr(line, json ? ",\"cut\":1}\n" : " cut=1\n"));
        assert_int_equal(count_of(line, '"') % 2, 0);
    }
    free(text);
}

static void test_level_parse(void **state)
{
    enum log_level level = LOG_INFO;
    (void)state;
    assert_true(log_level_parse(STR("warn"), &level) && level == LOG_WARN);
    assert_true(log_level_parse(STR("debug"), &level) && level == LOG_DEBUG);
    assert_false(log_level_parse(STR("WARN"), &level));
    assert_false(log_level_parse(STR(""), &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logfmt), cmocka_unit_test(test_json),        cmocka_unit_test(test_forging),
        cmocka_unit_test(test_long),   cmocka_unit_test(test_level_parse),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
