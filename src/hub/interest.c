#include "hub/interest.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "codec/mqtt/topic.h"

/* What is not used of the table is never touched. */
#define BUCKET_BITS 16
#define BUCKETS (1u << BUCKET_BITS)

struct interest {
    _Atomic int wildcards;
    _Atomic int exact[BUCKETS];
};

/* Quick rather than safe from those who look for collisions: two topics in one bucket cost a message carried in vain. */
static uint32_t bucket_of(struct str topic)
{
    uint64_t hash = topic.len, word;
    const char *at = topic.ptr;
    for (size_t left = topic.len; left > 0; left -= left < sizeof word ? left : sizeof word, at += sizeof word) {
        word = 0;
        memcpy(&word, at, left < sizeof word ? left : sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return (uint32_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> (64 - BUCKET_BITS));
}

struct interest *interest_new(void)
{
    return mem_calloc(1, sizeof(struct interest));
}

void interest_free(struct interest *interest)
{
    mem_free(interest);
}

void interest_count(struct interest *interest, struct str filter, int change)
{
    _Atomic int *counter = topic_has_wildcard(filter) ? &interest->wildcards : &interest->exact[bucket_of(filter)];
    atomic_fetch_add(counter, change);
}

bool interest_is_possible(const struct interest *interest, struct str topic)
{
    return atomic_load_explicit(&interest->exact[bucket_of(topic)], memory_order_relaxed) > 0 ||
           atomic_load_explicit(&interest->wildcards, memory_order_relaxed) > 0;
}
