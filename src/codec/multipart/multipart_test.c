#include "codec/multipart/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a body is read as, in one line: [name|filename|type]data; and so on, "." at a complete end, "!" for a failure. */
static void read_in_steps(struct str body, const char *boundary, size_t step, struct buf *out)
{
    struct multipart parser;
    multipart_init(&parser, str_from_cstr(boundary));
    enum multipart_event event = MULTIPART_NEED_MORE;
    for (size_t at = 0; at < body.len && event != MULTIPART_FAILED; at += step) {
        struct str part = str_sub(body, at, step);
        uint8_t *copy = malloc(part.len); /* of its own, so that reading beyond it is seen */
        memcpy(copy, part.ptr, part.len);
        size_t used = 0, n = 0;
        do {
            event = multipart_parse(&parser, copy + used, part.len - used, &n);
            used += n;
            if (event == MULTIPART_PART) {
                const struct multipart_part *p = &parser.part;
                buf_printf(out, "[%.*s|%.*s|%.*s]", STR_ARG(p->name), STR_ARG(p->filename), STR_ARG(p->content_type));
            } else if (event == MULTIPART_DATA) {
                assert_true(parser.data.len > 0);
                buf_append_str(out, parser.data);
            } else if (event == MULTIPART_PART_END) {
                buf_append_u8(out, ';');
            }
        } while (event != MULTIPART_NEED_MORE && event != MULTIPART_FAILED);
        assert_true(event == MULTIPART_FAILED || used == part.len);
        free(copy);
    }
    if (event == MULTIPART_FAILED) {
        size_t n;
        assert_int_equal(multipart_parse(&parser, (const uint8_t *)"x", 1, &n), MULTIPART_FAILED);
        buf_append_u8(out, '!');
    } else if (multipart_is_complete(&parser)) {
        buf_append_u8(out, '.');
    }
    multipart_deinit(&parser);
}

static void assert_read_as(struct str body, const char *boundary, const char *expected)
{
    for (size_t step = 1; step <= body.len; step = step < 20 ? step + 1 : step * 2) {
        struct buf out;
        buf_init(&out, 1 << 20);
        read_in_steps(body, boundary, step, &out);
        buf_append_u8(&out, 0);
        assert_string_equal((const char *)out.data, expected);
        buf_deinit(&out);
    }
}
#define READ_AS(body, expected) assert_read_as(STR(body), "B", expected)
#define PART(name, data) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" data "\r\n"

static void parts_and_their_data(void **state)
{
    (void)state;
    READ_AS(PART("a", "1") PART("b", "") "--B--\r\n", "[a||]1;[b||];.");
    READ_AS(PART("a", "1") "--B--", "[a||]1;.");
    READ_AS("preamble\r\n\r\n" PART("a", "1") "--B--\r\nepilogue --B", "[a||]1;.");
    READ_AS("--B \t\r\ncontent-disposition:form-data;name=a\r\n\r\nx\r\n--B--", "[a||]x;.");
    READ_AS("--B\r\nX-Other: 1\r\nContent-Type: application/gzip\r\nContent-Disposition: form-data; name=\"file\"; "
            "filename=\"fw.bin\"\r\n\r\nDATA\r\n--B--\r\n", "[file|fw.bin|application/gzip]DATA;.");
    READ_AS(PART("", "x") "--B--", "[||]x;.");
}

/* All that begins like a delimiter and is none is data. */
static void data_like_delimiters(void **state)
{
    (void)state;
    READ_AS(PART("a", "\r\r\n-\r\n--\r\n--A\r\n\r\n\n--B\r--B--B\r\n-B") "--B--",
            "[a||]\r\r\n-\r\n--\r\n--A\r\n\r\n\n--B\r--B--B\r\n-B;.");
    READ_AS(PART("a", "\r\n") "--B--", "[a||]\r\n;.");
    assert_read_as(STR("--BB\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--B\r\n--BB--"), "BB", "[a||]\r\n--B;.");
}

