/* Connections of a listener that proxies connect to: the header in front says whose they are (device-api.md 1.8.4). It is
 * taken off the socket to the byte, so that TLS finds its first record there. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/metrics.h"
#include "io/stream_internal.h"

#define LOG_INTERVAL_MS 10000

static void refuse(struct stream *stream, const char *why)
{
    static _Atomic uint64_t logged_at_ms;
    metric_add(METRIC_CONNECTIONS_REFUSED, 1);
    uint64_t now = stream->loop->now_ms;
    uint64_t before = atomic_load_explicit(&logged_at_ms, memory_order_relaxed);
    if (before == 0 || now - before >= LOG_INTERVAL_MS) {
        atomic_store_explicit(&logged_at_ms, now, memory_order_relaxed);
        char text[NET_ADDRESS_TEXT_BYTES];
        net_address_format(&stream->peer, text);
        log_event(LOG_WARN, "proxied_connection_refused", log_s("address", text), log_s("why", why));
    }
    stream_finish(stream, STREAM_FAILED);
}

static void put_address(struct stream *stream, const struct proxy_v2_source *source)
{
    struct net_address peer;
    memset(&peer, 0, sizeof peer);
    if (source->family == PROXY_V2_IPV4) {
        peer.v4.sin_family = AF_INET;
        peer.v4.sin_port = htons(source->port);
        memcpy(&peer.v4.sin_addr, source->address, sizeof peer.v4.sin_addr);
    } else {
        peer.v6.sin6_family = AF_INET6;
        peer.v6.sin6_port = htons(source->port);
        memcpy(&peer.v6.sin6_addr, source->address, sizeof peer.v6.sin6_addr);
        net_address_unmap(&peer);
    }
    stream->peer = peer;
}

static void header_is_read(struct stream *stream)
{
    struct proxy_v2_source source;
    proxy_v2_source(&stream->wait->proxy, &source);
    if (source.family != PROXY_V2_NONE) {
        put_address(stream, &source);
    }
    if (stream->count && !connection_limits_identify(&stream->count, &stream->peer)) {
        refuse(stream, "limit");
        return;
    }
    stream_peer_known(stream);
}

void stream_proxy_ready(struct stream *stream)
{
    while (stream->phase == PHASE_PROXY) {
        struct proxy_v2 *proxy = &stream->wait->proxy;
        uint8_t *received = stream->loop->streams->received;
        ssize_t got = recv(stream->watch.fd, received, proxy_v2_missing(proxy), 0);
        if (got <= 0) {
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) { /* a health check that only connects is one */
                stream_finish(stream, got == 0 ? STREAM_PEER_CLOSED : STREAM_FAILED);
            }
            return;
        }
        metric_add(METRIC_BYTES_RECEIVED, got);
        if (proxy_v2_feed(proxy, received, (size_t)got) != ERR_OK) {
            refuse(stream, "header");
        } else if (proxy_v2_missing(proxy) == 0) {
            header_is_read(stream);
        }
    }
}
