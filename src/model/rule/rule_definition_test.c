#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "model/rule/rule_definition.h"

static struct json *parsed(const char *text)
{
    struct json *json = NULL;
    assert_int_equal(json_parse(str_from_cstr(text), NULL, &json), ERR_OK);
    return json;
}

struct outcome {
    bool valid, matches;
    char reason[64];
    struct rule_mismatch mismatch;
};

static struct outcome judge(struct arena *arena, const char *definition_text, const char *state_text)
{
    struct outcome outcome = {0};
    struct json *json = parsed(definition_text), *state = parsed(state_text);
    struct rule_definition definition;
    struct buf reason;
    buf_init(&reason, 1024);
    outcome.valid = rule_definition_parse(json, arena, &definition, &reason);
    if (outcome.valid) {
        struct rule_subject parts = {0};
        rule_subject_set(&parts, flat_from_json(state, arena));
        outcome.matches = rule_definition_matches(&definition, &parts, &outcome.mismatch);
        rule_subject_deinit(&parts);
    }
    snprintf(outcome.reason, sizeof outcome.reason, "%.*s", STR_ARG(buf_str(&reason)));
    buf_deinit(&reason);
    json_free(json);
    json_free(state);
    return outcome;
}

#define C(key, type, operator, value) \
    "{\"key\":\"" key "\",\"type\":\"" type "\",\"operator\":\"" operator "\",\"value\":" value "}"

static void every_all_and_one_any(void **unused)
{
    (void)unused;
    static const struct {
        const char *definition, *state;
        bool matches;
    } rows[] = {
        {"{}", "{\"a\":1}", false},
        {"null", "{\"a\":1}", false},
        {"{\"all\":[],\"any\":[]}", "{\"a\":1}", false},
        {"{\"all\":[" C("a", "number", "gt", "1") "," C("b", "string", "eq", "\"x\"") "]}", "{\"a\":2,\"b\":\"x\"}", true},
        {"{\"all\":[" C("a", "number", "gt", "1") "," C("b", "string", "eq", "\"x\"") "]}", "{\"a\":2,\"b\":\"y\"}", false},
        {"{\"any\":[" C("a", "number", "gt", "1") "," C("b", "string", "eq", "\"x\"") "]}", "{\"a\":0,\"b\":\"x\"}", true},
        {"{\"any\":[" C("a", "number", "gt", "1") "," C("b", "string", "eq", "\"x\"") "]}", "{\"a\":0}", false},
        {"{\"all\":[" C("a", "number", "gt", "1") "],\"any\":[" C("c", "boolean", "eq", "true") "]}", "{\"a\":2}", false},
        {"{\"all\":[" C("a", "number", "gt", "1") "],\"any\":[" C("c", "boolean", "eq", "true") "]}", "{\"a\":2,\"c\":true}", true},
        {"{\"all\":[" C("a", "number", "missing", "null") "]}", "{}", true},
        {"{\"all\":[" C("a", "number", "exists", "null") "]}", "{\"a\":\"text\"}", true},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome outcome = judge(&arena, rows[i].definition, rows[i].state);
        assert_true(outcome.valid);
        assert_int_equal(outcome.matches, rows[i].matches);
    }
    arena_deinit(&arena);
}

static void another_type_is_told(void **unused)
{
    (void)unused;
    struct arena arena;
    arena_init(&arena);
    struct outcome outcome = judge(&arena, "{\"all\":[" C("a", "number", "gt", "1") "," C("b", "string", "eq", "\"x\"") "]}",
                                   "{\"a\":0,\"b\":true}");
    assert_false(outcome.matches);
    assert_true(str_eq(outcome.mismatch.key, STR("b")));
    assert_int_equal(outcome.mismatch.expected, RULE_STRING);
    assert_string_equal(rule_flat_type_name(outcome.mismatch.found), "boolean");
    outcome = judge(&arena, "{\"any\":[" C("a", "number", "gt", "1") "," C("b", "string", "eq", "\"x\"") "]}", "{\"a\":2,\"b\":7}");
    assert_true(outcome.matches); /* the other condition decides, and it is told all the same */
    assert_true(str_eq(outcome.mismatch.key, STR("b")));
    outcome = judge(&arena, "{\"all\":[" C("a", "number", "gt", "1") "]}", "{}");
    assert_null(outcome.mismatch.key.ptr);
    arena_deinit(&arena);
}

static void what_is_wrong_is_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *definition, *reason;
    } rows[] = {
        {"[]", "must be an object"},
        {"{\"all\":1}", "all"},
        {"{\"all\":[1]}", "all[0].key"},
        {"{\"any\":[" C("a", "number", "eq", "1") "," C("a", "time", "eq", "1") "]}", "any[1].type"},
        {"{\"all\":[" C("a", "boolean", "gt", "true") "]}", "all[0].operator"},
        {"{\"all\":[" C("a", "number", "between", "[3,1]") "]}", "all[0].value"},
        {"{\"all\":[" C("a", "string", "in", "\"x\"") "]}", "all[0].value"},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome outcome = judge(&arena, rows[i].definition, "{}");
        assert_false(outcome.valid);
        assert_string_equal(outcome.reason, rows[i].reason);
    }
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_all_and_one_any),
        cmocka_unit_test(another_type_is_told),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
