/* Intrusive hash map (chained, power-of-two buckets, grows by itself). Keys come from strangers, so hashes are keyed
 * with a random key of the process (SipHash-1-3). Not thread-safe. */
#ifndef MUSTER_BASE_HASHMAP_H
#define MUSTER_BASE_HASHMAP_H

#include "base/str.h"

struct hashmap_node {
    struct hashmap_node *next;
    uint64_t hash;
};

struct hashmap {
    struct hashmap_node **buckets;
    size_t bucket_count;
    size_t count;
};

/* True when the object that holds `node` has this key. */
typedef bool (*hashmap_eq_fn)(const struct hashmap_node *node, const void *key);

uint64_t hash_bytes(const void *ptr, size_t len); /* keyed, any thread */
uint64_t hash_str(struct str s);
uint64_t hash_u64(uint64_t value);
uint64_t hash_siphash13(const uint64_t key[2], const void *ptr, size_t len); /* with a key of the caller's */

void hashmap_init(struct hashmap *map);
void hashmap_deinit(struct hashmap *map); /* frees the buckets, not the nodes */
struct hashmap_node *hashmap_find(const struct hashmap *map, uint64_t hash, hashmap_eq_fn eq, const void *key);
void hashmap_insert(struct hashmap *map, struct hashmap_node *node, uint64_t hash); /* key must not be in it */
void hashmap_remove(struct hashmap *map, struct hashmap_node *node);
/* Iteration in no particular order; the returned node may be removed before the next call. NULL starts and ends it. */
struct hashmap_iter {
    size_t bucket;
    struct hashmap_node *next;
};
struct hashmap_node *hashmap_next(const struct hashmap *map, struct hashmap_iter *iter); /* zeroed iter starts */

#endif
