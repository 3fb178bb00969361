/* Requests off a stream, one at a time: while a call is with its handler the stream is paused, and what a pipelining
 * client has sent meanwhile waits there. Deadlines are checked lazily by one timer per connection (device-api.md 1.5:
 * 408 after 30 s without progress); a request that arrives in one piece never touches it. */
#include "api/http_connection.h"

#include <assert.h>

#include "api/api_internal.h"
#include "api/core_routes.h"
#include "api/download.h"
#include "api/upload.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/websocket/websocket.h"
#include "model/live/trace.h"

#define DROPPED_BODY_BYTES_MAX (64 * 1024)
#define STRANGE_BODY_BYTES_FREE ((size_t)64 * 1024) /* of a call without credentials: a registration needs no more, */
#define STRANGE_BYTES_MAX ((size_t)64 * 1024 * 1024) /* longer ones together have so much */
#define HEAD_PATIENCE 2   /* a head may take this many idle times in all, */
#define BODY_PATIENCE 20  /* a whole request this many: a byte now and then does not hold a connection for ever */
#define UPLOAD_BYTES_PER_MS 1 /* what is stored while it arrives may take longer, at this pace on the whole */
#define UPLOAD_STEP_BYTES ((size_t)64 * 1024)
#define WEBSOCKET_MESSAGE_BYTES_MIN (1024 * 1024)
#define SWITCHED_OFF_MS ((uint64_t)365 * 24 * 3600 * 1000) /* what a time of 0 is */

static size_t on_data(struct stream *stream, const uint8_t *data, size_t len);
static void on_drained(struct stream *stream);
static void on_closed(struct stream *stream, enum stream_end why);
static void on_deadline(struct timer *timer, uint64_t now_ms);
static const struct stream_ops ops = {on_data, on_drained, on_closed};

static uint64_t now_ms_of(const struct http_connection *connection)
{
    return loop_now_ms(connection->home->loop);
}

static uint64_t patience(uint64_t setting_ms)
{
    return setting_ms > 0 ? setting_ms : SWITCHED_OFF_MS;
}

void http_connection_open(struct api *api, struct stream *stream, const struct router *router)
{
    struct http_connection *connection = mem_new(struct http_connection);
    struct api_loop *home = api_loop_of(api, stream_loop(stream));
    api_loop_refresh(home);
    connection->api = api;
    connection->home = home;
    connection->stream = stream;
    connection->router = router;
    connection->timer.on_due = on_deadline;
    http1_parser_init(&connection->parser, &home->limits);
    list_append(&home->connections, &connection->node);
    atomic_fetch_add_explicit(&api->connection_count, 1, memory_order_relaxed);
    stream_set_user(stream, &ops, connection);
    connection->active_ms = now_ms_of(connection);
    timer_set(loop_timers(home->loop), &connection->timer,
              connection->active_ms + patience(domain_settings(api->domain)->http_request_timeout));
}

static void free_connection(struct http_connection *connection)
{
    timer_cancel(loop_timers(connection->home->loop), &connection->timer);
    list_remove(&connection->node);
    http1_parser_deinit(&connection->parser);
    atomic_fetch_sub_explicit(&connection->api->connection_count, 1, memory_order_relaxed);
    mem_free(connection);
}

/* A call that is with its handler lives on without the connection, with the memory of its head. */
static void let_go_of_call(struct http_connection *connection)
{
    struct http_call *call = connection->call;
    connection->call = NULL;
    if (!call) {
        return;
    }
    if (connection->state == CONNECTION_HANDLING) {
        call->parser = connection->parser;
        http1_parser_init(&connection->parser, NULL);
        call->connection = NULL;
        call->call.connection = NULL;
    } else {
        http_call_free(connection->home, call);
    }
}

static void on_closed(struct stream *stream, enum stream_end why)
{
    (void)why;
    struct http_connection *connection = stream_user(stream);
    let_go_of_call(connection);
    if (connection->sse) {
        sse_connection_closed(connection->sse);
    }
    download_drop(connection->download, connection->api->domain);
    free_connection(connection);
}

static void close_connection(struct http_connection *connection)
{
    connection->state = CONNECTION_CLOSING;
    timer_cancel(loop_timers(connection->home->loop), &connection->timer);
    stream_close(connection->stream);
}

/* --- deadlines --- */

