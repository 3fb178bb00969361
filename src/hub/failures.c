/* Buckets of four entries; an entry is one 64-bit word (32 bits of the key's hash, 20 of the window, 12 of the count), so
 * that threads need no lock. The hash is keyed, so nobody can aim at another's entry. */
#include "hub/failures.h"

#include <stdatomic.h>

#include "base/mem.h"

#define BUCKETS 4096u
#define WAYS 4u
#define WINDOW_MS 30000u
#define COUNT_MAX 0xFFFu

struct failures {
    _Atomic uint64_t entries[BUCKETS][WAYS];
};

struct failures *failures_new(void)
{
    return mem_new(struct failures);
}

void failures_free(struct failures *failures)
{
    mem_free(failures);
}

static uint64_t word(uint64_t key_hash, uint64_t window, uint32_t count)
{
    return (key_hash & 0xFFFFFFFF00000000u) | (window & 0xFFFFFu) << 12 | count;
}

static uint32_t count_of(uint64_t entry, uint64_t key_hash, uint64_t window)
{
    return ((entry ^ word(key_hash, window, 0)) & ~(uint64_t)COUNT_MAX) == 0 ? (uint32_t)(entry & COUNT_MAX) : 0;
}

static unsigned find_way(struct failures *failures, uint64_t key_hash, uint64_t window)
{
    unsigned weakest = 0;
    uint64_t weakest_count = UINT64_MAX;
    for (unsigned way = 0; way < WAYS; way++) {
        uint64_t entry = failures->entries[key_hash % BUCKETS][way];
        if (count_of(entry, key_hash, window) > 0) {
            return way;
        }
        uint64_t count = (entry >> 12 & 0xFFFFFu) == (window & 0xFFFFFu) ? entry & COUNT_MAX : 0;
        if (count < weakest_count) {
            weakest_count = count;
            weakest = way;
        }
    }
    return weakest;
}

uint32_t failures_get(struct failures *failures, uint64_t key_hash, uint64_t now_ms)
{
    uint64_t window = now_ms / WINDOW_MS;
    unsigned way = find_way(failures, key_hash, window);
    return count_of(failures->entries[key_hash % BUCKETS][way], key_hash, window);
}

uint32_t failures_count(struct failures *failures, uint64_t key_hash, uint64_t now_ms)
{
    uint64_t window = now_ms / WINDOW_MS;
    unsigned way = find_way(failures, key_hash, window);
    _Atomic uint64_t *place = &failures->entries[key_hash % BUCKETS][way];
    uint64_t before = *place;
    uint32_t count;
    do {
        count = count_of(before, key_hash, window);
        count = count < COUNT_MAX ? count + 1 : COUNT_MAX;
    } while (!atomic_compare_exchange_weak(place, &before, word(key_hash, window, count)));
    return count;
}
