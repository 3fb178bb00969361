/* Which addresses a call that a tenant asked for may reach (management-api.md 8.1): the public internet, and what the
 * operator allows (notify.allowed_networks). Checked on the address that is really connected to, whatever a name says. */
#ifndef MUSTER_NOTIFY_ADDRESS_POLICY_H
#define MUSTER_NOTIFY_ADDRESS_POLICY_H

#include "io/net.h"

/* `allowed`: networks, comma separated. Loopback, private, link-local (metadata services among them), shared, multicast,
 * unspecified and reserved addresses are refused unless they lie in one of them, IPv6 forms of IPv4 addresses like the
 * address they stand for. Other families are refused always. */
bool address_is_allowed(const struct net_address *address, const char *allowed);

#endif
