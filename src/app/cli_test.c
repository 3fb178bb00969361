#include "app/cli.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct cli_option options[] = {
    {"data", "DIR", "the data folder"},
    {"quiet", NULL, "say nothing"},
    {NULL, NULL, NULL},
};
static const struct cli_command command = {
    .name = "try", .usage = "FILE", .summary = "A test.", .options = options, .arguments_max = 1};

static bool parse(struct cli_values *values, int argc, const char **argv)
{
    char *words[8];
    for (int i = 0; i < argc; i++) {
        words[i] = (char *)(uintptr_t)argv[i];
    }
    return cli_parse(&command, argc, words, values);
}
#define PARSE(values, ...) \
    parse((values), (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

static void test_values(void **state)
{
    (void)state;
    struct cli_values values;
    assert_true(PARSE(&values, "--data", "x", "--quiet", "file"));
    assert_string_equal(cli_value(&command, &values, "data"), "x");
    assert_non_null(cli_value(&command, &values, "quiet"));
    assert_string_equal(values.argument[0], "file");
    assert_true(PARSE(&values, "--data=y=z"));
    assert_string_equal(cli_value(&command, &values, "data"), "y=z");
    assert_null(cli_value(&command, &values, "quiet"));
}

static void test_mistakes(void **state)
{
    (void)state;
    struct cli_values values;
    assert_false(PARSE(&values, "--nope"));
    assert_false(PARSE(&values, "-d"));
    assert_false(PARSE(&values, "--data"));
    assert_false(PARSE(&values, "--quiet=yes"));
    assert_false(PARSE(&values, "a", "b"));
    assert_true(PARSE(&values, "--data", "12x"));
    long number = 0;
    assert_false(cli_number(&command, &values, "data", 1, 0, 100, &number));
    assert_true(PARSE(&values, "--data", "12"));
    assert_true(cli_number(&command, &values, "data", 1, 0, 100, &number));
    assert_int_equal(number, 12);
    assert_false(cli_number(&command, &values, "data", 1, 0, 11, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
