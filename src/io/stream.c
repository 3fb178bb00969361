/* The life of a stream: where it comes from, moving between loops, readiness, its end. */
#include "io/stream_internal.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/slab.h"

#define DROP_ROUNDS 4
#define OUTPUT_MAX_DEFAULT (8 * 1024 * 1024)
#define INPUT_MAX_DEFAULT (1024 * 1024)
#define PAYLOAD_BYTES_MAX (64 * 1024 * 1024)
/* What the kernel holds of a peer's output that its window has no room for; the rest waits with us, where it is counted and
 * limited. Without this it is what the kernel's send buffers grow to: 4 MiB for each peer that does not read. */
#define UNSENT_BYTES_MAX (256 * 1024)
#define KEEPALIVE_IDLE_S 240 /* a dead peer is noticed after 240 + 5 * 60 = 540 s (mqtt.md 12.5: 10 minutes) */
#define KEEPALIVE_INTERVAL_S 60
#define KEEPALIVE_COUNT 5

static void on_stream_ready(struct loop_watch *watch, uint32_t events);
static void run_dirty(struct loop_hook *hook);

/* --- the streams of a loop --- */

struct stream_context *stream_context_new(struct loop *loop)
{
    struct stream_context *context = mem_new(struct stream_context);
    context->loop = loop;
    context->hook.run = run_dirty;
    context->ready_task.run = stream_run_ready;
    context->dirty_tail = &context->dirty;
    context->received = mem_alloc(RECEIVE_BYTES);
    context->cipher = mem_alloc(CIPHER_BYTES);
    buf_init(&context->payload, PAYLOAD_BYTES_MAX);
    list_init(&context->streams);
    list_init(&context->ready);
    list_init(&context->ready_next);
    return context;
}

void stream_context_abort_all(struct stream_context *context)
{
    list_take_all(&context->ready, &context->ready_next);
    list_each_safe(it, &context->ready) {
        stream_not_ready(list_entry(it, struct stream, node));
    }
    list_each_safe(it, &context->streams) {
        stream_finish(list_entry(it, struct stream, node), STREAM_CLOSED);
    }
}

void stream_context_free(struct stream_context *context)
{
    assert(list_is_empty(&context->streams) && list_is_empty(&context->ready) && list_is_empty(&context->ready_next));
    for (struct stream_out *out = context->spare, *next; out; out = next) {
        next = out->next;
        stream_out_free(out);
    }
    buf_deinit(&context->payload);
    mem_free(context->received);
    mem_free(context->cipher);
    mem_free(context);
}

static void free_stream(struct stream *stream)
{
    struct stream_context *context = stream->loop->streams;
    stream_cancel_timer(stream);
    list_remove(&stream->node);
    close(stream->watch.fd);
    stream_out_give(context, &stream->out);
    stream_tls_free(stream->tls);
    stream_ws_free(stream->ws);
    mem_free(stream->kept);
    if (stream->moving) { /* it has not left yet */
        mem_free(stream->move);
    }
    if (stream->count) {
        connection_limits_leave(stream->count);
    }
    metric_add(METRIC_CONNECTIONS, -1);
    atomic_fetch_sub_explicit(&context->count, 1, memory_order_relaxed);
    slab_free(stream);
}

static void bury(struct stream *stream)
{
    const struct stream_ops *ops = stream->ops;
    stream->ops = NULL;
    if (ops) {
        ops->on_closed(stream, stream->end);
    }
    free_stream(stream);
}

/* --- moving to another loop --- */

struct stream_move {
    struct task task;
    struct stream *stream;
    struct loop *target;
    void (*on_arrived)(struct stream *stream);
};

static void settle(struct stream *stream)
{
    struct stream_move *move = stream->move;
    void (*on_arrived)(struct stream *stream) = move->on_arrived;
    mem_free(move);
    stream->move = NULL;
    stream->moving = false;
    loop_watch_add(stream->loop, &stream->watch, 0);
    on_arrived(stream);
    if (stream->phase != PHASE_DEAD) {
        if (stream_has_input(stream) && stream_may_deliver(stream)) {
            stream_hand_in_again(stream);
        }
        stream_mark_dirty(stream);
        stream_arm(stream);
    }
}

static void arrive(struct task *task)
{
    struct stream *stream = container_of(task, struct stream_move, task)->stream;
    list_append(&stream->loop->streams->streams, &stream->node);
    settle(stream);
}

