/* WebSocket framing over a stream (mqtt.md 1.4). Message boundaries mean nothing above: the payload is one sequence of
 * bytes. What the protocol wrote in one turn leaves as one message, or as one for each unit if it says what those are. */
#include <assert.h>

#include "base/mem.h"
#include "codec/websocket/websocket.h"
#include "io/stream_internal.h"

#define MESSAGE_BYTES_MAX (64 * 1024)
#define FRAMED_BYTES_MAX (2 * 1024 * 1024)

struct stream_ws {
    struct websocket *codec;
    size_t (*unit_bytes)(const uint8_t *data, size_t len);
    struct stream_out *out; /* frames to send; NULL: none */
};

void stream_start_websocket(struct stream *stream, size_t message_bytes_max)
{
    assert(!stream->ws && stream->phase == PHASE_OPEN);
    assert(stream->in_data || stream->kept_len == 0);
    struct stream_ws *ws = mem_new(struct stream_ws);
    struct websocket_config config = {.is_client = stream->is_client, .message_bytes_max = message_bytes_max};
    ws->codec = websocket_new(&config);
    stream->ws = ws;
    stream->ws_fresh = stream->in_data;
    ws->out = stream->out; /* the HTTP reply */
    stream->out = NULL;
    if (ws->out) {
        ws->out->buf.max = FRAMED_BYTES_MAX;
    }
}

void stream_ws_free(struct stream_ws *ws)
{
    if (ws) {
        websocket_free(ws->codec);
        stream_out_free(ws->out);
        mem_free(ws);
    }
}

enum ws_verdict stream_ws_feed(struct stream *stream, const uint8_t *data, size_t len, struct buf *ret_payload)
{
    struct stream_ws *ws = stream->ws;
    if (len == 0) {
        return WS_GO_ON;
    }
    struct buf *out = stream_out_take(stream->loop->streams, &ws->out, FRAMED_BYTES_MAX);
    enum err err = websocket_feed(ws->codec, data, len, ret_payload, out);
    if (err != ERR_OK || out->failed) {
        return WS_BROKEN;
    }
    if (stream_out_bytes(ws->out) == 0) {
        stream_out_give(stream->loop->streams, &ws->out);
    }
    return websocket_is_closed(ws->codec) ? WS_ENDED : WS_GO_ON;
}

void stream_set_message_unit(struct stream *stream, size_t (*unit_bytes)(const uint8_t *data, size_t len))
{
    stream->ws->unit_bytes = unit_bytes;
}

static size_t next_message_bytes(const struct stream *stream, size_t left)
{
    if (stream->ws->unit_bytes) {
        return stream->ws->unit_bytes(stream_out_data(stream->out), left);
    }
    return left > MESSAGE_BYTES_MAX ? MESSAGE_BYTES_MAX : left;
}

/* A unit is framed in one piece, however long the protocol lets it be. */
static struct buf *room_for_message(struct stream *stream, size_t len)
{
    struct buf *out = stream_out_take(stream->loop->streams, &stream->ws->out, FRAMED_BYTES_MAX);
    size_t max = out->len + len + FRAMED_BYTES_MAX / 2; /* beside it, what is said to the peer's pings */
    out->max = max > out->max ? max : out->max;
    return out;
}

void stream_ws_frame_output(struct stream *stream)
{
    struct stream_ws *ws = stream->ws;
    size_t left;
    while ((left = stream_out_bytes(stream->out)) > 0 && stream_ws_output_bytes(ws) < MESSAGE_BYTES_MAX) {
        size_t len = next_message_bytes(stream, left);
        websocket_wrap(ws->codec, stream_out_data(stream->out), len, room_for_message(stream, len));
        stream->out->at += len;
    }
    if (left == 0) {
        stream_out_give(stream->loop->streams, &stream->out);
    }
}

struct stream_out **stream_ws_output(struct stream *stream)
{
    return &stream->ws->out;
}

void stream_ws_say_goodbye(struct stream *stream)
{
    websocket_close(stream->ws->codec, WEBSOCKET_NORMAL,
                    stream_out_take(stream->loop->streams, &stream->ws->out, FRAMED_BYTES_MAX));
}

size_t stream_ws_output_bytes(const struct stream_ws *ws)
{
    return stream_out_bytes(ws->out);
}
