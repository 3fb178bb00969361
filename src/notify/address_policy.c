#include "notify/address_policy.h"

#include <string.h>

/* IANA's special-purpose address registries, less what leads to the public internet. */
static const char *const refused_networks[] = {
    "0.0.0.0/8",       /* this network */
    "10.0.0.0/8",      /* private */
    "100.64.0.0/10",   /* shared; a metadata service of one provider */
    "127.0.0.0/8",     /* loopback */
    "169.254.0.0/16",  /* link-local; the usual metadata service */
    "172.16.0.0/12",   /* private */
    "192.0.0.0/24",    /* protocol assignments */
    "192.0.2.0/24",    /* documentation, likewise below */
    "192.88.99.0/24",  /* 6to4 relays */
    "192.168.0.0/16",  /* private */
    "198.18.0.0/15",   /* benchmarks */
    "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4",     /* multicast */
    "240.0.0.0/4",     /* reserved; broadcast */
    "::/96",           /* unspecified, loopback, IPv4-compatible */
    "64:ff9b:1::/48",  /* local translation */
    "100::/64",        /* discard */
    "2001::/23",       /* protocol assignments; Teredo */
    "2001:db8::/32",   /* documentation */
    "3fff::/20",       /* documentation */
    "5f00::/16",       /* segment routing */
    "fc00::/7",        /* private; a metadata service of one provider */
    "fe80::/10",       /* link-local */
    "fec0::/10",       /* site-local */
    "ff00::/8",        /* multicast */
};

static bool lies_in(const struct net_address *address, struct str text)
{
    struct network network;
    return network_parse(text, &network) && network_contains(&network, address);
}

/* The IPv4 address inside an IPv4-mapped, NAT64 (RFC 6052) or 6to4 (RFC 3056) one, which routers unpack. */
static void unpack_v4(struct net_address *address)
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    net_address_unmap(address);
    if (address->any.sa_family != AF_INET6) {
        return;
    }
    const uint8_t *bytes = address->v6.sin6_addr.s6_addr;
    size_t at = memcmp(bytes, nat64, sizeof nat64) == 0 ? 12 : bytes[0] == 0x20 && bytes[1] == 0x02 ? 2 : 0;
    if (at) {
        struct net_address inner = {.v4 = {.sin_family = AF_INET}};
        memcpy(&inner.v4.sin_addr, bytes + at, 4);
        *address = inner;
    }
}

bool address_is_allowed(const struct net_address *address, const char *allowed)
{
    struct net_address plain = *address;
    if (plain.any.sa_family != AF_INET && plain.any.sa_family != AF_INET6) {
        return false;
    }
    unpack_v4(&plain);
    struct str rest = str_from_cstr(allowed);
    while (rest.len) {
        if (lies_in(&plain, str_trim(str_split(&rest, ',')))) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof refused_networks / sizeof refused_networks[0]; i++) {
        if (lies_in(&plain, str_from_cstr(refused_networks[i]))) {
            return false;
        }
    }
    return true;
}