static void depart(struct stream *stream)
{
    struct loop *target = stream->move->target;
    if (target == stream->loop) {
        settle(stream);
        return;
    }
    stream_cancel_timer(stream);
    stream->ready = stream->unread = false;
    list_remove(&stream->node);
    atomic_fetch_sub_explicit(&stream->loop->streams->count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&target->streams->count, 1, memory_order_relaxed);
    stream->loop = target;
    mailbox_post(loop_mailbox(target), &stream->move->task);
}

void stream_move(struct stream *stream, struct loop *target, void (*on_arrived)(struct stream *stream))
{
    stream_check(stream);
    if (stream->phase != PHASE_OPEN) {
        return; /* it is ending; on_closed tells */
    }
    assert(!stream->moving);
    stream->moving = true;
    stream->move = mem_new(struct stream_move);
    stream->move->task.run = arrive;
    stream->move->stream = stream;
    stream->move->target = target;
    stream->move->on_arrived = on_arrived;
    loop_watch_remove(stream->loop, &stream->watch);
    stream_mark_dirty(stream);
}

/* --- the end of a turn --- */

void stream_mark_dirty(struct stream *stream)
{
    struct stream_context *context = stream->loop->streams;
    if (!stream->dirty) {
        stream->dirty = true;
        stream->dirty_next = NULL;
        *context->dirty_tail = stream;
        context->dirty_tail = &stream->dirty_next;
        loop_at_turn_end(stream->loop, &context->hook);
    }
}

static void run_dirty(struct loop_hook *hook)
{
    struct stream_context *context = container_of(hook, struct stream_context, hook);
    while (context->dirty) {
        struct stream *stream = context->dirty;
        context->dirty = stream->dirty_next;
        if (!context->dirty) {
            context->dirty_tail = &context->dirty;
        }
        stream->dirty = false;
        if (stream->phase == PHASE_DEAD) {
            bury(stream);
        } else if (stream->moving) {
            depart(stream);
        } else {
            stream_flush(stream);
        }
    }
}

void stream_finish(struct stream *stream, enum stream_end why)
{
    if (stream->phase == PHASE_DEAD) {
        return;
    }
    stream->phase = PHASE_DEAD;
    stream->end = why;
    stream_cancel_timer(stream);
    stream_not_ready(stream);
    if (!stream->moving) {
        loop_watch_remove(stream->loop, &stream->watch);
    }
    stream_mark_dirty(stream);
}

/* --- where streams come from --- */

void socket_tune(int fd)
{
    const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES_MAX},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, (KEEPALIVE_IDLE_S + KEEPALIVE_INTERVAL_S * KEEPALIVE_COUNT) * 1000},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
    }
}

struct stream *stream_new(struct loop *loop, int fd, const struct net_address *peer)
{
    struct stream *stream = slab_new(struct stream);
    stream->loop = loop;
    stream->watch = (struct loop_watch){.fd = fd, .on_ready = on_stream_ready};
    stream->peer = *peer;
    stream->input_max = INPUT_MAX_DEFAULT;
    stream->output_max = OUTPUT_MAX_DEFAULT;
    list_append(&loop->streams->streams, &stream->node);
    metric_add(METRIC_CONNECTIONS, 1);
    return stream;
}

void stream_accepted(struct loop *loop, const struct accepted *accepted)
{
    struct stream *stream = stream_new(loop, accepted->fd, &accepted->peer);
    stream->count = accepted->count;
    stream->on_accept = accepted->on_accept;
    stream->user = accepted->user;
    loop_watch_add(loop, &stream->watch, EPOLLIN); /* what it will nearly always be, in one call */
    if (!accepted->tls && !accepted->is_proxied) {
        stream_opened(stream);
        return;
    }
    stream_set_timer(stream, loop->now_ms + HANDSHAKE_MS);
    stream->wait->tls_server = accepted->tls;
    if (accepted->is_proxied) {
        stream->phase = PHASE_PROXY;
        proxy_v2_init(&stream->wait->proxy);
        stream_arm(stream);
    } else {
        stream_peer_known(stream);
    }
}

void stream_peer_known(struct stream *stream)
{
    if (!stream->wait->tls_server) {
        stream_opened(stream);
        return;
    }
    stream->phase = PHASE_HANDSHAKE;
    stream_set_timer(stream, stream->loop->now_ms + HANDSHAKE_MS);
    stream_arm(stream);
}

void stream_opened(struct stream *stream)
{
    stream->phase = PHASE_OPEN;
    stream_cancel_timer(stream);
    if (stream->is_client) {
        stream->on_connected(stream);
    } else {
        stream->on_accept(stream, stream->user);
    }
    if (stream->phase != PHASE_DEAD && !stream->moving) {
        assert(stream->phase != PHASE_OPEN || stream->ops);
        stream_arm(stream);
    }
}

