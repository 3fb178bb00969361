/* Port: webhooks, and HTTP calls on their way to the outside (management-api.md 8). Strings of rows that are found are
 * copied into the arena, those of rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_DELIVERY_STORE_H
#define MUSTER_MODEL_PORTS_DELIVERY_STORE_H

#include "model/account/principal.h"
#include "model/ports/row.h"

/* Numbers are kept in the store. */
enum delivery_channel { CHANNEL_WEBHOOK = 1, CHANNEL_GCHAT, CHANNEL_SLACK, CHANNEL_MSTEAMS };
enum delivery_state { DELIVERY_WAITING = 1, DELIVERY_DELIVERED, DELIVERY_FAILED };

struct webhook_row {
    int64_t partner_no;
    struct str url;           /* empty: none */
    struct str secret_sealed; /* bytes */
    struct str events;        /* JSON array of event types; ptr NULL: all */
};
/* ERR_NOT_FOUND: none was ever set. */
enum err webhook_store_find(struct store_tx *tx, int64_t partner_no, struct arena *arena,
                            struct webhook_row *ret_row) MUST_CHECK;
enum err webhook_store_put(struct store_tx *tx, const struct webhook_row *row) MUST_CHECK;

struct delivery_row {
    int64_t no;
    struct uuid id;
    enum tenant_kind tenant_kind;
    int64_t tenant_no;
    int64_t device_no;        /* in whose order; 0: in none */
    enum delivery_channel channel;
    struct str event_type;
    struct str url_sealed;    /* bytes; ptr NULL: the partner's webhook */
    struct str body;          /* JSON object */
    enum delivery_state state;
    int64_t attempts;
    int64_t due_at;           /* TIME_NONE: final, or behind an earlier one */
    int64_t status;           /* HTTP status of the last attempt; 0: none */
    struct str error;         /* ptr NULL: none */
    int64_t created_at, finished_at;
};
/* Sets row->no. */
enum err delivery_store_insert(struct store_tx *tx, struct delivery_row *row) MUST_CHECK;
/* state, attempts, due_at, status, error, finished_at of the row with this number. */
enum err delivery_store_update(struct store_tx *tx, const struct delivery_row *row) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err delivery_store_find(struct store_tx *tx, int64_t no, struct arena *arena,
                             struct delivery_row *ret_row) MUST_CHECK;
/* Of this tenant; ERR_NOT_FOUND. */
enum err delivery_store_find_id(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct uuid *id,
                                struct arena *arena, struct delivery_row *ret_row) MUST_CHECK;
/* Newest first. `state` 0: any. */
enum err delivery_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int state, struct page page,
                             void (*visit)(const struct delivery_row *row, void *arg), void *arg) MUST_CHECK;
int64_t delivery_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int state);
/* The first waiting one of a device: *ret_no, 0 if there is none. */
enum err delivery_store_first_waiting(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t device_no,
                                      int64_t *ret_no) MUST_CHECK;
enum err delivery_store_set_due(struct store_tx *tx, int64_t no, int64_t due_at) MUST_CHECK;
/* Those due at `now`, the longest due first, at most `rows_max`. */
enum err delivery_store_due(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t now, int64_t rows_max,
                            void (*visit)(const struct delivery_row *row, void *arg), void *arg) MUST_CHECK;
/* When the first of a tenant is due that is not due at `now`; TIME_NONE: none. */
enum err delivery_store_next_due(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t now,
                                 int64_t *ret_due_at) MUST_CHECK;
/* Keeps the newest `rows_max` final ones of each tenant that got one behind row `after_no`. */
enum err delivery_store_trim(struct store_tx *tx, int64_t after_no, int64_t rows_max) MUST_CHECK;

/* How many of a tenant's wait. */
int64_t delivery_queue_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no);
enum err delivery_queue_store_add(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t change) MUST_CHECK;
/* Tenants with waiting ones, at most `rows_max`, from behind this one on (kind 0: from the first). */
enum err delivery_queue_store_each(struct store_tx *tx, int after_kind, int64_t after_no, int64_t rows_max,
                                   void (*visit)(enum tenant_kind kind, int64_t tenant_no, void *arg),
                                   void *arg) MUST_CHECK;

#endif
