/* A timer lives at the level of the highest 6-bit digit in which its due time differs from now: level 0 slots are one
 * millisecond wide, level 1 slots 64, and so on; the slot is that digit of the due time. So everything at a lower
 * level is due before anything at a higher one, and the next event is the lowest bit of the lowest occupied level.
 * When time reaches a slot above level 0, its timers are sorted into the levels below. The top level is circular and
 * takes timers that are further away than it reaches at its far end, from where they are sorted in again. */
#include "base/timer_wheel.h"

#include <assert.h>

#define SLOT_BITS 6
#define SLOT_MASK (TIMER_WHEEL_SLOTS - 1)
#define TOP (TIMER_WHEEL_LEVELS - 1)
#define TOP_SHIFT (SLOT_BITS * TOP)

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
    wheel->now_ms = now_ms;
    wheel->count = 0;
    for (unsigned level = 0; level < TIMER_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < TIMER_WHEEL_SLOTS; slot++) {
            list_init(&wheel->slots[level][slot]);
        }
    }
}

static void wheel_put(struct timer_wheel *wheel, struct timer *timer)
{
    uint64_t now = wheel->now_ms;
    uint64_t due = timer->due_ms > now ? timer->due_ms : now;
    uint64_t top_distance = (due >> TOP_SHIFT) - (now >> TOP_SHIFT);
    unsigned level = TOP;
    uint64_t digit;
    if (top_distance > 0) {
        digit = (now >> TOP_SHIFT) + (top_distance < SLOT_MASK ? top_distance : SLOT_MASK);
    } else {
        uint64_t differing = (due ^ now) | 1;
        level = (unsigned)(63 - __builtin_clzll(differing)) / SLOT_BITS;
        digit = due >> (SLOT_BITS * level);
    }
    unsigned slot = (unsigned)(digit & SLOT_MASK);
    list_append(&wheel->slots[level][slot], &timer->node);
    wheel->occupied[level] |= UINT64_C(1) << slot;
}

/* The last timer of a list has the list's head on both sides. */
static void wheel_take(struct timer_wheel *wheel, struct timer *timer)
{
    struct list *neighbour = timer->node.prev;
    bool was_alone = neighbour == timer->node.next;
    list_remove(&timer->node);
    const struct list *first = &wheel->slots[0][0];
    const struct list *end = first + TIMER_WHEEL_LEVELS * TIMER_WHEEL_SLOTS;
    if (was_alone && neighbour >= first && neighbour < end) {
        size_t index = (size_t)(neighbour - first);
        wheel->occupied[index / TIMER_WHEEL_SLOTS] &= ~(UINT64_C(1) << (index % TIMER_WHEEL_SLOTS));
    }
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
    if (timer_is_set(timer)) {
        wheel_take(wheel, timer);
        wheel->count--;
    }
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms)
{
    assert(timer->on_due);
    timer_cancel(wheel, timer);
    timer->due_ms = due_ms;
    wheel_put(wheel, timer);
    wheel->count++;
}

struct event {
    uint64_t at_ms; /* when the slot begins */
    unsigned level;
    unsigned slot;
};

static bool next_event(const struct timer_wheel *wheel, struct event *ret_event)
{
    for (unsigned level = 0; level < TOP; level++) {
        if (wheel->occupied[level]) {
            unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
            unsigned shift = SLOT_BITS * level;
            uint64_t block = wheel->now_ms >> (shift + SLOT_BITS) << SLOT_BITS;
            *ret_event = (struct event){(block | slot) << shift, level, slot};
            return true;
        }
    }
    uint64_t bits = wheel->occupied[TOP];
    if (!bits) {
        return false;
    }
    uint64_t following = (wheel->now_ms >> TOP_SHIFT) + 1;
    unsigned turn = (unsigned)(following & SLOT_MASK);
    uint64_t turned = turn ? bits >> turn | bits << (64 - turn) : bits;
    uint64_t digit = following + (unsigned)__builtin_ctzll(turned);
    *ret_event = (struct event){digit << TOP_SHIFT, TOP, (unsigned)(digit & SLOT_MASK)};
    return true;
}

/* Moves what is due at this event behind `due`, and sorts what is not into the levels below. */
static void event_process(struct timer_wheel *wheel, const struct event *event, struct list *due)
{
    struct list *slot = &wheel->slots[event->level][event->slot];
    wheel->now_ms = event->at_ms;
    wheel->occupied[event->level] &= ~(UINT64_C(1) << event->slot);
    while (!list_is_empty(slot)) {
        struct timer *timer = list_entry(slot->next, struct timer, node);
        list_remove(&timer->node);
        if (timer->due_ms <= wheel->now_ms) {
            list_append(due, &timer->node);
        } else {
            wheel_put(wheel, timer);
        }
    }
}

/* Everything due is collected before anything fires: a callback that sets a timer in the past is called again by the
 * next advance, never by this one. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
    struct list due;
    struct event event;
    list_init(&due);
    if (now_ms < wheel->now_ms) {
        now_ms = wheel->now_ms;
    }
    while (next_event(wheel, &event) && event.at_ms <= now_ms) {
        event_process(wheel, &event, &due);
    }
    wheel->now_ms = now_ms;
    while (!list_is_empty(&due)) {
        struct timer *timer = list_entry(due.next, struct timer, node);
        list_remove(&timer->node);
        wheel->count--;
        timer->on_due(timer, now_ms);
    }
}

uint64_t timer_wheel_next_ms(const struct timer_wheel *wheel)
{
    struct event event;
    return next_event(wheel, &event) ? event.at_ms : UINT64_MAX;
}
