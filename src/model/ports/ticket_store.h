/* Port: tickets between an organization and its partner (management-api.md 3.7, 4). Strings of rows that are found are copied
 * into the arena, those of rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_TICKET_STORE_H
#define MUSTER_MODEL_PORTS_TICKET_STORE_H

#include "model/account/principal.h"
#include "model/ports/row.h"

struct ticket_row {
    int64_t no;
    struct uuid id;
    int64_t organization_no, partner_no;
    int64_t device_no;               /* 0: the device is gone */
    struct uuid device_id;
    int64_t space_no;                /* when read: of the device, if the organization still has it; else 0 */
    struct str title, description;
    struct str user_name, user_email; /* ptr NULL: a key made it */
    int64_t created_at, resolved_at; /* TIME_NONE: open */
};
struct ticket_filter {
    int64_t partner_no, organization_no; /* exactly one is set */
    int status;                          /* 0 any, 1 open, 2 resolved, -1 matches nothing */
    struct str visible_spaces;           /* JSON array of numbers: of devices in these or below; ptr NULL: all */
};
/* Sets row->no. */
enum err ticket_store_insert(struct store_tx *tx, struct ticket_row *row) MUST_CHECK;
/* Title, description and resolved_at. */
enum err ticket_store_update(struct store_tx *tx, const struct ticket_row *row) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err ticket_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct ticket_row *ret_row) MUST_CHECK;
/* The newest, newest first. */
enum err ticket_store_list(struct store_tx *tx, const struct ticket_filter *filter, int64_t max,
                           void (*visit)(const struct ticket_row *row, void *arg), void *arg) MUST_CHECK;
int64_t ticket_store_open_count(struct store_tx *tx, int64_t organization_no);

struct ticket_comment_row {
    int64_t no, ticket_no;
    enum tenant_kind owner_kind;
    struct str owner, user; /* user: ptr NULL: a key */
    bool system;
    struct str text;
    int64_t created_at;
};
/* Sets row->no. */
enum err ticket_store_comment(struct store_tx *tx, struct ticket_comment_row *row) MUST_CHECK;
int64_t ticket_store_comment_count(struct store_tx *tx, int64_t ticket_no);
/* Oldest first. */
enum err ticket_store_comments(struct store_tx *tx, int64_t ticket_no,
                               void (*visit)(const struct ticket_comment_row *row, void *arg), void *arg) MUST_CHECK;

#endif
