#include "base/hashmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

struct item {
    struct hashmap_node node;
    uint64_t key;
};

static const struct item *item_of(const struct hashmap_node *node)
{
    return (const struct item *)(const void *)node; /* the node comes first */
}

static bool item_eq(const struct hashmap_node *node, const void *key)
{
    return item_of(node)->key == *(const uint64_t *)key;
}

static struct hashmap_node *find(const struct hashmap *map, uint64_t key)
{
    return hashmap_find(map, hash_u64(key), item_eq, &key);
}

static void test_insert_find_remove(void **state)
{
    enum { COUNT = 5000 };
    static struct item items[COUNT];
    struct hashmap map;
    (void)state;
    hashmap_init(&map);
    assert_null(find(&map, 1));
    for (uint64_t i = 0; i < COUNT; i++) {
        items[i].key = i * 3;
        hashmap_insert(&map, &items[i].node, hash_u64(i * 3));
    }
    assert_int_equal(map.count, COUNT);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(find(&map, i * 3), &items[i].node);
        assert_null(find(&map, i * 3 + 1));
    }
    for (uint64_t i = 0; i < COUNT; i += 2) {
        hashmap_remove(&map, &items[i].node);
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_int_equal(find(&map, i * 3) != NULL, i % 2);
    }
    hashmap_deinit(&map);
    assert_null(find(&map, 3));
}

static void test_same_hash(void **state)
{
    struct item items[50] = {0};
    struct hashmap map;
    (void)state;
    hashmap_init(&map);
    for (uint64_t i = 0; i < 50; i++) {
        items[i].key = i;
        hashmap_insert(&map, &items[i].node, 42);
    }
    for (uint64_t i = 0; i < 50; i++) {
        assert_ptr_equal(hashmap_find(&map, 42, item_eq, &i), &items[i].node);
    }
    hashmap_remove(&map, &items[25].node);
    uint64_t removed = 25;
    assert_null(hashmap_find(&map, 42, item_eq, &removed));
    hashmap_deinit(&map);
}

static void test_iteration_with_removal(void **state)
{
    enum { COUNT = 300 };
    struct item items[COUNT] = {0};
    struct hashmap map;
    struct hashmap_iter iter = {0};
    size_t seen = 0;
    (void)state;
    hashmap_init(&map);
    assert_null(hashmap_next(&map, &iter));
    for (uint64_t i = 0; i < COUNT; i++) {
        items[i].key = i;
        hashmap_insert(&map, &items[i].node, i < 20 ? 7 : hash_u64(i));
    }
    iter = (struct hashmap_iter){0};
    for (struct hashmap_node *node = hashmap_next(&map, &iter); node; node = hashmap_next(&map, &iter)) {
        seen++;
        if (item_of(node)->key % 3 == 0) {
            hashmap_remove(&map, node);
        }
    }
    assert_int_equal(seen, COUNT);
    assert_int_equal(map.count, COUNT - COUNT / 3);
    hashmap_deinit(&map);
}

/* Key 00 01 .. 0f, input 00 01 .. n-1: the vectors that Rust's standard library tests its SipHash-1-3 with. */
static void test_siphash(void **state)
{
    static const uint64_t expected[] = {UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
                                        UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
                                        UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
                                        UINT64_C(0x25a48eb36c063de4)};
    uint8_t bytes[16];
    uint64_t key[2];
    (void)state;
    for (uint8_t i = 0; i < 16; i++) {
        bytes[i] = i;
    }
    memcpy(key, bytes, sizeof key);
    for (size_t len = 0; len < sizeof expected / sizeof expected[0]; len++) {
        assert_int_equal(hash_siphash13(key, bytes, len), expected[len]);
    }
}

static void test_hash(void **state)
{
    (void)state;
    assert_int_equal(hash_str(STR("abc")), hash_bytes("abc", 3));
    assert_int_not_equal(hash_str(STR("abc")), hash_str(STR("abd")));
    assert_int_not_equal(hash_str(STR("")), hash_bytes("\0", 1));
    assert_int_equal(hash_str(str_from(NULL, 0)), hash_str(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_insert_find_remove),
        cmocka_unit_test(test_same_hash),
        cmocka_unit_test(test_iteration_with_removal),
        cmocka_unit_test(test_siphash),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
