/* offline: durable sessions. They connect, subscribe and go away; publishers send each of them --messages of QoS 1 or 2,
 * and every acknowledgement is a promise; then they come back, and what was promised must arrive, once with QoS 2. */
#include <stdio.h>

#include "app/bench/crowd.h"
#include "app/bench/histogram.h"
#include "app/bench/modes.h"
#include "app/bench/report.h"
#include "app/bench/tracker.h"
#include "base/mem.h"

enum stage { STAGE_SUBSCRIBE, STAGE_PUBLISH, STAGE_RETURN, STAGE_CLEAN_UP, STAGE_OVER };
enum { STEP_MS = 50, STEPS_PER_ROUND = 4, QUIET_ROUNDS = 5 };

struct destination { /* of one session */
    uint64_t sent;
    struct tracker tracker;
};

struct offline {
    const struct bench_options *options;
    struct crowd sessions, publishers;
    enum stage stage;
    struct destination *destinations;
    unsigned *next_session; /* of each publisher: publisher p serves the sessions p, p + P, p + 2 P ... */
    unsigned away, stopped;
    uint64_t acknowledged, received, duplicates, late, foreign, disconnected, without_session;
    struct usage_mark mark;
    struct usage publishing, returning;
    struct histogram acknowledgement;
    struct timer step;
    unsigned steps, quiet_rounds;
    uint64_t seen, progress_ms;
};

static void end_run(struct offline *offline)
{
    offline->stage = STAGE_OVER;
    loop_stop(offline->sessions.loop);
}

/* --- returning ---------------------------------------------------------------------------------------------------- */

static void return_all(struct offline *offline)
{
    offline->publishing = usage_end(offline->options, &offline->mark);
    offline->stage = STAGE_RETURN;
    offline->progress_ms = loop_now_ms(offline->sessions.loop);
    offline->mark = usage_begin(offline->options);
    struct crowd *crowd = &offline->sessions;
    crowd->opened = crowd->up = 0;
    for (unsigned i = 0; i < crowd->count; i++) {
        crowd->clients[i].is_tallied = false;
        crowd->clients[i].clean_start = false;
    }
    crowd_open(crowd);
    timer_set(loop_timers(crowd->loop), &offline->step, loop_now_ms(crowd->loop) + STEP_MS);
}

static void clean_up(struct offline *offline)
{
    offline->returning = usage_end(offline->options, &offline->mark);
    offline->stage = STAGE_CLEAN_UP;
    struct crowd *crowd = &offline->sessions;
    for (unsigned i = 0; i < crowd->count; i++) {
        if (crowd->clients[i].stream) {
            offline->stopped++;
            bench_client_stop(&crowd->clients[i], !offline->options->keep_sessions);
        }
    }
    if (!offline->stopped) {
        end_run(offline);
    }
}

static bool all_answered(const struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->count; i++) {
        if (crowd->clients[i].pings) {
            return false;
        }
    }
    return true;
}

static uint64_t missing(const struct offline *offline)
{
    uint64_t there = 0;
    for (unsigned i = 0; i < offline->sessions.count; i++) {
        there += offline->destinations[i].tracker.received;
    }
    return offline->acknowledged > there ? offline->acknowledged - there : 0;
}

static void on_step(struct timer *timer, uint64_t now_ms)
{
    struct offline *offline = container_of(timer, struct offline, step);
    if (offline->stage != STAGE_RETURN) {
        return;
    }
    struct crowd *crowd = &offline->sessions;
    if (offline->received + crowd->up != offline->seen) {
        offline->seen = offline->received + crowd->up;
        offline->progress_ms = now_ms;
        offline->quiet_rounds = 0;
    }
    bool tried = crowd->up + crowd->failed == crowd->count;
    if ((tried && (missing(offline) == 0 || offline->quiet_rounds > QUIET_ROUNDS)) ||
        now_ms - offline->progress_ms >= offline->options->drain_s * 1000) {
        clean_up(offline);
        return;
    }
    if (++offline->steps % STEPS_PER_ROUND == 0 && tried && all_answered(crowd)) {
        offline->quiet_rounds++;
        for (unsigned i = 0; i < crowd->count; i++) {
            bench_client_ping(&crowd->clients[i]);
        }
    }
    timer_set(loop_timers(crowd->loop), timer, now_ms + STEP_MS);
}

/* --- publishing --------------------------------------------------------------------------------------------------- */

