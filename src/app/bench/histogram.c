#include "app/bench/histogram.h"

/* The highest value that falls into a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    if (bucket < HISTOGRAM_STEPS) {
        return bucket;
    }
    unsigned doublings = bucket / HISTOGRAM_STEPS - 1;
    uint64_t first = ((uint64_t)(bucket % HISTOGRAM_STEPS) + HISTOGRAM_STEPS) << doublings;
    return first + ((UINT64_C(1) << doublings) - 1);
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    double exact = (double)histogram->count * share;
    uint64_t wanted = (uint64_t)exact;
    wanted += (double)wanted < exact; /* rounded up: the value that many do not exceed */
    wanted = wanted ? wanted : 1;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted) {
            uint64_t end = bucket_end(i);
            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max;
}
