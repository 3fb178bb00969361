#include "app/bench/tracker.h"

#include <string.h>

#include "base/mem.h"

static void insert_range(struct tracker *tracker, uint32_t at, struct tracker_range range)
{
    if (tracker->count == TRACKER_RANGES_MAX) {
        if (at == 0) {
            return;
        }
        memmove(tracker->missing, tracker->missing + 1, (tracker->count - 1) * sizeof range);
        tracker->count--;
        at--;
    }
    if (tracker->count == tracker->capacity) {
        tracker->capacity = tracker->capacity ? tracker->capacity * 2 : 4;
        tracker->missing = mem_realloc(tracker->missing, tracker->capacity * sizeof range);
    }
    memmove(tracker->missing + at + 1, tracker->missing + at, (tracker->count - at) * sizeof range);
    tracker->missing[at] = range;
    tracker->count++;
}

static void remove_range(struct tracker *tracker, uint32_t at)
{
    tracker->count--;
    memmove(tracker->missing + at, tracker->missing + at + 1, (tracker->count - at) * sizeof *tracker->missing);
}

/* The first range that ends above `number`. */
static uint32_t find_range(const struct tracker *tracker, uint64_t number)
{
    uint32_t low = 0, high = tracker->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tracker->missing[middle].to <= number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum tracker_verdict fill(struct tracker *tracker, uint64_t number)
{
    uint32_t at = find_range(tracker, number);
    if (at == tracker->count || tracker->missing[at].from > number) {
        return TRACKER_DUPLICATE;
    }
    struct tracker_range range = tracker->missing[at];
    tracker->received++;
    if (range.from == number && range.to == number + 1) {
        remove_range(tracker, at);
    } else if (range.from == number) {
        tracker->missing[at].from = number + 1;
    } else {
        tracker->missing[at].to = number;
        if (range.to > number + 1) {
            insert_range(tracker, at + 1, (struct tracker_range){number + 1, range.to});
        }
    }
    return TRACKER_LATE;
}

enum tracker_verdict tracker_add_unexpected(struct tracker *tracker, uint64_t number)
{
    if (number < tracker->next) {
        return fill(tracker, number);
    }
    if (number > tracker->next) {
        insert_range(tracker, tracker->count, (struct tracker_range){tracker->next, number});
    }
    tracker->next = number + 1;
    tracker->received++;
    return TRACKER_NEW;
}

void tracker_deinit(struct tracker *tracker)
{
    mem_free(tracker->missing);
    *tracker = (struct tracker){0};
}
