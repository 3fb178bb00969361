/* The one-time set-up link of an installation without users (portal.md 2.1). */
#ifndef MUSTER_APP_SETUP_LINK_H
#define MUSTER_APP_SETUP_LINK_H

#include "base/str.h"
#include "model/domain.h"

struct store;

/* Makes a new link, which voids the old one; before the store's threads start. False: not needed, or it failed (logged). */
bool setup_link_make(struct store *store, struct domain *domain, char *ret_token, size_t token_bytes);
/* "Set-up link (valid 24 hours, one use): http://127.0.0.1:8080/setup/<token>": on the console only, never in the log:
 * who reads the link is the administrator. `base_url` without a trailing slash. */
void setup_link_print(const char *base_url, const char *token);

#endif
