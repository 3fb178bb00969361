#include "codec/json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static enum err parse_err(const char *text, size_t len)
{
    struct json *doc = NULL;
    enum err err = json_parse(str_from(text, len), NULL, &doc);
    if (err == ERR_OK) {
        json_free(doc);
    } else {
        assert_null(doc);
    }
    return err;
}

static struct json *parse(const char *text)
{
    struct json *doc = NULL;
    assert_int_equal(json_parse(str_from_cstr(text), NULL, &doc), ERR_OK);
    return doc;
}

static void assert_written(const struct json *node, const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    json_write(&out, node);
    buf_append_u8(&out, 0);
    assert_false(out.failed);
    assert_string_equal((const char *)out.data, expected);
    buf_deinit(&out);
}

static void assert_round_trip(const char *text, const char *expected)
{
    struct json *doc = parse(text);
    assert_written(doc, expected);
    json_free(doc);
}

static void test_valid(void **state)
{
    (void)state;
    assert_round_trip(" { \"b\" : [ 1 , -2.5e3 , true , false , null ] , \"a/b\" : \"x\" }\r\n\t",
                      "{\"b\":[1,-2500,true,false,null],\"a/b\":\"x\"}");
    assert_round_trip("\"\\u00e9\\ud83d\\ude00 \\/ \\\" \\\\ \\b\\f\\n\\r\\t \\u001f\"",
                      "\"é😀 / \\\" \\\\ \\b\\f\\n\\r\\t \\u001f\"");
    assert_round_trip("{}", "{}");
    assert_round_trip("[]", "[]");
    assert_round_trip("[[],{},[{}]]", "[[],{},[{}]]");
    assert_round_trip("0", "0");
    assert_round_trip("-0", "0");
    assert_round_trip("\"\"", "\"\"");
    assert_round_trip("null", "null");
    assert_round_trip("\"\x7f\"", "\"\x7f\"");
}

static void test_refused(void **state)
{
    static const char *const texts[] = {
        "",      " ",      "{",        "}",        "[",         "]",        "[1,]",        "[,1]",     "{\"a\":1,}",
        "{,}",   "{\"a\"}", "{\"a\":}", "{a:1}",    "{1:1}",     "{\"a\" 1}", "[1 2]",       "[1}",      "{\"a\":1]",
        "01",    "-",      "+1",       "1.",       ".5",        "1e",       "1e+",         "-01",      "0x1",
        "1.e1",  "- 1",    "NaN",      "Infinity", "-Infinity", "1e999",    "-1e999",      "tru",      "True",
        "nulll", "1 1",    "{} {}",    "[] x",     "'a'",       "\"a",      "\"a\\\"",     "\"\\x\"",  "\"\\u12\"",
        "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\\u0000\"",
        "{\"\\u0000\":1}", "\"\n\"", "\"\t\"", "\"\x01\"", "// c\n1", "/**/1", "\xef\xbb\xbf{}", "\"\xff\"", "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"", "\x0c[]", "[\"a\",\n4\n,1,", "\"\\", "\"\\u", "[\"\\ud800\\", "{\"a\":\"b\"", "{\"a\"", "{\"a\":",
        "1\x00", "1000000000000000000000000000000000000000000000000000000000000000000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (parse_err(texts[i], strlen(texts[i])) == ERR_OK && strcmp(texts[i], "1") != 0) {
            fail_msg("accepted: %s", texts[i]);
        }
    }
    assert_int_equal(parse_err("1\0", 2), ERR_INVALID);
    assert_int_equal(parse_err("\"a\0b\"", 5), ERR_INVALID);
    assert_int_equal(parse_err(NULL, 0), ERR_INVALID);
}

/* Every prefix of a valid text is refused and read within its bounds (the sanitizer watches the heap copy). */
static void test_truncated(void **state)
{
    static const char text[] = "{\"a\":[1.5e-3,true,false,null,\"x\\u00e9\\ud83d\\ude00\\n\"],\"b\":{\"c\":-12}}";
    (void)state;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char *copy = malloc(len ? len : 1);
        memcpy(copy, text, len);
        assert_int_equal(parse_err(copy, len), ERR_INVALID);
        free(copy);
    }
    assert_int_equal(parse_err(text, sizeof text - 1), ERR_OK);
}

static void test_not_nul_terminated(void **state)
{
    (void)state;
    char *copy = malloc(3);
    memcpy(copy, "123", 3);
    struct json *doc;
    assert_int_equal(json_parse(str_from(copy, 3), NULL, &doc), ERR_OK);
    free(copy);
    assert_true(json_number(doc) > 122.5 && json_number(doc) < 123.5);
    json_free(doc);
}

