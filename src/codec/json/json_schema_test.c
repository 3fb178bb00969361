/* The draft 6 and 7 files of the JSON Schema Test Suite (Debian: json-schema-test-suite), and what it does not ask:
 * messages, schemas that are refused, bounds. */
#include "codec/json/json_schema.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"

#define SUITE "/usr/share/json-schema-test-suite/tests"

static struct json *parse(struct str text)
{
    struct json *doc = NULL;
    assert_int_equal(json_parse(text, NULL, &doc), ERR_OK);
    return doc;
}

static bool form_of(const struct json *schema, char why[512])
{
    struct buf text;
    buf_init(&text, 65536);
    bool valid = json_schema_is_valid(schema, &text);
    snprintf(why, 512, "%.*s", STR_ARG(buf_str(&text)));
    assert_int_equal(valid, why[0] == '\0');
    buf_deinit(&text);
    return valid;
}

static bool check(const struct json *schema, const struct json *value, char message[512])
{
    struct buf path, reason;
    buf_init(&path, 65536);
    buf_init(&reason, 65536);
    bool valid = json_schema_check(schema, value, &path, &reason);
    snprintf(message, 512, "%.*s%s%.*s", STR_ARG(buf_str(&path)), buf_str(&path).len ? " " : "", STR_ARG(buf_str(&reason)));
    assert_int_equal(valid, message[0] == '\0');
    buf_deinit(&path);
    buf_deinit(&reason);
    return valid;
}

/* ---- the suite ---- */

static struct json *read_file(const char *path)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    struct json *doc = NULL;
    return json_parse(str_from(text, len), NULL, &doc) == ERR_OK ? doc : NULL; /* a file with U+0000 in it */
}

/* Schemas that refer to other documents, or give parts of themselves an address. Muster refuses them when they are set. */
static bool is_refused(struct str description)
{
    static const struct str all[] = {
        STR_INIT("remote ref, containing refs itself"), STR_INIT("Recursive references between schemas"),
        STR_INIT("valid definition"), STR_INIT("invalid definition"),
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (str_eq(all[i], description)) {
            return true;
        }
    }
    return false;
}

static unsigned run_group(const char *path, const struct json *group)
{
    char message[512];
    unsigned count = 0;
    const struct json *schema = json_get(group, "schema");
    struct str title = json_string(json_get(group, "description"));
    if (!form_of(schema, message)) {
        if (!is_refused(title)) {
            fail_msg("%s, %.*s: %s", path, STR_ARG(title), message);
        }
        return 0;
    }
    for (const struct json *test = json_first(json_get(group, "tests")); test; test = json_next(test), count++) {
        bool expected = json_bool(json_get(test, "valid"));
        if (check(schema, json_get(test, "data"), message) != expected) {
            fail_msg("%s, %.*s, %.*s: %s", path, STR_ARG(title), STR_ARG(json_string(json_get(test, "description"))), message);
        }
    }
    return count;
}

static unsigned run_file(const char *folder, const char *name)
{
    char path[512];
    unsigned count = 0;
    snprintf(path, sizeof path, SUITE "/%s/%s", folder, name);
    struct json *groups = read_file(path);
    for (const struct json *group = json_first(groups); group; group = json_next(group)) {
        count += run_group(path, group);
    }
    json_free(groups);
    return count;
}

static unsigned run_folder(const char *folder)
{
    char path[256];
    unsigned count = 0;
    snprintf(path, sizeof path, SUITE "/%s", folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct str name = str_from_cstr(entry->d_name);
        if (str_ends_with(name, STR(".json")) && !str_eq(name, STR("refRemote.json"))) {
            count += run_file(folder, entry->d_name);
        }
    }
    closedir(dir);
    return count;
}

static void test_suite(void **state)
{
    (void)state;
    DIR *dir = opendir(SUITE);
    if (!dir) {
        skip();
    }
    closedir(dir);
    static const char *const optional[] = {"date-time.json", "email.json", "ipv4.json", "ipv6.json", "hostname.json", "uri.json",
                                           "date.json"};
    assert_true(run_folder("draft6") > 330);
    assert_true(run_folder("draft7") > 360);
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        assert_true(run_file("draft7/optional/format", optional[i]) > 0);
    }
}

