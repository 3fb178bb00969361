#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/api_internal.h"
#include "api/openapi/description.h"
#include "api/openapi/notation.h"
#include "api/openapi/openapi.h"

static unsigned descriptions_of(const struct route *route)
{
    unsigned count = 0;
    for (unsigned i = 0; i < description_table_count; i++) {
        for (const struct description *it = description_tables[i]; it->method; it++) {
            count += strcmp(it->method, route->method) == 0 && strcmp(it->path, route->path) == 0;
        }
    }
    return count;
}

static bool has_route(const struct description *it)
{
    size_t count;
    const struct route *const *tables = api_route_tables(&count);
    for (size_t i = 0; i < count; i++) {
        for (const struct route *route = tables[i]; route->method; route++) {
            if (strcmp(it->method, route->method) == 0 && strcmp(it->path, route->path) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* management-api.md 1.1: it describes all of it, and nothing else. */
static void test_descriptions_and_routes_are_the_same(void **state)
{
    (void)state;
    unsigned wrong = 0;
    size_t count;
    const struct route *const *tables = api_route_tables(&count);
    for (size_t i = 0; i < count; i++) {
        for (const struct route *route = tables[i]; route->method; route++) {
            if (descriptions_of(route) != 1) {
                print_error("%s %s has %u descriptions\n", route->method, route->path, descriptions_of(route));
                wrong++;
            }
        }
    }
    for (unsigned i = 0; i < description_table_count; i++) {
        for (const struct description *it = description_tables[i]; it->method; it++) {
            if (!has_route(it)) {
                print_error("%s %s is described and no route\n", it->method, it->path);
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

static void check_references(const struct json *node, const struct json *schemas)
{
    struct str ref = json_string(json_get(node, "$ref"));
    if (ref.len) {
        struct str prefix = STR("#/components/schemas/");
        assert_true(str_starts_with(ref, prefix));
        struct str name = str_sub(ref, prefix.len, ref.len);
        if (!json_get_str(schemas, name)) {
            fail_msg("%.*s is not described", STR_ARG(name));
        }
    }
    for (const struct json *child = json_first(node); child; child = json_next(child)) {
        check_references(child, schemas);
    }
}

static void test_the_document_is_whole(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4u << 20);
    assert_true(openapi_write(&out));
    struct json *doc;
    assert_int_equal(json_parse(buf_str(&out), &(struct json_limits){.bytes_max = 4u << 20, .nodes_max = 1u << 20}, &doc), ERR_OK);
    const struct json *paths = json_get(doc, "paths");
    const struct json *create = json_get(json_get(paths, "/core/v1/partner/models/{m}/hardware_keys"), "post");
    assert_true(json_is_object(create));
    assert_true(str_eq(json_string(json_get(json_at(json_get(create, "parameters"), 0), "in")), STR("path")));
    assert_true(json_is_object(json_get(json_get(create, "responses"), "201")));
    check_references(doc, json_get(json_get(doc, "components"), "schemas"));
    json_free(doc);
    buf_deinit(&out);
}

static bool shape(const char *type, struct buf *out)
{
    struct json_writer w;
    buf_clear(out);
    json_writer_init(&w, out);
    return notation_type(&w, str_from_cstr(type));
}

static void test_notation(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 65536);
    static const char *const pairs[][2] = {
        {"text<=5", "{\"type\":\"string\",\"maxLength\":5}"},
        {"int(-1..)", "{\"type\":\"integer\",\"minimum\":-1}"},
        {"number(1..2)?", "{\"oneOf\":[{\"type\":\"number\",\"minimum\":1,\"maximum\":2},{\"type\":\"null\"}]}"},
        {"enum(a|b)", "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}"},
        {"[Name]<=3", "{\"type\":\"array\",\"maxItems\":3,\"items\":{\"$ref\":\"#/components/schemas/Name\"}}"},
        {"{a! {b bool}; c [[any]]}",
         "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"boolean\"}}},"
         "\"c\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{}}}},\"required\":[\"a\"]}"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(shape(pairs[i][0], &out));
        assert_int_equal(out.len, strlen(pairs[i][1]));
        assert_memory_equal(out.data, pairs[i][1], out.len);
    }
    static const char *const wrong[] = {"", "txt", "text<5", "int(1)", "int(a..b)", "[text", "{a}", "{a text;; b}", "{a text", "enum()", "?"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (shape(wrong[i], &out)) {
            fail_msg("'%s' is taken as a type", wrong[i]);
        }
    }
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptions_and_routes_are_the_same),
        cmocka_unit_test(test_the_document_is_whole),
        cmocka_unit_test(test_notation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
