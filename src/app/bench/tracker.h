/* What of one publisher's numbered messages (0, 1, 2 ...) one subscriber has received. Exact: numbers that are missing
 * are kept as ranges, so a message that comes late is told from one that comes twice, and nothing is written while all
 * is in order. Memory grows with the gaps only, and up to a limit: beyond it the oldest gap is given up (what comes late
 * from it counts as a duplicate, never as received). One thread. */
#ifndef MUSTER_APP_BENCH_TRACKER_H
#define MUSTER_APP_BENCH_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tracker_range {
    uint64_t from, to; /* [from, to) */
};

enum { TRACKER_RANGES_MAX = 65536 };

struct tracker { /* zeroed: nothing received */
    uint64_t next;     /* one above the highest number received */
    uint64_t received; /* different numbers received */
    struct tracker_range *missing; /* ascending, all below `next` */
    uint32_t count, capacity;
};

enum tracker_verdict {
    TRACKER_NEW,       /* in its order, or after a gap */
    TRACKER_LATE,      /* first time, but after higher numbers: out of order */
    TRACKER_DUPLICATE,
};

/* tracker_add for all but the next number. */
enum tracker_verdict tracker_add_unexpected(struct tracker *tracker, uint64_t number);

static inline enum tracker_verdict tracker_add(struct tracker *tracker, uint64_t number)
{
    if (number == tracker->next) {
        tracker->next++;
        tracker->received++;
        return TRACKER_NEW;
    }
    return tracker_add_unexpected(tracker, number);
}

void tracker_deinit(struct tracker *tracker);

#endif