static enum err parse_nested(unsigned depth, unsigned depth_max)
{
    struct buf text;
    struct json *doc = NULL;
    struct json_limits limits = {.depth_max = depth_max};
    buf_init(&text, 1 << 20);
    for (unsigned i = 0; i < depth; i++) {
        buf_append_cstr(&text, i % 2 ? "[" : "{\"a\":");
    }
    buf_append_cstr(&text, "1");
    for (unsigned i = depth; i > 0; i--) {
        buf_append_cstr(&text, (i - 1) % 2 ? "]" : "}");
    }
    enum err err = json_parse(buf_str(&text), &limits, &doc);
    json_free(doc);
    buf_deinit(&text);
    return err;
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(32, 0), ERR_OK);
    assert_int_equal(parse_nested(33, 0), ERR_INVALID);
    assert_int_equal(parse_nested(10000, 0), ERR_INVALID);
    assert_int_equal(parse_nested(2, 2), ERR_OK);
    assert_int_equal(parse_nested(3, 2), ERR_INVALID);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX_LIMIT, JSON_DEPTH_MAX_LIMIT), ERR_OK);
    assert_int_equal(parse_nested(JSON_DEPTH_MAX_LIMIT + 1, JSON_DEPTH_MAX_LIMIT), ERR_INVALID);
}

static void test_limits(void **state)
{
    struct json *doc = NULL;
    struct json_limits bytes = {.bytes_max = 5};
    struct json_limits nodes = {.nodes_max = 4};
    (void)state;
    assert_int_equal(json_parse(STR("[1,22]"), &bytes, &doc), ERR_LIMIT);
    assert_int_equal(json_parse(STR("[1,2]"), &bytes, &doc), ERR_OK);
    json_free(doc);
    doc = NULL;
    assert_int_equal(json_parse(STR("[1,2,3]"), &nodes, &doc), ERR_OK);
    json_free(doc);
    doc = NULL;
    assert_int_equal(json_parse(STR("[1,2,3,4]"), &nodes, &doc), ERR_LIMIT);
    assert_null(doc);
}

static void test_duplicates(void **state)
{
    (void)state;
    assert_round_trip("{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2,\"a\":3}");
    assert_round_trip("{\"a\":1,\"a\":2,\"a\":3}", "{\"a\":3}");
    assert_round_trip("{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}");
    assert_round_trip("[{\"x\":{\"a\":1,\"\\u0061\":2}}]", "[{\"x\":{\"a\":2}}]");
}

static void test_many_duplicates(void **state)
{
    struct buf text;
    struct json *doc;
    struct json_limits limits = {.bytes_max = 4 << 20, .nodes_max = 300000};
    (void)state;
    buf_init(&text, 4 << 20);
    for (int i = 0; i < 200000; i++) {
        buf_printf(&text, "%s\"k%d\":%d", i ? "," : "{", i % 50000, i);
    }
    buf_append_cstr(&text, "}");
    assert_int_equal(json_parse(buf_str(&text), &limits, &doc), ERR_OK);
    assert_int_equal(json_count(doc), 50000);
    int64_t value;
    assert_true(json_int(json_get(doc, "k49999"), &value));
    assert_int_equal(value, 199999);
    assert_string_equal(json_key(json_first(doc)).ptr, "k0");
    struct json *copy = json_dup(doc);
    assert_true(json_eq(doc, copy));
    json_merge(copy, doc);
    assert_int_equal(json_count(copy), 50000);
    json_free(copy);
    buf_deinit(&text);
}

