/* storm: holds connections until the server drops them (it is restarted meanwhile), then reconnects all as fast as it
 * lets them, --concurrency at a time, and tells how long that took and whether any was turned away.
 *
 * While nobody listens an attempt fails at once and the next is made a little later; that is the server's absence. A
 * failure after the first connection has come back is a refusal, as is any CONNACK that says no. */
#include <stdio.h>

#include "app/bench/crowd.h"
#include "app/bench/histogram.h"
#include "app/bench/modes.h"
#include "app/bench/report.h"
#include "base/mem.h"

enum { RETRY_MS = 5, GIVE_UP_S = 120 };

struct storm {
    const struct bench_options *options;
    struct crowd crowd;
    struct timer retry, give_up;
    struct bench_client **down; /* not connected, a ring */
    unsigned down_first, down_count, busy, back;
    uint64_t *started_ns;       /* of the attempt under way, by client */
    uint64_t dropped_ns, first_back_ns, all_back_ns;
    uint64_t refused, absent;
    struct histogram latency;   /* attempt to CONNACK */
    bool is_over;
};

static void reconnect_some(struct storm *storm)
{
    while (!storm->is_over && storm->down_count && storm->busy < storm->options->concurrency) {
        struct bench_client *client = storm->down[storm->down_first];
        storm->down_first = (storm->down_first + 1) % storm->crowd.count;
        storm->down_count--;
        storm->busy++;
        storm->started_ns[client->index] = bench_now_ns();
        bench_client_start(client);
    }
}

static void on_retry(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    reconnect_some(container_of(timer, struct storm, retry));
}

static void end_run(struct storm *storm)
{
    storm->is_over = true;
    loop_stop(storm->crowd.loop);
}

static void on_give_up(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    end_run(container_of(timer, struct storm, give_up));
}

static void on_ready(struct bench_client *client)
{
    struct storm *storm = client->run;
    if (!client->is_tallied) {
        crowd_tally(&storm->crowd, client, true);
        return;
    }
    uint64_t now_ns = bench_now_ns();
    storm->first_back_ns = storm->first_back_ns ? storm->first_back_ns : now_ns;
    histogram_add(&storm->latency, now_ns - storm->started_ns[client->index]);
    storm->busy--;
    if (++storm->back == storm->crowd.up) {
        storm->all_back_ns = now_ns;
        end_run(storm);
    } else {
        reconnect_some(storm);
    }
}

static void on_closed(struct bench_client *client, enum bench_client_state was)
{
    struct storm *storm = client->run;
    if (storm->is_over) {
        return;
    }
    if (!client->is_tallied) {
        crowd_tally(&storm->crowd, client, false);
        return;
    }
    if (was == CLIENT_READY && storm->first_back_ns && storm->started_ns[client->index]) {
        storm->back--; /* it was back and is gone again */
        storm->refused++;
    } else if (was != CLIENT_READY) {
        bool is_refused = storm->first_back_ns || client->connack;
        storm->busy--;
        storm->refused += is_refused;
        storm->absent += !is_refused;
    }
    storm->dropped_ns = storm->dropped_ns ? storm->dropped_ns : bench_now_ns();
    storm->down[(storm->down_first + storm->down_count++) % storm->crowd.count] = client;
    if (!timer_is_set(&storm->retry)) {
        timer_set(loop_timers(storm->crowd.loop), &storm->retry, loop_now_ms(storm->crowd.loop) + RETRY_MS);
    }
}

static const struct bench_client_ops client_ops = {.on_ready = on_ready, .on_closed = on_closed};

static void on_all_tried(struct crowd *crowd)
{
    struct storm *storm = container_of(crowd, struct storm, crowd);
    if (crowd->failed) {
        end_run(storm);
        return;
    }
    struct report report;
    report_begin(&report, storm->options, "connected");
    report_count(&report, "clients", "connections", crowd->up);
    report_end(&report);
    timer_set(loop_timers(crowd->loop), &storm->give_up, loop_now_ms(crowd->loop) + GIVE_UP_S * 1000);
}

static void report_result(const struct storm *storm)
{
    struct report report;
    report_begin(&report, storm->options, "done");
    report_count(&report, "clients", "connections", storm->crowd.up);
    report_count(&report, "missing", "not back", storm->crowd.up - storm->back);
    report_count(&report, "refused", "refused", storm->refused);
    report_count(&report, "absent", "attempts while nobody listened", storm->absent);
    if (storm->all_back_ns) {
        report_number(&report, "seconds_down", "first drop until the first was back",
                      (double)(storm->first_back_ns - storm->dropped_ns) / 1e9, "s");
        report_number(&report, "seconds_back", "first back until all were",
                      (double)(storm->all_back_ns - storm->first_back_ns) / 1e9, "s");
    }
    report_latency(&report, "connect", "attempt to CONNACK", &storm->latency);
    report_handshakes(&report, storm->crowd.tls);
    report_end(&report);
}

int storm_run(const struct bench_options *options)
{
    struct storm *storm = mem_new(struct storm);
    storm->options = options;
    storm->retry.on_due = on_retry;
    storm->give_up.on_due = on_give_up;
    int code = 1;
    if (crowd_init(&storm->crowd, options, storm, &client_ops, NULL, NULL, options->publishers, 0)) {
        storm->crowd.on_all_tried = on_all_tried;
        storm->started_ns = mem_calloc(storm->crowd.count, sizeof *storm->started_ns);
        storm->down = mem_calloc(storm->crowd.count, sizeof(struct bench_client *));
        for (unsigned i = 0; i < storm->crowd.count; i++) {
            storm->crowd.clients[i].filter_count = options->subscriptions;
        }
        crowd_open(&storm->crowd);
        loop_run(storm->crowd.loop);
        if (storm->crowd.failed) {
            fprintf(stderr, "muster bench: %u of %u connections failed (CONNACK reason 0x%02x)\n", storm->crowd.failed,
                    storm->crowd.count, storm->crowd.failed_connack);
        } else {
            report_result(storm);
            code = storm->all_back_ns ? 0 : 1;
        }
    }
    crowd_deinit(&storm->crowd);
    mem_free(storm->started_ns);
    mem_free(storm->down);
    mem_free(storm);
    return code;
}
