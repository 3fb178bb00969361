/* Addresses and listeners. */
#ifndef MUSTER_IO_NET_H
#define MUSTER_IO_NET_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"

struct loop;
struct stream;
struct tls_server;
struct connection_limits;

struct net_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};
#define NET_HOST_TEXT_BYTES INET6_ADDRSTRLEN
#define NET_ADDRESS_TEXT_BYTES (INET6_ADDRSTRLEN + 9)

bool net_address_parse(struct str host, uint16_t port, struct net_address *ret_address); /* numeric hosts, "localhost" */
void net_host_format(const struct net_address *address, char ret_text[NET_HOST_TEXT_BYTES]);       /* "127.0.0.1", "::1" */
void net_address_format(const struct net_address *address, char ret_text[NET_ADDRESS_TEXT_BYTES]); /* "[::1]:80" */
uint16_t net_address_port(const struct net_address *address);
void net_address_unmap(struct net_address *address); /* IPv4 peers of an IPv6 socket are shown as what they are */
bool net_address_is_loopback(const struct net_address *address);
bool net_address_is_any(const struct net_address *address);

struct network { /* CIDR */
    uint8_t family, prefix;
    uint8_t bytes[16];
};
bool network_parse(struct str text, struct network *ret_network);
bool network_contains(const struct network *network, const struct net_address *address);

/* Networks that change (SIGHUP) while others ask for them. Any thread. */
struct network_set;
struct network_set *network_set_new(const struct network *networks, size_t count); /* copied */
void network_set_free(struct network_set *set); /* NULL is accepted */
void network_set_change(struct network_set *set, const struct network *networks, size_t count);
bool network_set_contains(struct network_set *set, const struct net_address *address);

/* Counts open connections in all and per address (mqtt.md 9); a /64 of IPv6 is one address, loopback and `exempt` are
 * counted in all only. 0: no limit. Shared by all listeners of the process; any thread. */
struct connection_limits *connection_limits_new(size_t total_max, size_t per_address_max, const struct network *exempt,
                                                size_t exempt_count);
void connection_limits_free(struct connection_limits *limits);
/* New limits from now on (SIGHUP); what is open stays. */
void connection_limits_change(struct connection_limits *limits, size_t total_max, size_t per_address_max,
                              const struct network *exempt, size_t exempt_count);

/* A listening socket. Accepted connections are spread over the loops (least loaded); on_accept runs on the loop that
 * got the stream, which must set ops at once. Over a limit the connection is closed, counted and not announced. */
struct listener;
struct listener_config {
    struct net_address address;      /* port 0: a free one */
    struct tls_server *tls;          /* NULL: plain */
    struct connection_limits *limits;
    /* Peers that begin with a PROXY v2 header (codec/proxy), whose address then is the stream's and is what counts; they
     * are refused without one. NULL: nobody does. Borrowed. */
    struct network_set *proxies;
    /* The kernel holds a connection back until the peer has said something: one wake-up less for each. Of one that stays
     * silent on_accept hears a second late. */
    bool peer_speaks_first;
    struct loop *const *loops;
    size_t loop_count;
    void (*on_accept)(struct stream *stream, void *user);
    void *user;
};
enum err listener_open(const struct listener_config *config, struct listener **ret_listener) MUST_CHECK; /* ERR_EXISTS: port taken */
const struct net_address *listener_address(const struct listener *listener); /* with the real port */
void listener_close(struct listener *listener); /* stops accepting; streams live on */

#endif
