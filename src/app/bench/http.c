/* register and report: devices register, or report telemetry, over HTTP keep-alive, one request at a time on each
 * connection. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/bench/client.h"
#include "app/bench/credentials.h"
#include "app/bench/histogram.h"
#include "app/bench/modes.h"
#include "app/bench/report.h"
#include "base/mem.h"
#include "codec/json/json.h"

struct http_run {
    const struct bench_options *options;
    struct loop *loop;
    struct tls_client *tls;
    FILE *save;
    struct bench_credential *credentials; /* report: connection i is device i, in turn */
    unsigned credential_count;
    struct caller *callers;
    struct timer end;
    struct usage_mark mark;
    struct usage usage;
    struct histogram latency;
    unsigned opening, up, failed;
    uint64_t serial, done, refused, lost; /* serial: of requests */
    bool is_measuring, is_over;
};

struct caller {
    struct http_run *run;
    struct stream *stream;
    uint64_t sent_ns;
    bool is_tallied;
};

static void open_more(struct http_run *run);

static void tally(struct caller *caller, bool is_up)
{
    struct http_run *run = caller->run;
    if (caller->is_tallied) {
        run->lost++;
        return;
    }
    caller->is_tallied = true;
    run->up += is_up;
    run->failed += !is_up;
    if (run->up + run->failed < run->options->publishers) {
        open_more(run);
    } else if (run->up == 0) {
        loop_stop(run->loop);
    } else {
        run->is_measuring = true;
        run->mark = usage_begin(run->options);
        timer_set(loop_timers(run->loop), &run->end, loop_now_ms(run->loop) + run->options->seconds * 1000);
    }
}

static void send_request(struct caller *caller, const char *head, int head_bytes, const char *body, int body_bytes)
{
    stream_write(caller->stream, head, (size_t)head_bytes);
    stream_write(caller->stream, body, (size_t)body_bytes);
    caller->sent_ns = bench_now_ns();
}

static void register_one(struct caller *caller)
{
    struct http_run *run = caller->run;
    char body[256], head[256];
    unsigned long long n = (unsigned long long)run->serial++;
    int body_bytes = snprintf(body, sizeof body,
                              "{\"hardware_key\":\"%s\",\"firmware_version\":\"1.0.0\",\"sn\":\"B-%ld-%llu\",\"mac\":\"%012llx\"}",
                              run->options->hardware_key, (long)getpid(), n, n);
    int head_bytes = snprintf(head, sizeof head, "POST /v1/devices HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n",
                              body_bytes);
    send_request(caller, head, head_bytes, body, body_bytes);
}

static void report_one(struct caller *caller)
{
    struct http_run *run = caller->run;
    const struct bench_credential *device = &run->credentials[(size_t)(caller - run->callers) % run->credential_count];
    char body[128], head[384];
    unsigned n = (unsigned)(run->serial++ % 1000);
    int body_bytes = snprintf(body, sizeof body, "{\"telemetries\":{\"temp\":%u.%u,\"level\":%u,\"on\":true}}", n / 10, n % 10, n % 100);
    int head_bytes = snprintf(head, sizeof head,
                              "POST /v1/devices/%s/telemetry HTTP/1.1\r\nHost: bench\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n",
                              device->id, device->key, body_bytes);
    send_request(caller, head, head_bytes, body, body_bytes);
}

static void ask(struct caller *caller)
{
    if (caller->run->options->mode == BENCH_REPORT) {
        report_one(caller);
    } else {
        register_one(caller);
    }
}

static void save_identity(struct http_run *run, struct str body)
{
    struct json *reply;
    if (run->save && json_parse(body, NULL, &reply) == ERR_OK) {
        fprintf(run->save, "%.*s %.*s\n", STR_ARG(json_string(json_get(reply, "id"))),
                STR_ARG(json_string(json_get(reply, "access_key"))));
        json_free(reply);
    }
}

