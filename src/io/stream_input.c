/* A stream's input.
 *
 * It goes into the loop's receive buffer, behind the bytes that the protocol has left over before, and is handed out
 * there; only what is left over again is copied out. A big remainder (the body of a long request) grows in a buffer of
 * its own instead, so that it is not copied back and forth. Nothing is delivered to a stream that is paused or moving;
 * what was decrypted by then waits among the kept bytes.
 *
 * Those that ask for a lot, because the protocol did not get through what was read or because so much was there when they
 * were read last, take turns and share a bounded time of each turn of the loop: there may be many of them, and others, who
 * ask for less, wait for the turn's end. */
#include "io/stream_internal.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"

/* What is read from one stream in a turn before the others have theirs, but for a packet that is longer. */
#define READ_BYTES_PER_TURN (16 * 1024)
#define HUNGRY_BYTES (READ_BYTES_PER_TURN / 2) /* whoever had as much is read in turn the next time */
#define READY_US_PER_TURN 250u
#define READY_US_BESIDE_OTHERS 100u /* in a turn in which somebody was read who asks for little */
#define OTHERS_BYTES_MAX 512 /* what is read at once of those who ask for little */
#define READ_ROUNDS 4 /* of a packet that is longer */
#define KEPT_COPIED_BYTES_MAX (32 * 1024)
#define KEPT_GROWTH_BYTES (64 * 1024)
#define PAYLOAD_KEPT_BYTES (1024 * 1024)

/* --- those that have more --- */

static void post_ready(struct stream_context *context)
{
    if (!context->ready_posted) {
        context->ready_posted = true;
        mailbox_post(loop_mailbox(context->loop), &context->ready_task);
    }
}

void stream_hand_in_again(struct stream *stream)
{
    struct stream_context *context = stream->loop->streams;
    stream->unread = false;
    if (!stream->ready) {
        stream->ready = true;
        list_remove(&stream->node);
        list_append(&context->ready_next, &stream->node);
    }
    post_ready(context);
}

void stream_not_ready(struct stream *stream)
{
    if (stream->ready) {
        stream->ready = stream->unread = false;
        list_remove(&stream->node);
        list_append(&stream->loop->streams->streams, &stream->node);
    }
}

void stream_read_in_turn(struct stream *stream)
{
    stream_hand_in_again(stream);
    stream->unread = true;
}

/* --- what is kept --- */

static bool kept_grows_in_place(const struct stream *stream)
{
    return stream->kept_len > KEPT_COPIED_BYTES_MAX;
}

static void size_kept(struct stream *stream, size_t cap)
{
    stream->kept = mem_realloc(stream->kept, cap);
    stream->kept_cap = (uint32_t)cap;
}

void stream_input_room(struct stream *stream, uint8_t **ret_at, size_t *ret_space)
{
    uint8_t *received = stream->loop->streams->received;
    if (stream->ws) { /* raw frames; what is kept is payload */
        *ret_at = received;
        *ret_space = RECEIVE_BYTES;
        return;
    }
    if (kept_grows_in_place(stream)) {
        if (stream->kept_cap - stream->kept_len < KEPT_GROWTH_BYTES / 2) {
            size_kept(stream, (size_t)stream->kept_cap * 2 + KEPT_GROWTH_BYTES);
        }
        *ret_at = stream->kept + stream->kept_len;
        *ret_space = stream->kept_cap - stream->kept_len;
        return;
    }
    if (stream->kept_len > 0) {
        memcpy(received, stream->kept, stream->kept_len);
    }
    *ret_at = received + stream->kept_len;
    *ret_space = RECEIVE_BYTES - stream->kept_len;
}

static void forget_kept(struct stream *stream)
{
    mem_free(stream->kept);
    stream->kept = NULL;
    stream->kept_len = stream->kept_cap = 0;
}

static void keep(struct stream *stream, const uint8_t *rest, size_t len)
{
    if (len == 0) {
        forget_kept(stream);
        return;
    }
    if (len > stream->kept_cap) { /* so `rest` lies in the receive buffer */
        size_kept(stream, len);
    }
    memmove(stream->kept, rest, len);
    stream->kept_len = (uint32_t)len;
    if (stream->kept_cap > KEPT_GROWTH_BYTES && len < stream->kept_cap / 4) {
        size_kept(stream, len);
    }
}

/* --- the end of it --- */

/* TLS and WebSocket may tell of the end in the same read as what was said before it, which the protocol may not get
 * through at once; of plain TCP, the end stays in the socket until that is done. */
static bool end_must_wait(const struct stream *stream)
{
    return stream->phase == PHASE_OPEN && (stream->ready || !stream_may_deliver(stream));
}

void stream_input_ended(struct stream *stream)
{
    if (stream->eof || stream->phase == PHASE_DEAD) {
        return;
    }
    if (end_must_wait(stream)) {
        stream->end_waits = true;
        return;
    }
    stream->eof = true;
    if (stream_output_bytes(stream) == 0) {
        stream_finish(stream, STREAM_PEER_CLOSED);
        return;
    }
    stream->phase = PHASE_CLOSING; /* it may still read what we have for it */
    stream->end = STREAM_PEER_CLOSED;
    stream_mark_dirty(stream);
    stream_arm(stream);
}

static void websocket_ended(struct stream *stream, enum stream_end why)
{
    if (stream->phase != PHASE_OPEN) {
        return;
    }
    if (why == STREAM_PEER_CLOSED && end_must_wait(stream)) {
        stream->end_waits = stream->ws_ended = true;
        return;
    }
    stream_close(stream);
    stream->end = why;
}

static void end_if_due(struct stream *stream)
{
    if (!stream->end_waits || end_must_wait(stream)) {
        return;
    }
    stream->end_waits = false;
    if (stream->ws_ended) {
        websocket_ended(stream, STREAM_PEER_CLOSED);
    } else {
        stream_input_ended(stream);
    }
}

