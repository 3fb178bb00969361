/* The live stream over server-sent events (management-api.md 9). A reader's events wait in the domain (model/live/live.h);
 * whenever there are some, a task on the connection's loop moves them into the connection, as far as it takes them. */
#include <stdatomic.h>

#include "api/admin_call.h"
#include "api/sse.h"
#include "base/mem.h"
#include "io/loop.h"
#include "model/account/access.h"
#include "model/maker/catalog.h"
#include "model/device/device_table.h"
#include "model/live/live.h"
#include "model/account/web_session.h"

#define HEARTBEAT_MS 15000
#define EVENT_BYTES_MAX ((size_t)256 * 1024 - 1024) /* a longer one would never fit into the connection's queue */

struct live_stream {
    struct domain *domain;
    struct sse *sse;
    struct loop *loop;
    struct live_reader *reader;
    struct principal principal;
    bool is_session;
    uint8_t session_hash[SHA256_BYTES];
    struct timer heartbeat;
    struct buf text;          /* rendered, and not yet taken by the connection when not empty */
    struct task task;
    _Atomic bool task_posted;
    bool is_closed;           /* freed by the task that is under way */
};

static void stream_free(struct live_stream *stream)
{
    buf_deinit(&stream->text);
    mem_free(stream);
}

/* Renders the next event or notice. False: there is none. */
static bool render_next(struct live_stream *stream)
{
    uint64_t dropped;
    const struct event *event = live_take(stream->reader, &dropped);
    if (event) {
        live_render(stream->domain->live, event, &stream->text);
        event_unref(event);
    } else if (dropped) {
        live_render_dropped(dropped, &stream->text);
    } else {
        return false;
    }
    if (stream->text.failed) {
        buf_clear(&stream->text);
        live_render_dropped(1, &stream->text);
    }
    return true;
}

static void stream_pump(struct live_stream *stream)
{
    if (live_is_revoked(stream->reader)) {
        sse_close(stream->sse);
        return;
    }
    while (stream->text.len || render_next(stream)) {
        if (!sse_send(stream->sse, buf_str(&stream->text))) {
            return; /* on_drained goes on */
        }
        buf_clear(&stream->text);
    }
}

static void run_pump(struct task *task)
{
    struct live_stream *stream = container_of(task, struct live_stream, task);
    atomic_store(&stream->task_posted, false);
    if (stream->is_closed) {
        stream_free(stream);
    } else {
        stream_pump(stream);
    }
}

/* From any thread; the task is in the inbox at most once. */
static void wake(void *user)
{
    struct live_stream *stream = user;
    if (!atomic_exchange(&stream->task_posted, true)) {
        mailbox_post(loop_mailbox(stream->loop), &stream->task);
    }
}

static void on_drained(struct sse *sse)
{
    stream_pump(sse_user(sse));
}

static void on_closed(struct sse *sse)
{
    struct live_stream *stream = sse_user(sse);
    timer_cancel(loop_timers(stream->loop), &stream->heartbeat);
    live_close(stream->reader); /* nobody posts the task from here on */
    if (atomic_load(&stream->task_posted)) {
        stream->is_closed = true;
    } else {
        stream_free(stream);
    }
}

/* Keys are watched by their revocation, and may expire; a session may have ended, or acts for another tenant now. */
static bool may_go_on(const struct live_stream *stream)
{
    const struct principal *principal = &stream->principal;
    if (principal->expires_at && stream->domain->now_unix_ms() >= principal->expires_at) {
        return false;
    }
    return !stream->is_session ||
           web_session_acts_for(stream->domain, stream->session_hash, principal->tenant_kind,
                                principal->tenant_kind == TENANT_PARTNER ? principal->partner_no
                                                                         : principal->organization_no);
}

static void set_heartbeat(struct live_stream *stream, uint64_t now_ms)
{
    int64_t wait_ms = HEARTBEAT_MS;
    if (stream->principal.expires_at) {
        int64_t left_ms = stream->principal.expires_at - stream->domain->now_unix_ms();
        wait_ms = left_ms < 0 ? 0 : left_ms < wait_ms ? left_ms : wait_ms;
    }
    timer_set(loop_timers(stream->loop), &stream->heartbeat, now_ms + (uint64_t)wait_ms);
}

