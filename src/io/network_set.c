#include <pthread.h>

#include "base/mem.h"
#include "io/net.h"

struct network_set {
    pthread_rwlock_t lock;
    struct network *networks;
    size_t count;
};

struct network_set *network_set_new(const struct network *networks, size_t count)
{
    struct network_set *set = mem_new(struct network_set);
    pthread_rwlock_init(&set->lock, NULL);
    set->networks = mem_dup(networks, count * sizeof *networks);
    set->count = count;
    return set;
}

void network_set_free(struct network_set *set)
{
    if (set) {
        pthread_rwlock_destroy(&set->lock);
        mem_free(set->networks);
        mem_free(set);
    }
}

void network_set_change(struct network_set *set, const struct network *networks, size_t count)
{
    struct network *copy = mem_dup(networks, count * sizeof *networks);
    pthread_rwlock_wrlock(&set->lock);
    struct network *former = set->networks;
    set->networks = copy;
    set->count = count;
    pthread_rwlock_unlock(&set->lock);
    mem_free(former);
}

bool network_set_contains(struct network_set *set, const struct net_address *address)
{
    bool found = false;
    pthread_rwlock_rdlock(&set->lock);
    for (size_t i = 0; i < set->count && !found; i++) {
        found = network_contains(&set->networks[i], address);
    }
    pthread_rwlock_unlock(&set->lock);
    return found;
}