static void test_access(void **state)
{
    struct json *doc = parse("{\"s\":\"x\",\"n\":1.5,\"i\":-7,\"t\":true,\"f\":false,\"z\":null,\"a\":[10,20],\"o\":{}}");
    int64_t value = 99;
    (void)state;
    assert_true(json_is_object(doc));
    assert_true(str_eq(json_string(json_get(doc, "s")), STR("x")));
    assert_true(json_is_string(json_get_str(doc, STR("s"))));
    assert_null(json_get(doc, "S"));
    assert_null(json_get_str(doc, STR("ss")));
    assert_true(json_int(json_get(doc, "i"), &value));
    assert_int_equal(value, -7);
    assert_false(json_int(json_get(doc, "n"), &value));
    assert_false(json_int(json_get(doc, "s"), &value));
    assert_int_equal(value, -7);
    assert_true(json_bool(json_get(doc, "t")));
    assert_false(json_bool(json_get(doc, "f")));
    assert_true(json_is_bool(json_get(doc, "f")));
    assert_true(json_is_null(json_get(doc, "z")));
    assert_false(json_is_null(json_get(doc, "missing")));
    assert_true(json_is_missing(json_get(doc, "missing")));
    assert_int_equal(json_count(doc), 8);
    assert_true(json_int(json_at(json_get(doc, "a"), 1), &value));
    assert_int_equal(value, 20);
    assert_null(json_at(json_get(doc, "a"), 2));
    assert_null(json_at(doc, 0));
    assert_null(json_first(json_get(doc, "o")));
    assert_null(json_first(json_get(doc, "s")));
    assert_null(json_get(NULL, "x"));
    assert_null(json_next(NULL));
    assert_int_equal(json_count(NULL), 0);
    assert_int_equal(json_key(json_next(json_first(doc))).len, 1);
    assert_null(json_key(json_at(json_get(doc, "a"), 0)).ptr);
    json_free(doc);
}

static void test_lenient(void **state)
{
    struct json *doc = parse("[\"12\",\"-3\",\"1x\",\"\",12,1.5,9007199254740992,9007199254740994,\"true\",\"false\",\"TRUE\",true]");
    int64_t value;
    bool flag;
    struct str text;
    struct arena arena;
    (void)state;
    arena_init(&arena);
    assert_true(json_to_int(json_at(doc, 0), &value) && value == 12);
    assert_true(json_to_int(json_at(doc, 1), &value) && value == -3);
    assert_false(json_to_int(json_at(doc, 2), &value));
    assert_false(json_to_int(json_at(doc, 3), &value));
    assert_true(json_to_int(json_at(doc, 4), &value) && value == 12);
    assert_false(json_to_int(json_at(doc, 5), &value));
    assert_true(json_to_int(json_at(doc, 6), &value) && value == JSON_INTEGER_MAX);
    assert_false(json_to_int(json_at(doc, 7), &value));
    assert_false(json_to_int(NULL, &value));
    assert_true(json_to_bool(json_at(doc, 8), &flag) && flag);
    assert_true(json_to_bool(json_at(doc, 9), &flag) && !flag);
    assert_false(json_to_bool(json_at(doc, 10), &flag));
    assert_true(json_to_bool(json_at(doc, 11), &flag) && flag);
    assert_false(json_to_bool(json_at(doc, 4), &flag));
    assert_true(json_to_text(json_at(doc, 0), &arena, &text) && str_eq(text, STR("12")));
    assert_true(json_to_text(json_at(doc, 5), &arena, &text) && str_eq(text, STR("1.5")));
    assert_false(json_to_text(json_at(doc, 11), &arena, &text));
    arena_deinit(&arena);
    json_free(doc);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_round_trip("[9007199254740992,-9007199254740992,1e15,1E2,100000000000000000000]",
                      "[9007199254740992,-9007199254740992,1000000000000000,100,1e+20]");
    assert_round_trip("[21.5,-0.001,0.1,0.30000000000000004,3.141592653589793]",
                      "[21.5,-0.001,0.1,0.30000000000000004,3.141592653589793]");
    assert_round_trip("[1e-7,5e-324,1.7976931348623157e308,2.2250738585072014e-308]",
                      "[1e-7,5e-324,1.7976931348623157e+308,2.2250738585072014e-308]");
    assert_round_trip("[1.05,99.999999,0.05,10.000001,123456.789]", "[1.05,99.999999,0.05,10.000001,123456.789]");
}

static void test_numbers_round_trip(void **state)
{
    uint64_t bits = 88172645463325252u;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (i % 2) {
            value = (double)(int64_t)(bits % 2000000000) / 1000 - 1e6;
        }
        if (!isfinite(value)) {
            continue;
        }
        struct buf out;
        struct json_writer w;
        buf_init(&out, 64);
        json_writer_init(&w, &out);
        json_put_double(&w, value);
        buf_append_u8(&out, 0);
        double back = strtod((const char *)out.data, NULL);
        assert_false(back < value || back > value);
        buf_deinit(&out);
    }
}

