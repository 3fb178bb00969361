/* Outgoing streams. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "io/stream_internal.h"

#define CONNECT_MS 10000

static socklen_t address_bytes(const struct net_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

/* A socket that connects to `to`; -1: there is none to be had. */
static int begin_connect(const struct net_address *to, bool *ret_failed)
{
    int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    socket_tune(fd);
    *ret_failed = connect(fd, &to->any, address_bytes(to)) != 0 && errno != EINPROGRESS;
    return fd;
}

static void connected(struct stream *stream)
{
    if (stream->wait->tls_client) {
        stream->phase = PHASE_HANDSHAKE;
        stream_tls_start(stream);
        stream_arm(stream);
    } else {
        stream_opened(stream);
        stream_mark_dirty(stream);
    }
}

void stream_connect_ready(struct stream *stream)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(stream->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        stream_finish(stream, STREAM_FAILED);
        return;
    }
    connected(stream);
}

struct stream *stream_connect(struct loop *loop, const struct net_address *to, struct tls_client *tls,
                              const struct stream_ops *ops, void (*on_connected)(struct stream *stream), void *user)
{
    bool failed = false;
    int fd = begin_connect(to, &failed);
    if (fd < 0) {
        log_event(LOG_WARN, "connect_failed", log_i("errno", errno));
        return NULL;
    }
    atomic_fetch_add_explicit(&loop->streams->count, 1, memory_order_relaxed);
    struct stream *stream = stream_new(loop, fd, to);
    stream->is_client = true;
    stream->ops = ops;
    stream->user = user;
    stream->on_connected = on_connected;
    loop_watch_add(loop, &stream->watch, failed ? 0 : (uint32_t)EPOLLOUT);
    if (failed) {
        stream_finish(stream, STREAM_FAILED);
    } else {
        stream_set_timer(stream, loop->now_ms + CONNECT_MS);
        stream->wait->tls_client = tls;
    }
    return stream;
}
