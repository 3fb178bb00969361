/* Runs with publishers and subscribers that are connected all the time. */
#ifndef MUSTER_APP_BENCH_TRAFFIC_H
#define MUSTER_APP_BENCH_TRAFFIC_H

#include "app/bench/options.h"

/* one-to-one, fan-in, fan-out, publish: connects all, publishes, waits for what is on its way, reports. The exit code:
 * 0 when every connection came up. */
int traffic_run(const struct bench_options *options);

#endif
