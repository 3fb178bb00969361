/* churn: each connection is made, greeted and ended, and made again, --concurrency at a time: what one costs. */
#include <stdio.h>

#include "app/bench/crowd.h"
#include "app/bench/histogram.h"
#include "app/bench/modes.h"
#include "app/bench/report.h"
#include "base/mem.h"

struct churn {
    const struct bench_options *options;
    struct crowd crowd;
    struct timer step;
    struct usage_mark mark;
    struct usage usage;
    struct histogram latency;
    uint64_t *started_ns;         /* by client */
    struct bench_client **idle;   /* identities that are not connected, a ring */
    unsigned idle_first, idle_count, busy;
    uint64_t done, failed, failed_in_a_row;
    uint8_t connack;
    bool is_measuring, is_over;
};

static void start_more(struct churn *churn)
{
    while (!churn->is_over && churn->idle_count && churn->busy < churn->options->concurrency) {
        struct bench_client *client = churn->idle[churn->idle_first];
        churn->idle_first = (churn->idle_first + 1) % churn->crowd.count;
        churn->idle_count--;
        churn->busy++;
        churn->started_ns[client->index] = bench_now_ns();
        bench_client_start(client);
    }
}

static void on_ready(struct bench_client *client)
{
    struct churn *churn = client->run;
    churn->failed_in_a_row = 0;
    if (churn->is_measuring) {
        churn->done++;
        histogram_add(&churn->latency, bench_now_ns() - churn->started_ns[client->index]);
    }
    bench_client_stop(client, false);
}

static void on_closed(struct bench_client *client, enum bench_client_state was)
{
    struct churn *churn = client->run;
    if (churn->is_over) {
        return;
    }
    churn->busy--;
    churn->idle[(churn->idle_first + churn->idle_count++) % churn->crowd.count] = client;
    if (was != CLIENT_LEAVING) {
        churn->connack = client->connack ? client->connack : churn->connack;
        churn->failed++;
        if (++churn->failed_in_a_row > 1000) { /* nobody is there */
            churn->is_over = true;
            loop_stop(churn->crowd.loop);
            return;
        }
    }
    start_more(churn);
}

static const struct bench_client_ops client_ops = {.on_ready = on_ready, .on_closed = on_closed};

static void on_step(struct timer *timer, uint64_t now_ms)
{
    struct churn *churn = container_of(timer, struct churn, step);
    if (!churn->is_measuring) {
        churn->is_measuring = true;
        churn->mark = usage_begin(churn->options);
        timer_set(loop_timers(churn->crowd.loop), timer, now_ms + churn->options->seconds * 1000);
    } else {
        churn->usage = usage_end(churn->options, &churn->mark);
        churn->is_over = true;
        loop_stop(churn->crowd.loop);
    }
}

static void report_result(const struct churn *churn)
{
    struct report report;
    report_begin(&report, churn->options, "done");
    report_number(&report, "seconds", "measured", churn->usage.seconds, "s");
    report_count(&report, "in", "connections in that time", churn->done);
    report_number(&report, "connects_per_second", "connected", (double)churn->done / churn->usage.seconds, "/s");
    report_count(&report, "failed", "failed", churn->failed);
    report_latency(&report, "connect", "connect to CONNACK", &churn->latency);
    report_handshakes(&report, churn->crowd.tls);
    report_usage(&report, &churn->usage, (double)churn->done, "connections");
    report_end(&report);
}

int churn_run(const struct bench_options *options)
{
    struct churn *churn = mem_new(struct churn);
    churn->options = options;
    churn->step.on_due = on_step;
    int code = 1;
    if (crowd_init(&churn->crowd, options, churn, &client_ops, NULL, NULL, options->publishers, 0)) {
        churn->started_ns = mem_calloc(churn->crowd.count, sizeof *churn->started_ns);
        churn->idle = mem_calloc(churn->crowd.count, sizeof(struct bench_client *));
        for (unsigned i = 0; i < churn->crowd.count; i++) {
            churn->idle[churn->idle_count++] = &churn->crowd.clients[i];
        }
        timer_set(loop_timers(churn->crowd.loop), &churn->step, loop_now_ms(churn->crowd.loop) + options->warmup_s * 1000);
        start_more(churn);
        loop_run(churn->crowd.loop);
        if (churn->done) {
            report_result(churn);
            code = 0;
        } else {
            fprintf(stderr, "muster bench: no connection came up (CONNACK reason 0x%02x)\n", churn->connack);
        }
    }
    crowd_deinit(&churn->crowd);
    mem_free(churn->started_ns);
    mem_free(churn->idle);
    mem_free(churn);
    return code;
}