static uint64_t deadline_of(const struct http_connection *connection)
{
    const struct settings *settings = domain_settings(connection->api->domain);
    if (http1_is_idle(&connection->parser)) {
        return connection->active_ms + patience(settings->http_keep_alive_timeout);
    }
    uint64_t idle_ms = patience(settings->http_request_timeout);
    uint64_t latest = connection->began_ms + idle_ms * (connection->call ? BODY_PATIENCE : HEAD_PATIENCE);
    if (connection->call && connection->call->upload) {
        latest += connection->call->upload_bytes / UPLOAD_BYTES_PER_MS;
    }
    uint64_t idle = connection->active_ms + idle_ms;
    return idle < latest ? idle : latest;
}

static void on_deadline(struct timer *timer, uint64_t now_ms)
{
    struct http_connection *connection = container_of(timer, struct http_connection, timer);
    struct timer_wheel *timers = loop_timers(connection->home->loop);
    if (connection->state != CONNECTION_READING || connection->held_back) {
        timer_set(timers, timer, now_ms + patience(domain_settings(connection->api->domain)->http_request_timeout));
        return;
    }
    uint64_t deadline = deadline_of(connection);
    if (now_ms < deadline) {
        timer_set(timers, timer, deadline);
    } else {
        if (!http1_is_idle(&connection->parser)) {
            http_reply_error(connection, 408, "Request timeout");
        }
        close_connection(connection);
    }
}

/* The timer may be set for a later time than a request that has only begun now has. */
static void watch_request(struct http_connection *connection)
{
    if (connection->began_ms == 0) {
        connection->began_ms = connection->active_ms;
        timer_set(loop_timers(connection->home->loop), &connection->timer, deadline_of(connection));
    }
}

/* --- a request's way --- */

static bool upgrade_is_asked(const struct http_connection *connection)
{
    const struct http_call *call = connection->call;
    return call->call.route == mqtt_websocket_route() && connection->api->config.on_mqtt_websocket &&
           !call->decided && http1_head(&connection->parser)->wants_upgrade;
}

/* A message holds several packets. 0: as many bytes as a client likes. */
static size_t websocket_message_max(const struct settings *settings)
{
    size_t packet_max = settings->mqtt_packet_max;
    if (packet_max == 0 || packet_max > SIZE_MAX / 4) {
        return 0;
    }
    return packet_max * 4 > WEBSOCKET_MESSAGE_BYTES_MIN ? packet_max * 4 : WEBSOCKET_MESSAGE_BYTES_MIN;
}

/* From here on the stream is the hub's. False: the handshake was wrong, reply is the error. */
static bool upgrade(struct http_connection *connection)
{
    struct api *api = connection->api;
    struct stream *stream = connection->stream;
    struct call *call = &connection->call->call;
    enum err err = websocket_handshake(http1_head(&connection->parser), "mqtt", stream_output(stream));
    if (err != ERR_OK) {
        reply_error(&call->reply, err == ERR_STATE ? 426 : 400, err == ERR_STATE ? "Upgrade required" : "Bad request");
        if (err == ERR_STATE) {
            call_header(call, "Sec-WebSocket-Version", "13");
        }
        return false;
    }
    stream_set_peer(stream, &call->peer);
    http_call_free(connection->home, connection->call);
    connection->call = NULL;
    free_connection(connection);
    stream_commit(stream);
    stream_start_websocket(stream, websocket_message_max(domain_settings(api->domain)));
    metric_add(METRIC_HTTP_REQUESTS, 1);
    api->config.on_mqtt_websocket(stream, api->config.user);
    return true;
}

static void answer_now_and_close(struct http_connection *connection)
{
    connection->call->keep_alive = false;
    http_connection_answer(connection->call);
}