/* ---- messages ---- */

static void assert_message(const char *schema_text, const char *value_text, const char *expected)
{
    char message[512];
    struct json *schema = parse(str_from_cstr(schema_text)), *value = parse(str_from_cstr(value_text));
    if (!form_of(schema, message)) {
        fail_msg("%s: %s", schema_text, message);
    }
    check(schema, value, message);
    assert_string_equal(message, expected);
    json_free(schema);
    json_free(value);
}

static void test_messages(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"type\":\"object\"}", "[]", "must be an object"},
        {"{\"properties\":{\"net\":{\"properties\":{\"port\":{\"maximum\":65535}}}}}", "{\"net\":{\"port\":70000}}",
         "net.port must be at most 65535"},
        {"{\"properties\":{\"zones\":{\"items\":{\"required\":[\"level\"]}}}}", "{\"zones\":[{\"level\":1},{}]}",
         "zones[1].level is required"},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"b\":1}", "b is not allowed"},
        {"{\"items\":[{\"type\":\"integer\"}],\"additionalItems\":false}", "[1,2]", "must have at most 1 items"},
        {"{\"pattern\":\"^[a-z]+$\"}", "\"A\"", "does not match ^[a-z]+$"},
        {"{\"enum\":[1,\"x\"]}", "2", "is not one of the allowed values"},
        {"{\"type\":[\"string\",\"null\"]}", "1", "must be string or null"},
        {"{\"multipleOf\":0.5}", "0.75", "must be a multiple of 0.5"},
        {"{\"exclusiveMinimum\":0}", "0", "must be above 0"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "4", "has none of the allowed forms"},
        {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3", "has more than one of the allowed forms"},
        {"{\"not\":{\"type\":\"string\"}}", "\"x\"", "has a form that is not allowed"},
        {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "must have no item twice"},
        {"{\"format\":\"ipv4\"}", "\"10.0.0.256\"", "is no valid ipv4"},
        {"{\"format\":\"uuid\"}", "\"b2f3a1d8-6c07-4e95-8d14-7a9e50c3b266\"", ""},
        {"{\"format\":\"colour\"}", "\"any\"", ""},
        {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]}}", "{\"a\":1}", "b is required"},
        {"{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}", "abc is no allowed name"},
        {"{\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1}", "b is required"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_message(cases[i][0], cases[i][1], cases[i][2]);
    }
}

/* ---- schemas that are refused ---- */

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[]", "schema is invalid"},
        {"{\"type\":\"text\"}", "type is invalid"},
        {"{\"properties\":{\"a\":{\"minimum\":\"1\"}}}", "properties.a.minimum is invalid"},
        {"{\"properties\":{\"a\":{\"exclusiveMaximum\":true}}}", "properties.a.exclusiveMaximum is invalid"},
        {"{\"unevaluatedProperties\":false}", "unevaluatedProperties is not supported"},
        {"{\"items\":{\"prefixItems\":[]}}", "items.prefixItems is not supported"},
        {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "$schema must be draft 6 or 7"},
        {"{\"$ref\":\"other.json#\"}", "$ref is not supported outside of this document"},
        {"{\"$ref\":\"#/definitions/none\"}", "$ref leads nowhere"},
        {"{\"allOf\":[{\"$id\":\"x\"}]}", "allOf.0.$id is not supported here"},
        {"{\"pattern\":\"(\"}", "pattern is not a regular expression"},
        {"{\"patternProperties\":{\"[\":{}}}", "patternProperties.[ is not a regular expression"},
        {"{\"pattern\":\"(*LIMIT_MATCH=1)a\"}", "pattern is not a regular expression"},
        {"{\"enum\":[]}", "enum is invalid"},
        {"{\"minLength\":-1}", "minLength is invalid"},
        {"{\"properties\":{\"a\":1}}", "properties.a is invalid"},
        {"{\"dependencies\":{\"a\":[1]}}", "dependencies.a is invalid"},
    };
    char why[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *schema = parse(str_from_cstr(cases[i][0]));
        form_of(schema, why);
        assert_string_equal(why, cases[i][1]);
        json_free(schema);
    }
}