/* Our own server's replies only: a head with Content-Length, then the body. Returns the bytes of one whole reply. */
static size_t take_reply(struct caller *caller, struct str input)
{
    struct http_run *run = caller->run;
    const char *end = memmem(input.ptr, input.len, "\r\n\r\n", 4);
    if (!end) {
        return 0;
    }
    size_t head_bytes = (size_t)(end - input.ptr) + 4;
    const char *at = memmem(input.ptr, head_bytes, "Content-Length: ", 16);
    if (!at) {
        return 0;
    }
    size_t body_bytes = strtoul(at + 16, NULL, 10);
    if (input.len < head_bytes + body_bytes) {
        return 0;
    }
    bool created = str_starts_with(input, STR("HTTP/1.1 201"));
    if (created) {
        save_identity(run, str_sub(input, head_bytes, body_bytes));
    }
    if (run->is_measuring) {
        run->done += created;
        run->refused += !created;
        histogram_add(&run->latency, bench_now_ns() - caller->sent_ns);
    }
    return head_bytes + body_bytes;
}

static size_t on_data(struct stream *stream, const uint8_t *data, size_t len)
{
    struct caller *caller = stream_user(stream);
    size_t used = take_reply(caller, str_from(data, len));
    if (used) {
        ask(caller);
    }
    return used;
}

static void on_closed(struct stream *stream, enum stream_end why)
{
    (void)why;
    struct caller *caller = stream_user(stream);
    caller->stream = NULL;
    if (!caller->run->is_over) {
        tally(caller, false);
    }
}

static void on_connected(struct stream *stream)
{
    struct caller *caller = stream_user(stream);
    tally(caller, true);
    ask(caller);
}

static const struct stream_ops callbacks = {.on_data = on_data, .on_closed = on_closed};

static void open_more(struct http_run *run)
{
    const struct bench_options *o = run->options;
    while (run->opening < o->publishers && run->opening < run->up + run->failed + o->concurrency) {
        struct caller *caller = &run->callers[run->opening++];
        caller->run = run;
        caller->stream = stream_connect(run->loop, &o->to, run->tls, &callbacks, on_connected, caller);
        if (!caller->stream) {
            tally(caller, false);
        }
    }
}

static void on_end(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct http_run *run = container_of(timer, struct http_run, end);
    run->usage = usage_end(run->options, &run->mark);
    run->is_over = true;
    loop_stop(run->loop);
}

static void report_result(const struct http_run *run)
{
    struct report report;
    report_begin(&report, run->options, "done");
    report_count(&report, "clients", "connections", run->up);
    report_count(&report, "failed", "connections failed", run->failed);
    report_count(&report, "disconnected", "connections lost", run->lost);
    report_number(&report, "seconds", "measured", run->usage.seconds, "s");
    const char *what = run->options->mode == BENCH_REPORT ? "reported" : "registered";
    report_count(&report, "in", what, run->done);
    report_number(&report, "in_per_second", what, (double)run->done / run->usage.seconds, "/s");
    report_count(&report, "refused", "refused", run->refused);
    report_latency(&report, "acknowledgement", "request to reply", &run->latency);
    report_usage(&report, &run->usage, (double)run->done, run->options->mode == BENCH_REPORT ? "reports" : "registrations");
    report_end(&report);
}

static int go(struct http_run *run)
{
    open_more(run);
    loop_run(run->loop);
    if (run->up == 0) {
        fprintf(stderr, "muster bench: no connection came up\n");
        return 1;
    }
    report_result(run);
    return 0;
}

int http_run(const struct bench_options *options)
{
    struct http_run *run = mem_new(struct http_run);
    run->options = options;
    run->end.on_due = on_end;
    bool ready = true;
    if (options->save && !(run->save = fopen(options->save, "we"))) {
        fprintf(stderr, "muster bench: %s cannot be written\n", options->save);
        ready = false;
    } else if (options->mode == BENCH_REPORT) {
        ready = bench_credentials_read(options->credentials, options->publishers, &run->credentials, &run->credential_count);
    }
    run->loop = loop_new(0);
    run->tls = options->has_tls ? tls_client_new(NULL) : NULL;
    run->callers = mem_calloc(options->publishers, sizeof *run->callers);
    int code = ready ? go(run) : 1;
    loop_free(run->loop);
    tls_client_free(run->tls);
    if (run->save) {
        fclose(run->save);
    }
    mem_free(run->credentials);
    mem_free(run->callers);
    mem_free(run);
    return code;
}
