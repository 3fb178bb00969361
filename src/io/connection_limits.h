/* How a stream counts against the connection limits. Any thread. */
#ifndef MUSTER_IO_CONNECTION_LIMITS_H
#define MUSTER_IO_CONNECTION_LIMITS_H

#include "io/net.h"

struct connection_count; /* of one address, or of all exempt ones */

/* False: over a limit, nothing was counted. `*ret_count` goes into connection_limits_leave. */
bool connection_limits_enter(struct connection_limits *limits, const struct net_address *address,
                             struct connection_count **ret_count) MUST_CHECK;
void connection_limits_leave(struct connection_count *count);

#endif
