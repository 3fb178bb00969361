/* Whose a host is: `domain` and `mobile_domain` of a partner's settings (management-api.md 5.10). A host belongs to one partner, or
 * to the installation; schemes, ports, the case of letters and a dot at the end make no other host of it. */
#ifndef MUSTER_MODEL_PARTNER_HOST_H
#define MUSTER_MODEL_PARTNER_HOST_H

#include "base/err.h"
#include "base/str.h"

struct domain;
struct store_tx;

/* Of a URL or a Host header, borrowed: "https://Cloud.example.com:8443/x" gives "Cloud.example.com", "[::1]:80" gives "[::1]". */
struct str partner_host_of(struct str url);
bool partner_host_eq(struct str url, struct str other);

/* Another partner, suspended or not, has the host of `url`, or it is the installation's own. `local_host` as for url_source. On
 * LANE_REGISTRY. */
enum err partner_host_is_taken(struct domain *domain, struct store_tx *tx, int64_t partner_no, struct str url,
                               const char *local_host, bool *ret_taken) MUST_CHECK;

/* Whose host this is; nobody's is that of the only active partner, if there is one. ERR_NOT_FOUND, also when it is a suspended
 * partner's, or when several have it, which databases from before partner_host_is_taken may hold. */
enum err partner_host_find(struct store_tx *tx, struct str host, int64_t *ret_partner_no) MUST_CHECK;

#endif
