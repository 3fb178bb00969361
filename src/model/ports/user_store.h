/* Port: people and the tenants they belong to (management-api.md 10.1). */
#ifndef MUSTER_MODEL_PORTS_USER_STORE_H
#define MUSTER_MODEL_PORTS_USER_STORE_H

#include "model/ports/row.h"
#include "model/account/principal.h"

struct user_row {
    int64_t no;
    struct uuid id;
    struct str email, name;
    struct str password_hash; /* empty: none set, cannot sign in */
    bool system_admin;
    int64_t created_at, deactivated_at; /* or TIME_NONE */
    struct str otp_secret_sealed; /* of one-time codes; empty: none */
    bool otp_on;                  /* sign-in needs a code */
    int64_t otp_last_step;        /* of the last code taken; 0: none */
};

struct membership_row {
    enum tenant_kind kind;
    int64_t tenant_no;
    struct uuid tenant_id;
    struct str tenant_name;
};

enum err user_store_any(struct store_tx *tx, bool *ret_any) MUST_CHECK; /* is there a user at all? */
/* Sets row->no. ERR_EXISTS: the e-mail address is taken (in any case). */
enum err user_store_insert(struct store_tx *tx, struct user_row *row) MUST_CHECK;
/* Strings are copied into the arena. ERR_NOT_FOUND. */
enum err user_store_find(struct store_tx *tx, int64_t no, struct arena *arena, struct user_row *ret_row) MUST_CHECK;
enum err user_store_find_email(struct store_tx *tx, struct str email, struct arena *arena,
                               struct user_row *ret_row) MUST_CHECK;
enum err user_store_set_password(struct store_tx *tx, int64_t no, struct str password_hash) MUST_CHECK;
enum err user_store_set_name(struct store_tx *tx, int64_t no, struct str name) MUST_CHECK;
/* `secret_sealed` empty: no codes from now on. */
enum err user_store_set_otp(struct store_tx *tx, int64_t no, struct str secret_sealed, bool on, int64_t last_step) MUST_CHECK;
/* Voids the user's earlier link. `resets_otp`: using it also turns one-time codes off. */
enum err password_reset_store_put(struct store_tx *tx, int64_t user_no, const uint8_t token_hash[32],
                                  int64_t expires_at, bool resets_otp) MUST_CHECK;
/* ERR_NOT_FOUND: no such link, or it expired. */
enum err password_reset_store_find(struct store_tx *tx, const uint8_t token_hash[32], int64_t now,
                                   int64_t *ret_user_no, bool *ret_resets_otp) MUST_CHECK;
/* Until when the person's link is good, and whether it turns one-time codes off; TIME_NONE: there is none. */
enum err password_reset_store_expiry(struct store_tx *tx, int64_t user_no, int64_t *ret_expires_at,
                                     bool *ret_resets_otp) MUST_CHECK;
enum err password_reset_store_delete(struct store_tx *tx, int64_t user_no) MUST_CHECK;
enum err user_store_signed_in(struct store_tx *tx, int64_t no, int64_t at, struct str address) MUST_CHECK;
enum err user_store_preferences(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_json) MUST_CHECK;
enum err user_store_set_preferences(struct store_tx *tx, int64_t no, struct str json) MUST_CHECK;

/* The tenants in which the user is an active member, not only invited, partners first, each kind by name; strings are borrowed for the call. */
enum err membership_store_each(struct store_tx *tx, int64_t user_no,
                               void (*visit)(const struct membership_row *row, void *arg), void *arg) MUST_CHECK;
/* The addresses of the tenant's active administrators, oldest first; borrowed for the call. */
enum err membership_store_administrators(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                                         void (*visit)(struct str email, void *arg), void *arg) MUST_CHECK;
/* ERR_NOT_FOUND: the user does not belong to a tenant with this id. */
enum err membership_store_find(struct store_tx *tx, int64_t user_no, enum tenant_kind kind, const struct uuid *tenant_id,
                               int64_t *ret_tenant_no) MUST_CHECK;

#endif