static void names_and_file_names(void **state)
{
    (void)state;
#define HEAD(value) "--B\r\nContent-Disposition: " value "\r\n\r\n\r\n--B--"
    READ_AS(HEAD("form-data; name=\"a\\\"b\\\\c\\d\""), "[a\"b\\c\\d||];.");
    READ_AS(HEAD("form-data; filename=\"C:\\fw;v=1.bin\"; name=\"f\""), "[f|C:\\fw;v=1.bin|];.");
    READ_AS(HEAD("Form-Data; NAME=f; size=12;"), "[f||];.");
    READ_AS(HEAD("form-data; name=\"\xc3\xa9\""), "[\xc3\xa9||];.");
    static const char *const wrong[] = {
        HEAD("form-data"), HEAD("attachment; name=a"), HEAD("form-data; name=\"a"), HEAD("form-data; name"),
        HEAD("form-data; name=a; name=b"), HEAD("form-data; name=a; filename=b; filename=c"), HEAD("form-data name=a"),
        HEAD("form-data; name=\"\xff\""), HEAD("form-data; name=a\r\nContent-Disposition: form-data; name=b"),
        HEAD("form-data; name=a\n"), HEAD("form-data; name=a\r\n folded: 1"), HEAD("form-data; name=a\r\nnocolon"),
        HEAD("form-data; name=a\r\n: empty"), "--B\r\n\r\nx\r\n--B--", "--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_read_as(str_from_cstr(wrong[i]), "B", "!");
    }
    assert_read_as(STR("--B\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\nx"), "B", "!");
}

static void what_is_no_multipart_body(void **state)
{
    (void)state;
    READ_AS("no delimiter at all", "");
    READ_AS(PART("a", "1"), "[a||]1");
    READ_AS(PART("a", "1") "--B-", "[a||]1;");
    READ_AS(PART("a", "1") "--B", "[a||]1;");
    READ_AS("--B\r\nContent-Disp", "");
    READ_AS("--Bx\r\n", "!");
    READ_AS("--B\n", "!");
    READ_AS("--B-x", "!");
    READ_AS("--B \r\r\n", "!");
    READ_AS(PART("a", "1") "--Bad", "[a||]1;!");
}

static void limits(void **state)
{
    (void)state;
    struct buf body, out;
    buf_init(&body, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++) {
        buf_append_cstr(&body, PART("a", ""));
    }
    read_in_steps(buf_str(&body), "B", 100, &out);
    assert_int_equal(out.len, MULTIPART_PARTS_MAX * (sizeof "[a||];" - 1) + 1);
    assert_int_equal(out.data[out.len - 1], '!');
    buf_clear(&body);
    buf_clear(&out);
    buf_append_cstr(&body, "--B\r\nX: ");
    for (int i = 0; i < MULTIPART_HEAD_BYTES_MAX; i++) {
        buf_append_u8(&body, 'x');
    }
    read_in_steps(buf_str(&body), "B", 100, &out);
    assert_int_equal(out.len, 1);
    assert_int_equal(out.data[0], '!');
    buf_deinit(&body);
    buf_deinit(&out);
}

static void boundaries(void **state)
{
    (void)state;
    struct str boundary;
    static const struct {
        const char *type, *boundary;
    } right[] = {
        {"multipart/form-data; boundary=B", "B"},
        {"Multipart/Form-Data;charset=utf-8; BOUNDARY=\"a b?\"", "a b?"},
        {"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", "----WebKitFormBoundary7MA4YWxkTrZu0gW"},
    };
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_true(multipart_boundary(str_from_cstr(right[i].type), &boundary));
        assert_true(str_eq(boundary, str_from_cstr(right[i].boundary)));
    }
    static const char *const wrong[] = {
        "", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=\"a\\b\"",
        "multipart/form-data; boundary", "multipart/form-data boundary=B", "multipart/form-dataX; boundary=B",
        "multipart/mixed; boundary=B", "multipart/form-data; boundary=\"\xc3\xa9\"",
        "multipart/form-data; boundary=01234567890123456789012345678901234567890123456789012345678901234567890",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(multipart_boundary(str_from_cstr(wrong[i]), &boundary));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_and_their_data),
        cmocka_unit_test(data_like_delimiters),
        cmocka_unit_test(names_and_file_names),
        cmocka_unit_test(what_is_no_multipart_body),
        cmocka_unit_test(limits),
        cmocka_unit_test(boundaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