static void on_heartbeat(struct timer *timer, uint64_t now_ms)
{
    struct live_stream *stream = container_of(timer, struct live_stream, heartbeat);
    if (!may_go_on(stream)) {
        sse_close(stream->sse);
        return;
    }
    if (stream->text.len == 0) { /* else the connection is full, and knows that we are there */
        sse_send(stream->sse, STR(":\n\n"));
    }
    set_heartbeat(stream, now_ms);
}

static bool belongs_to(struct domain *domain, const struct device_brief *device, const struct principal *principal)
{
    return principal->tenant_kind == TENANT_PARTNER ? device->partner_no == principal->partner_no
                                                    : device->organization_no == principal->organization_no &&
                                                          access_in_space(domain, principal, device->space_no) == ERR_OK;
}

static bool parse_device(struct call *call, struct live_filter *filter)
{
    struct str text;
    struct device_brief device;
    if (!call_query(call, "device_id", &text)) {
        return true;
    }
    filter->has_device = true;
    if (uuid_parse(text, &filter->device_id) &&
        device_table_find(call->domain->devices, &filter->device_id, &device) && belongs_to(call->domain, &device, &call->principal)) {
        return true;
    }
    reply_error(&call->reply, 404, "Device not found");
    return false;
}

static bool parse_model(struct call *call, struct live_filter *filter)
{
    struct str text;
    struct model_info model;
    if (!call_query(call, "model_id", &text)) {
        return true;
    }
    filter->has_model = true;
    if (uuid_parse(text, &filter->model_id) &&
        catalog_model_by_id(call->domain->catalog, &filter->model_id, &model) &&
        model.partner_no == call->principal.partner_no) {
        return true;
    }
    reply_error(&call->reply, 404, "Model not found");
    return false;
}

static bool parse_filter(struct call *call, struct live_filter *filter)
{
    struct str text;
    *filter = (struct live_filter){.principal = call->principal, .types = LIVE_ALL};
    if (call_query(call, "types", &text)) {
        filter->types = live_types_parse(text);
    }
    if (call_query(call, "space_id", &text) && (!str_to_i64(text, &filter->space_no) || filter->space_no <= 0)) {
        reply_error(&call->reply, 404, "Space not found");
        return false;
    }
    return parse_device(call, filter) && parse_model(call, filter);
}

static void stream_open(struct call *call, struct store_tx *tx)
{
    (void)tx;
    static const struct sse_ops ops = {.on_drained = on_drained, .on_closed = on_closed};
    struct live_filter filter;
    if (!parse_filter(call, &filter)) {
        return;
    }
    struct live_stream *stream = mem_new(struct live_stream);
    stream->domain = call->domain;
    stream->loop = loop_current();
    stream->principal = call->principal;
    stream->is_session = call->principal.kind == PRINCIPAL_USER &&
                         web_session_token_hash(call->domain, call->cookie, call->is_tls, stream->session_hash);
    stream->task.run = run_pump;
    stream->heartbeat.on_due = on_heartbeat;
    buf_init(&stream->text, EVENT_BYTES_MAX);
    stream->reader = live_open(call->domain->live, &filter, call->last_event_id, wake, stream);
    if (!stream->reader) {
        stream_free(stream);
        reply_error(&call->reply, 503, "Service unavailable");
        call->reply.retry_after_s = 30;
        return;
    }
    bool is_head = call->is_head; /* the call is gone after sse_open; on HEAD on_closed follows */
    stream->sse = sse_open(call, &ops, stream, 0);
    if (!is_head) {
        sse_send(stream->sse, STR(":\n\n"));
    }
    set_heartbeat(stream, loop_now_ms(stream->loop));
}

const struct route live_routes[] = {
    {"GET", "/core/v1/partner/stream", ACCESS_PARTNER, PLACE_LOOP, NEEDS(DEVICES_READ), stream_open},
    {"GET", "/core/v1/organization/stream", ACCESS_ORGANIZATION, PLACE_LOOP, NEEDS(VIEW), stream_open},
    {0},
};
