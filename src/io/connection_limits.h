/* How a stream counts against the connection limits. Any thread. */
#ifndef MUSTER_IO_CONNECTION_LIMITS_H
#define MUSTER_IO_CONNECTION_LIMITS_H

#include "io/net.h"

struct connection_count; /* of one address, or of all exempt ones */

/* False: over a limit, nothing was counted. `*ret_count` goes into connection_limits_leave. */
bool connection_limits_enter(struct connection_limits *limits, const struct net_address *address,
                             struct connection_count **ret_count) MUST_CHECK;
/* A connection whose peer is not known yet, for it comes through a proxy: counted in all only. */
bool connection_limits_enter_unknown(struct connection_limits *limits, struct connection_count **ret_count) MUST_CHECK;
/* It is known now. False: over the limit of this address; it stays counted as before. */
bool connection_limits_identify(struct connection_count **count, const struct net_address *address) MUST_CHECK;
void connection_limits_leave(struct connection_count *count);

#endif
