/* What another process has used, from /proc: CPU time of all its threads and resident memory. One thread. */
#ifndef MUSTER_APP_BENCH_METER_H
#define MUSTER_APP_BENCH_METER_H

#include <stdbool.h>
#include <stdint.h>

struct meter {
    double cpu_seconds;
    uint64_t rss_bytes;
    uint64_t peak_bytes; /* the most that was ever resident */
};

/* pid 0 is this process. Resident memory is smaps_rollup's, which is exact, or statm's where that may not be read.
 * False: no such process, or it may not be looked at. */
bool meter_read(long pid, struct meter *ret_meter);

#endif
