#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/pool.h"

static void what_was_freed_is_used_again(void **state)
{
    (void)state;
    char *a = pool_alloc(100);
    memset(a, 1, 100);
    pool_free(a, 100);
    assert_ptr_equal(pool_alloc(97), a);
    char *b = pool_zeroed(128);
    assert_ptr_not_equal(b, a);
    pool_free(a, 97);
    char *c = pool_zeroed(128); /* the same class */
    assert_ptr_equal(c, a);
    for (int i = 0; i < 128; i++) {
        assert_int_equal(c[i], 0);
    }
    pool_free(b, 128);
    pool_free(c, 128);
    pool_free(NULL, 128);
}

static void every_size_has_its_room(void **state)
{
    (void)state;
    enum { SIZES = 1200 };
    static char *all[SIZES];
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < SIZES; size++) {
            all[size] = pool_alloc(size);
            memset(all[size], (int)size, size);
        }
        for (size_t size = 0; size < SIZES; size++) {
            for (size_t i = 0; i < size; i++) {
                assert_int_equal((uint8_t)all[size][i], (uint8_t)size);
            }
            pool_free(all[size], size);
        }
    }
}

enum { MANY = 10000 };

static void *free_all(void *arg)
{
    void **all = arg;
    for (int i = 0; i < MANY; i++) {
        pool_free(all[i], 300);
    }
    return NULL;
}

/* What it keeps is limited and ends with it: the leak check at the end sees to that. */
static void another_thread_may_free(void **state)
{
    (void)state;
    static void *all[MANY];
    pthread_t thread;
    for (int i = 0; i < MANY; i++) {
        all[i] = pool_alloc(300);
    }
    assert_int_equal(pthread_create(&thread, NULL, free_all, all), 0);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_freed_is_used_again),
        cmocka_unit_test(every_size_has_its_room),
        cmocka_unit_test(another_thread_may_free),
    };
    pool_keep_always(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
