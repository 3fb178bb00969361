/* Port: who belongs to a tenant (management-api.md 3.8). Strings of rows that are found are copied into the arena, those of
 * rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_MEMBER_STORE_H
#define MUSTER_MODEL_PORTS_MEMBER_STORE_H

#include "model/account/principal.h"
#include "model/ports/row.h"

struct member_row {
    int64_t user_no;
    struct uuid id;
    struct str name, email;
    bool external;          /* of another tenant: has only what a group or a space grants */
    bool has_password;      /* false: the invitation was not used yet */
    bool pending;           /* has an account, and has not consented yet: not a member so far */
    struct str group_names; /* JSON array of texts, in the order of the groups */
    int64_t created_at, deactivated_at, last_login_at; /* or TIME_NONE */
    int64_t login_count;
    struct str last_login_address; /* ptr NULL: none */
};

/* As an active member; one that was deactivated becomes active. */
enum err member_store_put(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no, bool external,
                          int64_t now) MUST_CHECK;
/* As one who has still to consent, by a link of its own. */
struct member_invitation {
    int64_t user_no;
    bool external;
    uint8_t token_hash[32];
    int64_t now, expires_at;
};
enum err member_store_invite(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                             const struct member_invitation *invitation) MUST_CHECK;
/* ERR_NOT_FOUND: no such link, used, or expired. */
enum err member_store_find_invitation(struct store_tx *tx, const uint8_t token_hash[32], int64_t now, int64_t *ret_user_no,
                                      enum tenant_kind *ret_kind, int64_t *ret_tenant_no) MUST_CHECK;
/* Whether the person has something to consent to, anywhere. */
enum err member_store_is_invited(struct store_tx *tx, int64_t user_no, int64_t now, bool *ret_is) MUST_CHECK;
/* It is a member from now on. */
enum err member_store_accept(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no) MUST_CHECK;
enum err member_store_deactivate(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                                 int64_t at) MUST_CHECK;
/* One from outside who is in no group and to whom no space grants anything does not belong to the tenant any more. */
enum err member_store_drop_strangers(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no) MUST_CHECK;
/* Also a deactivated one; ERR_NOT_FOUND. */
enum err member_store_find(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct uuid *id,
                           struct arena *arena, struct member_row *ret_row) MUST_CHECK;
enum err member_store_find_no(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                              struct arena *arena, struct member_row *ret_row) MUST_CHECK;
/* A page of the active and the invited ones without those from outside, oldest first. */
enum err member_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, struct page page,
                           void (*visit)(const struct member_row *row, void *arg), void *arg) MUST_CHECK;
int64_t member_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no);
/* Where an account is at home, as a member that is active and not from outside. */
struct member_home {
    bool in_partner;           /* of this partner itself */
    bool in_organization;      /* of one of its organizations */
    bool elsewhere;            /* of another partner, or of one of its organizations */
};
enum err member_store_home(struct store_tx *tx, int64_t user_no, int64_t partner_no, struct member_home *ret_home) MUST_CHECK;

#endif
