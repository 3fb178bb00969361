/* A listening socket on one loop; what it accepts goes to the loop with the fewest streams. A descriptor is held in
 * reserve: when the process has none left, it is given up for a moment to take the waiting connection and close it, so
 * that the peer is told and the loop does not spin on a connection that it cannot accept. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "io/stream_internal.h"

#define ACCEPTS_PER_TURN 64
#define BACKLOG 4096
#define LOG_INTERVAL_MS 10000
#define SILENT_S 1

struct listener {
    struct loop_watch watch;
    struct listener_config config;
    struct loop **loops;
    struct loop *loop; /* where it accepts */
    struct net_address address;
    int reserve_fd;
    uint64_t logged_at_ms;
    struct task close_task;
};

struct handover {
    struct task task;
    struct loop *loop;
    struct accepted accepted;
};

static void arrive(struct task *task)
{
    struct handover *handover = container_of(task, struct handover, task);
    stream_accepted(handover->loop, &handover->accepted);
    mem_free(handover);
}

static struct loop *least_loaded(const struct listener *listener)
{
    struct loop *best = NULL;
    size_t best_count = SIZE_MAX;
    for (size_t i = 0; i < listener->config.loop_count; i++) {
        size_t count = atomic_load_explicit(&listener->loops[i]->streams->count, memory_order_relaxed);
        if (count < best_count) {
            best = listener->loops[i];
            best_count = count;
        }
    }
    return best;
}

static void hand_over(struct listener *listener, const struct accepted *accepted)
{
    struct loop *loop = least_loaded(listener);
    atomic_fetch_add_explicit(&loop->streams->count, 1, memory_order_relaxed);
    if (loop == listener->loop) {
        stream_accepted(loop, accepted);
        return;
    }
    struct handover *handover = mem_new(struct handover);
    handover->task.run = arrive;
    handover->loop = loop;
    handover->accepted = *accepted;
    mailbox_post(loop_mailbox(loop), &handover->task);
}

static void refused(struct listener *listener, const char *why)
{
    metric_add(METRIC_CONNECTIONS_REFUSED, 1);
    uint64_t now = loop_now_ms(listener->loop);
    if (listener->logged_at_ms == 0 || now - listener->logged_at_ms >= LOG_INTERVAL_MS) {
        listener->logged_at_ms = now;
        char text[NET_ADDRESS_TEXT_BYTES];
        net_address_format(&listener->address, text);
        log_event(LOG_WARN, "connection_refused", log_s("listener", text), log_s("why", why));
    }
}

static void take(struct listener *listener, int fd, const struct net_address *peer)
{
    const struct listener_config *config = &listener->config;
    struct accepted accepted = {
        .fd = fd, .peer = *peer, .tls = config->tls,
        .on_accept = config->on_accept, .user = config->user,
        .is_proxied = config->proxies && network_set_contains(config->proxies, peer),
    };
    if (config->limits && !(accepted.is_proxied ? connection_limits_enter_unknown(config->limits, &accepted.count)
                                                : connection_limits_enter(config->limits, peer, &accepted.count))) {
        refused(listener, "limit");
        close(fd);
        return;
    }
    metric_add(METRIC_CONNECTIONS_ACCEPTED, 1);
    hand_over(listener, &accepted);
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void shed_one(struct listener *listener)
{
    if (listener->reserve_fd >= 0) {
        close(listener->reserve_fd);
        int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            close(fd);
        }
    }
    listener->reserve_fd = open_reserve();
    refused(listener, "descriptors");
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct listener *listener = container_of(watch, struct listener, watch);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct net_address peer;
        socklen_t len = sizeof peer;
        memset(&peer, 0, sizeof peer);
        int fd = accept4(watch->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            net_address_unmap(&peer);
            take(listener, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE) {
            shed_one(listener);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return; /* none is left, or the kernel has no memory at the moment */
        }
    }
}

static int open_socket(const struct listener_config *config)
{
    const struct net_address *address = &config->address;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    int off = 0;
    int silent_s = SILENT_S;
    socklen_t len = address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->any.sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (config->peer_speaks_first) {
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &silent_s, sizeof silent_s);
    }
    socket_tune(fd);
    if (bind(fd, &address->any, len) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

enum err listener_open(const struct listener_config *config, struct listener **ret_listener)
{
    static _Atomic unsigned opened; /* listeners are spread over the loops in turn */
    int fd = open_socket(config);
    if (fd < 0) {
        return errno == EADDRINUSE ? ERR_EXISTS : errno == EACCES ? ERR_DENIED : ERR_IO;
    }
    struct listener *listener = mem_new(struct listener);
    listener->config = *config;
    listener->loops = mem_dup(config->loops, config->loop_count * sizeof *config->loops);
    listener->config.loops = listener->loops;
    listener->loop = listener->loops[atomic_fetch_add(&opened, 1) % config->loop_count];
    socklen_t len = sizeof listener->address;
    getsockname(fd, &listener->address.any, &len);
    listener->reserve_fd = open_reserve();
    listener->watch = (struct loop_watch){.fd = fd, .on_ready = on_ready};
    *ret_listener = listener;
    loop_watch_add(listener->loop, &listener->watch, EPOLLIN);
    return ERR_OK;
}

const struct net_address *listener_address(const struct listener *listener)
{
    return &listener->address;
}

static void end(struct task *task)
{
    struct listener *listener = container_of(task, struct listener, close_task);
    loop_watch_remove(listener->loop, &listener->watch);
    close(listener->watch.fd);
    if (listener->reserve_fd >= 0) {
        close(listener->reserve_fd);
    }
    mem_free(listener->loops);
    mem_free(listener);
}

/* The socket refuses from here on; the rest is freed on its loop, which may be serving it just now. */
void listener_close(struct listener *listener)
{
    if (!listener) {
        return;
    }
    shutdown(listener->watch.fd, SHUT_RDWR);
    listener->close_task.run = end;
    mailbox_post(loop_mailbox(listener->loop), &listener->close_task);
}
