#include "model/device/talkers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LOOPS_MAX 64
#define WAYS 4
#define SETS 64u
#define WINDOW_MS 10000u
#define WINDOWS_READ (TALKERS_WINDOW_S * 1000u / WINDOW_MS)
#define WINDOWS (WINDOWS_READ + 1) /* the one that is cleared is none of those that are read */

struct set { /* a cache line */
    _Alignas(64) _Atomic int64_t device_no[WAYS]; /* 0: free */
    _Atomic uint32_t count[WAYS], error[WAYS];
};

struct window {
    _Atomic uint64_t number; /* of its ten seconds, plus 1; 0: never used */
    struct set sets[SETS];
};

struct loop_talkers {
    struct window windows[WINDOWS];
};

struct talkers {
    _Atomic(struct loop_talkers *) loops[LOOPS_MAX]; /* made by the loop's first message */
};

struct talkers *talkers_new(void)
{
    return mem_new(struct talkers);
}

void talkers_free(struct talkers *talkers)
{
    for (size_t i = 0; talkers && i < LOOPS_MAX; i++) {
        mem_free(talkers->loops[i]);
    }
    mem_free(talkers);
}

#define GET(place) atomic_load_explicit(&(place), memory_order_relaxed)
#define PUT(place, value) atomic_store_explicit(&(place), value, memory_order_relaxed)

static struct loop_talkers *loop_talkers(struct talkers *talkers, unsigned loop)
{
    struct loop_talkers *own = GET(talkers->loops[loop]);
    if (!own) {
        own = mem_aligned(_Alignof(struct loop_talkers), sizeof *own);
        memset(own, 0, sizeof *own);
        atomic_store_explicit(&talkers->loops[loop], own, memory_order_release);
    }
    return own;
}

static void window_begin(struct window *window, uint64_t number)
{
    PUT(window->number, 0);
    for (size_t i = 0; i < SETS; i++) {
        for (size_t way = 0; way < WAYS; way++) {
            PUT(window->sets[i].device_no[way], 0);
            PUT(window->sets[i].count[way], 0);
            PUT(window->sets[i].error[way], 0);
        }
    }
    atomic_store_explicit(&window->number, number + 1, memory_order_release);
}

void talkers_add(struct talkers *talkers, unsigned loop, int64_t device_no, uint64_t now_ms)
{
    if (!talkers || loop >= LOOPS_MAX) {
        return;
    }
    uint64_t number = now_ms / WINDOW_MS;
    struct window *window = &loop_talkers(talkers, loop)->windows[number % WINDOWS];
    if (GET(window->number) != number + 1) {
        window_begin(window, number);
    }
    struct set *set = &window->sets[(uint64_t)device_no * UINT64_C(0x9e3779b97f4a7c15) >> 58];
    size_t least = 0;
    for (size_t way = 0; way < WAYS; way++) {
        if (GET(set->device_no[way]) == device_no) {
            PUT(set->count[way], GET(set->count[way]) + 1);
            return;
        }
        if (GET(set->count[way]) < GET(set->count[least])) {
            least = way;
        }
    }
    uint32_t inherited = GET(set->count[least]);
    PUT(set->device_no[least], device_no);
    PUT(set->error[least], inherited);
    PUT(set->count[least], inherited + 1);
}

/* --- reading --- */

struct gathered {
    struct talker *items;
    size_t count, room;
};

static void gather_set(struct gathered *all, const struct set *set)
{
    for (size_t way = 0; way < WAYS; way++) {
        int64_t device_no = GET(set->device_no[way]);
        uint32_t count = GET(set->count[way]), error = GET(set->error[way]);
        if (device_no == 0 || count <= error) { /* the latter while it is being replaced */
            continue;
        }
        if (all->count == all->room) {
            all->room = all->room ? all->room * 2 : 256;
            all->items = mem_realloc(all->items, all->room * sizeof *all->items);
        }
        all->items[all->count++] = (struct talker){device_no, count - error};
    }
}

static void gather(struct gathered *all, const struct talkers *talkers, uint64_t newest)
{
    for (size_t i = 0; i < LOOPS_MAX; i++) {
        const struct loop_talkers *own = atomic_load_explicit(&talkers->loops[i], memory_order_acquire);
        for (uint64_t back = 0; own && back < WINDOWS_READ && back <= newest; back++) {
            const struct window *window = &own->windows[(newest - back) % WINDOWS];
            if (atomic_load_explicit(&window->number, memory_order_acquire) != newest - back + 1) {
                continue;
            }
            for (size_t j = 0; j < SETS; j++) {
                gather_set(all, &window->sets[j]);
            }
        }
    }
}

static int by_device(const void *a, const void *b)
{
    int64_t left = ((const struct talker *)a)->device_no, right = ((const struct talker *)b)->device_no;
    return left < right ? -1 : left > right;
}

static int most_first(const void *a, const void *b)
{
    uint64_t left = ((const struct talker *)a)->messages, right = ((const struct talker *)b)->messages;
    return left > right ? -1 : left < right ? 1 : by_device(a, b);
}

size_t talkers_top(const struct talkers *talkers, uint64_t now_ms, struct talker *ret_top, size_t max)
{
    struct gathered all = {.items = NULL};
    if (talkers) {
        gather(&all, talkers, now_ms / WINDOW_MS);
    }
    size_t devices = 0;
    if (all.count > 0) {
        qsort(all.items, all.count, sizeof *all.items, by_device);
    }
    for (size_t i = 0; i < all.count; i++) {
        if (devices > 0 && all.items[devices - 1].device_no == all.items[i].device_no) {
            all.items[devices - 1].messages += all.items[i].messages;
        } else {
            all.items[devices++] = all.items[i];
        }
    }
    if (devices > 0) {
        qsort(all.items, devices, sizeof *all.items, most_first);
    }
    size_t count = devices < max ? devices : max;
    if (count > 0) {
        memcpy(ret_top, all.items, count * sizeof *ret_top);
    }
    mem_free(all.items);
    return count;
}
