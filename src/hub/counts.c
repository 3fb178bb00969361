#include "hub/counts.h"

#include <pthread.h>

#include "base/hashmap.h"
#include "base/mem.h"

struct count {
    struct hashmap_node map;
    enum party party;
    int64_t tenant_no;
    size_t sessions;
};

struct session_counts {
    pthread_mutex_t lock;
    struct hashmap map;
};

struct session_counts *session_counts_new(void)
{
    struct session_counts *counts = mem_new(struct session_counts);
    pthread_mutex_init(&counts->lock, NULL);
    hashmap_init(&counts->map);
    return counts;
}

void session_counts_free(struct session_counts *counts)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&counts->map, &iter)) != NULL;) {
        hashmap_remove(&counts->map, node);
        mem_free(container_of(node, struct count, map));
    }
    hashmap_deinit(&counts->map);
    pthread_mutex_destroy(&counts->lock);
    mem_free(counts);
}

static bool count_eq(const struct hashmap_node *node, const void *key)
{
    const struct count *a = (const struct count *)node;
    const struct count *b = key;
    return a->party == b->party && a->tenant_no == b->tenant_no;
}

static struct count *count_find(const struct session_counts *counts, enum party party, int64_t tenant_no)
{
    struct count key = {.party = party, .tenant_no = tenant_no};
    return (struct count *)hashmap_find(&counts->map, hash_u64((uint64_t)tenant_no), count_eq, &key);
}

void session_counts_change(struct session_counts *counts, enum party party, int64_t tenant_no, int change)
{
    pthread_mutex_lock(&counts->lock);
    struct count *c = count_find(counts, party, tenant_no);
    if (!c) {
        c = mem_new(struct count);
        c->party = party;
        c->tenant_no = tenant_no;
        hashmap_insert(&counts->map, &c->map, hash_u64((uint64_t)tenant_no));
    }
    c->sessions = (size_t)((int64_t)c->sessions + change);
    if (c->sessions == 0) {
        hashmap_remove(&counts->map, &c->map);
        mem_free(c);
    }
    pthread_mutex_unlock(&counts->lock);
}

size_t session_counts_get(struct session_counts *counts, enum party party, int64_t tenant_no)
{
    pthread_mutex_lock(&counts->lock);
    const struct count *c = count_find(counts, party, tenant_no);
    size_t sessions = c ? c->sessions : 0;
    pthread_mutex_unlock(&counts->lock);
    return sessions;
}
