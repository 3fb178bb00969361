#include "api/upload_slots.h"

#include <pthread.h>

#include "base/hashmap.h"
#include "base/mem.h"

struct slot {
    struct hashmap_node node;
    uint64_t who, count; /* count is never 0 */
};

struct upload_slots {
    pthread_mutex_t lock;
    struct hashmap map;
};

struct upload_slots *upload_slots_new(void)
{
    struct upload_slots *slots = mem_new(struct upload_slots);
    pthread_mutex_init(&slots->lock, NULL);
    hashmap_init(&slots->map);
    return slots;
}

void upload_slots_free(struct upload_slots *slots)
{
    if (!slots) {
        return;
    }
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&slots->map, &iter));) {
        mem_free(container_of(node, struct slot, node));
    }
    hashmap_deinit(&slots->map);
    pthread_mutex_destroy(&slots->lock);
    mem_free(slots);
}

static bool is_of(const struct hashmap_node *node, const void *who)
{
    return container_of_const(node, struct slot, node)->who == *(const uint64_t *)who;
}

static struct slot *slot_of(struct upload_slots *slots, uint64_t who)
{
    struct hashmap_node *node = hashmap_find(&slots->map, hash_u64(who), is_of, &who);
    return node ? container_of(node, struct slot, node) : NULL;
}

bool upload_slots_take(struct upload_slots *slots, uint64_t who, uint64_t max)
{
    pthread_mutex_lock(&slots->lock);
    struct slot *slot = slot_of(slots, who);
    bool may = !slot || !max || slot->count < max;
    if (may && !slot) {
        slot = mem_new(struct slot);
        slot->who = who;
        hashmap_insert(&slots->map, &slot->node, hash_u64(who));
    }
    slot->count += may;
    pthread_mutex_unlock(&slots->lock);
    return may;
}

void upload_slots_give(struct upload_slots *slots, uint64_t who)
{
    pthread_mutex_lock(&slots->lock);
    struct slot *slot = slot_of(slots, who);
    if (slot && --slot->count == 0) {
        hashmap_remove(&slots->map, &slot->node);
        mem_free(slot);
    }
    pthread_mutex_unlock(&slots->lock);
}
