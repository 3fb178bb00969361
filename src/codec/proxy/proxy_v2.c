#include "codec/proxy/proxy_v2.h"

#include <assert.h>
#include <string.h>

#include "base/cursor.h"

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 }; /* version 2 in the upper half */
enum { FAMILY_NONE = 0x00, FAMILY_TCP_IPV4 = 0x11, FAMILY_TCP_IPV6 = 0x21, FAMILY_UNIX_STREAM = 0x31 };
enum { COMMAND_AT = 12, FAMILY_AT = 13, LENGTH_AT = 14 };

static const uint8_t signature[COMMAND_AT] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/* Bytes of both addresses and ports; SIZE_MAX: no family of a stream. */
static size_t address_bytes(uint8_t family)
{
    switch (family) {
    case FAMILY_NONE:
        return 0;
    case FAMILY_TCP_IPV4:
        return 12;
    case FAMILY_TCP_IPV6:
        return PROXY_V2_ADDRESS_BYTES;
    case FAMILY_UNIX_STREAM:
        return 216;
    default:
        return SIZE_MAX;
    }
}

/* The first 16 bytes are there: how long the whole is. */
static enum err read_head(struct proxy_v2 *proxy)
{
    const uint8_t *head = proxy->bytes;
    size_t rest = (size_t)head[LENGTH_AT] << 8 | head[LENGTH_AT + 1];
    if (head[COMMAND_AT] != COMMAND_LOCAL && head[COMMAND_AT] != COMMAND_PROXY) {
        return ERR_INVALID;
    }
    if (head[COMMAND_AT] == COMMAND_PROXY && (address_bytes(head[FAMILY_AT]) == SIZE_MAX || rest < address_bytes(head[FAMILY_AT]))) {
        return ERR_INVALID;
    }
    if (PROXY_V2_HEAD_BYTES + rest > PROXY_V2_BYTES_MAX) {
        return ERR_LIMIT;
    }
    proxy->length = (uint16_t)(PROXY_V2_HEAD_BYTES + rest);
    return ERR_OK;
}

enum err proxy_v2_feed(struct proxy_v2 *proxy, const uint8_t *data, size_t len)
{
    assert(len <= proxy_v2_missing(proxy));
    bool had_head = proxy->have >= PROXY_V2_HEAD_BYTES;
    if (proxy->have < sizeof proxy->bytes) {
        size_t room = sizeof proxy->bytes - proxy->have;
        memcpy(proxy->bytes + proxy->have, data, len < room ? len : room);
    }
    proxy->have = (uint16_t)(proxy->have + len);
    size_t compared = proxy->have < sizeof signature ? proxy->have : sizeof signature;
    if (!had_head && memcmp(proxy->bytes, signature, compared) != 0) { /* at once, and not when 16 bytes have come */
        return ERR_INVALID;
    }
    return !had_head && proxy->have >= PROXY_V2_HEAD_BYTES ? read_head(proxy) : ERR_OK;
}

void proxy_v2_source(const struct proxy_v2 *proxy, struct proxy_v2_source *ret_source)
{
    assert(proxy_v2_missing(proxy) == 0);
    *ret_source = (struct proxy_v2_source){.family = PROXY_V2_NONE};
    const uint8_t family = proxy->bytes[FAMILY_AT];
    if (proxy->bytes[COMMAND_AT] == COMMAND_LOCAL || (family != FAMILY_TCP_IPV4 && family != FAMILY_TCP_IPV6)) {
        return;
    }
    size_t host_bytes = family == FAMILY_TCP_IPV4 ? 4 : 16;
    struct cursor c = cursor_make(proxy->bytes + PROXY_V2_HEAD_BYTES, PROXY_V2_ADDRESS_BYTES);
    ret_source->family = family == FAMILY_TCP_IPV4 ? PROXY_V2_IPV4 : PROXY_V2_IPV6;
    memcpy(ret_source->address, cursor_bytes(&c, host_bytes), host_bytes);
    (void)cursor_bytes(&c, host_bytes); /* where it went: here */
    ret_source->port = cursor_u16(&c);
}
