/* Port: sessions of people signed in to the portals (management-api.md 10.1). */
#ifndef MUSTER_MODEL_PORTS_WEB_SESSION_STORE_H
#define MUSTER_MODEL_PORTS_WEB_SESSION_STORE_H

#include "base/crypto.h"
#include "model/ports/row.h"

#define CSRF_TOKEN_CHARS 32

struct web_session_row {
    uint8_t token_hash[SHA256_BYTES];
    int64_t user_no;
    struct uuid user_id;       /* of the user's row; not stored in the session's */
    bool system_admin;         /* likewise */
    int64_t partner_no;        /* tenants acted for; 0: none */
    int64_t organization_no;
    char csrf_token[CSRF_TOKEN_CHARS + 1];
    struct str address;        /* from where it was opened; may be empty */
    int64_t created_at, last_used_at;
};

enum err web_session_store_insert(struct store_tx *tx, const struct web_session_row *row) MUST_CHECK;
/* Every session of users that are not deactivated; strings are borrowed for the call. */
enum err web_session_store_each(struct store_tx *tx, void (*visit)(const struct web_session_row *row, void *arg),
                                void *arg) MUST_CHECK;
enum err web_session_store_set_tenants(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES], int64_t partner_no,
                                       int64_t organization_no) MUST_CHECK;
enum err web_session_store_used(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES], int64_t at) MUST_CHECK;
enum err web_session_store_delete(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES]) MUST_CHECK;
/* Ends every session of the user but one; `except` NULL: all. */
enum err web_session_store_delete_of_user(struct store_tx *tx, int64_t user_no,
                                          const uint8_t except[SHA256_BYTES]) MUST_CHECK;
/* The session that the user has not used for longest, when there are more than `kept`; else ERR_NOT_FOUND. */
enum err web_session_store_excess(struct store_tx *tx, int64_t user_no, int64_t kept,
                                  uint8_t ret_token_hash[SHA256_BYTES]) MUST_CHECK;
enum err web_session_store_delete_idle(struct store_tx *tx, int64_t used_before) MUST_CHECK;

#endif
