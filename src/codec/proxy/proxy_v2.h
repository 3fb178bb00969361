/* The PROXY protocol, version 2: what a proxy sends in front of a connection's own bytes to say whose it is
 * (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, section 2.2; device-api.md 1.8.4).
 *
 * The header comes in portions and never more is asked for than belongs to it, so that what follows (a TLS handshake)
 * stays where it is. Only the addresses are kept: what stands behind them is counted and dropped. */
#ifndef MUSTER_CODEC_PROXY_V2_H
#define MUSTER_CODEC_PROXY_V2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PROXY_V2_HEAD_BYTES 16     /* signature, command, family, length */
#define PROXY_V2_ADDRESS_BYTES 36  /* of IPv6, the longest that is kept */
#define PROXY_V2_BYTES_MAX 2048    /* a whole header with all that a proxy adds; longer ones are refused (our choice) */

enum proxy_v2_family {
    PROXY_V2_NONE, /* the proxy speaks for itself (a health check), or for what has no address here: the connection's own count */
    PROXY_V2_IPV4,
    PROXY_V2_IPV6,
};

struct proxy_v2 {
    uint8_t bytes[PROXY_V2_HEAD_BYTES + PROXY_V2_ADDRESS_BYTES];
    uint16_t length; /* of the whole header, once its first 16 bytes are there */
    uint16_t have;   /* bytes of it that have come */
};

struct proxy_v2_source {
    enum proxy_v2_family family;
    uint8_t address[16]; /* the first 4 of IPv4 */
    uint16_t port;
};

static inline void proxy_v2_init(struct proxy_v2 *proxy)
{
    *proxy = (struct proxy_v2){.length = PROXY_V2_HEAD_BYTES};
}

/* How many of the next bytes certainly belong to the header; 0: it is complete. */
static inline size_t proxy_v2_missing(const struct proxy_v2 *proxy)
{
    return (size_t)(proxy->length - proxy->have);
}

/* The next bytes, at most proxy_v2_missing of them. ERR_INVALID: this is no such header, or one with values that the
 * protocol does not know; ERR_LIMIT: longer than PROXY_V2_BYTES_MAX. It is of no use after an error. */
enum err proxy_v2_feed(struct proxy_v2 *proxy, const uint8_t *data, size_t len) MUST_CHECK;

/* Who is behind the proxy. Of a complete header. */
void proxy_v2_source(const struct proxy_v2 *proxy, struct proxy_v2_source *ret_source);

#endif
