/* The addresses that registrations hand out: what the operator set, else what really listens (device-api.md 1.1.3,
 * mqtt.md 1.2). Never the Host header. */
#ifndef MUSTER_APP_URL_SOURCE_H
#define MUSTER_APP_URL_SOURCE_H

#include "io/net.h"
#include "io/tls.h"
#include "model/domain.h"

struct bound_listeners {
    struct bound_listener {
        bool on;             /* false: there is none */
        struct net_address address;
    } http, https, mqtt, mqtts;
};

struct listener_urls {
    struct url_source source;    /* first: the model sees only this */
    struct domain *domain;
    const struct tls_server *tls; /* NULL: nothing listens with TLS */
    /* The first listener of each kind, constant once the listeners are open; and the first of those to which one connects
     * without a proxy between. */
    struct bound_listeners first, direct;
};

/* Appends "scheme://host:port": the listener's own host when it is bound to one, else where the caller came in. */
void listener_urls_append(struct buf *out, const char *scheme, const struct bound_listener *listener,
                          const char *local_host);

void listener_urls_init(struct listener_urls *urls, struct domain *domain);

#endif
