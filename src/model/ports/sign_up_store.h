/* Port: referrals and sign-ups (management-api.md 5.10; portal.md 3). Strings of a row that is found live in the given arena,
 * those of rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_SIGN_UP_STORE_H
#define MUSTER_MODEL_PORTS_SIGN_UP_STORE_H

#include "model/ports/row.h"

enum sign_up_status { SIGN_UP_PENDING = 1, SIGN_UP_ACCEPTED, SIGN_UP_REVOKED, SIGN_UP_EXPIRED };

struct sign_up_row {
    int64_t no, partner_no;
    struct uuid id;
    bool referral;
    struct str email;
    struct str organization_name, message, created_by; /* ptr NULL: none */
    int64_t created_at, expires_at, accepted_at, revoked_at;
    int64_t organization_no;                           /* 0: none yet */
    struct uuid organization_id;
    struct str made_name;                              /* of that organization */
};

/* Fills in row->no. */
enum err sign_up_store_insert(struct store_tx *tx, struct sign_up_row *row, const uint8_t token_hash[32]) MUST_CHECK;
/* Another link, good until then; the former is of no use. */
enum err sign_up_store_renew(struct store_tx *tx, const struct sign_up_row *row, const uint8_t token_hash[32]) MUST_CHECK;
/* A referral of the partner. ERR_NOT_FOUND. */
enum err sign_up_store_find(struct store_tx *tx, int64_t partner_no, const struct uuid *id, struct arena *arena,
                            struct sign_up_row *ret_row) MUST_CHECK;
/* The newest of this address that was not revoked. ERR_NOT_FOUND. */
enum err sign_up_store_find_email(struct store_tx *tx, int64_t partner_no, bool referral, struct str email, struct arena *arena,
                                  struct sign_up_row *ret_row) MUST_CHECK;
/* ERR_NOT_FOUND: no such link, used, revoked or expired. */
enum err sign_up_store_find_token(struct store_tx *tx, const uint8_t token_hash[32], int64_t now, struct arena *arena,
                                  struct sign_up_row *ret_row) MUST_CHECK;
enum err sign_up_store_accept(struct store_tx *tx, int64_t no, int64_t at, int64_t organization_no) MUST_CHECK;
enum err sign_up_store_revoke(struct store_tx *tx, int64_t no, int64_t at) MUST_CHECK;
enum err sign_up_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;

/* Referrals of the partner, newest first; status 0: all. */
struct sign_up_filter {
    int64_t partner_no, now;
    int status;
};
enum err sign_up_store_list(struct store_tx *tx, const struct sign_up_filter *filter, struct page page,
                            void (*visit)(const struct sign_up_row *row, void *arg), void *arg) MUST_CHECK;
int64_t sign_up_store_count(struct store_tx *tx, const struct sign_up_filter *filter);
/* How many of the partner's are waiting that nobody was invited to. */
int64_t sign_up_store_waiting(struct store_tx *tx, int64_t partner_no);
/* Those by themselves that have expired. */
enum err sign_up_store_delete_expired(struct store_tx *tx, int64_t now, int64_t rows_max) MUST_CHECK;
/* Referrals that were revoked, were accepted or have expired before `before`. */
enum err sign_up_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max) MUST_CHECK;

#endif
