#include "app/simulate/expected_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

static bool equals(const struct expected_state *state, const char *text)
{
    struct json *document;
    assert_int_equal(json_parse(str_from_cstr(text), NULL, &document), ERR_OK);
    bool equal = expected_state_equals(state, document);
    json_free(document);
    return equal;
}

static struct sample sample_of(uint32_t number)
{
    return (struct sample){.number = number};
}

static void test_merge(void **state)
{
    (void)state;
    struct expected_state s = {.number = 0};
    assert_true(expected_state_equals(&s, NULL));
    assert_true(equals(&s, "null"));
    struct sample one = sample_of(1);
    one.values[0] = (struct state_value){VALUE_INTEGER, 22};
    one.values[1] = (struct state_value){VALUE_FLAG, 1};
    expected_state_apply(&s, &one);
    assert_true(equals(&s, "{\"temp\":22,\"level\":true,\"n\":1,\"status\":\"online\"}"));
    struct sample two = sample_of(2); /* what it does not name stays, null goes */
    two.values[0].type = VALUE_REMOVED;
    two.values[2] = (struct state_value){VALUE_FRACTION, 16008};
    two.status = REPORTED_ERROR;
    expected_state_apply(&s, &two);
    assert_true(equals(&s, "{\"level\":true,\"door\":0.5,\"n\":2,\"status\":\"error\"}"));
    struct sample three = sample_of(3); /* the status is online again if it is not named */
    expected_state_apply(&s, &three);
    assert_true(equals(&s, "{\"level\":true,\"door\":0.5,\"n\":3,\"status\":\"online\"}"));
    struct sample four = sample_of(4); /* nothing but the report's own keys that are not null */
    four.overrides = true;
    four.values[1].type = VALUE_REMOVED;
    four.values[3] = (struct state_value){VALUE_WORD, 5};
    expected_state_apply(&s, &four);
    assert_true(equals(&s, "{\"mode\":\"w5 \xc3\xa9/\\\"\",\"n\":4,\"status\":\"online\"}"));
}

static void test_differences_are_seen(void **state)
{
    (void)state;
    struct expected_state s = {.number = 0};
    struct sample one = sample_of(1);
    one.values[0] = (struct state_value){VALUE_INTEGER, 22};
    expected_state_apply(&s, &one);
    static const char *const others[] = {
        "null", "{}", "{\"temp\":22,\"n\":1}", "{\"temp\":21,\"n\":1,\"status\":\"online\"}",
        "{\"temp\":\"22\",\"n\":1,\"status\":\"online\"}", "{\"temp\":22,\"n\":2,\"status\":\"online\"}",
        "{\"temp\":22,\"n\":1,\"status\":\"offline\"}", "{\"temp\":22,\"n\":1,\"status\":\"online\",\"level\":1}",
        "{\"temp\":22,\"n\":1,\"status\":\"online\",\"more\":1}", "{\"n\":1,\"status\":\"online\"}",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(equals(&s, others[i]));
    }
}

static uint64_t next_random(void *user)
{
    uint64_t *at = user;
    *at = *at * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *at ^ *at >> 29;
}

/* What a report says, merged by hand on JSON trees, is what the model says; over many reports every kind occurs. */
static void test_drawn_reports(void **state)
{
    (void)state;
    uint64_t seed = 11;
    unsigned overrides = 0, removals = 0;
    struct expected_state s = {.number = 0};
    struct json *by_hand = json_new_object();
    for (uint32_t n = 1; n <= 2000; n++) {
        struct sample sample;
        struct buf text;
        struct json_writer w;
        struct json *body;
        sample_draw(&sample, n, next_random, &seed);
        buf_init(&text, 4096);
        json_writer_init(&w, &text);
        json_begin_object(&w);
        sample_write(&sample, &w);
        json_end_object(&w);
        assert_int_equal(json_parse(buf_str(&text), NULL, &body), ERR_OK);
        if (json_bool(json_get(body, "override"))) {
            json_free(by_hand);
            by_hand = json_new_object();
            overrides++;
        }
        for (struct json *node = json_first(json_get(body, "telemetries")); node; node = json_next(node)) {
            json_remove(by_hand, json_key(node));
            removals += json_is_null(node);
            if (!json_is_null(node)) {
                json_set(by_hand, json_key(node), json_dup(node));
            }
        }
        struct json *status = json_get(body, "status");
        json_set(by_hand, STR("status"), status ? json_dup(status) : json_new_string(STR("online")));
        expected_state_apply(&s, &sample);
        assert_true(expected_state_equals(&s, by_hand));
        json_free(body);
        buf_deinit(&text);
    }
    json_free(by_hand);
    assert_true(overrides > 50);
    assert_true(removals > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_differences_are_seen),
        cmocka_unit_test(test_drawn_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
