/* The runs of `muster bench` that are not traffic; each prints its report and returns the exit code. traffic.h has the
 * others. Main thread. */
#ifndef MUSTER_APP_BENCH_MODES_H
#define MUSTER_APP_BENCH_MODES_H

#include "app/bench/options.h"

int connect_run(const struct bench_options *options);
int churn_run(const struct bench_options *options);
int storm_run(const struct bench_options *options);
int offline_run(const struct bench_options *options);
int http_run(const struct bench_options *options);

#endif
