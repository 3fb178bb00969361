#include "io/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool net_address_parse(struct str host, uint16_t port, struct net_address *ret_address)
{
    char text[NET_HOST_TEXT_BYTES];
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        host = str_sub(host, 1, host.len - 2);
    }
    if (str_eq_nocase(host, STR("localhost"))) {
        host = STR("127.0.0.1");
    }
    if (host.len == 0 || host.len >= sizeof text || memchr(host.ptr, 0, host.len)) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    struct net_address address;
    memset(&address, 0, sizeof address);
    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
    } else {
        return false;
    }
    *ret_address = address;
    return true;
}

void net_host_format(const struct net_address *address, char ret_text[NET_HOST_TEXT_BYTES])
{
    const void *bytes = address->any.sa_family == AF_INET6 ? (const void *)&address->v6.sin6_addr
                                                           : (const void *)&address->v4.sin_addr;
    if (!inet_ntop(address->any.sa_family, bytes, ret_text, NET_HOST_TEXT_BYTES)) {
        ret_text[0] = '\0'; /* no family: an address that was never set */
    }
}

void net_address_format(const struct net_address *address, char ret_text[NET_ADDRESS_TEXT_BYTES])
{
    char host[NET_HOST_TEXT_BYTES];
    net_host_format(address, host);
    bool v6 = address->any.sa_family == AF_INET6;
    snprintf(ret_text, NET_ADDRESS_TEXT_BYTES, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
             (unsigned)net_address_port(address));
}

uint16_t net_address_port(const struct net_address *address)
{
    return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}

bool net_address_is_loopback(const struct net_address *address)
{
    if (address->any.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr) != 0;
    }
    return address->any.sa_family == AF_INET && (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
}

bool net_address_is_any(const struct net_address *address)
{
    if (address->any.sa_family == AF_INET6) {
        return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr) != 0;
    }
    return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

static const uint8_t *address_bytes(const struct net_address *address, size_t *ret_len)
{
    if (address->any.sa_family == AF_INET6) {
        *ret_len = 16;
        return address->v6.sin6_addr.s6_addr;
    }
    *ret_len = 4;
    return (const uint8_t *)&address->v4.sin_addr;
}

bool network_parse(struct str text, struct network *ret_network)
{
    struct str rest = text;
    struct str host = str_split(&rest, '/');
    struct net_address address;
    if (!net_address_parse(host, 0, &address)) {
        return false;
    }
    size_t len;
    const uint8_t *bytes = address_bytes(&address, &len);
    uint64_t prefix = len * 8;
    if (rest.ptr && (!str_to_u64(rest, &prefix) || prefix > len * 8)) {
        return false;
    }
    *ret_network = (struct network){.family = (uint8_t)address.any.sa_family, .prefix = (uint8_t)prefix};
    memcpy(ret_network->bytes, bytes, len);
    return true;
}

bool network_contains(const struct network *network, const struct net_address *address)
{
    if (network->family != address->any.sa_family) {
        return false;
    }
    size_t len;
    const uint8_t *bytes = address_bytes(address, &len);
    size_t whole = network->prefix / 8;
    unsigned bits = network->prefix % 8;
    if (memcmp(network->bytes, bytes, whole) != 0) {
        return false;
    }
    return bits == 0 || ((network->bytes[whole] ^ bytes[whole]) >> (8 - bits)) == 0;
}

void net_address_unmap(struct net_address *address)
{
    if (address->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr)) {
        struct net_address mapped = *address;
        memset(address, 0, sizeof *address);
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = mapped.v6.sin6_port;
        memcpy(&address->v4.sin_addr, mapped.v6.sin6_addr.s6_addr + 12, 4);
    }
}
