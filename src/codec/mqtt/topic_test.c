#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "codec/mqtt/topic.h"

static bool name_ok(const char *name)
{
    return topic_name_is_valid(str_from_cstr(name), NULL);
}

static bool filter_ok(const char *filter)
{
    return topic_filter_is_valid(str_from_cstr(filter), NULL);
}

static bool matches(const char *filter, const char *name)
{
    return topic_matches(str_from_cstr(filter), str_from_cstr(name));
}

static void names(void **state)
{
    (void)state;
    assert_true(name_ok("a"));
    assert_true(name_ok("/"));
    assert_true(name_ok("//"));
    assert_true(name_ok("a b/\xc3\xa4"));
    assert_true(name_ok("$SYS/x"));
    assert_false(name_ok(""));
    assert_false(name_ok("a/+"));
    assert_false(name_ok("a+"));
    assert_false(name_ok("#"));
    assert_false(topic_name_is_valid(STR("a\0b"), NULL));
    assert_false(topic_name_is_valid((struct str){NULL, 0}, NULL));
}

static void filters(void **state)
{
    (void)state;
    static const char *const valid[] = {"a", "/", "#", "+", "+/+", "/+", "+/", "a/#", "a/+/b", "+/a/#", "//#", "$SYS/#",
                                        "$share/g/a", "$share/g/#", "$share/g//", "$share/g/$share/x", "$shared/x",
                                        "$sharex", "$share2"};
    static const char *const invalid[] = {"", "a#", "a/#/b", "#/", "#/a", "##", "a+", "+a", "a/b+/c", "a/+b", "++",
                                          "$share", "$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a",
                                          "$share/#/a", "$share/g+/a", "$share/g/a#", "$share/g/#/a"};
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        if (!filter_ok(valid[i])) {
            fail_msg("refused: %s", valid[i]);
        }
    }
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        if (filter_ok(invalid[i])) {
            fail_msg("taken: %s", invalid[i]);
        }
    }
    assert_false(topic_filter_is_valid(STR("a\0b"), NULL));
    assert_false(topic_filter_is_valid(STR("$share/g\0h/b"), NULL));
}

static void shared_filters_are_taken_apart(void **state)
{
    (void)state;
    struct topic_filter filter;
    assert_true(topic_filter_parse(STR("$share/grp/a/+/b"), NULL, &filter));
    assert_true(str_eq(filter.group, STR("grp")));
    assert_true(str_eq(filter.filter, STR("a/+/b")));
    assert_true(filter.has_wildcard);
    assert_true(topic_filter_parse(STR("a/b"), NULL, &filter));
    assert_int_equal(filter.group.len, 0);
    assert_true(str_eq(filter.filter, STR("a/b")));
    assert_false(filter.has_wildcard);
}

static void limits_of_the_caller(void **state)
{
    (void)state;
    const struct topic_limits limits = {.bytes_max = 8, .levels_max = 3};
    assert_true(topic_name_is_valid(STR("a/b/cdef"), &limits));
    assert_false(topic_name_is_valid(STR("a/b/cdefg"), &limits));
    assert_false(topic_name_is_valid(STR("a/b/c/d"), &limits));
    assert_true(topic_filter_is_valid(STR("a/b/cdef"), &limits));
    assert_true(topic_filter_is_valid(STR("$share/group/a/b/cdef"), &limits));
    assert_false(topic_filter_is_valid(STR("$share/group/a/b/cdefg"), &limits));
    assert_false(topic_filter_is_valid(STR("$share/group/a/b/c/d"), &limits));
    const struct topic_limits none = {0, 0};
    assert_true(topic_name_is_valid(STR("a/b/c/d/e/f/g/h/i/j/k"), &none));
}

static void longer_than_the_standard(void **state)
{
    (void)state;
    char *text = mem_alloc(65536);
    memset(text, 'x', 65536);
    assert_true(topic_name_is_valid(str_from(text, 65535), NULL));
    assert_false(topic_name_is_valid(str_from(text, 65536), NULL));
    assert_true(topic_filter_is_valid(str_from(text, 65535), NULL));
    assert_false(topic_filter_is_valid(str_from(text, 65536), NULL));
    mem_free(text);
}

static void matching(void **state)
{
    (void)state;
    /* The examples of section 4.7.1. */
    assert_true(matches("sport/tennis/player1/#", "sport/tennis/player1"));
    assert_true(matches("sport/tennis/player1/#", "sport/tennis/player1/ranking"));
    assert_true(matches("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
    assert_true(matches("sport/#", "sport"));
    assert_true(matches("#", "a/b/c"));
    assert_true(matches("sport/tennis/+", "sport/tennis/player1"));
    assert_false(matches("sport/tennis/+", "sport/tennis/player1/ranking"));
    assert_false(matches("sport/+", "sport"));
    assert_true(matches("sport/+", "sport/"));
    assert_true(matches("+/+", "/finance"));
    assert_true(matches("/+", "/finance"));
    assert_false(matches("+", "/finance"));
    assert_true(matches("+/tennis/#", "sport/tennis"));
    assert_true(matches("a", "a"));
    assert_false(matches("a", "A"));
    assert_false(matches("a/", "a"));
    assert_false(matches("a", "a/"));
    assert_false(matches("/a", "a"));
    assert_false(matches("a/b", "a"));
    assert_false(matches("a", "a/b"));
    assert_true(matches("//", "//"));
    assert_true(matches("+//+", "a//b"));
    assert_false(matches("a/#", "ab"));
}

static void dollar_topics(void **state)
{
    (void)state;
    assert_false(matches("#", "$SYS/a"));
    assert_false(matches("+/a", "$SYS/a"));
    assert_false(matches("+", "$SYS"));
    assert_true(matches("$SYS/#", "$SYS/a"));
    assert_true(matches("$SYS/+", "$SYS/a"));
    assert_true(matches("a/+", "a/$SYS"));
    assert_true(matches("#", "a/$SYS"));
}

static void levels(void **state)
{
    (void)state;
    assert_int_equal(topic_levels(STR("a")), 1);
    assert_int_equal(topic_levels(STR("/")), 2);
    assert_int_equal(topic_levels(STR("a/b/c")), 3);
    struct str rest = STR("a//b/"), level;
    static const char *const expected[] = {"a", "", "b", ""};
    for (size_t i = 0; i < 4; i++) {
        assert_true(topic_level_next(&rest, &level));
        assert_true(str_eq(level, str_from_cstr(expected[i])));
    }
    assert_false(topic_level_next(&rest, &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(filters),
        cmocka_unit_test(shared_filters_are_taken_apart),
        cmocka_unit_test(limits_of_the_caller),
        cmocka_unit_test(longer_than_the_standard),
        cmocka_unit_test(matching),
        cmocka_unit_test(dollar_topics),
        cmocka_unit_test(levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
