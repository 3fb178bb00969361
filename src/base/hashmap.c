/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; one compression and three finalisation
 * rounds, as hash tables of Rust, Python and Ruby use it) and a chained table with power-of-two buckets. */
#include "base/hashmap.h"

#include <assert.h>
#include <pthread.h>

#include "base/crypto.h"
#include "base/mem.h"

#define BUCKETS_FIRST 8

static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void hash_key_init(void)
{
    random_bytes(hash_key, sizeof hash_key);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

uint64_t hash_siphash13(const uint64_t key[2], const void *ptr, size_t len)
{
    struct sip s = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
                    key[1] ^ 0x7465646279746573u};
    const uint8_t *bytes = ptr;
    size_t whole = len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word; /* little-endian machines only: the value never leaves the process */
        memcpy(&word, bytes + i, 8);
        sip_word(&s, word);
    }
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = whole; i < len; i++) {
        last |= (uint64_t)bytes[i] << (8 * (i - whole));
    }
    sip_word(&s, last);
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_bytes(const void *ptr, size_t len)
{
    pthread_once(&hash_key_once, hash_key_init);
    return hash_siphash13(hash_key, ptr, len);
}

uint64_t hash_str(struct str s)
{
    return hash_bytes(s.ptr, s.len);
}

uint64_t hash_u64(uint64_t value)
{
    return hash_bytes(&value, sizeof value);
}

void hashmap_init(struct hashmap *map)
{
    *map = (struct hashmap){NULL, 0, 0};
}

void hashmap_deinit(struct hashmap *map)
{
    mem_free(map->buckets);
    hashmap_init(map);
}

static struct hashmap_node **bucket_of(const struct hashmap *map, uint64_t hash)
{
    return &map->buckets[hash & (map->bucket_count - 1)];
}

struct hashmap_node *hashmap_find(const struct hashmap *map, uint64_t hash, hashmap_eq_fn eq, const void *key)
{
    if (map->count == 0) {
        return NULL;
    }
    for (struct hashmap_node *node = *bucket_of(map, hash); node; node = node->next) {
        if (node->hash == hash && eq(node, key)) {
            return node;
        }
    }
    return NULL;
}

static void bucket_push(struct hashmap *map, struct hashmap_node *node)
{
    struct hashmap_node **bucket = bucket_of(map, node->hash);
    node->next = *bucket;
    *bucket = node;
}

static void hashmap_grow(struct hashmap *map)
{
    struct hashmap old = *map;
    map->bucket_count = old.bucket_count ? old.bucket_count * 2 : BUCKETS_FIRST;
    map->buckets = mem_calloc(map->bucket_count, sizeof *map->buckets);
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct hashmap_node *node = old.buckets[i];
        while (node) {
            struct hashmap_node *next = node->next;
            bucket_push(map, node);
            node = next;
        }
    }
    mem_free(old.buckets);
}

void hashmap_insert(struct hashmap *map, struct hashmap_node *node, uint64_t hash)
{
    if (map->count >= map->bucket_count) {
        hashmap_grow(map);
    }
    node->hash = hash;
    bucket_push(map, node);
    map->count++;
}

void hashmap_remove(struct hashmap *map, struct hashmap_node *node)
{
    assert(map->count > 0);
    struct hashmap_node **at = bucket_of(map, node->hash);
    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    map->count--;
}

struct hashmap_node *hashmap_next(const struct hashmap *map, struct hashmap_iter *iter)
{
    struct hashmap_node *node = iter->next;
    while (!node && iter->bucket < map->bucket_count) {
        node = map->buckets[iter->bucket++];
    }
    iter->next = node ? node->next : NULL;
    return node;
}