static void test_build(void **state)
{
    struct json *doc = json_new_object();
    struct json *list = json_new_array();
    (void)state;
    json_append(list, json_new_number(1));
    json_append(list, json_new_bool(true));
    json_append(list, json_new_null());
    json_set(doc, str_from("list!", 4), list);
    json_set(doc, STR("name"), json_new_string(str_from("valueX", 5)));
    json_set(doc, STR("x"), json_new_number(2));
    assert_written(doc, "{\"list\":[1,true,null],\"name\":\"value\",\"x\":2}");
    json_set(doc, STR("name"), json_new_number(3));
    json_remove(doc, STR("x"));
    json_remove(doc, STR("x"));
    assert_written(doc, "{\"list\":[1,true,null],\"name\":3}");
    json_merge(doc, parse("{\"new\":{\"a\":1},\"list\":0}"));
    assert_written(doc, "{\"list\":0,\"name\":3,\"new\":{\"a\":1}}");
    json_set(doc, STR("list"), json_dup(json_get(doc, "new")));
    assert_written(doc, "{\"list\":{\"a\":1},\"name\":3,\"new\":{\"a\":1}}");
    json_free(doc);
}

static void assert_eq_is(const char *a, const char *b, bool expected)
{
    struct json *x = parse(a);
    struct json *y = parse(b);
    assert_int_equal(json_eq(x, y), expected);
    assert_int_equal(json_eq(y, x), expected);
    json_free(x);
    json_free(y);
}

static void test_eq(void **state)
{
    (void)state;
    assert_eq_is("{\"a\":1,\"b\":[1,{\"c\":null}]}", "{\"b\":[1,{\"c\":null}],\"a\":1.0}", true);
    assert_eq_is("[1,2]", "[2,1]", false);
    assert_eq_is("[1]", "[1,2]", false);
    assert_eq_is("{\"a\":1}", "{\"a\":1,\"b\":1}", false);
    assert_eq_is("{\"a\":1}", "{\"b\":1}", false);
    assert_eq_is("{\"a\":1}", "{\"A\":1}", false);
    assert_eq_is("\"1\"", "1", false);
    assert_eq_is("true", "false", false);
    assert_eq_is("null", "false", false);
    assert_true(json_eq(NULL, NULL));
}

static void test_writer(void **state)
{
    struct buf out;
    struct json_writer w;
    struct uuid uuid = {{0x7c, 0x1d, 0xe0, 0xa4, 0x52, 0xf1, 0x4b, 0x0e, 0x9a, 0x55, 0x3f, 0x6b, 0x2e, 0x81, 0xc9, 0xd0}};
    struct json *doc = parse("{\"k\":[1]}");
    (void)state;
    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_field_str(&w, "s", STR("a\"b"));
    json_field_cstr(&w, "c", NULL);
    json_field_int(&w, "i", INT64_MIN);
    json_field_double(&w, "d", NAN);
    json_field_bool(&w, "t", true);
    json_field_null(&w, "z");
    json_field_raw(&w, "r", STR("[1]"));
    json_field_node(&w, "n", doc);
    json_field_time(&w, "time", 1772360100250);
    json_field_time(&w, "never", INT64_MIN);
    json_field_uuid(&w, "id", &uuid);
    json_name(&w, "list");
    json_begin_array(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_put_int(&w, 1);
    json_begin_array(&w);
    json_end_array(&w);
    json_end_array(&w);
    json_end_object(&w);
    buf_append_u8(&out, 0);
    assert_string_equal((const char *)out.data,
                        "{\"s\":\"a\\\"b\",\"c\":null,\"i\":-9223372036854775808,\"d\":null,\"t\":true,\"z\":null,"
                        "\"r\":[1],\"n\":{\"k\":[1]},\"time\":\"2026-03-01T10:15:00.250Z\",\"never\":null,"
                        "\"id\":\"7c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d0\",\"list\":[{},1,[]]}");
    json_free(doc);
    buf_deinit(&out);
}

static void test_writer_hostile_text(void **state)
{
    struct buf out;
    struct json_writer w;
    static const char text[] = "a\xff\xc3(\xed\xa0\x80\xf0\x9f\x98\x80\0\x1b</script>\xe2\x82";
    (void)state;
    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    json_put_str(&w, str_from(text, sizeof text - 1));
    buf_append_u8(&out, 0);
    assert_string_equal((const char *)out.data,
                        "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd😀\\u0000\\u001b</script>"
                        "\xef\xbf\xbd\xef\xbf\xbd\"");
    buf_deinit(&out);
}

static void test_writer_full_buffer(void **state)
{
    struct buf out;
    struct json_writer w;
    (void)state;
    buf_init(&out, 8);
    json_writer_init(&w, &out);
    json_begin_array(&w);
    json_put_cstr(&w, "too long for it");
    json_end_array(&w);
    assert_true(out.failed);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_not_nul_terminated),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_many_duplicates),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_round_trip),
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_eq),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_writer_hostile_text),
        cmocka_unit_test(test_writer_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
