#include "io/connection_limits.h"

#include <assert.h>
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
    struct network_set *exempt;
    struct connection_count of_exempt; /* stands for all of them */
    struct shard shards[SHARDS];
};

struct connection_limits *connection_limits_new(size_t total_max, size_t per_address_max, const struct network *exempt,
                                                size_t exempt_count)
{
    struct connection_limits *limits = mem_new(struct connection_limits);
    limits->of_exempt.limits = limits;
    limits->exempt = network_set_new(exempt, exempt_count);
    limits->total_max = total_max;
    limits->per_address_max = per_address_max;
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
    network_set_free(limits->exempt);
    mem_free(limits);
}

void connection_limits_change(struct connection_limits *limits, size_t total_max, size_t per_address_max,
                              const struct network *exempt, size_t exempt_count)
{
    limits->total_max = total_max;
    limits->per_address_max = per_address_max;
    network_set_change(limits->exempt, exempt, exempt_count);
}

static bool is_exempt(struct connection_limits *limits, const struct net_address *address)
{
    return limits->per_address_max == 0 || net_address_is_loopback(address) || network_set_contains(limits->exempt, address);
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

static bool enter_total(struct connection_limits *limits)
{
    size_t before = atomic_fetch_add_explicit(&limits->total, 1, memory_order_relaxed);
    size_t total_max = limits->total_max;
    if (total_max == 0 || before < total_max) {
        return true;
    }
    atomic_fetch_sub_explicit(&limits->total, 1, memory_order_relaxed);
    return false;
}

bool connection_limits_enter(struct connection_limits *limits, const struct net_address *address,
                             struct connection_count **ret_count)
{
    struct connection_count *count;
    if (!connection_limits_enter_unknown(limits, &count)) {
        return false;
    }
    if (!connection_limits_identify(&count, address)) {
        connection_limits_leave(count);
        return false;
    }
    *ret_count = count;
    return true;
}

bool connection_limits_enter_unknown(struct connection_limits *limits, struct connection_count **ret_count)
{
    if (!enter_total(limits)) {
        return false;
    }
    *ret_count = &limits->of_exempt;
    return true;
}

bool connection_limits_identify(struct connection_count **count, const struct net_address *address)
{
    struct connection_limits *limits = (*count)->limits;
    assert(*count == &limits->of_exempt);
    if (is_exempt(limits, address)) {
        return true;
    }
    struct connection_count *own = count_address(limits, address);
    if (!own) {
        return false;
    }
    *count = own;
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
