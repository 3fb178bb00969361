/* Output and closing.
 *
 * What the protocol writes is gathered in `out` and goes through the filters when the stream is flushed, once at the end
 * of the turn (and again whenever the kernel has room): out -> WebSocket frames -> TLS records -> socket. Each filter
 * takes a portion at a time, so that a long output exists only once in full. Memory comes from a few spare buffers of
 * the loop and goes back when it is sent. */
#include "io/stream_internal.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metrics.h"

#define HIGH_WATER_BYTES (256 * 1024)
#define COMPACT_BYTES (64 * 1024)

void stream_buffer_take(struct stream_context *context, struct buf *buf)
{
    if (!buf->data && context->spare_count > 0) {
        struct buf *spare = &context->spare[--context->spare_count];
        buf->data = spare->data;
        buf->cap = spare->cap;
        buf->len = 0;
    }
}

void stream_buffer_give(struct stream_context *context, struct buf *buf)
{
    if (buf->data && buf->cap <= SPARE_BUFFER_BYTES_MAX && buf->cap <= buf->max && context->spare_count < SPARE_BUFFERS) {
        context->spare[context->spare_count++] = (struct buf){.data = buf->data, .cap = buf->cap};
        *buf = (struct buf){.max = buf->max};
        return;
    }
    buf_deinit(buf);
}

struct buf *stream_output(struct stream *stream)
{
    stream_buffer_take(stream->loop->streams, &stream->out);
    return &stream->out;
}

void stream_commit(struct stream *stream)
{
    assert(stream->magic == STREAM_MAGIC);
    if (stream->phase > PHASE_OPEN) {
        return;
    }
    if (stream->out.failed) {
        stream_finish(stream, STREAM_FAILED);
        return;
    }
    if (stream_output_bytes(stream) > HIGH_WATER_BYTES) {
        stream->congested = true;
    }
    stream_mark_dirty(stream);
}

void stream_write(struct stream *stream, const void *data, size_t len)
{
    if (stream->phase <= PHASE_OPEN) {
        buf_append(stream_output(stream), data, len);
        stream_commit(stream);
    }
}

size_t stream_output_bytes(const struct stream *stream)
{
    size_t bytes = stream->out.len - stream->out_at;
    if (stream->ws) {
        bytes += stream_ws_output_bytes(stream->ws);
    }
    if (stream->tls) {
        bytes += stream_tls_output_bytes(stream->tls);
    }
    return bytes;
}

bool stream_is_congested(const struct stream *stream)
{
    return stream->congested;
}

void stream_set_output_max(struct stream *stream, size_t bytes)
{
    stream->out.max = bytes;
}

/* --- flushing --- */

/* Drops what is sent, in steps that keep the copying proportional to the bytes. */
static void compact(struct stream_context *context, struct buf *buf, size_t *at)
{
    if (*at == buf->len) {
        stream_buffer_give(context, buf);
        *at = 0;
    } else if (*at > COMPACT_BYTES && *at > buf->len / 2) {
        buf_consume(buf, *at);
        *at = 0;
    }
}

/* The bytes next to the socket, filled from above; false: there are none. */
static bool bottom(struct stream *stream, struct buf **ret_buf, size_t **ret_at)
{
    struct buf *buf = &stream->out;
    size_t *at = &stream->out_at;
    if (stream->phase < PHASE_OPEN && !stream->tls) {
        return false;
    }
    if (stream->ws) {
        stream_ws_frame_output(stream);
        buf = stream_ws_output(stream, &at);
    }
    if (stream->tls) {
        if (stream->phase >= PHASE_OPEN && *at < buf->len) {
            *at += stream_tls_encrypt(stream, buf->data + *at, buf->len - *at);
            compact(stream->loop->streams, buf, at);
        }
        buf = stream_tls_output(stream, &at);
    }
    *ret_buf = buf;
    *ret_at = at;
    return *at < buf->len;
}

