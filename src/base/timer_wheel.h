/* Hierarchical timer wheel over a clock that the caller supplies, in milliseconds. Setting and cancelling cost O(1).
 * Timers fire rounded up, never early. One owner thread. */
#ifndef MUSTER_BASE_TIMER_WHEEL_H
#define MUSTER_BASE_TIMER_WHEEL_H

#include <stdint.h>

#include "base/list.h"

struct timer {
    struct list node; /* zeroed: not set */
    uint64_t due_ms;
    void (*on_due)(struct timer *timer, uint64_t now_ms); /* the timer is unset when this is called */
};

#define TIMER_WHEEL_LEVELS 6
#define TIMER_WHEEL_SLOTS 64
struct timer_wheel {
    uint64_t now_ms;
    size_t count;
    uint64_t occupied[TIMER_WHEEL_LEVELS]; /* a bit per slot */
    struct list slots[TIMER_WHEEL_LEVELS][TIMER_WHEEL_SLOTS];
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms); /* re-arms a set timer */
void timer_cancel(struct timer_wheel *wheel, struct timer *timer);               /* nothing if not set */
static inline bool timer_is_set(const struct timer *timer)
{
    return list_is_linked(&timer->node);
}
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms); /* fires everything due up to now */
/* When to call timer_wheel_advance next at the latest (may be earlier than the first due timer); UINT64_MAX: never. */
uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel);

#endif
