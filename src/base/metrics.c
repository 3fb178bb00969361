#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

/* Shards are never freed: a thread that ends leaves its counts, and its shard to the next thread that begins. */
_Thread_local struct metric_shard *metric_own;
static _Atomic(struct metric_shard *) shards;
static pthread_key_t shard_key;
static pthread_once_t shard_key_once = PTHREAD_ONCE_INIT;

static void shard_leave(void *shard)
{
    metric_own = NULL;
    atomic_store_explicit(&((struct metric_shard *)shard)->taken, false, memory_order_release);
}

static void shard_key_init(void)
{
    if (pthread_key_create(&shard_key, shard_leave) != 0) {
        abort();
    }
}

static struct metric_shard *shard_find_free(void)
{
    for (struct metric_shard *s = atomic_load(&shards); s; s = s->next) {
        if (!atomic_exchange(&s->taken, true)) {
            return s;
        }
    }
    return NULL;
}

static struct metric_shard *shard_new(void)
{
    struct metric_shard *s = mem_aligned(_Alignof(struct metric_shard), sizeof *s);
    *s = (struct metric_shard){.taken = true};
    s->next = atomic_load(&shards);
    while (!atomic_compare_exchange_weak(&shards, &s->next, s)) {
    }
    return s;
}

struct metric_shard *metric_shard_take(void)
{
    struct metric_shard *s = shard_find_free();
    metric_own = s ? s : shard_new();
    pthread_once(&shard_key_once, shard_key_init);
    pthread_setspecific(shard_key, metric_own);
    return metric_own;
}

int64_t metric_get(enum metric metric)
{
    int64_t sum = 0;
    for (struct metric_shard *s = atomic_load(&shards); s; s = s->next) {
        sum += atomic_load_explicit(&s->values[metric], memory_order_relaxed);
    }
    return sum;
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
} metric_table[METRIC_COUNT] = {
#define METRIC_ROW(id, name, type, help) [METRIC_##id] = {name, type, help},
    METRICS(METRIC_ROW)
#undef METRIC_ROW
};

void metrics_render(struct buf *out)
{
    for (unsigned i = 0; i < METRIC_COUNT; i++) {
        const char *name = metric_table[i].name;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, metric_table[i].help, name, metric_table[i].type);
        buf_printf(out, "%s %" PRId64 "\n", name, metric_get((enum metric)i));
    }
}
