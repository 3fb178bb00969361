/* Port: mails on their way (management-api.md 8.2). Strings of rows that are found are copied into the arena, those of
 * rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_MAIL_STORE_H
#define MUSTER_MODEL_PORTS_MAIL_STORE_H

#include "model/account/principal.h"
#include "model/ports/row.h"

/* Numbers are kept in the store. */
enum mail_kind {
    MAIL_INVITATION = 1,
    MAIL_PASSWORD_RESET,
    MAIL_TICKET,           /* a new one */
    MAIL_TICKET_COMMENT,
    MAIL_REFERRAL,
    MAIL_INCIDENT,
    MAIL_INCIDENT_SUMMARY,
    MAIL_CLAIM,            /* a device was claimed (portal.md 6.5) */
    MAIL_SIGN_UP,          /* confirms the address of who signs up (portal.md 3) */
    MAIL_TEST,
    MAIL_JOIN,             /* an invitation of who has an account, and consents by signing in */
    MAIL_REFERRAL_ACCEPTED, /* to the partner: its referral has become a customer */
    MAIL_KIND_END,
};
enum mail_state {
    MAIL_WAITING = 1,
    MAIL_SENT,
    MAIL_FAILED,
    MAIL_LISTED, /* there was no mail relay: it is only shown in a list */
};

struct mail_row {
    int64_t no;
    struct uuid id;
    int tenant_kind;        /* enum tenant_kind; 0: the installation's */
    int64_t tenant_no;
    enum mail_kind kind;
    struct str recipient, subject, text;
    struct str link_sealed; /* bytes; ptr NULL: none */
    int64_t link_expires_at; /* TIME_NONE: it carries no secret */
    enum mail_state state;
    int64_t attempts, due_at; /* TIME_NONE: final */
    struct str error;       /* ptr NULL: none */
    int64_t created_at, finished_at;
};
/* Sets row->no. */
enum err mail_store_insert(struct store_tx *tx, struct mail_row *row) MUST_CHECK;
/* state, attempts, due_at, error, finished_at, and the link is forgotten if link_sealed is NULL. */
enum err mail_store_update(struct store_tx *tx, const struct mail_row *row) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err mail_store_find(struct store_tx *tx, int64_t no, struct arena *arena, struct mail_row *ret_row) MUST_CHECK;
/* tenant_kind 0: of any tenant. ERR_NOT_FOUND. */
enum err mail_store_find_id(struct store_tx *tx, int tenant_kind, int64_t tenant_no, const struct uuid *id,
                            struct arena *arena, struct mail_row *ret_row) MUST_CHECK;
/* Newest first. tenant_kind 0: all of the installation. */
enum err mail_store_list(struct store_tx *tx, int tenant_kind, int64_t tenant_no, struct page page,
                         void (*visit)(const struct mail_row *row, void *arg), void *arg) MUST_CHECK;
int64_t mail_store_count(struct store_tx *tx, int tenant_kind, int64_t tenant_no);
/* How many of a tenant wait, counted up to `max`: of sign-ups, which anybody brings about, or of all other kinds, as `kind` is
 * one of them or not. */
int64_t mail_store_waiting(struct store_tx *tx, int tenant_kind, int64_t tenant_no, enum mail_kind kind, int64_t max);
/* How many of a tenant and of this kind were queued since `since`, counted up to `max`. */
int64_t mail_store_recent(struct store_tx *tx, int tenant_kind, int64_t tenant_no, enum mail_kind kind, int64_t since,
                          int64_t max);
/* Those due at `now`, the longest due first, at most `rows_max`. */
enum err mail_store_due(struct store_tx *tx, int64_t now, int64_t rows_max,
                        void (*visit)(const struct mail_row *row, void *arg), void *arg) MUST_CHECK;
/* When the first is due that is not due at `now`; TIME_NONE: none. */
enum err mail_store_next_due(struct store_tx *tx, int64_t now, int64_t *ret_due_at) MUST_CHECK;
/* Keeps the newest `rows_max` final ones of each tenant that got one behind row `after_no`; sign-ups apart from the others. */
enum err mail_store_trim(struct store_tx *tx, int64_t after_no, int64_t rows_max) MUST_CHECK;
/* Forgets links that expired before `now`. */
enum err mail_store_forget_links(struct store_tx *tx, int64_t now, int64_t rows_max) MUST_CHECK;

#endif