static void on_head(struct http_connection *connection)
{
    const struct http1_head *head = http1_head(&connection->parser);
    struct http_call *call = http_call_new(connection);
    connection->call = call;
    http_call_begin(call, head);
    if (call->decided && (head->expects_continue || head->content_length > DROPPED_BODY_BYTES_MAX)) {
        answer_now_and_close(connection);
    } else if (!call->decided && head->expects_continue) {
        stream_write(connection->stream, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    }
}

/* Strangers cannot fill the memory with bodies that they never finish. */
static bool take_room(struct api *api, struct http_call *call, size_t len)
{
    if (call->call.route->access != ACCESS_PUBLIC || len <= STRANGE_BODY_BYTES_FREE) {
        return true;
    }
    size_t more = len - call->strange_bytes;
    call->strange_bytes = len; /* given back with the call */
    return atomic_fetch_add_explicit(&api->strange_bytes, more, memory_order_relaxed) + more <= STRANGE_BYTES_MAX;
}

static void hold_back(struct http_connection *connection)
{
    connection->held_back = true;
    stream_pause(connection->stream);
}

static void on_upload(struct http_connection *connection)
{
    switch (body_upload_add(connection->call, http1_body(&connection->parser))) {
    case BODY_TAKEN:
        break;
    case BODY_FULL:
        hold_back(connection);
        break;
    case BODY_REFUSED:
        answer_now_and_close(connection);
        break;
    }
}


void http_connection_body_failed(struct http_connection *connection)
{
    answer_now_and_close(connection);
}

static void on_body(struct http_connection *connection)
{
    struct http_call *call = connection->call;
    struct str part = http1_body(&connection->parser);
    if (call->decided) {
        call->body_max = call->body_max > part.len ? call->body_max - part.len : 0;
        if (call->body_max == 0) {
            answer_now_and_close(connection);
        }
        return;
    }
    if (call->upload) {
        on_upload(connection);
        return;
    }
    if (!take_room(connection->api, call, call->body.len + part.len)) {
        reply_from_err(&call->call.reply, ERR_BUSY);
        answer_now_and_close(connection);
        return;
    }
    const struct http1_head *head = http1_head(&connection->parser);
    if (call->body.len == 0) {
        buf_reserve(&call->body, (size_t)(head->content_length < part.len * 8 ? head->content_length : part.len));
    }
    buf_append_str(&call->body, part);
    if (call->body.failed) {
        reply_error(&call->call.reply, 413, "Payload too large");
        answer_now_and_close(connection);
    }
}

static const char *failure_text(enum http1_error error)
{
    switch (error) {
    case HTTP1_URI_TOO_LONG:
        return "URI too long";
    case HTTP1_EXPECTATION_FAILED:
        return "Expectation failed";
    case HTTP1_HEADERS_TOO_LARGE:
        return "Headers too large";
    case HTTP1_NOT_IMPLEMENTED:
        return "Not implemented";
    case HTTP1_VERSION_NOT_SUPPORTED:
        return "HTTP version not supported";
    case HTTP1_ERROR_NONE:
    case HTTP1_BAD_REQUEST:
        break;
    }
    return "Bad request";
}

static void on_failure(struct http_connection *connection)
{
    enum http1_error error = http1_error(&connection->parser);
    metric_add(METRIC_HTTP_BAD_REQUESTS, 1);
    if (connection->call) {
        http_call_free(connection->home, connection->call);
        connection->call = NULL;
    }
    http_reply_error(connection, error ? (unsigned)error : 400, failure_text(error));
    close_connection(connection);
}

/* False: the connection is not the HTTP server's any more. */
static bool on_complete(struct http_connection *connection)
{
    if (upgrade_is_asked(connection) && upgrade(connection)) {
        return false;
    }
    if (connection->call->call.reply.status != 0) {
        http_connection_answer(connection->call);
        return true;
    }
    connection->state = CONNECTION_HANDLING;
    http_call_run(connection->call);
    return true;
}

static bool step(struct http_connection *connection, enum http1_event event)
{
    switch (event) {
    case HTTP1_HEAD:
        on_head(connection);
        return true;
    case HTTP1_BODY:
        on_body(connection);
        return true;
    case HTTP1_COMPLETE:
        return on_complete(connection);
    case HTTP1_FAILED:
        on_failure(connection);
        return true;
    case HTTP1_NEED_MORE:
        break;
    }
    return true;
}

/* An upload is told that it is full after each step. */
static size_t step_bytes(const struct http_connection *connection, size_t left)
{
    bool uploads = connection->call && connection->call->upload;
    return uploads && left > UPLOAD_STEP_BYTES ? UPLOAD_STEP_BYTES : left;
}

static size_t on_data(struct stream *stream, const uint8_t *data, size_t len)
{
    struct http_connection *connection = stream_user(stream);
    connection->active_ms = now_ms_of(connection);
    size_t used = 0;
    enum http1_event event = HTTP1_BODY;
    while (connection->state == CONNECTION_READING && (event != HTTP1_NEED_MORE || used < len)) {
        size_t taken = 0;
        event = http1_parse(&connection->parser, data + used, step_bytes(connection, len - used), &taken);
        used += taken;
        if (!step(connection, event)) {
            return used;
        }
        if (connection->held_back && connection->call) {
            watch_request(connection);
            return used;
        }
        if (stream_is_congested(stream) && connection->state == CONNECTION_READING && !connection->call) {
            hold_back(connection);
            return used;
        }
    }
    if (connection->state == CONNECTION_READING) {
        if (!http1_is_idle(&connection->parser)) {
            watch_request(connection);
        }
        return used;
    }
    if (connection->state == CONNECTION_HANDLING) {
        stream_pause(stream);
        return used;
    }
    return len;
}

void http_connection_body_room(struct http_connection *connection)
{
    struct stream *stream = connection->stream;
    connection->held_back = false;
    on_data(stream, (const uint8_t *)"", 0); /* its end may have been among what was taken */
    if (stream_user(stream) == connection && connection->state == CONNECTION_READING && !connection->held_back) {
        stream_resume(stream);
    }
}

static void on_drained(struct stream *stream)
{
    struct http_connection *connection = stream_user(stream);
    connection->active_ms = now_ms_of(connection);
    connection->held_back = false;
    if (connection->sse) {
        sse_connection_drained(connection->sse);
    } else if (connection->download) {
        download_drained(connection->download);
    } else if (connection->state == CONNECTION_READING) {
        stream_resume(stream);
    }
}

/* --- replies --- */

static void tell_live_tail(const struct call *call)
{
    struct domain *domain = call->domain;
    if (call->reply.status < 400 || call->device.no == 0 ||
        atomic_load_explicit(&domain->events.wants_messages, memory_order_relaxed) == 0) {
        return;
    }
    struct event *event = event_new(EVENT_UPLINK_REFUSED, &call->device);
    event->transport = TRANSPORT_HTTPS;
    event->direction = DIRECTION_UP;
    event->at_ms = domain->now_unix_ms();
    event->code = (uint16_t)call->reply.status;
    event->size = (uint32_t)call->raw_body.len;
    event_set_request(event, call->method, call->path);
    event_set_payload(event, buf_str(&call->reply.body));
    event_bus_emit(&domain->events, event);
}

/* A call that was refused for its key is about the device that its path names. */
static bool traced_device(const struct call *call, struct device_brief *ret_device)
{
    struct uuid id;
    if (!trace_is_any_armed(call->domain) || !call->route || call->route->access != ACCESS_DEVICE) {
        return false;
    }
    if (call->device.no != 0) {
        *ret_device = call->device;
        return trace_may_be_armed(call->domain, call->device.no);
    }
    return uuid_parse(call->params[0], &id) && device_table_find(call->domain->devices, &id, ret_device);
}

static void tell_trace(const struct call *call)
{
    struct device_brief device;
    struct buf payload;
    struct json_writer w;
    if (!traced_device(call, &device)) {
        return;
    }
    buf_init(&payload, 4 * TRACE_BODY_BYTES_MAX);
    json_writer_init(&w, &payload);
    json_begin_object(&w);
    json_name(&w, "request");
    trace_put_body(&w, call->raw_body);
    json_name(&w, "response");
    trace_put_body(&w, buf_str(&call->reply.body));
    json_end_object(&w);
    struct trace_record record = {
        .transport = TRANSPORT_HTTPS,
        .direction = DIRECTION_UP,
        .method = call->method,
        .path = call->path,
        .code = (uint16_t)call->reply.status,
        .size = (uint32_t)call->raw_body.len,
        .payload = payload.failed ? STR("{}") : buf_str(&payload),
    };
    trace_emit(call->domain, &device, &record);
    buf_deinit(&payload);
}

/* The reply has been written: closes, or goes on with what the client sends next. */
static void answered(struct http_connection *connection)
{
    connection->active_ms = now_ms_of(connection);
    connection->began_ms = 0;
    if (!connection->keep_open) {
        close_connection(connection);
        return;
    }
    http1_next(&connection->parser);
    bool waited = connection->state != CONNECTION_READING;
    connection->state = CONNECTION_READING;
    if (stream_is_congested(connection->stream)) {
        hold_back(connection);
    } else if (waited) {
        stream_resume(connection->stream);
    }
}

void http_connection_sent(struct http_connection *connection)
{
    answered(connection);
}

void http_connection_answer(struct http_call *call)
{
    struct http_connection *connection = call->connection;
    tell_live_tail(&call->call);
    tell_trace(&call->call);
    if (!connection) {
        http_call_free(NULL, call);
        return;
    }
    call->keep_alive = call->keep_alive && !atomic_load_explicit(&connection->api->draining, memory_order_relaxed);
    connection->keep_open = call->keep_alive;
    http_reply_write(connection, call);
    struct download *download = call->call.download;
    bool sends = download && !call->call.is_head;
    if (sends) {
        call->call.download = NULL;
    }
    connection->call = NULL;
    http_call_free(connection->home, call);
    if (!sends) {
        answered(connection);
        return;
    }
    connection->state = CONNECTION_SENDING;
    connection->download = download;
    download_start(download, connection);
}

void http_connection_drain(struct http_connection *connection)
{
    if (connection->sse) {
        sse_close(connection->sse);
    } else if (connection->state == CONNECTION_READING && !connection->call) {
        close_connection(connection);
    }
}
