/* One connection as a stack of filters: TCP, then TLS, then WebSocket, each optional. The protocol
 * on top (HTTP, MQTT) sees bytes in and bytes out. A stream belongs to one loop at a time; all calls are made there.
 *
 * Input: the loop receives into one big buffer and hands out the bytes in place; what on_data does not consume is kept
 * (and only that). Output: written bytes are gathered and flushed once per loop turn. An idle stream holds no buffers. */
#ifndef MUSTER_IO_STREAM_H
#define MUSTER_IO_STREAM_H

#include "base/buf.h"
#include "io/loop.h"
#include "io/net.h"

struct stream;

enum stream_end {
    STREAM_PEER_CLOSED,   /* the peer ended it */
    STREAM_CLOSED,        /* we did, by stream_close or stream_abort */
    STREAM_FAILED,        /* socket, TLS or WebSocket error */
    STREAM_TIMED_OUT,     /* no progress of output, or handshake too slow */
};

struct stream_ops {
    /* Bytes from the peer, with what was left over before in front. Returns how many were consumed; the rest is kept
     * and handed in again with more (after a pause: at stream_resume). May close or move the stream. */
    size_t (*on_data)(struct stream *stream, const uint8_t *data, size_t len);
    /* Output that was congested has drained. May be NULL. */
    void (*on_drained)(struct stream *stream);
    /* The last call, exactly once, never from within another call of the stream: `user` lets go of it. */
    void (*on_closed)(struct stream *stream, enum stream_end why);
};

void stream_set_user(struct stream *stream, const struct stream_ops *ops, void *user);
void *stream_user(const struct stream *stream);
struct loop *stream_loop(const struct stream *stream);

void stream_write(struct stream *stream, const void *data, size_t len); /* copied; flushed at the end of the turn */
/* Space to encode into directly; call stream_commit afterwards. Valid until the next call. */
struct buf *stream_output(struct stream *stream);
void stream_commit(struct stream *stream);
size_t stream_output_bytes(const struct stream *stream);     /* not yet taken by the kernel */
bool stream_is_congested(const struct stream *stream);       /* 256 KiB of output or more, since it drained last */
/* Output above this is a peer that does not read: the stream fails. Default 8 MiB. */
void stream_set_output_max(struct stream *stream, size_t bytes);

void stream_pause(struct stream *stream);                    /* no on_data until resumed */
void stream_resume(struct stream *stream);                   /* kept bytes are handed in again in the next turn */
void stream_again(struct stream *stream); /* from within on_data: its leftover is handed in again in the next turn */
void stream_set_input_max(struct stream *stream, size_t bytes); /* kept, unconsumed input above this fails the stream */
/* Flushes, says goodbye in every layer (WebSocket close, TLS close_notify), shuts down sending and reads on briefly so
 * that the peer sees the last bytes; then on_closed. on_data is not called any more. */
void stream_close(struct stream *stream);
/* The same for a peer that said it will send no more: without TLS and WebSocket the socket is closed when the last byte is
 * with the kernel, instead of when the peer has ended its direction too. */
void stream_leave(struct stream *stream);
void stream_abort(struct stream *stream);                    /* at once; on_closed follows */

/* Hands the stream with everything it holds to another loop; on_arrived runs there. Must be called from within on_data
 * (return afterwards) or from a task of its loop. To its own loop: a direct call at the end of the turn. */
void stream_move(struct stream *stream, struct loop *target, void (*on_arrived)(struct stream *stream));

/* Puts WebSocket framing on top, after the HTTP reply 101 was written (mqtt.md 1.4); on a stream_connect stream the
 * client's side of it, after the reply was read. From within on_data, whose leftover then counts as frames. */
void stream_start_websocket(struct stream *stream, size_t message_bytes_max);
/* Of such a stream: what of the output makes one message. `unit_bytes` tells the length of the first unit in data, from 1
 * to len. Without it, or with NULL, messages are cut anywhere. */
void stream_set_message_unit(struct stream *stream, size_t (*unit_bytes)(const uint8_t *data, size_t len));

bool stream_is_tls(const struct stream *stream);
bool stream_is_websocket(const struct stream *stream);
const struct net_address *stream_peer(const struct stream *stream);
void stream_local(const struct stream *stream, struct net_address *ret_local); /* asks the kernel */
void stream_set_peer(struct stream *stream, const struct net_address *peer); /* told by a trusted proxy */

/* --- outgoing, for the simulator, the bench and tests --- */
struct tls_client;
/* Connects; on_connected (or on_closed on failure). tls NULL: plain. Takes nothing. NULL: no descriptor is left. */
struct stream *stream_connect(struct loop *loop, const struct net_address *to, struct tls_client *tls,
                              const struct stream_ops *ops, void (*on_connected)(struct stream *stream), void *user);

#endif
