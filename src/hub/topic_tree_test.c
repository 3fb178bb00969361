#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "codec/mqtt/topic.h"
#include "hub/topic_tree.h"

static void count_visit(struct topic_subscription *subscription, void *arg)
{
    (void)subscription;
    (*(size_t *)arg)++;
}

static size_t matches(struct topic_tree *tree, const char *topic)
{
    size_t count = 0;
    topic_tree_match(tree, str_from_cstr(topic), count_visit, &count);
    return count;
}

static struct topic_subscription *add(struct topic_tree *tree, const char *filter)
{
    return topic_tree_add(tree, str_from_cstr(filter), tree);
}

static void exact_and_wildcard_filters_match(void **state)
{
    (void)state;
    struct topic_tree tree;
    topic_tree_init(&tree);
    static const char *const filters[] = {"a/b", "a/+", "a/#", "#", "+/b", "+/+", "/+", "a/b/c", "+"};
    struct topic_subscription *subs[sizeof filters / sizeof filters[0]];
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        subs[i] = add(&tree, filters[i]);
        assert_true(str_eq(topic_subscription_filter(subs[i]), str_from_cstr(filters[i])));
    }
    assert_int_equal(matches(&tree, "a/b"), 6);   /* a/b a/+ a/# # +/b +/+ */
    assert_int_equal(matches(&tree, "a"), 3);     /* a/# # + */
    assert_int_equal(matches(&tree, "/b"), 4);    /* # +/b +/+ /+ */
    assert_int_equal(matches(&tree, "a/b/c"), 3); /* a/# # a/b/c */
    assert_int_equal(matches(&tree, "$SYS/b"), 0);
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        topic_tree_remove(&tree, subs[i]);
    }
    assert_int_equal(tree.count, 0);
    assert_int_equal(tree.exact.count, 0);
    assert_int_equal(tree.levels.count, 0);
    assert_int_equal(matches(&tree, "a/b"), 0);
    topic_tree_deinit(&tree);
}

static void several_sessions_share_a_filter(void **state)
{
    (void)state;
    struct topic_tree tree;
    topic_tree_init(&tree);
    struct topic_subscription *one = add(&tree, "x/+");
    struct topic_subscription *two = add(&tree, "x/+");
    assert_int_equal(matches(&tree, "x/y"), 2);
    topic_tree_remove(&tree, one);
    assert_int_equal(matches(&tree, "x/y"), 1);
    assert_true(str_eq(topic_subscription_filter(two), STR("x/+")));
    topic_tree_remove(&tree, two);
    topic_tree_deinit(&tree);
}

/* A plain list and topic_matches() say the same as the tree, whatever is added and removed. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void random_topic(uint32_t *seed, bool filter, char *out)
{
    static const char *const levels[] = {"a", "b", "", "$x", "+", "#"};
    unsigned depth = 1 + next_random(seed) % 4;
    out[0] = '\0';
    for (unsigned i = 0; i < depth; i++) {
        unsigned kinds = !filter ? 4 : i + 1 == depth ? 6 : 5;
        strcat(out, levels[next_random(seed) % kinds]);
        strcat(out, i + 1 < depth ? "/" : "");
    }
    if (out[0] == '\0') {
        strcpy(out, "a");
    }
}

static void the_tree_agrees_with_a_list(void **state)
{
    (void)state;
    struct topic_tree tree;
    struct topic_subscription *subs[64] = {NULL};
    char filters[64][32], topic[32];
    uint32_t seed = 42;
    topic_tree_init(&tree);
    for (unsigned round = 0; round < 5000; round++) {
        unsigned i = next_random(&seed) % 64;
        if (subs[i]) {
            topic_tree_remove(&tree, subs[i]);
            subs[i] = NULL;
        } else {
            random_topic(&seed, true, filters[i]);
            subs[i] = add(&tree, filters[i]);
        }
        random_topic(&seed, false, topic);
        size_t expected = 0;
        for (unsigned k = 0; k < 64; k++) {
            expected += subs[k] && topic_matches(str_from_cstr(filters[k]), str_from_cstr(topic));
        }
        assert_int_equal(matches(&tree, topic), expected);
    }
    for (unsigned i = 0; i < 64; i++) {
        if (subs[i]) {
            topic_tree_remove(&tree, subs[i]);
        }
    }
    assert_int_equal(tree.levels.count, 0);
    topic_tree_deinit(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_and_wildcard_filters_match),
        cmocka_unit_test(several_sessions_share_a_filter),
        cmocka_unit_test(the_tree_agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