/* To its sessions in turn, as long as one of them still has messages to get. */
static void publish_more(struct offline *offline, struct bench_client *client)
{
    uint64_t now_ns = bench_now_ns();
    unsigned *at = &offline->next_session[client->index];
    while (client->free_count && offline->destinations[*at].sent < offline->options->messages) {
        struct destination *to = &offline->destinations[*at];
        bench_client_publish_as(client, &offline->sessions.clients[*at].template, to->sent++, now_ns);
        *at += offline->publishers.count;
        *at = *at < offline->sessions.count ? *at : client->index;
    }
    bench_client_commit(client);
}

static void on_room(struct bench_client *client)
{
    struct offline *offline = client->run;
    if (offline->stage == STAGE_PUBLISH) {
        publish_more(offline, client);
    }
}

static uint64_t answered(const struct offline *offline)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < offline->publishers.count; i++) {
        count += offline->publishers.clients[i].acknowledged + offline->publishers.clients[i].refused;
    }
    return count;
}

static void end_publishing(struct offline *offline)
{
    for (unsigned i = 0; i < offline->publishers.count; i++) {
        bench_client_stop(&offline->publishers.clients[i], true);
    }
    return_all(offline);
}

static void on_acknowledged(struct bench_client *client, uint64_t sent_ns, uint64_t now_ns, bool refused)
{
    struct offline *offline = client->run;
    offline->acknowledged += !refused;
    histogram_add(&offline->acknowledgement, now_ns > sent_ns ? now_ns - sent_ns : 0);
    if (client->free_count == client->window &&
        answered(offline) == offline->options->messages * offline->sessions.count) {
        end_publishing(offline);
    }
}

static void on_publishers_tried(struct crowd *crowd)
{
    struct offline *offline = container_of(crowd, struct offline, publishers);
    if (crowd->failed) {
        end_run(offline);
        return;
    }
    offline->mark = usage_begin(offline->options);
    for (unsigned i = 0; i < crowd->count; i++) {
        publish_more(offline, &crowd->clients[i]);
    }
}

static void on_publisher_ready(struct bench_client *client)
{
    crowd_tally(&((struct offline *)client->run)->publishers, client, true);
}

static void on_publisher_closed(struct bench_client *client, enum bench_client_state was)
{
    struct offline *offline = client->run;
    if (offline->stage > STAGE_PUBLISH) {
        return;
    }
    if (was == CLIENT_READY) { /* what it had in flight is never acknowledged: what was is checked all the same */
        offline->disconnected++;
        end_publishing(offline);
    } else {
        crowd_tally(&offline->publishers, client, false);
    }
}

static const struct bench_client_ops publisher_ops = {.on_ready = on_publisher_ready, .on_closed = on_publisher_closed,
                                                      .on_acknowledged = on_acknowledged, .on_room = on_room};

/* --- the sessions ------------------------------------------------------------------------------------------------- */

static void on_ready(struct bench_client *client)
{
    struct offline *offline = client->run;
    if (offline->stage == STAGE_SUBSCRIBE) {
        bench_client_stop(client, false);
    } else {
        offline->without_session += !client->session_present;
        crowd_tally(&offline->sessions, client, true);
    }
}

static void on_message(struct bench_client *client, struct str payload, uint64_t now_ns)
{
    (void)now_ns;
    struct offline *offline = client->run;
    struct wire_stamp stamp;
    offline->received++;
    if (!wire_stamp_read(payload, &stamp) || stamp.publisher != client->index) {
        offline->foreign++;
        return;
    }
    switch (tracker_add(&offline->destinations[client->index].tracker, stamp.number)) {
    case TRACKER_NEW:
        break;
    case TRACKER_LATE:
        offline->late++;
        break;
    case TRACKER_DUPLICATE:
        offline->duplicates++;
        break;
    }
}

static void on_sessions_tried(struct crowd *crowd)
{
    struct offline *offline = container_of(crowd, struct offline, sessions);
    if (offline->stage == STAGE_SUBSCRIBE) {
        offline->stage = STAGE_PUBLISH;
        if (crowd->failed) {
            end_run(offline);
        } else {
            crowd_open(&offline->publishers);
        }
    }
}

static void on_closed(struct bench_client *client, enum bench_client_state was)
{
    struct offline *offline = client->run;
    switch (offline->stage) {
    case STAGE_SUBSCRIBE: /* gone as it should be, or never there */
        crowd_tally(&offline->sessions, client, was == CLIENT_LEAVING);
        break;
    case STAGE_RETURN:
        offline->disconnected += was == CLIENT_READY;
        crowd_tally(&offline->sessions, client, false);
        break;
    case STAGE_CLEAN_UP:
        if (--offline->stopped == 0) {
            end_run(offline);
        }
        break;
    case STAGE_PUBLISH:
    case STAGE_OVER:
        break;
    }
}