/* --- handing it out --- */

static void unwrap_frames(struct stream *stream, const uint8_t *raw, size_t len);

static void deliver(struct stream *stream, const uint8_t *data, size_t len)
{
    size_t used = 0;
    stream->again = false;
    if (stream_may_deliver(stream) && len > 0) {
        stream->in_data = true;
        used = stream->ops->on_data(stream, data, len);
        stream->in_data = false;
        assert(used <= len);
    }
    if (stream->phase != PHASE_OPEN) {
        forget_kept(stream);
        return;
    }
    if (stream->ws_fresh) {
        stream->ws_fresh = false;
        stream->kept_len = 0;
        unwrap_frames(stream, data + used, len - used);
        end_if_due(stream);
        return;
    }
    if (len > 0) {
        keep(stream, data + used, len - used);
    }
    if (stream->again && stream->kept_len > 0 && stream_may_deliver(stream)) {
        stream_hand_in_again(stream);
    }
    if (stream_may_deliver(stream) && stream->kept_len > stream->input_max) {
        stream_finish(stream, STREAM_FAILED);
    }
    end_if_due(stream);
}

static void deliver_payload(struct stream *stream, const struct buf *payload)
{
    if (payload->len == 0) {
        return;
    }
    if (stream->kept_len == 0) {
        deliver(stream, payload->data, payload->len);
        return;
    }
    size_t len = stream->kept_len + payload->len;
    if (len > stream->kept_cap) {
        size_kept(stream, len * 2);
    }
    memcpy(stream->kept + stream->kept_len, payload->data, payload->len);
    stream->kept_len = (uint32_t)len;
    deliver(stream, stream->kept, len);
}

static void unwrap_frames(struct stream *stream, const uint8_t *raw, size_t len)
{
    struct buf *payload = &stream->loop->streams->payload;
    buf_clear(payload);
    enum ws_verdict verdict = stream_ws_feed(stream, raw, len, payload);
    deliver_payload(stream, payload);
    stream_mark_dirty(stream); /* a pong or close may wait */
    if (payload->cap > PAYLOAD_KEPT_BYTES) {
        buf_deinit(payload);
    }
    if (verdict != WS_GO_ON) {
        websocket_ended(stream, verdict == WS_BROKEN ? STREAM_FAILED : STREAM_PEER_CLOSED);
    }
}

void stream_input_added(struct stream *stream, size_t len)
{
    stream->loop->streams->others |= len <= OTHERS_BYTES_MAX;
    stream->hungry = len >= HUNGRY_BYTES;
    uint8_t *received = stream->loop->streams->received;
    if (stream->ws) {
        unwrap_frames(stream, received, len);
    } else if (kept_grows_in_place(stream)) {
        stream->kept_len += (uint32_t)len;
        deliver(stream, stream->kept, stream->kept_len);
    } else {
        deliver(stream, received, stream->kept_len + len);
    }
}

/* --- reading --- */

static void read_plain(struct stream *stream)
{
    for (int round = 0; round < READ_ROUNDS && stream_may_deliver(stream); round++) {
        if (round > 0 && (stream->ready || !kept_grows_in_place(stream))) {
            return;
        }
        uint8_t *at;
        size_t space;
        stream_input_room(stream, &at, &space);
        if (!kept_grows_in_place(stream) && space > READ_BYTES_PER_TURN) {
            space = READ_BYTES_PER_TURN;
        }
        ssize_t got = recv(stream->watch.fd, at, space, 0);
        if (got < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                stream_finish(stream, STREAM_FAILED);
            }
            return;
        }
        if (got == 0) {
            stream_input_ended(stream);
            return;
        }
        metric_add(METRIC_BYTES_RECEIVED, got);
        stream_input_added(stream, (size_t)got);
        if ((size_t)got < space) {
            return;
        }
    }
}

void stream_read(struct stream *stream)
{
    if (stream->tls) {
        stream_tls_read_ready(stream);
    } else {
        read_plain(stream);
    }
}

void stream_run_ready(struct task *task)
{
    struct stream_context *context = container_of(task, struct stream_context, ready_task);
    uint64_t end_us = clock_monotonic_us() + (context->others ? READY_US_BESIDE_OTHERS : READY_US_PER_TURN);
    context->others = false;
    context->ready_posted = false;
    if (list_is_empty(&context->ready)) {
        list_take_all(&context->ready, &context->ready_next);
    }
    while (!list_is_empty(&context->ready) && clock_monotonic_us() < end_us) {
        struct stream *stream = list_entry(context->ready.next, struct stream, node);
        bool unread = stream->unread;
        stream_not_ready(stream);
        if (!stream_may_deliver(stream)) {
            continue;
        }
        if (unread) {
            stream_read(stream);
        } else {
            deliver(stream, stream->kept, stream->kept_len);
            stream_arm(stream);
        }
    }
    if (!list_is_empty(&context->ready) || !list_is_empty(&context->ready_next)) {
        post_ready(context);
    }
}

void stream_pause(struct stream *stream)
{
    stream_check(stream);
    stream->paused = true;
}

void stream_resume(struct stream *stream)
{
    stream_check(stream);
    stream->paused = false;
    if (stream->phase == PHASE_OPEN && !stream->moving) {
        if (stream_has_input(stream)) {
            stream_hand_in_again(stream);
        }
        stream_arm(stream);
    }
}

void stream_again(struct stream *stream)
{
    assert(stream->in_data);
    stream->again = true;
}

void stream_set_input_max(struct stream *stream, size_t bytes)
{
    stream_check(stream);
    stream->input_max = bytes > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)bytes;
}

