/* Port: hardware keys of a model (management-api.md 5.2). Registration itself reads them by registration_store.h. */
#ifndef MUSTER_MODEL_PORTS_HARDWARE_KEY_STORE_H
#define MUSTER_MODEL_PORTS_HARDWARE_KEY_STORE_H

#include "base/crypto.h"
#include "model/ports/row.h"

struct hardware_key_row {
    int64_t no, model_no;
    struct uuid id;
    struct str name;
    uint8_t key_hash[SHA256_BYTES]; /* only written */
    struct str key_sealed;
    int64_t expected_count;         /* 0: none */
    bool enforce_count;
    int64_t used_count;
    int64_t created_at;
    int64_t revoked_at, first_used_at, last_used_at; /* or TIME_NONE */
};

/* Sets row->no. */
enum err hardware_key_store_insert(struct store_tx *tx, struct hardware_key_row *row) MUST_CHECK;
/* Name, expected and enforced count, revocation. */
enum err hardware_key_store_update(struct store_tx *tx, const struct hardware_key_row *row) MUST_CHECK;
/* Of this model, strings copied into the arena; ERR_NOT_FOUND. */
enum err hardware_key_store_find(struct store_tx *tx, int64_t model_no, const struct uuid *id, struct arena *arena,
                                 struct hardware_key_row *ret_row) MUST_CHECK;
/* Oldest first; strings are borrowed for the call. */
enum err hardware_key_store_list(struct store_tx *tx, int64_t model_no, struct page page,
                                 void (*visit)(const struct hardware_key_row *row, void *arg), void *arg) MUST_CHECK;
int64_t hardware_key_store_count(struct store_tx *tx, int64_t model_no);

#endif
