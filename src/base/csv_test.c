#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { FIELDS_MAX = 4 };

/* All records as "a|b\n..."; "!" at the end for a fault. */
static void assert_reads(const char *text, const char *expected)
{
    struct csv_reader reader;
    struct arena arena;
    struct str fields[FIELDS_MAX];
    struct buf out;
    size_t count;
    arena_init(&arena);
    buf_init(&out, 65536);
    csv_reader_init(&reader, str_from_cstr(text));
    while (csv_read(&reader, &arena, fields, FIELDS_MAX, &count)) {
        for (size_t i = 0; i < count; i++) {
            buf_append_cstr(&out, i ? "|" : "");
            buf_append_str(&out, fields[i]);
        }
        buf_append_cstr(&out, "\n");
    }
    if (count == SIZE_MAX) {
        buf_append_cstr(&out, "!");
    }
    buf_append_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buf_deinit(&out);
    arena_deinit(&arena);
}

static void test_reading(void **state)
{
    (void)state;
    assert_reads("", "");
    assert_reads("\r\n\n", "");
    assert_reads("a,b\r\nc, d \n", "a|b\nc|d\n");
    assert_reads("a,b\n1,2", "a|b\n1|2\n");
    assert_reads("\xef\xbb\xbf" "a;b\n1,5;2\n", "a|b\n1,5|2\n");
    assert_reads("a\tb\n", "a|b\n");
    assert_reads("\"a,\"\"b\"\"\n\",c\n", "a,\"b\"\n|c\n");
    assert_reads("a,\n,b\n", "a|\n|b\n");
    assert_reads("\"\" ,x\n", "|x\n");
    assert_reads("a\n\"open", "a\n!");
    assert_reads("1,2,3,4,5\n", "!");
}

static void assert_writes(const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out, 65536);
    csv_write(&out, str_from_cstr(text));
    buf_append_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buf_deinit(&out);
}

static void test_writing(void **state)
{
    (void)state;
    assert_writes("plain", "plain");
    assert_writes("", "");
    assert_writes("a,b", "\"a,b\"");
    assert_writes("say \"hi\"", "\"say \"\"hi\"\"\"");
    assert_writes("=1+1", "'=1+1");
    assert_writes("@SUM(A1;B1)", "\"'@SUM(A1;B1)\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading), cmocka_unit_test(test_writing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
