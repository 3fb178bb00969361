/* One-to-one, fan-in, fan-out and publish. All connect; traffic warms up, is measured, and ends; then what is still on its
 * way is awaited until all has arrived, or until several rounds of PINGREQ and PINGRESP with every connection, in which
 * the server had its turn, have brought nothing more: only then is a message lost.
 *
 * A publisher with a window sends when an acknowledgement makes room (QoS 0 with --inflight: when its messages have
 * arrived); without one it keeps its connection's output full. With a rate a timer says when the next message is due and
 * the publishers send in turn. */
#include "app/bench/traffic.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "app/bench/crowd.h"
#include "app/bench/histogram.h"
#include "app/bench/report.h"
#include "app/bench/tracker.h"
#include "base/mem.h"

enum phase { PHASE_CONNECTING, PHASE_WARMUP, PHASE_MEASURE, PHASE_DRAIN, PHASE_OVER };
enum { DRAIN_STEP_MS = 50, STEPS_PER_ROUND = 4, QUIET_ROUNDS = 5, READ_STEP_MS = 50, PACE_NS_MIN = 50000 };

struct counts {
    uint64_t sent, acknowledged, received;
};

struct traffic {
    const struct bench_options *options;
    struct crowd crowd;
    enum phase phase;
    unsigned fan;               /* subscribers that get each message */
    struct tracker *trackers;   /* one-to-one: by subscriber; else by subscriber and publisher */
    uint64_t *arrived;          /* of each publisher's messages, at all subscribers together; for the window of QoS 0 */
    struct bench_client **touched; /* publishers that may have room */
    bool *is_touched;
    unsigned touched_count;
    struct task refill;
    bool refill_posted;
    struct timer step, read_step;
    struct loop_watch pace;
    uint64_t pace_started_ns, paced;
    unsigned next_publisher;
    /* counted from the beginning */
    struct counts total, at_start, measured;
    uint64_t duplicates, late, foreign, disconnected;
    struct usage_mark mark;
    struct usage usage;
    struct histogram delivery, acknowledgement;
    /* drain */
    unsigned steps, quiet_rounds;
    uint64_t seen_progress, progress_ms;
};

/* --- publishing --------------------------------------------------------------------------------------------------- */

static bool may_send(const struct traffic *traffic)
{
    return traffic->phase == PHASE_WARMUP || traffic->phase == PHASE_MEASURE;
}

static bool has_room(const struct traffic *traffic, const struct bench_client *client)
{
    const struct bench_options *o = traffic->options;
    if (client->state != CLIENT_READY || stream_is_congested(client->stream)) {
        return false;
    }
    if (o->qos > 0) {
        return client->free_count > 0;
    }
    return !o->inflight || client->next_number * traffic->fan < traffic->arrived[client->index] + (uint64_t)o->inflight * traffic->fan;
}

static void fill(struct traffic *traffic, struct bench_client *client)
{
    if (!may_send(traffic) || traffic->options->rate) {
        return;
    }
    uint64_t now_ns = bench_now_ns(), before = client->next_number;
    while (has_room(traffic, client) && bench_client_publish(client, now_ns)) {
        stream_commit(client->stream);
    }
    traffic->total.sent += client->next_number - before;
}

static void refill(struct task *task)
{
    struct traffic *traffic = container_of(task, struct traffic, refill);
    traffic->refill_posted = false;
    unsigned count = traffic->touched_count;
    traffic->touched_count = 0;
    for (unsigned i = 0; i < count; i++) {
        traffic->is_touched[traffic->touched[i]->index] = false;
        fill(traffic, traffic->touched[i]);
    }
}

/* It is looked at when the input at hand is done with. */
static void touch(struct traffic *traffic, struct bench_client *publisher)
{
    if (traffic->is_touched[publisher->index] || traffic->options->rate) {
        return;
    }
    traffic->is_touched[publisher->index] = true;
    traffic->touched[traffic->touched_count++] = publisher;
    if (!traffic->refill_posted) {
        traffic->refill_posted = true;
        mailbox_post(loop_mailbox(traffic->crowd.loop), &traffic->refill);
    }
}

static void on_room(struct bench_client *client)
{
    struct traffic *traffic = client->run;
    if (may_send(traffic)) {
        touch(traffic, client);
    }
}