static void test_names_of_later_drafts_are_free_for_properties(void **state)
{
    (void)state;
    assert_message("{\"properties\":{\"prefixItems\":{\"type\":\"string\"},\"id\":{}}}", "{\"prefixItems\":1}",
                   "prefixItems must be a string");
}

/* ---- bounds ---- */

static void test_work_is_bounded(void **state)
{
    (void)state;
    static const char too_long[] = "takes too long to check";
    assert_message("{\"$ref\":\"#\"}", "1", too_long);
    assert_message("{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "1", too_long);
    assert_message("{\"not\":{\"$ref\":\"#\"}}", "1", too_long); /* giving up is no answer that could be turned round */
    assert_message("{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", too_long);
    assert_message("{\"definitions\":{\"a\":{\"allOf\":[{\"$ref\":\"#/definitions/b\"},{\"$ref\":\"#/definitions/b\"},"
                   "{\"$ref\":\"#/definitions/b\"},{\"$ref\":\"#/definitions/b\"}]},\"b\":{\"properties\":{\"x\":"
                   "{\"$ref\":\"#/definitions/a\"}}}},\"$ref\":\"#/definitions/a\"}",
                   "{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":"
                   "{\"x\":{\"x\":{}}}}}}}}}}}}}}}}}", too_long);
}

/* A wide object of definitions; the last one is referred to `references` times by "allOf". */
static struct json *far_references(int definitions, int references)
{
    struct json *schema = json_new_object(), *wide = json_new_object(), *all = json_new_array();
    char name[64];
    for (int i = 0; i < definitions; i++) {
        snprintf(name, sizeof name, "d%d", i);
        json_set(wide, str_from_cstr(name), json_new_bool(true));
    }
    snprintf(name, sizeof name, "#/definitions/d%d", definitions - 1);
    for (int i = 0; i < references; i++) {
        struct json *one = json_new_object();
        json_set(one, STR("$ref"), json_new_string(str_from_cstr(name)));
        json_append(all, one);
    }
    json_set(schema, STR("allOf"), all);
    json_set(schema, STR("definitions"), wide);
    return schema;
}

static void test_following_references_is_paid_for(void **state)
{
    (void)state;
    char message[512];
    struct json *schema = far_references(5000, 1000), *value = json_new_object();
    assert_true(form_of(schema, message));
    assert_true(check(schema, value, message));
    json_free(schema);
    schema = far_references(10000, 5000); /* 50 million members are passed */
    assert_false(form_of(schema, message));
    assert_non_null(strstr(message, ".$ref takes too long to follow"));
    assert_false(check(schema, value, message));
    assert_string_equal(message, "takes too long to check");
    json_free(schema);
    json_free(value);
}

static void test_a_large_array_of_different_items(void **state)
{
    (void)state;
    char message[512];
    struct json *schema = parse(STR("{\"uniqueItems\":true,\"items\":{\"type\":\"integer\"}}")), *value = json_new_array();
    for (int i = 0; i < 30000; i++) {
        json_append(value, json_new_number(i));
    }
    assert_true(check(schema, value, message));
    json_append(value, json_new_number(17));
    assert_false(check(schema, value, message));
    json_free(schema);
    json_free(value);
}

/* "é" is two bytes: every limit falls into one of them. */
static void test_what_is_shown_ends_with_a_whole_character(void **state)
{
    (void)state;
    char many[2 * 200 + 2] = "a", text[1024], message[512];
    for (size_t i = 0; i < 200; i++) {
        memcpy(many + 1 + 2 * i, "é", 3);
    }
    static const char *const keywords[] = {"\"type\":", "\"type\":[", "\"pattern\":", "\"required\":["};
    struct json *string = json_new_string(STR("x")), *object = json_new_object();
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        snprintf(text, sizeof text, "{%s\"%s\"%s}", keywords[i], many, strchr(keywords[i], '[') ? "]" : "");
        struct json *schema = parse(str_from_cstr(text));
        assert_false(check(schema, i == 3 ? object : string, message));
        assert_true(utf8_is_valid(str_from_cstr(message)));
        json_free(schema);
    }
    json_free(string);
    json_free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_names_of_later_drafts_are_free_for_properties),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_following_references_is_paid_for),
        cmocka_unit_test(test_a_large_array_of_different_items),
        cmocka_unit_test(test_what_is_shown_ends_with_a_whole_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
