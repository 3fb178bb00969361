#include "api/sse.h"

#include "api/api_internal.h"
#include "api/http_connection.h"
#include "base/mem.h"
#include "base/metrics.h"

struct sse {
    struct http_connection *connection;
    const struct sse_ops *ops;
    void *user;
    size_t queue_bytes_max;
    bool refused; /* on_drained is due */
};

struct sse *sse_open(struct call *call, const struct sse_ops *ops, void *user, size_t queue_bytes_max)
{
    return sse_open_as(call, "text/event-stream; charset=utf-8", ops, user, queue_bytes_max);
}

struct sse *sse_open_as(struct call *call, const char *content_type, const struct sse_ops *ops, void *user,
                        size_t queue_bytes_max)
{
    struct http_call *http_call = http_call_of(call);
    struct http_connection *connection = http_call->connection;
    struct sse *sse = mem_new(struct sse);
    sse->connection = connection;
    sse->ops = ops;
    sse->user = user;
    sse->queue_bytes_max = queue_bytes_max ? queue_bytes_max : SSE_QUEUE_BYTES_DEFAULT;
    if (sse->queue_bytes_max < SSE_QUEUE_BYTES_MIN) { /* a full queue must be one that the stream calls congested */
        sse->queue_bytes_max = SSE_QUEUE_BYTES_MIN;
    }
    call_header(call, "Cache-Control", "no-cache, no-store");
    http_reply_stream_head(connection, http_call, content_type);
    http_call->streaming = true;
    connection->sse = sse;
    connection->state = CONNECTION_STREAMING;
    metric_add(METRIC_LIVE_STREAMS, 1);
    if (call->is_head) {
        sse_close(sse);
    }
    return sse;
}

void *sse_user(const struct sse *sse)
{
    return sse->user;
}

struct loop *sse_loop(const struct sse *sse)
{
    return sse->connection->home->loop;
}

bool sse_send(struct sse *sse, struct str text)
{
    struct stream *stream = sse->connection->stream;
    if (stream_output_bytes(stream) + text.len > sse->queue_bytes_max) {
        sse->refused = true;
        return false;
    }
    stream_write(stream, text.ptr, text.len);
    return true;
}

void sse_close(struct sse *sse)
{
    sse->connection->state = CONNECTION_CLOSING;
    stream_close(sse->connection->stream);
}

void sse_connection_closed(struct sse *sse)
{
    metric_add(METRIC_LIVE_STREAMS, -1);
    sse->connection->sse = NULL;
    sse->ops->on_closed(sse);
    mem_free(sse);
}

void sse_connection_drained(struct sse *sse)
{
    if (sse->refused) {
        sse->refused = false;
        if (sse->ops->on_drained) {
            sse->ops->on_drained(sse);
        }
    }
}