/* --- readiness --- */

void stream_arm(struct stream *stream)
{
    bool in = false;
    bool out = stream->blocked;
    switch (stream->phase) {
    case PHASE_CONNECTING:
        out = true;
        break;
    case PHASE_PROXY:
    case PHASE_HANDSHAKE:
    case PHASE_LINGER:
        in = true;
        break;
    case PHASE_OPEN: /* a paused stream stays armed until something arrives */
        in = !stream->eof && (!stream->paused || (stream->watch.events & EPOLLIN));
        break;
    case PHASE_CLOSING:
        in = !stream->eof;
        break;
    case PHASE_DEAD:
        return;
    }
    uint32_t events = (in ? (uint32_t)EPOLLIN : 0) | (out ? (uint32_t)EPOLLOUT : 0);
    if (stream->moving || events == stream->watch.events) {
        return;
    }
    loop_watch_change(stream->loop, &stream->watch, events);
}

static void drop_input(struct stream *stream)
{
    for (int round = 0; round < DROP_ROUNDS; round++) {
        ssize_t got = recv(stream->watch.fd, stream->loop->streams->received, RECEIVE_BYTES, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            stream->eof = true;
            if (stream->phase == PHASE_LINGER) {
                stream_finish(stream, stream->end);
            } else if (got < 0) {
                stream_finish(stream, STREAM_FAILED);
            } else {
                stream_arm(stream);
            }
            return;
        }
        if (got < RECEIVE_BYTES) {
            return;
        }
    }
}

static void on_readable(struct stream *stream, bool hung_up)
{
    switch (stream->phase) {
    case PHASE_PROXY:
        stream_proxy_ready(stream);
        break;
    case PHASE_HANDSHAKE:
        stream_tls_handshake_ready(stream);
        break;
    case PHASE_OPEN:
        if (stream->paused) {
            if (hung_up) { /* both directions are gone, and epoll would report it for ever */
                stream_finish(stream, STREAM_PEER_CLOSED);
            } else {
                loop_watch_change(stream->loop, &stream->watch, stream->watch.events & ~(uint32_t)EPOLLIN);
            }
        } else if (stream->ready) {
            break; /* what is kept comes first, above all before an end */
        } else if (stream->hungry) {
            stream_read_in_turn(stream);
        } else {
            stream_read(stream);
        }
        break;
    case PHASE_CLOSING:
    case PHASE_LINGER:
        drop_input(stream);
        break;
    case PHASE_CONNECTING:
    case PHASE_DEAD:
        break;
    }
}

static void on_stream_ready(struct loop_watch *watch, uint32_t events)
{
    struct stream *stream = container_of(watch, struct stream, watch);
    if (stream->phase == PHASE_CONNECTING) {
        stream_connect_ready(stream);
        return;
    }
    if (events & EPOLLOUT) {
        stream->blocked = false;
        stream_mark_dirty(stream);
    }
    bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (hung_up || (events & EPOLLIN)) {
        on_readable(stream, hung_up);
    }
    if (hung_up && stream->eof) { /* nothing more to read, and epoll would report it for ever */
        stream_finish(stream, stream->phase == PHASE_LINGER ? stream->end : STREAM_PEER_CLOSED);
    }
}

/* --- what is known about it --- */

void stream_set_user(struct stream *stream, const struct stream_ops *ops, void *user)
{
    stream_check(stream);
    stream->ops = ops;
    stream->user = user;
}

void *stream_user(const struct stream *stream)
{
    stream_check(stream);
    return stream->user;
}

struct loop *stream_loop(const struct stream *stream)
{
    return stream->loop;
}

bool stream_is_tls(const struct stream *stream)
{
    return stream->tls != NULL;
}

bool stream_is_websocket(const struct stream *stream)
{
    return stream->ws != NULL;
}

const struct net_address *stream_peer(const struct stream *stream)
{
    return &stream->peer;
}

void stream_local(const struct stream *stream, struct net_address *ret_local)
{
    socklen_t len = sizeof *ret_local;
    memset(ret_local, 0, sizeof *ret_local);
    getsockname(stream->watch.fd, &ret_local->any, &len);
    net_address_unmap(ret_local);
}

void stream_set_peer(struct stream *stream, const struct net_address *peer)
{
    stream_check(stream);
    stream->peer = *peer;
}

void stream_abort(struct stream *stream)
{
    stream_check(stream);
    stream_finish(stream, STREAM_CLOSED);
}
