/* The result of a run, as a table for people or as one JSON line. */
#ifndef MUSTER_APP_BENCH_REPORT_H
#define MUSTER_APP_BENCH_REPORT_H

#include "app/bench/histogram.h"
#include "app/bench/meter.h"
#include "app/bench/options.h"
#include "io/tls.h"

/* CPU of the server and of this process between two moments. */
struct usage {
    bool has_server;
    double seconds;
    double server_cpu_s, own_cpu_s;
    uint64_t server_rss_bytes, server_peak_bytes; /* at the later moment, and the highest ever */
};

struct usage_mark {
    uint64_t at_ns;
    bool has_server;
    struct meter server, own;
};
struct usage_mark usage_begin(const struct bench_options *options);
struct usage usage_end(const struct bench_options *options, const struct usage_mark *mark);

/* Writes the parts of one result in turn; numbers that are not of interest are left out by the caller. */
struct report {
    bool json;
    bool has_fields;
};
void report_begin(struct report *report, const struct bench_options *options, const char *event);
void report_text(struct report *report, const char *name, const char *label, const char *value);
void report_count(struct report *report, const char *name, const char *label, uint64_t value);
void report_number(struct report *report, const char *name, const char *label, double value, const char *unit);
/* NAME_p50_us, NAME_p99_us, NAME_max_us of a histogram of nanoseconds; nothing when it is empty. */
void report_latency(struct report *report, const char *name, const char *label, const struct histogram *histogram);
/* The usage, and `events` (of the kind named so) per CPU-second of the server. */
void report_usage(struct report *report, const struct usage *usage, double events, const char *kind);
/* Handshakes in all and resumed; nothing when tls is NULL. */
void report_handshakes(struct report *report, const struct tls_client *tls);
void report_end(struct report *report);

#endif
