/* The inside of a stream, shared by the files of this folder: stream.c (life), stream_input.c, stream_output.c (output,
 * closing), stream_proxy.c (who is behind a proxy), stream_tls.c and stream_ws.c (filters), stream_connect.c and listener.c
 * (where streams come from). */
#ifndef MUSTER_IO_STREAM_INTERNAL_H
#define MUSTER_IO_STREAM_INTERNAL_H

#include <assert.h>
#include <stdatomic.h>

#include "base/list.h"
#include "codec/proxy/proxy_v2.h"
#include "io/connection_limits.h"
#include "io/loop_internal.h"
#include "io/stream.h"

#define RECEIVE_BYTES (256 * 1024)
#define CIPHER_BYTES (128 * 1024)
#define SPARE_BUFFERS 64
#define SPARE_BUFFER_BYTES_MAX (64 * 1024)
#define HANDSHAKE_MS 10000
#define OUTPUT_STALL_MS 10000
#define LINGER_MS 2000

enum stream_phase {
    PHASE_CONNECTING, /* TCP connect under way */
    PHASE_PROXY,      /* the header of a proxy */
    PHASE_HANDSHAKE,  /* TLS */
    PHASE_OPEN,
    PHASE_CLOSING,    /* output is still going out, then the goodbyes */
    PHASE_LINGER,     /* all is said; input is read and dropped until the peer ends too */
    PHASE_DEAD,       /* on_closed is due at the end of the turn */
};

struct stream_tls;
struct stream_ws;

/* Bytes on their way out of one layer, sent up to `at`. Lent by the loop while there are any. */
struct stream_out {
    struct stream_out *next; /* among the spare ones */
    struct buf buf;
    size_t at;
};

/* What a stream that waits for something has: a handshake or connect, stalled output, a lingering peer, by phase. */
struct stream_wait {
    struct timer timer;
    struct stream *stream;
    uint64_t progress_ms; /* when output last moved */
    int unacked_bytes;    /* what the kernel had sent then and the peer not acknowledged, or less */
    struct proxy_v2 proxy; /* the header, in PHASE_PROXY */
    union {               /* until TLS is made, by the first bytes */
        struct tls_server *tls_server;
        struct tls_client *tls_client;
    };
};

struct stream_move;

/* There are as many of these as connections, most of them idle: what only a busy one needs is apart. */
struct stream {
    enum stream_phase phase : 4;
    enum stream_end end : 4;
    bool is_client : 1;
    bool paused : 1;
    bool moving : 1;
    bool dirty : 1;
    bool eof : 1;       /* the peer sends no more */
    bool blocked : 1;   /* the kernel takes no more output now */
    bool congested : 1; /* on_drained is due when it has drained */
    bool said_goodbye : 1;
    bool peer_left : 1; /* it will send no more, though `eof` is not there yet */
    bool in_data : 1;   /* on_data is running */
    bool again : 1;     /* it wants its leftover back next turn */
    bool ws_fresh : 1;  /* what on_data leaves now is WebSocket already */
    bool postponed : 1; /* handshake input waits for a turn with time for it */
    bool hungry : 1;    /* the last time it was read, it had a lot */
    bool ready : 1;     /* it waits for its turn to be handed what is kept */
    bool unread : 1;    /* ready: to be read, that is */
    bool end_waits : 1; /* the peer's last word was read, and comes after what is kept */
    bool ws_ended : 1;  /* the WebSocket's, that is */
    uint32_t input_max;
    struct loop_watch watch;
    struct loop *loop;
    const struct stream_ops *ops;
    void *user;
    union {
        void (*on_accept)(struct stream *stream, void *user);
        void (*on_connected)(struct stream *stream);
        struct stream_move *move; /* moving */
    };
    struct list node; /* in a list of stream_context */
    struct stream *dirty_next;
    struct stream_wait *wait; /* NULL: for nothing */
    struct stream_tls *tls;
    struct stream_ws *ws;
    struct stream_out *out; /* written by the protocol, not yet given to the filters below; NULL: nothing */
    uint8_t *kept;          /* input that on_data has left */
    uint32_t kept_len, kept_cap;
    struct connection_count *count; /* NULL: not counted */
    struct net_address peer;
    uint32_t output_max;
};

/* The streams of one loop and what they share. */
struct stream_context {
    struct loop *loop;
    _Atomic size_t count; /* streams here or on their way here */
    struct list streams;
    struct list ready, ready_next; /* those whose turn it is to be read or handed what is kept: this round, the next one */
    struct task ready_task;
    bool ready_posted;
    bool others;                   /* somebody was read in this turn who asks for little */
    struct stream *dirty;
    struct stream **dirty_tail;
    struct loop_hook hook;
    uint64_t handshake_turn;
    unsigned handshakes; /* steps begun in that turn */
    uint8_t *received;   /* RECEIVE_BYTES */
    uint8_t *cipher;     /* CIPHER_BYTES */
    struct buf payload;  /* of WebSocket frames, while it is handed out */
    struct stream_out *spare;
    size_t spare_count;
};