/* Sends what is due by now, each message from the next publisher that has room. */
static void on_pace(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct traffic *traffic = container_of(watch, struct traffic, pace);
    uint64_t expirations;
    if (read(watch->fd, &expirations, sizeof expirations) < 0 || !may_send(traffic)) {
        return;
    }
    uint64_t now_ns = bench_now_ns();
    uint64_t due = (uint64_t)((double)(now_ns - traffic->pace_started_ns) * 1e-9 * (double)traffic->options->rate);
    unsigned refused = 0;
    while (traffic->paced < due && refused < traffic->crowd.publishers) {
        struct bench_client *client = &traffic->crowd.clients[traffic->next_publisher];
        traffic->next_publisher = (traffic->next_publisher + 1) % traffic->crowd.publishers;
        if (has_room(traffic, client) && bench_client_publish(client, now_ns)) {
            bench_client_commit(client);
            traffic->paced++;
            traffic->total.sent++;
            refused = 0;
        } else {
            refused++;
        }
    }
}

static void start_pace(struct traffic *traffic)
{
    uint64_t step_ns = 1000000000u / traffic->options->rate;
    step_ns = step_ns < PACE_NS_MIN ? PACE_NS_MIN : step_ns;
    struct timespec step = {(time_t)(step_ns / 1000000000u), (long)(step_ns % 1000000000u)};
    traffic->pace = (struct loop_watch){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), .on_ready = on_pace};
    timerfd_settime(traffic->pace.fd, 0, &(struct itimerspec){step, step}, NULL);
    loop_watch_add(traffic->crowd.loop, &traffic->pace, EPOLLIN);
    traffic->pace_started_ns = bench_now_ns();
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

static void on_message(struct bench_client *client, struct str payload, uint64_t now_ns)
{
    struct traffic *traffic = client->run;
    struct wire_stamp stamp;
    traffic->total.received++;
    if (!wire_stamp_read(payload, &stamp) || stamp.publisher >= traffic->crowd.publishers) {
        traffic->foreign++;
        return;
    }
    size_t at = traffic->options->mode == BENCH_ONE_TO_ONE
                    ? client->index : (size_t)client->index * traffic->crowd.publishers + stamp.publisher;
    struct tracker *tracker = &traffic->trackers[at];
    uint64_t before = tracker->next;
    switch (tracker_add(tracker, stamp.number)) {
    case TRACKER_NEW:
        break;
    case TRACKER_LATE:
        traffic->late++;
        break;
    case TRACKER_DUPLICATE:
        traffic->duplicates++;
        return;
    }
    if (traffic->options->qos == 0 && traffic->options->inflight) {
        traffic->arrived[stamp.publisher] += tracker->next - before; /* what is missing in between does not count as under way */
        touch(traffic, &traffic->crowd.clients[stamp.publisher]);
    }
    if (traffic->phase == PHASE_MEASURE && now_ns > stamp.sent_ns) {
        histogram_add(&traffic->delivery, now_ns - stamp.sent_ns);
    }
}

static void on_acknowledged(struct bench_client *client, uint64_t sent_ns, uint64_t now_ns, bool refused)
{
    struct traffic *traffic = client->run;
    traffic->total.acknowledged += !refused;
    if (traffic->phase == PHASE_MEASURE && now_ns > sent_ns) {
        histogram_add(&traffic->acknowledgement, now_ns - sent_ns);
    }
}

/* Slow subscribers: each may take what its rate has made due since the last step, and no more. */
static void on_read_step(struct timer *timer, uint64_t now_ms)
{
    struct traffic *traffic = container_of(timer, struct traffic, read_step);
    bool over = traffic->phase >= PHASE_DRAIN;
    uint64_t step = traffic->options->read_rate * READ_STEP_MS / 1000;
    for (unsigned i = 0; i < crowd_subscribers(&traffic->crowd); i++) {
        struct bench_client *client = crowd_subscriber(&traffic->crowd, i);
        if (over) {
            bench_client_allow(client, UINT64_MAX);
        } else if (client->allowance < step) {
            bench_client_allow(client, step ? step : 1);
        }
    }
    if (!over) {
        timer_set(loop_timers(traffic->crowd.loop), timer, now_ms + READ_STEP_MS);
    }
}

/* --- the phases --------------------------------------------------------------------------------------------------- */

static void end_run(struct traffic *traffic)
{
    traffic->phase = PHASE_OVER;
    loop_stop(traffic->crowd.loop);
}

static void after(struct traffic *traffic, uint64_t ms)
{
    timer_set(loop_timers(traffic->crowd.loop), &traffic->step, loop_now_ms(traffic->crowd.loop) + ms);
}

static void begin_measuring(struct traffic *traffic)
{
    traffic->phase = PHASE_MEASURE;
    traffic->at_start = traffic->total;
    traffic->mark = usage_begin(traffic->options);
    after(traffic, traffic->options->seconds * 1000);
}

static void end_measuring(struct traffic *traffic)
{
    traffic->usage = usage_end(traffic->options, &traffic->mark);
    traffic->measured = (struct counts){
        .sent = traffic->total.sent - traffic->at_start.sent,
        .acknowledged = traffic->total.acknowledged - traffic->at_start.acknowledged,
        .received = traffic->total.received - traffic->at_start.received,
    };
    traffic->phase = PHASE_DRAIN;
    traffic->progress_ms = loop_now_ms(traffic->crowd.loop);
    after(traffic, DRAIN_STEP_MS);
}

