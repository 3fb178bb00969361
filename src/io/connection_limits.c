#include "io/connection_limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/mem.h"

#define SHARDS 16 /* the upper four bits of a hash: the maps use the lower ones */

struct address_key {
    uint8_t bytes[16];
};

struct connection_count {
    struct hashmap_node node;
    struct connection_limits *limits;
    struct address_key key;
    size_t open;
};

struct shard {
    pthread_mutex_t lock;
    struct hashmap counts;
};

struct connection_limits {
    _Atomic size_t total_max;
    _Atomic size_t per_address_max;
    _Atomic size_t total;
    pthread_rwlock_t exempt_lock;
    struct network *exempt;
    size_t exempt_count;
    struct connection_count of_exempt; /* stands for all of them */
    struct shard shards[SHARDS];
};

struct connection_limits *connection_limits_new(size_t total_max, size_t per_address_max, const struct network *exempt,
                                                size_t exempt_count)
{
    struct connection_limits *limits = mem_new(struct connection_limits);
    pthread_rwlock_init(&limits->exempt_lock, NULL);
    limits->of_exempt.limits = limits;
    connection_limits_change(limits, total_max, per_address_max, exempt, exempt_count);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&limits->shards[i].lock, NULL);
        hashmap_init(&limits->shards[i].counts);
    }
    return limits;
}

void connection_limits_free(struct connection_limits *limits)
{
    if (!limits) {
        return;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        struct hashmap_iter iter = {0};
        struct hashmap_node *node;
        while ((node = hashmap_next(&limits->shards[i].counts, &iter))) {
            mem_free(container_of(node, struct connection_count, node));
        }
        hashmap_deinit(&limits->shards[i].counts);
        pthread_mutex_destroy(&limits->shards[i].lock);
    }
    mem_free(limits->exempt);
    pthread_rwlock_destroy(&limits->exempt_lock);
    mem_free(limits);
}

void connection_limits_change(struct connection_limits *limits, size_t total_max, size_t per_address_max,
                              const struct network *exempt, size_t exempt_count)
{
    struct network *copy = mem_dup(exempt, exempt_count * sizeof *exempt);
    limits->total_max = total_max;
    limits->per_address_max = per_address_max;
    pthread_rwlock_wrlock(&limits->exempt_lock);
    struct network *former = limits->exempt;
    limits->exempt = copy;
    limits->exempt_count = exempt_count;
    pthread_rwlock_unlock(&limits->exempt_lock);
    mem_free(former);
}

static bool is_exempt(struct connection_limits *limits, const struct net_address *address)
{
    if (limits->per_address_max == 0 || net_address_is_loopback(address)) {
        return true;
    }
    bool exempt = false;
    pthread_rwlock_rdlock(&limits->exempt_lock);
    for (size_t i = 0; i < limits->exempt_count && !exempt; i++) {
        exempt = network_contains(&limits->exempt[i], address);
    }
    pthread_rwlock_unlock(&limits->exempt_lock);
    return exempt;
}

/* An IPv6 customer owns a /64 at least, so that is one address here. */
static struct address_key key_of(const struct net_address *address)
{
    struct address_key key = {{0}};
    if (address->any.sa_family == AF_INET6) {
        memcpy(key.bytes, address->v6.sin6_addr.s6_addr, 8);
    } else {
        memset(key.bytes + 10, 0xff, 2);
        memcpy(key.bytes + 12, &address->v4.sin_addr, 4);
    }
    return key;
}

static bool key_eq(const struct hashmap_node *node, const void *key)
{
    const struct connection_count *count =
        (const struct connection_count *)(const void *)((const char *)node - offsetof(struct connection_count, node));
    return memcmp(count->key.bytes, ((const struct address_key *)key)->bytes, sizeof count->key.bytes) == 0;
}

static struct connection_count *count_address(struct connection_limits *limits, const struct net_address *address)
{
    struct address_key key = key_of(address);
    uint64_t hash = hash_bytes(key.bytes, sizeof key.bytes);
    struct shard *shard = &limits->shards[hash >> 60];
    pthread_mutex_lock(&shard->lock);
    struct hashmap_node *node = hashmap_find(&shard->counts, hash, key_eq, &key);
    struct connection_count *count = node ? container_of(node, struct connection_count, node) : NULL;
    if (!count) {
        count = mem_new(struct connection_count);
        count->key = key;
        count->limits = limits;
        hashmap_insert(&shard->counts, &count->node, hash);
    }
    if (count->open < limits->per_address_max) {
        count->open++;
    } else {
        count = NULL;
    }
    pthread_mutex_unlock(&shard->lock);
    return count;
}

bool connection_limits_enter(struct connection_limits *limits, const struct net_address *address,
                             struct connection_count **ret_count)
{
    size_t before = atomic_fetch_add_explicit(&limits->total, 1, memory_order_relaxed);
    struct connection_count *count = &limits->of_exempt;
    size_t total_max = limits->total_max;
    bool ok = total_max == 0 || before < total_max;
    if (ok && !is_exempt(limits, address)) {
        count = count_address(limits, address);
        ok = count != NULL;
    }
    if (!ok) {
        atomic_fetch_sub_explicit(&limits->total, 1, memory_order_relaxed);
        return false;
    }
    *ret_count = count;
    return true;
}

void connection_limits_leave(struct connection_count *count)
{
    struct connection_limits *limits = count->limits;
    atomic_fetch_sub_explicit(&limits->total, 1, memory_order_relaxed);
    if (count == &limits->of_exempt) {
        return;
    }
    struct shard *shard = &limits->shards[count->node.hash >> 60];
    pthread_mutex_lock(&shard->lock);
    if (--count->open == 0) {
        hashmap_remove(&shard->counts, &count->node);
        mem_free(count);
    }
    pthread_mutex_unlock(&shard->lock);
}
