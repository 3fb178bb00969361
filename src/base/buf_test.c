#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "base/mem.h"

static void test_append(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 1000);
    assert_null(buf.data);
    buf_append_str(&buf, STR("ab"));
    buf_append_cstr(&buf, "c");
    buf_append_u8(&buf, 'd');
    buf_append_cstr(&buf, "efghij");
    buf_printf(&buf, "%d%s", 12, "x");
    buf_append(&buf, NULL, 0);
    assert_true(str_eq(buf_str(&buf), STR("abcdefghij12x")));
    buf_consume(&buf, 3);
    assert_true(str_eq(buf_str(&buf), STR("defghij12x")));
    buf_consume(&buf, buf.len);
    assert_int_equal(buf.len, 0);
    buf_deinit(&buf);
    buf_deinit(&buf);
}

static void test_maximum(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 100);
    for (int i = 0; i < 100; i++) {
        buf_append_u8(&buf, (uint8_t)i);
    }
    assert_false(buf.failed);
    assert_true(buf.cap <= 100);
    assert_true(buf_reserve(&buf, 0));
    assert_false(buf_reserve(&buf, 1));
    assert_true(buf.failed);
    buf_consume(&buf, 50);
    buf_append_u8(&buf, 1); /* failure is sticky although there is room now */
    assert_int_equal(buf.len, 50);
    buf_clear(&buf);
    assert_false(buf.failed);
    assert_false(buf_reserve(&buf, SIZE_MAX));
    buf_deinit(&buf);
}

static void test_zeroed(void **state)
{
    struct buf buf = {0};
    (void)state;
    buf_append_u8(&buf, 1);
    assert_true(buf.failed);
    assert_int_equal(buf_str(&buf).len, 0);
    buf_deinit(&buf);
}

static void test_printf(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 300);
    buf_printf(&buf, "%300s", "x"); /* fits to the byte, without its NUL */
    assert_false(buf.failed);
    assert_int_equal(buf.len, 300);
    assert_int_equal(buf.data[299], 'x');
    buf_clear(&buf);
    buf_printf(&buf, "%301s", "x");
    assert_true(buf.failed);
    assert_int_equal(buf.len, 0);
    buf_deinit(&buf);
}

static void test_take(void **state)
{
    struct buf buf;
    size_t len;
    (void)state;
    buf_init(&buf, 10);
    buf_append_cstr(&buf, "abc");
    uint8_t *data = buf_take(&buf, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(data, "abc", 3);
    mem_free(data);
    buf_append_cstr(&buf, "0123456789");
    assert_false(buf.failed);
    buf_deinit(&buf);
}

static void test_cursor(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 'a', 'b', 9};
    struct cursor c = cursor_make(bytes, sizeof bytes);
    (void)state;
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0203);
    assert_int_equal(cursor_u32(&c), 0x04050607);
    assert_true(str_eq(cursor_str(&c, 2), STR("ab")));
    struct cursor sub = cursor_sub(&c, 1);
    assert_int_equal(cursor_left(&sub), 1);
    assert_int_equal(cursor_u16(&sub), 0);
    assert_true(sub.failed);
    assert_int_equal(cursor_u8(&sub), 0); /* sticky */
    assert_int_equal(cursor_left(&sub), 0);
    assert_false(c.failed);
    assert_null(cursor_bytes(&c, SIZE_MAX));
    assert_true(c.failed);
    c = cursor_make(NULL, 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_true(c.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append), cmocka_unit_test(test_maximum), cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_printf), cmocka_unit_test(test_take),    cmocka_unit_test(test_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