/* Publishes that the server owes an acknowledgement. */
static uint64_t unacknowledged(const struct traffic *traffic)
{
    uint64_t count = 0;
    for (unsigned i = 0; traffic->options->qos && i < traffic->crowd.publishers; i++) {
        const struct bench_client *client = &traffic->crowd.clients[i];
        count += client->next_number - client->acknowledged - client->refused;
    }
    return count;
}

/* Promised and not (yet) there: with QoS 1 and 2 what was acknowledged, with QoS 0 what was sent. */
static uint64_t missing(const struct traffic *traffic)
{
    uint64_t promised = 0, there = 0;
    if (!bench_mode_has_subscribers(traffic->options->mode)) {
        return 0;
    }
    for (unsigned i = 0; i < traffic->crowd.publishers; i++) {
        const struct bench_client *client = &traffic->crowd.clients[i];
        promised += (traffic->options->qos ? client->acknowledged : client->next_number) * traffic->fan;
    }
    size_t pairs = (size_t)traffic->crowd.publishers * traffic->fan;
    for (size_t i = 0; i < pairs; i++) {
        there += traffic->trackers[i].received;
    }
    return promised > there ? promised - there : 0;
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

static void on_drain_step(struct traffic *traffic, uint64_t now_ms)
{
    uint64_t progress = traffic->total.received + traffic->total.acknowledged;
    if (progress != traffic->seen_progress) {
        traffic->seen_progress = progress;
        traffic->progress_ms = now_ms;
        traffic->quiet_rounds = 0;
    }
    bool complete = missing(traffic) == 0 && unacknowledged(traffic) == 0;
    if (complete || traffic->quiet_rounds > QUIET_ROUNDS ||
        now_ms - traffic->progress_ms >= traffic->options->drain_s * 1000) {
        end_run(traffic);
        return;
    }
    if (++traffic->steps % STEPS_PER_ROUND == 0 && all_answered(&traffic->crowd)) {
        traffic->quiet_rounds++;
        for (unsigned i = 0; i < traffic->crowd.count; i++) {
            bench_client_ping(&traffic->crowd.clients[i]);
        }
    }
    after(traffic, DRAIN_STEP_MS);
}

static void on_step(struct timer *timer, uint64_t now_ms)
{
    struct traffic *traffic = container_of(timer, struct traffic, step);
    if (traffic->phase == PHASE_WARMUP) {
        begin_measuring(traffic);
    } else if (traffic->phase == PHASE_MEASURE) {
        end_measuring(traffic);
    } else if (traffic->phase == PHASE_DRAIN) {
        on_drain_step(traffic, now_ms);
    }
}

static void on_all_tried(struct crowd *crowd)
{
    struct traffic *traffic = container_of(crowd, struct traffic, crowd);
    if (crowd->failed) {
        end_run(traffic);
        return;
    }
    struct report report;
    if (traffic->options->json) {
        report_begin(&report, traffic->options, "connected");
        report_count(&report, "clients", NULL, crowd->up);
        report_end(&report);
    }
    traffic->phase = PHASE_WARMUP;
    if (traffic->options->rate) {
        start_pace(traffic);
    }
    for (unsigned i = 0; i < crowd->publishers; i++) {
        touch(traffic, &crowd->clients[i]);
    }
    if (traffic->options->read_rate) {
        for (unsigned i = 0; i < crowd_subscribers(crowd); i++) {
            crowd_subscriber(crowd, i)->allowance = 0;
        }
        on_read_step(&traffic->read_step, loop_now_ms(crowd->loop));
    }
    if (traffic->options->warmup_s) {
        after(traffic, traffic->options->warmup_s * 1000);
    } else {
        begin_measuring(traffic);
    }
}

static void on_ready(struct bench_client *client)
{
    struct traffic *traffic = client->run;
    crowd_tally(&traffic->crowd, client, true);
}

static void on_closed(struct bench_client *client, enum bench_client_state was)
{
    struct traffic *traffic = client->run;
    if (traffic->phase == PHASE_OVER) {
        return;
    }
    traffic->disconnected += was == CLIENT_READY;
    crowd_tally(&traffic->crowd, client, false);
}

static const struct bench_client_ops publisher_ops = {
    .on_ready = on_ready, .on_closed = on_closed, .on_acknowledged = on_acknowledged, .on_room = on_room};
static const struct bench_client_ops subscriber_ops = {
    .on_ready = on_ready, .on_closed = on_closed, .on_message = on_message};

/* --- the result --------------------------------------------------------------------------------------------------- */

static void report_result(const struct traffic *traffic)
{
    const struct bench_options *o = traffic->options;
    bool has_subscribers = bench_mode_has_subscribers(o->mode);
    uint64_t in = o->qos ? traffic->measured.acknowledged : traffic->measured.sent;
    uint64_t out = traffic->measured.received, refused = 0;
    for (unsigned i = 0; i < traffic->crowd.publishers; i++) {
        refused += traffic->crowd.clients[i].refused;
    }
    struct report report;
    report_begin(&report, o, "done");
    report_count(&report, "publishers", "publishers", traffic->crowd.publishers);
    report_count(&report, "subscribers", "subscribers", crowd_subscribers(&traffic->crowd));
    report_count(&report, "qos", "QoS", o->qos);
    report_count(&report, "payload", "payload bytes (0: telemetry in JSON)", o->payload_bytes);
    report_number(&report, "seconds", "measured", traffic->usage.seconds, "s");
    report_number(&report, "in_per_second", o->qos ? "acknowledged" : "sent", (double)in / traffic->usage.seconds, "/s");
    if (has_subscribers) {
        report_number(&report, "out_per_second", "received", (double)out / traffic->usage.seconds, "/s");
    }
    report_count(&report, "in", "acknowledged or sent in that time", in);
    report_count(&report, "out", "received in that time", out);
    report_count(&report, "sent_total", "sent in all", traffic->total.sent);
    report_count(&report, "received_total", "received in all", traffic->total.received);
    report_count(&report, "lost", "lost", missing(traffic));
    report_count(&report, "duplicates", "duplicates", traffic->duplicates);
    report_count(&report, "out_of_order", "out of order", traffic->late);
    report_count(&report, "foreign", "not ours", traffic->foreign);
    report_count(&report, "refused", "refused", refused);
    report_count(&report, "unacknowledged", "never acknowledged", unacknowledged(traffic));
    report_count(&report, "disconnected", "connections lost", traffic->disconnected);
    report_latency(&report, "delivery", "publish to subscriber", &traffic->delivery);
    report_latency(&report, "acknowledgement", "publish to acknowledgement", &traffic->acknowledgement);
    report_usage(&report, &traffic->usage, (double)(in + out), "messages (in + out)");
    report_end(&report);
}

static void deinit(struct traffic *traffic)
{
    size_t pairs = traffic->trackers ? (size_t)traffic->crowd.publishers * traffic->fan : 0;
    for (size_t i = 0; i < pairs; i++) {
        tracker_deinit(&traffic->trackers[i]);
    }
    mem_free(traffic->trackers);
    mem_free(traffic->arrived);
    mem_free(traffic->touched);
    mem_free(traffic->is_touched);
    crowd_deinit(&traffic->crowd);
    if (traffic->pace.on_ready) {
        close(traffic->pace.fd);
    }
    mem_free(traffic);
}

int traffic_run(const struct bench_options *options)
{
    unsigned subscribers = bench_mode_has_subscribers(options->mode) ? options->subscribers : 0;
    struct traffic *traffic = mem_new(struct traffic);
    traffic->options = options;
    traffic->fan = options->mode == BENCH_ONE_TO_ONE ? 1 : subscribers;
    traffic->step.on_due = on_step;
    traffic->read_step.on_due = on_read_step;
    traffic->refill.run = refill;
    if (!crowd_init(&traffic->crowd, options, traffic, &publisher_ops, &subscriber_ops, NULL, options->publishers,
                    subscribers)) {
        deinit(traffic);
        return 1;
    }
    traffic->crowd.on_all_tried = on_all_tried;
    traffic->trackers = mem_calloc((size_t)options->publishers * traffic->fan, sizeof *traffic->trackers);
    traffic->arrived = mem_calloc(options->publishers, sizeof *traffic->arrived);
    traffic->touched = mem_calloc(options->publishers, sizeof(struct bench_client *));
    traffic->is_touched = mem_calloc(options->publishers, sizeof(bool));
    for (unsigned i = 0; i < traffic->crowd.count; i++) {
        if (i < options->publishers) {
            bench_client_publishes(&traffic->crowd.clients[i]);
        } else {
            traffic->crowd.clients[i].filter_count = 1;
        }
    }
    crowd_open(&traffic->crowd);
    loop_run(traffic->crowd.loop);
    unsigned failed = traffic->crowd.failed;
    if (failed) {
        fprintf(stderr, "muster bench: %u of %u connections failed (CONNACK reason 0x%02x)\n", failed,
                traffic->crowd.count, traffic->crowd.failed_connack);
    } else {
        report_result(traffic);
    }
    deinit(traffic);
    return failed ? 1 : 0;
}
