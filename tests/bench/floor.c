/* The floor: what the kernel alone costs. A bare epoll loop that moves the bytes a broker would move, in the same
 * pattern, without being one: floor PORT
 *
 * It greets and subscribes clients by the little of MQTT that this takes. The first PUBLISH of a connection tells where its
 * messages go (the topic is compared with the filters, byte by byte; "x/#" is a prefix) and how long they are. From then
 * on it only cuts the input at that length: every message is copied to the output of each receiver as it is, and four
 * bytes of acknowledgement go back if its QoS asks for them. Acknowledgements of receivers are read and dropped. One
 * recv for a connection that is readable, one send for a connection that has output, each turn: what a good broker
 * does. No sessions, no packet ids, no flow control, no limits: the load generator's window bounds what is under way. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BYTES = 256 * 1024, EVENTS = 256, CONNECTIONS_MAX = 20000, FILTER_BYTES_MAX = 256 };

struct connection {
    int fd;
    bool v5, dirty, blocked, greeted;
    char filter[FILTER_BYTES_MAX]; /* "": it does not subscribe */
    size_t message_bytes;          /* of what it publishes; 0: not known yet */
    size_t id_at;                  /* in it; 0: QoS 0 */
    struct connection **receivers;
    size_t receiver_count;
    uint8_t *out;
    size_t out_len, out_at, out_cap;
    uint8_t *kept; /* the start of a packet whose end has not come */
    size_t kept_len;
};

static int epoll_fd, listen_fd;
static struct connection *connections[CONNECTIONS_MAX], *dirty[CONNECTIONS_MAX];
static size_t connection_count, dirty_count;
static uint8_t received[RECEIVE_BYTES * 2];

static void fail(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(struct connection *c, const void *bytes, size_t len)
{
    if (c->fd < 0) {
        return;
    }
    if (c->out_len + len > c->out_cap) {
        c->out_cap = (c->out_len + len) * 2;
        c->out = realloc(c->out, c->out_cap);
        if (!c->out) {
            fail("memory");
        }
    }
    memcpy(c->out + c->out_len, bytes, len);
    c->out_len += len;
    if (!c->dirty) {
        c->dirty = true;
        dirty[dirty_count++] = c;
    }
}

static void arm(struct connection *c, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (c->blocked ? (uint32_t)EPOLLOUT : 0), .data = {.ptr = c}};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0) {
        fail("epoll_ctl");
    }
}

static void flush(struct connection *c)
{
    c->dirty = false;
    if (c->fd < 0) {
        return;
    }
    ssize_t sent = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
    c->out_at += sent > 0 ? (size_t)sent : 0;
    bool blocked = c->out_at < c->out_len;
    if (!blocked) {
        c->out_at = c->out_len = 0;
    }
    if (blocked != c->blocked) {
        c->blocked = blocked;
        arm(c, EPOLL_CTL_MOD);
    }
}

static void drop(struct connection *c)
{
    close(c->fd);
    c->fd = -1; /* its memory stays: others may point at it */
    c->filter[0] = '\0';
}

/* --- what happens once for each connection ------------------------------------------------------------------------- */

/* Bytes of the packet at data, 0: not all there. *ret_body is where its fixed header ends. */
static size_t packet_bytes(const uint8_t *data, size_t len, size_t *ret_body)
{
    size_t remaining = 0, at = 1;
    for (unsigned shift = 0; at < len && shift < 28; shift += 7) {
        remaining |= (size_t)(data[at] & 0x7f) << shift;
        if (!(data[at++] & 0x80)) {
            *ret_body = at;
            return len - at >= remaining ? at + remaining : 0;
        }
    }
    return 0;
}

static bool matches(const char *filter, const uint8_t *topic, size_t topic_bytes)
{
    size_t len = strlen(filter);
    if (len > 1 && filter[len - 1] == '#') {
        return topic_bytes >= len - 1 && memcmp(filter, topic, len - 1) == 0;
    }
    return len == topic_bytes && memcmp(filter, topic, len) == 0;
}

static void learn(struct connection *c, const uint8_t *data, size_t total, size_t body)
{
    size_t topic_bytes = (size_t)data[body] << 8 | data[body + 1];
    c->message_bytes = total;
    c->id_at = data[0] & 6 ? body + 2 + topic_bytes : 0;
    c->receivers = calloc(connection_count, sizeof(struct connection *));
    for (size_t i = 0; i < connection_count; i++) {
        if (connections[i]->filter[0] && matches(connections[i]->filter, data + body + 2, topic_bytes)) {
            c->receivers[c->receiver_count++] = connections[i];
        }
    }
}

