#include "base/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CLASS_STEP_BYTES 32u
#define CLASS_COUNT 32u
#define KEPT_BYTES_MAX (2u * 1024 * 1024) /* a turn with two full receive buffers of small messages */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(HAS_SANITIZER)
static bool keeps = false;
#else
static bool keeps = true;
#endif

struct block {
    struct block *next;
};

struct cache {
    struct block *first[CLASS_COUNT];
    size_t bytes;
    bool is_registered; /* emptied when the thread ends */
};

static _Thread_local struct cache cache;
static pthread_key_t cache_key;
static pthread_once_t cache_key_once = PTHREAD_ONCE_INIT;

void pool_keep_always(bool keep)
{
    keeps = keep;
}

static void cache_empty(void *arg)
{
    struct cache *c = arg;
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        for (struct block *b = c->first[i], *next; b; b = next) {
            next = b->next;
            mem_free(b);
        }
    }
    *c = (struct cache){0};
}

static void cache_key_init(void)
{
    if (pthread_key_create(&cache_key, cache_empty) != 0) {
        abort();
    }
}

static void cache_register(void)
{
    pthread_once(&cache_key_once, cache_key_init);
    pthread_setspecific(cache_key, &cache);
    cache.is_registered = true;
}

/* CLASS_COUNT: too large to be kept. */
static size_t class_of(size_t size)
{
    size_t class = size > 0 ? (size - 1) / CLASS_STEP_BYTES : 0;
    return class < CLASS_COUNT ? class : CLASS_COUNT;
}

void *pool_alloc(size_t size)
{
    size_t class = class_of(size);
    if (class == CLASS_COUNT || !keeps) {
        return mem_alloc(size);
    }
    struct block *block = cache.first[class];
    if (!block) {
        return mem_alloc((class + 1) * CLASS_STEP_BYTES);
    }
    cache.first[class] = block->next;
    cache.bytes -= (class + 1) * CLASS_STEP_BYTES;
    return block;
}

void *pool_zeroed(size_t size)
{
    return memset(pool_alloc(size), 0, size);
}

void pool_free(void *ptr, size_t size)
{
    size_t class = class_of(size);
    if (!ptr) {
        return;
    }
    if (class == CLASS_COUNT || !keeps || cache.bytes >= KEPT_BYTES_MAX) {
        mem_free(ptr);
        return;
    }
    if (!cache.is_registered) {
        cache_register();
    }
    struct block *block = ptr;
    block->next = cache.first[class];
    cache.first[class] = block;
    cache.bytes += (class + 1) * CLASS_STEP_BYTES;
}
