/* Whether somebody may still do what it has begun: what takes longer than a call (exports) asks again before each part of
 * it. A key may have been revoked meanwhile, a session have ended, a role been taken away (management-api.md 1.2, 7). */
#ifndef MUSTER_MODEL_STANDING_H
#define MUSTER_MODEL_STANDING_H

#include "base/crypto.h"
#include "base/str.h"
#include "model/account/principal.h"

struct domain;

struct standing {
    struct principal principal;      /* as it is by now */
    uint8_t credential[SHA256_BYTES]; /* what is stored of the key, or of the session's token */
};

/* Of an authorized call: the principal with the permission its route needs, and the key as it was sent (empty: a session
 * in the Cookie header). Any thread. */
void standing_init(struct standing *standing, struct domain *domain, const struct principal *principal, struct str key,
                   struct str cookie, bool is_tls);
/* True: still there, acting for the same tenant, which is not suspended, and its role has the permission; the role in the
 * principal is the present one. Does not count as use of a session. Any thread; touches no disk. */
bool standing_renew(struct standing *standing, struct domain *domain);

#endif