/* --- stream.c --- */
struct stream *stream_new(struct loop *loop, int fd, const struct net_address *peer);
/* A connection that a listener accepted and counted, on the loop that will serve it. */
struct accepted {
    int fd;
    struct net_address peer;
    struct tls_server *tls;
    struct connection_count *count;
    bool is_proxied; /* begins with a PROXY v2 header */
    void (*on_accept)(struct stream *stream, void *user);
    void *user;
};
void stream_accepted(struct loop *loop, const struct accepted *accepted);
void stream_peer_known(struct stream *stream); /* goes on with the next layer: TLS, or none */
void stream_opened(struct stream *stream); /* every layer is up: announces it */
void stream_arm(struct stream *stream);
void stream_finish(struct stream *stream, enum stream_end why); /* socket is done for; on_closed at the turn's end */
void stream_mark_dirty(struct stream *stream);
void socket_tune(int fd); /* inherited by what a listening socket accepts */

static inline void stream_check(const struct stream *stream) /* its functions are for its loop's thread */
{
    assert(!loop_current() || loop_current() == stream->loop);
}

static inline bool stream_may_deliver(const struct stream *stream)
{
    return stream->phase == PHASE_OPEN && !stream->paused && !stream->moving;
}

/* --- stream_input.c --- */
static inline bool stream_has_input(const struct stream *stream) /* that was read and not yet handed out */
{
    return stream->kept_len > 0 || stream->end_waits;
}
void stream_input_room(struct stream *stream, uint8_t **ret_at, size_t *ret_space);
void stream_input_added(struct stream *stream, size_t len);
void stream_input_ended(struct stream *stream);
void stream_read(struct stream *stream);          /* reads its socket once, and hands out what comes */
void stream_read_in_turn(struct stream *stream);  /* the same, when those that have a lot had their turns */
void stream_hand_in_again(struct stream *stream); /* what is kept, when its turn comes */
void stream_not_ready(struct stream *stream);     /* not in turn any more */
void stream_run_ready(struct task *task);

/* --- stream_output.c --- */
void stream_flush(struct stream *stream);
void stream_on_timer(struct timer *timer, uint64_t now_ms);
void stream_set_timer(struct stream *stream, uint64_t due_ms);
void stream_cancel_timer(struct stream *stream);
void stream_linger(struct stream *stream, enum stream_end why);
/* *out, which is made when it is NULL: of at most `max` bytes. */
struct buf *stream_out_take(struct stream_context *context, struct stream_out **out, size_t max);
void stream_out_give(struct stream_context *context, struct stream_out **out); /* becomes spare; *out is NULL then */
void stream_out_free(struct stream_out *out);
static inline size_t stream_out_bytes(const struct stream_out *out)
{
    return out ? out->buf.len - out->at : 0;
}
static inline const uint8_t *stream_out_data(const struct stream_out *out)
{
    return out->buf.data + out->at;
}

/* --- stream_connect.c --- */
void stream_connect_ready(struct stream *stream);

/* --- stream_proxy.c --- */
void stream_proxy_ready(struct stream *stream);

/* --- stream_tls.c --- */
struct stream_tls;
enum tls_result { TLS_OK, TLS_AGAIN, TLS_EOF, TLS_FAILED };
void stream_tls_start(struct stream *stream); /* client side, or server side when its first bytes are there */
void stream_tls_handshake_ready(struct stream *stream);
void stream_tls_read_ready(struct stream *stream);
/* Encrypts from `plain` while the ciphertext waiting is small; returns how much it took. */
size_t stream_tls_encrypt(struct stream *stream, const uint8_t *plain, size_t len);
struct stream_out **stream_tls_output(struct stream *stream);
void stream_tls_say_goodbye(struct stream *stream);
void stream_tls_free(struct stream_tls *tls);
size_t stream_tls_output_bytes(const struct stream_tls *tls);

/* --- stream_ws.c --- */
enum ws_verdict {
    WS_GO_ON,
    WS_ENDED,  /* orderly */
    WS_BROKEN, /* the peer broke the protocol; it is told */
};
/* Takes raw bytes, appends the payload. */
enum ws_verdict stream_ws_feed(struct stream *stream, const uint8_t *data, size_t len, struct buf *ret_payload);
/* Frames what the protocol wrote. */
void stream_ws_frame_output(struct stream *stream);
struct stream_out **stream_ws_output(struct stream *stream);
void stream_ws_say_goodbye(struct stream *stream);
void stream_ws_free(struct stream_ws *ws);
size_t stream_ws_output_bytes(const struct stream_ws *ws);

#endif