static const struct bench_client_ops session_ops = {
    .on_ready = on_ready, .on_closed = on_closed, .on_message = on_message};

/* --- the result --------------------------------------------------------------------------------------------------- */

static void report_result(const struct offline *offline)
{
    uint64_t sent = 0, refused = 0;
    for (unsigned i = 0; i < offline->publishers.count; i++) {
        sent += offline->publishers.clients[i].next_number;
        refused += offline->publishers.clients[i].refused;
    }
    struct report report;
    report_begin(&report, offline->options, "done");
    report_count(&report, "publishers", "publishers", offline->publishers.count);
    report_count(&report, "subscribers", "sessions", offline->sessions.count);
    report_count(&report, "qos", "QoS", offline->options->qos);
    report_number(&report, "seconds", "published in", offline->publishing.seconds, "s");
    report_count(&report, "in", "acknowledged", offline->acknowledged);
    report_number(&report, "in_per_second", "acknowledged", (double)offline->acknowledged / offline->publishing.seconds,
                  "/s");
    report_number(&report, "return_seconds", "all sessions back with their messages after", offline->returning.seconds, "s");
    report_count(&report, "out", "received", offline->received);
    report_number(&report, "out_per_second", "received", (double)offline->received / offline->returning.seconds, "/s");
    report_number(&report, "return_cpu_seconds", "server, CPU of the return", offline->returning.server_cpu_s, "s");
    report_count(&report, "lost", "lost", missing(offline));
    report_count(&report, "duplicates", "duplicates", offline->duplicates);
    report_count(&report, "out_of_order", "out of order", offline->late);
    report_count(&report, "foreign", "not ours", offline->foreign);
    report_count(&report, "refused", "refused", refused);
    report_count(&report, "unacknowledged", "never acknowledged", sent - offline->acknowledged - refused);
    report_count(&report, "failed", "sessions that did not come back", offline->sessions.failed);
    report_count(&report, "without_session", "came back to no session", offline->without_session);
    report_count(&report, "disconnected", "connections lost", offline->disconnected);
    report_latency(&report, "acknowledgement", "publish to acknowledgement", &offline->acknowledgement);
    report_usage(&report, &offline->publishing, (double)offline->acknowledged, "messages acknowledged");
    report_end(&report);
}

static bool init(struct offline *offline)
{
    const struct bench_options *o = offline->options;
    if (!crowd_init(&offline->sessions, o, offline, NULL, &session_ops, NULL, 0, o->subscribers) ||
        !crowd_init(&offline->publishers, o, offline, &publisher_ops, NULL, offline->sessions.loop, o->publishers, 0)) {
        return false;
    }
    offline->destinations = mem_calloc(o->subscribers, sizeof *offline->destinations);
    offline->next_session = mem_calloc(o->publishers, sizeof *offline->next_session);
    offline->sessions.on_all_tried = on_sessions_tried;
    offline->publishers.on_all_tried = on_publishers_tried;
    for (unsigned i = 0; i < o->subscribers; i++) {
        struct bench_client *session = &offline->sessions.clients[i];
        session->clean_start = true;
        session->filter_count = 1;
        bench_client_make_template(session);
    }
    for (unsigned i = 0; i < o->publishers; i++) {
        offline->publishers.clients[i].clean_start = true;
        offline->publishers.clients[i].expiry_s = 0;
        offline->next_session[i] = i;
        bench_client_publishes(&offline->publishers.clients[i]);
    }
    return true;
}

int offline_run(const struct bench_options *options)
{
    struct offline *offline = mem_new(struct offline);
    offline->options = options;
    offline->step.on_due = on_step;
    int code = 1;
    if (init(offline)) {
        crowd_open(&offline->sessions);
        loop_run(offline->sessions.loop);
        const struct crowd *failed = offline->publishers.failed ? &offline->publishers : &offline->sessions;
        if (offline->returning.seconds > 0) {
            report_result(offline);
            code = 0;
        } else {
            fprintf(stderr, "muster bench: %u of %u connections failed (CONNACK reason 0x%02x)\n", failed->failed,
                    failed->count, failed->failed_connack);
        }
    }
    for (unsigned i = 0; offline->destinations && i < options->subscribers; i++) {
        tracker_deinit(&offline->destinations[i].tracker);
    }
    mem_free(offline->destinations);
    mem_free(offline->next_session);
    crowd_deinit(&offline->publishers);
    crowd_deinit(&offline->sessions);
    mem_free(offline);
    return code;
}
