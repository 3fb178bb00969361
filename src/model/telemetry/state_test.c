/* The merge against a model of it: an array of key and value, and random messages (device-api.md 3.2.1). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "codec/json/json.h"
#include "model/telemetry/state.h"

#define KEYS 12

static uint64_t seed = 20260301;

static unsigned rnd(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static const char *const key_names[KEYS] = {"a", "ab", "abc", "b", "status", "temp", "", "z", "Z", "\xc3\xa9", "temp2", "te"};

struct model_state {
    char value[KEYS][32]; /* JSON; empty: absent */
};

static struct json *parse(const char *text)
{
    struct json *doc = NULL;
    assert_int_equal(json_parse(str_from_cstr(text), NULL, &doc), ERR_OK);
    return doc;
}

static void random_value(char out[32])
{
    switch (rnd(5)) {
    case 0: strcpy(out, "null"); break;
    case 1: strcpy(out, rnd(2) ? "true" : "false"); break;
    case 2: snprintf(out, 32, "%d", (int)rnd(2000) - 1000); break;
    case 3: snprintf(out, 32, "%d.25", (int)rnd(2000)); break;
    default: snprintf(out, 32, "\"text %u\"", rnd(100000)); break;
    }
}

static struct str random_message(struct model_state *model, bool override, struct arena *arena)
{
    char text[1024] = "{";
    size_t len = 1;
    if (override) {
        *model = (struct model_state){0};
    }
    for (unsigned k = 0; k < KEYS; k++) {
        if (rnd(3) != 0) {
            continue;
        }
        char value[32];
        random_value(value);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\"%s\":%s", len > 1 ? "," : "", key_names[k], value);
        strcpy(model->value[k], strcmp(value, "null") == 0 ? "" : value);
    }
    strcpy(text + len, "}");
    struct json *doc = parse(text);
    struct str flat = flat_from_json(doc, arena);
    /* strings in the entries were copied by the encoding */
    json_free(doc);
    return flat;
}

static void assert_is(const struct state *state, const struct model_state *model)
{
    char text[1024] = "{";
    size_t len = 1;
    unsigned count = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        if (model->value[k][0]) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s\"%s\":%s", len > 1 ? "," : "", key_names[k], model->value[k]);
            count++;
        }
    }
    strcpy(text + len, "}");
    struct buf out;
    buf_init(&out, 65536);
    state_write_json(&out, state);
    buf_append_u8(&out, 0);
    struct json *expected = parse(text);
    struct json *found = parse((const char *)out.data);
    assert_true(json_eq(expected, found));
    assert_int_equal(state ? state->key_count : 0, count);
    struct state *again = state_from_json(str_from_cstr((const char *)out.data));
    assert_true(str_eq(state_flat(again), state_flat(state)));
    state_unref(again);
    json_free(expected);
    json_free(found);
    buf_deinit(&out);
}

static void merging_is_last_value_per_key(void **context)
{
    (void)context;
    static const struct state_limits none = {0, 0};
    struct model_state model = {0};
    struct state *state = NULL;
    for (unsigned i = 0; i < 3000; i++) {
        struct arena arena;
        arena_init(&arena);
        bool override = rnd(10) == 0;
        struct str changes = random_message(&model, override, &arena);
        struct state *next = NULL;
        bool keys = false;
        assert_int_equal(state_merge(state, changes, override, &none, &next, &keys), ERR_OK);
        assert_is(next, &model);
        /* a row that is replayed changes nothing */
        struct state *twice = NULL;
        assert_int_equal(state_merge(next, changes, override, &none, &twice, &keys), ERR_OK);
        assert_true(str_eq(state_flat(twice), state_flat(next)));
        state_unref(twice);
        state_unref(state);
        state = next;
        arena_deinit(&arena);
    }
    state_unref(state);
}

static struct str flat_of(const char *text, struct arena *arena)
{
    struct json *doc = parse(text);
    struct str flat = flat_from_json(doc, arena);
    json_free(doc);
    return flat;
}

static void limits_refuse_growth_only(void **context)
{
    (void)context;
    struct arena arena;
    arena_init(&arena);
    static const struct state_limits none = {0, 0};
    static const struct state_limits two_keys = {2, 0};
    static const struct state_limits few_bytes = {0, 29};
    struct state *state = NULL;
    struct state *next = NULL;
    bool keys = false;
    assert_int_equal(state_merge(NULL, flat_of("{\"a\":1,\"b\":2}", &arena), false, &two_keys, &state, &keys), ERR_OK);
    assert_int_equal(state_merge(state, flat_of("{\"c\":1}", &arena), false, &two_keys, &next, &keys), ERR_LIMIT);
    assert_true(keys);
    assert_int_equal(state_merge(state, flat_of("{\"c\":1,\"a\":null}", &arena), false, &two_keys, &next, &keys), ERR_OK);
    state_unref(next);
    assert_int_equal(state_merge(state, flat_of("{\"a\":\"0123456789\"}", &arena), false, &few_bytes, &next, &keys), ERR_LIMIT);
    assert_false(keys);
    state_unref(state);
    /* already over a limit that was lowered: it may shrink and change, not grow */
    assert_int_equal(state_merge(NULL, flat_of("{\"a\":1,\"b\":2,\"c\":3}", &arena), false, &none, &state, &keys), ERR_OK);
    assert_int_equal(state_merge(state, flat_of("{\"a\":9}", &arena), false, &two_keys, &next, &keys), ERR_OK);
    state_unref(next);
    state_unref(state);
    arena_deinit(&arena);
}

static void broken_documents_end_early(void **context)
{
    (void)context;
    struct arena arena;
    arena_init(&arena);
    struct str whole = flat_of("{\"a\":1,\"bb\":\"text\",\"c\":true}", &arena);
    for (size_t len = 0; len < whole.len; len++) {
        char *copy = arena_alloc(&arena, len + 1);
        memcpy(copy, whole.ptr, len);
        struct flat_iter iter = flat_iter(str_from(copy, len));
        struct flat_entry entry;
        unsigned count = 0;
        while (flat_next(&iter, &entry)) {
            count++;
        }
        assert_true(count < 3);
    }
    struct flat_entry entry;
    assert_true(flat_find(whole, STR("bb"), &entry));
    assert_true(str_eq(entry.text, STR("text")));
    assert_false(flat_find(whole, STR("b"), &entry));
    assert_false(flat_find(whole, STR("zz"), &entry));
    arena_deinit(&arena);
}

static void minus_zero_is_zero(void **context)
{
    (void)context;
    struct arena arena;
    arena_init(&arena);
    assert_true(str_eq(flat_of("{\"a\":-0,\"b\":-0.0}", &arena), flat_of("{\"a\":0,\"b\":0}", &arena)));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_is_last_value_per_key),
        cmocka_unit_test(limits_refuse_growth_only),
        cmocka_unit_test(broken_documents_end_early),
        cmocka_unit_test(minus_zero_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
