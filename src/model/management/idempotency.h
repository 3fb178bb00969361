/* Idempotency-Key on creating POSTs (management-api.md 1.3.3): kept 24 h, scoped to principal and route, and bound to the
 * whole request: path, query and body. Both calls are made inside the registry operation that creates, around it:
 *
 *     switch (idempotency_lookup(...)) { NEW: create; if it succeeded idempotency_store(...); REPEAT, REFUSED: answer }
 *
 * Error replies roll the operation back and are not kept: a repeat then tries again. */
#ifndef MUSTER_MODEL_IDEMPOTENCY_H
#define MUSTER_MODEL_IDEMPOTENCY_H

#include "base/str.h"
#include "model/account/principal.h"
#include "model/reply.h"

struct domain;
struct store_tx;

#define IDEMPOTENCY_KEY_BYTES_MAX 255
#define IDEMPOTENCY_LIFE_MS (INT64_C(24) * 3600 * 1000)

enum idempotency_result {
    IDEMPOTENCY_NEW,     /* not seen before */
    IDEMPOTENCY_REPEAT,  /* *reply is the first reply */
    IDEMPOTENCY_REFUSED, /* *reply is the error: another request (422), bad key (422), storage (503) */
};

struct idempotency_call {
    const struct principal *principal;
    struct str route;       /* method and pattern, e.g. "POST /core/v1/partner/models/:m/clone" */
    struct str path, query; /* as received; of the path, one trailing "/" is ignored */
    struct str key;         /* the header's value */
    struct str body;        /* as received */
};

enum idempotency_result idempotency_lookup(struct domain *domain, struct store_tx *tx,
                                           const struct idempotency_call *call, struct reply *reply);
/* Keeps a successful reply, sealed under a key that only the holder of the Idempotency-Key can make again: replies may
 * carry secrets. A fault is sticky in the transaction. */
void idempotency_store(struct domain *domain, struct store_tx *tx, const struct idempotency_call *call,
                       const struct reply *reply);

#endif