static void send_all(struct stream *stream)
{
    struct buf *buf;
    size_t *at;
    while (!stream->blocked && bottom(stream, &buf, &at)) {
        ssize_t sent = send(stream->watch.fd, buf->data + *at, buf->len - *at, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                stream->blocked = true;
            } else if (errno != EINTR) {
                stream_finish(stream, stream->eof ? STREAM_PEER_CLOSED : STREAM_FAILED);
                return;
            }
            continue;
        }
        metric_add(METRIC_BYTES_SENT, sent);
        stream->progress_ms = stream->loop->now_ms;
        *at += (size_t)sent;
        compact(stream->loop->streams, buf, at);
    }
}

static void say_goodbye(struct stream *stream)
{
    stream->said_goodbye = true;
    if (stream->ws) {
        stream_ws_say_goodbye(stream);
        send_all(stream);
    }
    if (stream->tls && stream->phase == PHASE_CLOSING) {
        stream_tls_say_goodbye(stream);
        send_all(stream);
    }
}

void stream_linger(struct stream *stream, enum stream_end why)
{
    stream->phase = PHASE_LINGER;
    stream->end = why;
    stream_set_timer(stream, stream->loop->now_ms + LINGER_MS);
    stream_arm(stream);
}

static void after_last_byte(struct stream *stream)
{
    shutdown(stream->watch.fd, SHUT_WR);
    if (stream->eof) {
        stream_finish(stream, stream->end);
    } else {
        stream_linger(stream, stream->end);
    }
}

static void watch_progress(struct stream *stream)
{
    if (!timer_is_set(&stream->timer)) {
        stream->progress_ms = stream->loop->now_ms;
        stream_set_timer(stream, stream->loop->now_ms + OUTPUT_STALL_MS);
    }
}

void stream_flush(struct stream *stream)
{
    send_all(stream);
    if (stream->phase == PHASE_CLOSING && !stream->said_goodbye && stream_output_bytes(stream) == 0) {
        say_goodbye(stream);
    }
    size_t left = stream_output_bytes(stream);
    if (stream->phase == PHASE_CLOSING && left == 0) {
        after_last_byte(stream);
    }
    if (stream->phase == PHASE_OPEN || stream->phase == PHASE_CLOSING) {
        if (left > 0) {
            watch_progress(stream);
        } else {
            timer_cancel(&stream->loop->timers, &stream->timer);
        }
    }
    stream_arm(stream);
    if (stream->phase == PHASE_OPEN && stream->congested && left <= HIGH_WATER_BYTES / 2) {
        stream->congested = false;
        if (stream->ops->on_drained) {
            stream->ops->on_drained(stream);
        }
    }
}

/* --- ending --- */

void stream_set_timer(struct stream *stream, uint64_t due_ms)
{
    timer_set(&stream->loop->timers, &stream->timer, due_ms);
}

void stream_on_timer(struct timer *timer, uint64_t now_ms)
{
    struct stream *stream = container_of(timer, struct stream, timer);
    switch (stream->phase) {
    case PHASE_HANDSHAKE:
        if (stream->postponed) { /* it waits for us, not we for it */
            stream_set_timer(stream, now_ms + HANDSHAKE_MS);
            break;
        }
        stream_finish(stream, STREAM_TIMED_OUT);
        break;
    case PHASE_CONNECTING:
        stream_finish(stream, STREAM_TIMED_OUT);
        break;
    case PHASE_OPEN:
    case PHASE_CLOSING:
        if (now_ms - stream->progress_ms >= OUTPUT_STALL_MS) {
            stream_finish(stream, STREAM_TIMED_OUT);
        } else {
            stream_set_timer(stream, stream->progress_ms + OUTPUT_STALL_MS);
        }
        break;
    case PHASE_LINGER:
        stream_finish(stream, stream->end);
        break;
    case PHASE_DEAD:
        break;
    }
}

void stream_close(struct stream *stream)
{
    assert(stream->magic == STREAM_MAGIC);
    if (stream->phase > PHASE_OPEN) {
        return;
    }
    if (stream->phase < PHASE_OPEN || stream->moving) {
        stream_finish(stream, STREAM_CLOSED);
        return;
    }
    stream->phase = PHASE_CLOSING;
    stream->end = STREAM_CLOSED;
    list_remove(&stream->ready);
    stream_mark_dirty(stream);
    stream_arm(stream);
}
