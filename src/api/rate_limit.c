#include "api/rate_limit.h"

#include <pthread.h>

#include "base/mem.h"

#define SHARDS 16
#define SETS_PER_SHARD 512
#define WAYS 8

struct counter {
    uint64_t key;
    uint64_t began_ms; /* 0: free */
    uint64_t count;
};

struct shard {
    pthread_mutex_t lock;
    struct counter counters[SETS_PER_SHARD][WAYS];
};

struct rate_limit {
    struct shard shards[SHARDS]; /* memory that nobody has touched is not resident */
};

struct rate_limit *rate_limit_new(void)
{
    struct rate_limit *limit = mem_new(struct rate_limit);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&limit->shards[i].lock, NULL);
    }
    return limit;
}

void rate_limit_free(struct rate_limit *limit)
{
    if (limit) {
        for (size_t i = 0; i < SHARDS; i++) {
            pthread_mutex_destroy(&limit->shards[i].lock);
        }
        mem_free(limit);
    }
}

/* The counter of this key, or the one that it may have: free, over, or else the oldest. */
static struct counter *counter_of(struct counter *set, uint64_t key, uint64_t now_ms)
{
    struct counter *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct counter *counter = &set[i];
        if (counter->began_ms && now_ms - counter->began_ms >= RATE_WINDOW_MS) {
            counter->began_ms = 0;
        }
        if (counter->began_ms && counter->key == key) {
            return counter;
        }
        if (counter->began_ms < oldest->began_ms) {
            oldest = counter;
        }
    }
    *oldest = (struct counter){key, now_ms, 0};
    return oldest;
}

bool rate_limit_take(struct rate_limit *limit, uint64_t key, uint64_t max, uint64_t now_ms, unsigned *ret_retry_after_s)
{
    if (max == 0) {
        return true;
    }
    now_ms = now_ms ? now_ms : 1;
    struct shard *shard = &limit->shards[key % SHARDS];
    pthread_mutex_lock(&shard->lock);
    struct counter *counter = counter_of(shard->counters[key / SHARDS % SETS_PER_SHARD], key, now_ms);
    bool ok = counter->count < max;
    if (ok) {
        counter->count++;
    } else {
        *ret_retry_after_s = (unsigned)((counter->began_ms + RATE_WINDOW_MS - now_ms + 999) / 1000);
    }
    pthread_mutex_unlock(&shard->lock);
    return ok;
}
