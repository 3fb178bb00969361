#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/slab.h"

/* How many objects begin on a page that is in memory. The process's resident memory would not do: sanitizers keep more
 * about freed memory than it had. */
static size_t resident_objects(void *const *all, size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), resident = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned char in_memory = 0;
        char *begin = (char *)all[i] - (uintptr_t)all[i] % page;
        assert_int_equal(mincore(begin, page, &in_memory), 0);
        resident += in_memory & 1;
    }
    return resident;
}

static void every_size_has_its_room(void **state)
{
    (void)state;
    enum { SIZES = SLAB_BYTES_MAX + 100 };
    static uint8_t *all[SIZES];
    for (int round = 0; round < 2; round++) {
        for (size_t size = 0; size < SIZES; size++) {
            all[size] = slab_alloc(size);
            assert_int_equal((uintptr_t)all[size] % (size % 16 == 0 ? 16 : 8), 0);
            memset(all[size], (int)size, size);
        }
        for (size_t size = 0; size < SIZES; size++) {
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(all[size][i], (uint8_t)size);
            }
            slab_free(all[size]);
        }
    }
    slab_free(NULL);
}

static void neighbours_lie_side_by_side(void **state)
{
    (void)state;
    uint8_t *a = slab_alloc(168), *b = slab_alloc(168);
    assert_ptr_equal(b, a + 168);
    slab_free(a);
    uint8_t *c = slab_zeroed(168);
    assert_ptr_equal(c, a);
    for (int i = 0; i < 168; i++) {
        assert_int_equal(c[i], 0);
    }
    slab_free(b);
    slab_free(c);
}

static void it_knows_what_it_has_given_out(void **state)
{
    (void)state;
    enum { MANY = 1000 }; /* of several pieces */
    void *all[MANY];
    size_t before = slab_used_bytes();
    for (int i = 0; i < MANY; i++) {
        all[i] = slab_alloc(700);
    }
    assert_int_equal(slab_used_bytes() - before, MANY * (size_t)704);
    for (int i = 0; i < MANY; i++) {
        slab_free(all[i]);
    }
    assert_int_equal(slab_used_bytes(), before);
}

static void growing_keeps_what_was_in_it(void **state)
{
    (void)state;
    uint8_t *bytes = slab_realloc(NULL, 1);
    bytes[0] = 0;
    for (size_t size = 2; size < 2 * SLAB_BYTES_MAX; size++) {
        bytes = slab_realloc(bytes, size);
        bytes[size - 1] = (uint8_t)(size - 1);
    }
    for (size_t size = 2 * SLAB_BYTES_MAX - 1; size > 0; size--) {
        bytes = slab_realloc(bytes, size);
        assert_int_equal(bytes[size - 1], (uint8_t)(size - 1));
    }
    slab_free(bytes);
}

static void freed_memory_goes_back(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static void *all[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        all[i] = slab_alloc(2000);
        memset(all[i], 1, 2000);
    }
    assert_int_equal(resident_objects(all, COUNT), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        slab_free(all[i]);
    }
    assert_true(resident_objects(all, COUNT) < COUNT / 5); /* a page of each piece stays */
}

enum { MANY = 20000 };

static void *free_and_take(void *arg)
{
    uint32_t **all = arg;
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(*all[i], i);
        slab_free(all[i]);
        all[i] = slab_alloc(48);
        *all[i] = i;
    }
    return NULL;
}

static void threads_share_them(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    static uint32_t *all[THREADS][MANY];
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        for (uint32_t i = 0; i < MANY; i++) {
            all[t][i] = slab_alloc(48);
            *all[t][i] = i;
        }
    }
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, free_and_take, all[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        for (uint32_t i = 0; i < MANY; i++) {
            assert_int_equal(*all[t][i], i);
            slab_free(all[t][i]);
        }
    }
}

static void what_malloc_made_is_freed_too(void **state)
{
    (void)state;
    slab_use_always(false);
    char *made = slab_alloc(100);
    slab_use_always(true);
    made = slab_realloc(made, 200);
    slab_free(made);
}

int main(void)
{
    slab_use_always(true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_has_its_room),       cmocka_unit_test(neighbours_lie_side_by_side),
        cmocka_unit_test(it_knows_what_it_has_given_out),
        cmocka_unit_test(growing_keeps_what_was_in_it),  cmocka_unit_test(freed_memory_goes_back),
        cmocka_unit_test(threads_share_them),            cmocka_unit_test(what_malloc_made_is_freed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
