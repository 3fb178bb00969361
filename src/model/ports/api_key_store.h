/* Port: API keys of partners and organizations (management-api.md 1.2). */
#ifndef MUSTER_MODEL_PORTS_API_KEY_STORE_H
#define MUSTER_MODEL_PORTS_API_KEY_STORE_H

#include "base/crypto.h"
#include "model/ports/row.h"
#include "model/account/principal.h"

struct api_key_row {
    int64_t no;
    struct uuid id;
    enum tenant_kind tenant_kind;
    int64_t tenant_no;
    struct str name;
    uint8_t key_hash[SHA256_BYTES];
    enum key_scope scope;
    int64_t created_at;
    int64_t expires_at, revoked_at, last_used_at; /* or TIME_NONE */
};

/* Sets row->no. */
enum err api_key_store_insert(struct store_tx *tx, struct api_key_row *row) MUST_CHECK;
/* Every key that is not revoked; strings are borrowed for the call. */
enum err api_key_store_each(struct store_tx *tx, void (*visit)(const struct api_key_row *row, void *arg),
                            void *arg) MUST_CHECK;
/* A page of a tenant's keys that are not revoked, oldest first; strings are borrowed for the call. */
enum err api_key_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, struct page page,
                            void (*visit)(const struct api_key_row *row, void *arg), void *arg) MUST_CHECK;
int64_t api_key_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no);
/* ERR_NOT_FOUND: none of this tenant, or revoked already. Strings are copied into the arena. */
enum err api_key_store_find(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct uuid *id,
                            struct arena *arena, struct api_key_row *ret_row) MUST_CHECK;
enum err api_key_store_find_no(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_name) MUST_CHECK;
/* It exists and was not revoked; it may have expired. */
enum err api_key_store_stands(struct store_tx *tx, int64_t no, bool *ret_stands) MUST_CHECK;
/* When it expires, or TIME_NONE. ERR_NOT_FOUND: there is none, or it was revoked. */
enum err api_key_store_expiry(struct store_tx *tx, int64_t no, int64_t *ret_expires_at) MUST_CHECK;
enum err api_key_store_revoke(struct store_tx *tx, int64_t no, int64_t now) MUST_CHECK;
enum err api_key_store_used(struct store_tx *tx, int64_t no, int64_t at) MUST_CHECK;

#endif
