/* Port: the one-time set-up link and the settings kept in the store (portal.md 2). */
#ifndef MUSTER_MODEL_PORTS_SETUP_STORE_H
#define MUSTER_MODEL_PORTS_SETUP_STORE_H

#include "base/crypto.h"
#include "model/ports/row.h"

/* Voids every earlier link and keeps this one. */
enum err setup_link_store_replace(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES], int64_t expires_at) MUST_CHECK;
/* ERR_NOT_FOUND: no such link, or it expired. */
enum err setup_link_store_find(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES], int64_t now) MUST_CHECK;
enum err setup_link_store_clear(struct store_tx *tx) MUST_CHECK;

/* Copied into the arena; empty when it was never set. */
enum err setting_store_get(struct store_tx *tx, struct str key, struct arena *arena, struct str *ret_value) MUST_CHECK;
enum err setting_store_set(struct store_tx *tx, struct str key, struct str value) MUST_CHECK;
enum err setting_store_clear(struct store_tx *tx, struct str key) MUST_CHECK;
/* Every setting whose key begins with `prefix`; `visit` gets the rest of the key. Borrowed for the call. */
enum err setting_store_each(struct store_tx *tx, struct str prefix, void (*visit)(struct str key, struct str value, void *arg),
                            void *arg) MUST_CHECK;

#endif
