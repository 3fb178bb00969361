/* WebSocket framing over a stream (mqtt.md 1.4). Message boundaries mean nothing above: the payload is one sequence of
 * bytes, and what the protocol wrote in one turn leaves as one message. */
#include <assert.h>

#include "base/mem.h"
#include "codec/websocket/websocket.h"
#include "io/stream_internal.h"

#define MESSAGE_BYTES_MAX (64 * 1024)
#define FRAMED_BYTES_MAX (2 * 1024 * 1024)

struct stream_ws {
    struct websocket *codec;
    struct buf out; /* frames to send, from out_at on */
    size_t out_at;
};

void stream_start_websocket(struct stream *stream, size_t message_bytes_max)
{
    assert(!stream->ws && stream->phase == PHASE_OPEN);
    assert(stream->in_data || stream->kept_len == 0);
    struct stream_ws *ws = mem_new(struct stream_ws);
    struct websocket_config config = {.is_client = stream->is_client, .message_bytes_max = message_bytes_max};
    ws->codec = websocket_new(&config);
    buf_init(&ws->out, FRAMED_BYTES_MAX);
    stream->ws = ws;
    stream->ws_fresh = stream->in_data;
    buf_append(&ws->out, stream->out.data + stream->out_at, stream->out.len - stream->out_at); /* the HTTP reply */
    stream_buffer_give(stream->loop->streams, &stream->out);
    stream->out_at = 0;
}

void stream_ws_free(struct stream_ws *ws)
{
    if (ws) {
        websocket_free(ws->codec);
        buf_deinit(&ws->out);
        mem_free(ws);
    }
}

enum ws_verdict stream_ws_feed(struct stream *stream, const uint8_t *data, size_t len, struct buf *ret_payload)
{
    struct stream_ws *ws = stream->ws;
    if (len == 0) {
        return WS_GO_ON;
    }
    stream_buffer_take(stream->loop->streams, &ws->out);
    enum err err = websocket_feed(ws->codec, data, len, ret_payload, &ws->out);
    if (err != ERR_OK || ws->out.failed) {
        return WS_BROKEN;
    }
    return websocket_is_closed(ws->codec) ? WS_ENDED : WS_GO_ON;
}

void stream_ws_frame_output(struct stream *stream)
{
    struct stream_ws *ws = stream->ws;
    while (stream->out_at < stream->out.len && stream_ws_output_bytes(ws) < MESSAGE_BYTES_MAX) {
        size_t len = stream->out.len - stream->out_at;
        len = len > MESSAGE_BYTES_MAX ? MESSAGE_BYTES_MAX : len;
        stream_buffer_take(stream->loop->streams, &ws->out);
        websocket_wrap(ws->codec, stream->out.data + stream->out_at, len, &ws->out);
        stream->out_at += len;
    }
    if (stream->out_at == stream->out.len) {
        stream_buffer_give(stream->loop->streams, &stream->out);
        stream->out_at = 0;
    }
}

struct buf *stream_ws_output(struct stream *stream, size_t **ret_at)
{
    *ret_at = &stream->ws->out_at;
    return &stream->ws->out;
}

void stream_ws_say_goodbye(struct stream *stream)
{
    websocket_close(stream->ws->codec, WEBSOCKET_NORMAL, &stream->ws->out);
}

size_t stream_ws_output_bytes(const struct stream_ws *ws)
{
    return ws->out.len - ws->out_at;
}
