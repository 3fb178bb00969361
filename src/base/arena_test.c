#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_alloc(void **state)
{
    struct arena arena;
    uint8_t *blocks[200];
    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * 37 % 3000;
        blocks[i] = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < size; k++) {
            assert_int_equal(blocks[i][k], 0);
        }
        memset(blocks[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++) { /* nobody wrote into another's */
        size_t size = i * 37 % 3000;
        for (size_t k = 0; k < size; k++) {
            assert_int_equal(blocks[i][k], (uint8_t)i);
        }
    }
    assert_true(arena.used_bytes >= 200);
    arena_deinit(&arena);
    arena_deinit(&arena);
}

static void test_reset(void **state)
{
    struct arena arena = {0};
    (void)state;
    memset(arena_alloc(&arena, 100), 0xff, 100);
    arena_alloc(&arena, 1 << 20);
    memset(arena_alloc(&arena, 100), 0xff, 100);
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 0);
    const uint8_t *again = arena_alloc(&arena, 300);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(again[i], 0); /* memory used before is zeroed again */
    }
    arena_reset(&arena);
    arena_reset(&arena);
    arena_deinit(&arena);
}

/* A large block must not waste the room left in the current one. */
static void test_large(void **state)
{
    struct arena arena = {0};
    (void)state;
    char *first = arena_alloc(&arena, 16);
    arena_alloc(&arena, 1 << 20);
    char *second = arena_alloc(&arena, 16);
    assert_ptr_equal(second, first + 16);
    arena_deinit(&arena);
}

static void test_strings(void **state)
{
    struct arena arena = {0};
    (void)state;
    struct str copy = arena_str(&arena, str_from("abc", 2));
    assert_int_equal(copy.len, 2);
    assert_string_equal(copy.ptr, "ab");
    assert_string_equal(arena_cstr(&arena, str_from(NULL, 0)), "");
    struct str printed = arena_printf(&arena, "%s-%d", "x", 5);
    assert_int_equal(printed.len, 3);
    assert_string_equal(printed.ptr, "x-5");
    assert_int_equal(arena_printf(&arena, "%5000s", "x").len, 5000);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
