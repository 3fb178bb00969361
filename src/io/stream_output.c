/* Output and closing.
 *
 * What the protocol writes is gathered in `out` and goes through the filters when the stream is flushed, once at the end
 * of the turn (and again whenever the kernel has room): out -> WebSocket frames -> TLS records -> socket. Each filter
 * takes a portion at a time, so that a long output exists only once in full. Memory comes from a few spare buffers of
 * the loop and goes back when it is sent. */
#include "io/stream_internal.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metrics.h"

#define HIGH_WATER_BYTES (256 * 1024)
#define COMPACT_BYTES (64 * 1024)
#define OUTPUT_LOOK_MS (OUTPUT_STALL_MS / 4)

struct buf *stream_out_take(struct stream_context *context, struct stream_out **out, size_t max)
{
    struct stream_out *taken = *out;
    if (!taken) {
        taken = context->spare;
        if (taken) {
            context->spare = taken->next;
            context->spare_count--;
        } else {
            taken = mem_new(struct stream_out);
        }
        taken->buf.max = max;
        *out = taken;
    }
    return &taken->buf;
}

void stream_out_give(struct stream_context *context, struct stream_out **out)
{
    struct stream_out *given = *out;
    *out = NULL;
    if (!given) {
        return;
    }
    if (given->buf.cap > SPARE_BUFFER_BYTES_MAX || context->spare_count == SPARE_BUFFERS) {
        stream_out_free(given);
        return;
    }
    buf_clear(&given->buf);
    given->at = 0;
    given->next = context->spare;
    context->spare = given;
    context->spare_count++;
}

void stream_out_free(struct stream_out *out)
{
    if (out) {
        buf_deinit(&out->buf);
        mem_free(out);
    }
}

struct buf *stream_output(struct stream *stream)
{
    return stream_out_take(stream->loop->streams, &stream->out, stream->output_max);
}

static void note_congestion(struct stream *stream, size_t bytes)
{
    if (bytes >= HIGH_WATER_BYTES) {
        stream->congested = true;
    }
}

void stream_commit(struct stream *stream)
{
    if (stream->phase > PHASE_OPEN) {
        return;
    }
    if (stream->out && stream->out->buf.failed) {
        stream_finish(stream, STREAM_FAILED);
        return;
    }
    note_congestion(stream, stream_output_bytes(stream));
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
    size_t bytes = stream_out_bytes(stream->out);
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
    stream->output_max = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
    if (stream->out) {
        stream->out->buf.max = bytes;
    }
}

/* --- flushing --- */

/* Drops what is sent, in steps that keep the copying proportional to the bytes. */
static void compact(struct stream_context *context, struct stream_out **place)
{
    struct stream_out *out = *place;
    if (out->at == out->buf.len) {
        stream_out_give(context, place);
    } else if (out->at > COMPACT_BYTES && out->at > out->buf.len / 2) {
        buf_consume(&out->buf, out->at);
        out->at = 0;
    }
}

/* The bytes next to the socket, filled from above; NULL: there are none. */
static struct stream_out **bottom(struct stream *stream)
{
    struct stream_out **place = &stream->out;
    if (stream->phase < PHASE_OPEN && !stream->tls) {
        return NULL;
    }
    if (stream->ws) {
        stream_ws_frame_output(stream);
        place = stream_ws_output(stream);
    }
    if (stream->tls) {
        if (stream->phase >= PHASE_OPEN && stream_out_bytes(*place) > 0) {
            (*place)->at += stream_tls_encrypt(stream, stream_out_data(*place), stream_out_bytes(*place));
            compact(stream->loop->streams, place);
        }
        place = stream_tls_output(stream);
    }
    return stream_out_bytes(*place) > 0 ? place : NULL;
}

static int unacked_bytes(const struct stream *stream)
{
    int bytes = 0;
    return ioctl(stream->watch.fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

static void note_progress(struct stream *stream, uint64_t now_ms)
{
    stream->wait->progress_ms = now_ms;
    stream->wait->unacked_bytes = unacked_bytes(stream);
}

static void send_all(struct stream *stream)
{
    bool any = false;
    struct stream_out **place;
    while (!stream->blocked && (place = bottom(stream)) != NULL) {
        ssize_t sent = send(stream->watch.fd, stream_out_data(*place), stream_out_bytes(*place), MSG_NOSIGNAL);
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
        any = true;
        (*place)->at += (size_t)sent;
        compact(stream->loop->streams, place);
    }
    if (any && stream->wait && stream->blocked) {
        note_progress(stream, stream->loop->now_ms);
    }
    if (stream->out && stream_out_bytes(stream->out) == 0) { /* taken, but nothing was written */
        stream_out_give(stream->loop->streams, &stream->out);
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
    if (stream->eof || stream->peer_left) { /* nothing is left unread, so closing ends our direction as well */
        stream_finish(stream, stream->end);
        return;
    }
    shutdown(stream->watch.fd, SHUT_WR);
    stream_linger(stream, stream->end);
}

static void watch_progress(struct stream *stream)
{
    if (!stream->wait) {
        stream_set_timer(stream, stream->loop->now_ms + OUTPUT_LOOK_MS);
        note_progress(stream, stream->loop->now_ms);
    }
}

/* A peer that reads slowly lets the kernel send, though for a long time not yet enough that it takes more from us. */
static void look_at_progress(struct stream *stream, uint64_t now_ms)
{
    if (unacked_bytes(stream) < stream->wait->unacked_bytes) {
        note_progress(stream, now_ms);
    }
    if (now_ms >= stream->wait->progress_ms + OUTPUT_STALL_MS) {
        stream_finish(stream, STREAM_TIMED_OUT);
    } else {
        stream_set_timer(stream, now_ms + OUTPUT_LOOK_MS);
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
            stream_cancel_timer(stream);
        }
    }
    stream_arm(stream);
    note_congestion(stream, left); /* the filters below may have made it longer */
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
    if (!stream->wait) {
        stream->wait = mem_new(struct stream_wait);
        stream->wait->stream = stream;
        stream->wait->timer.on_due = stream_on_timer;
    }
    timer_set(&stream->loop->timers, &stream->wait->timer, due_ms);
}

void stream_cancel_timer(struct stream *stream)
{
    if (stream->wait) {
        timer_cancel(&stream->loop->timers, &stream->wait->timer);
        mem_free(stream->wait);
        stream->wait = NULL;
    }
}

void stream_on_timer(struct timer *timer, uint64_t now_ms)
{
    struct stream *stream = container_of(timer, struct stream_wait, timer)->stream;
    switch (stream->phase) {
    case PHASE_HANDSHAKE:
        if (stream->postponed) { /* it waits for us, not we for it */
            stream_set_timer(stream, now_ms + HANDSHAKE_MS);
            break;
        }
        stream_finish(stream, STREAM_TIMED_OUT);
        break;
    case PHASE_CONNECTING:
    case PHASE_PROXY:
        stream_finish(stream, STREAM_TIMED_OUT);
        break;
    case PHASE_OPEN:
    case PHASE_CLOSING:
        look_at_progress(stream, now_ms);
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
    if (stream->phase > PHASE_OPEN) {
        return;
    }
    if (stream->phase < PHASE_OPEN || stream->moving) {
        stream_finish(stream, STREAM_CLOSED);
        return;
    }
    stream->phase = PHASE_CLOSING;
    stream->end = STREAM_CLOSED;
    stream_not_ready(stream);
    stream_mark_dirty(stream);
    stream_arm(stream);
}

void stream_leave(struct stream *stream)
{
    stream->peer_left = !stream->tls && !stream->ws;
    stream_close(stream);
}
