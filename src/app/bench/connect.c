/* connect: opens connections, subscribes, and holds them; what one costs the server in CPU time and in memory. */
#include <stdio.h>

#include "app/bench/crowd.h"
#include "app/bench/modes.h"
#include "app/bench/report.h"
#include "base/mem.h"

struct holding {
    const struct bench_options *options;
    struct crowd crowd;
    struct timer end;
    struct usage_mark mark;
    struct usage opening, held;
    uint64_t lost;
    bool is_over;
};

static void on_end(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct holding *holding = container_of(timer, struct holding, end);
    holding->held = usage_end(holding->options, &holding->mark);
    holding->is_over = true;
    loop_stop(holding->crowd.loop);
}

static void on_all_tried(struct crowd *crowd)
{
    struct holding *holding = container_of(crowd, struct holding, crowd);
    holding->opening = usage_end(holding->options, &holding->mark);
    if (holding->options->json) {
        struct report report;
        report_begin(&report, holding->options, "connected");
        report_count(&report, "clients", NULL, crowd->up);
        report_count(&report, "failed", NULL, crowd->failed);
        report_end(&report);
    }
    timer_set(loop_timers(crowd->loop), &holding->end, loop_now_ms(crowd->loop) + holding->options->seconds * 1000);
}

static void on_ready(struct bench_client *client)
{
    struct holding *holding = client->run;
    crowd_tally(&holding->crowd, client, true);
}

static void on_closed(struct bench_client *client, enum bench_client_state was)
{
    struct holding *holding = client->run;
    if (!holding->is_over) {
        holding->lost += was == CLIENT_READY;
        crowd_tally(&holding->crowd, client, false);
    }
}

static const struct bench_client_ops client_ops = {.on_ready = on_ready, .on_closed = on_closed};

static void report_result(const struct holding *holding)
{
    const struct crowd *crowd = &holding->crowd;
    struct report report;
    report_begin(&report, holding->options, "done");
    report_count(&report, "clients", "connections", crowd->up);
    report_count(&report, "subscriptions", "subscriptions of each", holding->options->subscriptions);
    report_count(&report, "failed", "failed", crowd->failed);
    report_count(&report, "disconnected", "lost again", holding->lost);
    report_number(&report, "seconds", "until all were connected", holding->opening.seconds, "s");
    report_number(&report, "connects_per_second", "connected", crowd->up / holding->opening.seconds, "/s");
    if (holding->held.has_server && crowd->up) {
        double bytes = (double)holding->held.server_rss_bytes - (double)holding->mark.server.rss_bytes;
        report_number(&report, "bytes_each", "server, resident bytes of one", bytes / crowd->up, "");
    }
    report_handshakes(&report, crowd->tls);
    report_usage(&report, &holding->opening, crowd->up, "connections");
    report_end(&report);
}

int connect_run(const struct bench_options *options)
{
    struct holding *holding = mem_new(struct holding);
    holding->options = options;
    holding->end.on_due = on_end;
    int code = 1;
    if (crowd_init(&holding->crowd, options, holding, &client_ops, NULL, NULL, options->publishers, 0)) {
        holding->crowd.on_all_tried = on_all_tried;
        for (unsigned i = 0; i < holding->crowd.count; i++) {
            holding->crowd.clients[i].filter_count = options->subscriptions;
        }
        holding->mark = usage_begin(options);
        crowd_open(&holding->crowd);
        loop_run(holding->crowd.loop);
        report_result(holding);
        code = holding->crowd.up ? 0 : 1;
    }
    crowd_deinit(&holding->crowd);
    mem_free(holding);
    return code;
}
