/* Latencies in buckets that widen with the value: 32 to each doubling, so a quantile is at most 3 % too high, from 1 ns to
 * centuries, in fixed memory. One thread. */
#ifndef MUSTER_APP_BENCH_HISTOGRAM_H
#define MUSTER_APP_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_BUCKETS = 60 * HISTOGRAM_STEPS };

struct histogram { /* zeroed: empty */
    uint64_t count;
    uint64_t max; /* exact */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Which bucket holds a value. */
static inline unsigned histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_STEPS) {
        return (unsigned)value;
    }
    unsigned doublings = 58u - (unsigned)__builtin_clzll(value); /* 0 from 32 to 63 */
    return (doublings + 1) * HISTOGRAM_STEPS + (unsigned)((value >> doublings) - HISTOGRAM_STEPS);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->max = value > histogram->max ? value : histogram->max;
    histogram->buckets[histogram_bucket(value)]++;
}

/* The value that `share` (0 to 1) of all do not exceed, rounded up to the end of its bucket and never above max; 0 when
 * the histogram is empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