static void subscribe(struct connection *c, const uint8_t *body)
{
    const uint8_t *filter = body + 2 + (c->v5 ? 1 : 0);
    size_t len = (size_t)filter[0] << 8 | filter[1];
    if (len >= FILTER_BYTES_MAX) {
        fprintf(stderr, "floor: too long a filter\n");
        exit(1);
    }
    memcpy(c->filter, filter + 2, len);
    c->filter[len] = '\0';
    uint8_t qos = filter[2 + len] & 3;
    if (c->v5) {
        put(c, (const uint8_t[]){0x90, 4, body[0], body[1], 0, qos}, 6);
    } else {
        put(c, (const uint8_t[]){0x90, 3, body[0], body[1], qos}, 5);
    }
}

/* Any packet but a PUBLISH of known length. */
static void slow_packet(struct connection *c, const uint8_t *data, size_t total, size_t body)
{
    switch (data[0] >> 4) {
    case 1:
        c->v5 = data[body + 6] == 5;
        c->greeted = true;
        put(c, c->v5 ? (const uint8_t[]){0x20, 3, 0, 0, 0} : (const uint8_t[]){0x20, 2, 0, 0, 0}, c->v5 ? 5 : 4);
        break;
    case 3:
        learn(c, data, total, body);
        break;
    case 8:
        subscribe(c, data + body);
        break;
    case 12:
        put(c, (const uint8_t[]){0xd0, 0}, 2);
        break;
    case 14:
        drop(c);
        break;
    default: /* acknowledgements */
        break;
    }
}

/* --- what happens for each message --------------------------------------------------------------------------------- */

static void forward(struct connection *c, const uint8_t *message)
{
    for (size_t i = 0; i < c->receiver_count; i++) {
        put(c->receivers[i], message, c->message_bytes);
    }
    if (c->id_at) {
        put(c, (const uint8_t[]){0x40, 2, message[c->id_at], message[c->id_at + 1]}, 4);
    }
}

/* Returns how much was used. */
static size_t take(struct connection *c, const uint8_t *data, size_t len)
{
    size_t at = 0;
    while (at < len && c->fd >= 0) {
        if (data[at] == 0x40) { /* a receiver's PUBACK */
            if (len - at < 4) {
                break;
            }
            at += 4;
        } else if (data[at] >> 4 == 3 && c->message_bytes) {
            if (len - at < c->message_bytes) {
                break;
            }
            forward(c, data + at);
            at += c->message_bytes;
        } else {
            size_t body, total = packet_bytes(data + at, len - at, &body);
            if (total == 0) {
                break;
            }
            slow_packet(c, data + at, total, body);
            at += data[at] >> 4 == 3 ? 0 : total; /* a PUBLISH whose length is known now */
        }
    }
    return at;
}

static void on_readable(struct connection *c)
{
    if (c->kept_len) {
        memcpy(received, c->kept, c->kept_len);
    }
    ssize_t got = recv(c->fd, received + c->kept_len, RECEIVE_BYTES, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) {
            drop(c);
        }
        return;
    }
    size_t len = c->kept_len + (size_t)got, used = take(c, received, len);
    c->kept_len = len - used;
    if (c->kept_len > RECEIVE_BYTES) {
        fprintf(stderr, "floor: too long a packet\n");
        exit(1);
    }
    if (c->kept_len) {
        c->kept = realloc(c->kept, c->kept_len);
        memcpy(c->kept, received + used, c->kept_len);
    }
}

static void on_accept(void)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connection_count == CONNECTIONS_MAX) {
        fprintf(stderr, "floor: too many connections\n");
        exit(1);
    }
    struct connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    connections[connection_count++] = c;
    arm(c, EPOLL_CTL_ADD);
}

static void start(const char *port)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int one = 1;
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listen_fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(listen_fd, SOMAXCONN) != 0) {
        fail("listen");
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: floor PORT\n");
        return 2;
    }
    start(argv[1]);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                on_accept();
                continue;
            }
            if (c->fd >= 0 && events[i].events & EPOLLOUT && !c->dirty) {
                c->dirty = true;
                dirty[dirty_count++] = c;
            }
            if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                on_readable(c);
            }
        }
        for (size_t i = 0; i < dirty_count; i++) {
            flush(dirty[i]);
        }
        dirty_count = 0;
    }
}
