/* Port: replies kept for repeats (management-api.md 1.3.3). */
#ifndef MUSTER_MODEL_PORTS_IDEMPOTENCY_STORE_H
#define MUSTER_MODEL_PORTS_IDEMPOTENCY_STORE_H

#include "base/crypto.h"
#include "model/ports/row.h"

struct idempotency_row {
    struct str principal, route;
    uint8_t key_hash[SHA256_BYTES], request_hash[SHA256_BYTES];
    int64_t status;
    struct str reply_sealed; /* bytes */
    int64_t created_at;
};

/* `row` names principal, route and key; fills in the rest, copied into the arena. ERR_NOT_FOUND. */
enum err idempotency_store_find(struct store_tx *tx, struct idempotency_row *row, struct arena *arena) MUST_CHECK;
/* Replaces an expired one. */
enum err idempotency_store_insert(struct store_tx *tx, const struct idempotency_row *row) MUST_CHECK;
enum err idempotency_store_delete_old(struct store_tx *tx, int64_t before) MUST_CHECK;

#endif
