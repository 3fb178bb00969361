#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "hub/interest.h"

static void an_exact_filter_is_for_its_topic(void **state)
{
    (void)state;
    struct interest *interest = interest_new();
    assert_false(interest_is_possible(interest, STR("home/lamp")));
    interest_count(interest, STR("home/lamp"), 1);
    interest_count(interest, STR("home/lamp"), 1);
    assert_true(interest_is_possible(interest, STR("home/lamp")));
    interest_count(interest, STR("home/lamp"), -1);
    assert_true(interest_is_possible(interest, STR("home/lamp")));
    interest_count(interest, STR("home/lamp"), -1);
    assert_false(interest_is_possible(interest, STR("home/lamp")));
    interest_free(interest);
}

static void a_wildcard_makes_everything_possible(void **state)
{
    (void)state;
    struct interest *interest = interest_new();
    const struct str filters[] = {STR("#"), STR("home/+"), STR("+/lamp/#")};
    for (unsigned i = 0; i < 3; i++) {
        interest_count(interest, filters[i], 1);
        assert_true(interest_is_possible(interest, STR("anything")));
        interest_count(interest, filters[i], -1);
        assert_false(interest_is_possible(interest, STR("anything")));
    }
    interest_free(interest);
}

/* Of a thousand topics of each length that nobody wants, a few may meet one of the thousand that somebody does. */
static void most_other_topics_are_not(void **state)
{
    (void)state;
    struct interest *interest = interest_new();
    char text[64];
    unsigned in_vain = 0;
    for (unsigned i = 0; i < 1000; i++) {
        interest_count(interest, str_from(text, (size_t)snprintf(text, sizeof text, "home/%u", i)), 1);
    }
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(interest_is_possible(interest, str_from(text, (size_t)snprintf(text, sizeof text, "home/%u", i))));
        for (unsigned len = 1; len < 30; len++) {
            struct str other = str_from(text, (size_t)snprintf(text, sizeof text, "%0*u/away", (int)len, i));
            in_vain += interest_is_possible(interest, other);
        }
    }
    assert_in_range(in_vain, 1, 29 * 1000 / 20);
    interest_free(interest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_filter_is_for_its_topic),
        cmocka_unit_test(a_wildcard_makes_everything_possible),
        cmocka_unit_test(most_other_topics_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
