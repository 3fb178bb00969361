/* Port: rules of models, and what they could not compare (management-api.md 5.5). Strings of a row that is read live in the
 * given arena; of a row that is visited they are borrowed for the call. Writing on LANE_REGISTRY. */
#ifndef MUSTER_MODEL_PORTS_RULE_STORE_H
#define MUSTER_MODEL_PORTS_RULE_STORE_H

#include "model/ports/row.h"
#include "model/ports/telemetry_store.h"

enum rule_state {
    RULE_IN_USE = 0,
    RULE_SWEEPING = 1, /* switched off: its active incidents are being closed */
    RULE_DELETED = 2,  /* likewise; then the row goes */
};

struct rule_row {
    int64_t no, model_no;
    struct uuid id, model_id; /* model_id: only when read */
    int slot;                 /* 0..63, of the rules of a model */
    struct str name, description; /* description ptr NULL: none */
    int priority;             /* enum incident_priority */
    bool active, auto_close;
    struct str definition;    /* JSON */
    int state;                /* enum rule_state */
    struct sample_position since; /* samples up to here were judged by what it was before */
    int64_t created_at, updated_at;
    int64_t open_incidents, errors; /* only when listed */
};

/* Sets row->no and row->slot. ERR_LIMIT: the model's slots are all taken. */
enum err rule_store_insert(struct store_tx *tx, struct rule_row *row) MUST_CHECK;
/* Everything but model and slot. */
enum err rule_store_update(struct store_tx *tx, const struct rule_row *row) MUST_CHECK;
/* One that is not deleted, of this model. ERR_NOT_FOUND. */
enum err rule_store_find(struct store_tx *tx, int64_t model_no, const struct uuid *id, struct arena *arena,
                         struct rule_row *ret_row) MUST_CHECK;
enum err rule_store_find_no(struct store_tx *tx, int64_t no, struct arena *arena, struct rule_row *ret_row) MUST_CHECK;
/* Active ones, those of a model together, in order of slots; model_no 0: of all models. */
enum err rule_store_each_active(struct store_tx *tx, int64_t model_no, void (*visit)(const struct rule_row *row, void *arg),
                                void *arg) MUST_CHECK;
/* Those that are not deleted, oldest first; model_no 0: all of the partner. */
enum err rule_store_list(struct store_tx *tx, int64_t partner_no, int64_t model_no, struct page page,
                         void (*visit)(const struct rule_row *row, void *arg), void *arg) MUST_CHECK;
enum err rule_store_count(struct store_tx *tx, int64_t partner_no, int64_t model_no, int64_t *ret_count) MUST_CHECK;
/* One whose incidents are to be closed. ERR_NOT_FOUND. */
enum err rule_store_next_sweep(struct store_tx *tx, struct arena *arena, struct rule_row *ret_row) MUST_CHECK;
enum err rule_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;

struct rule_error_row {
    int64_t no, rule_no, device_no;
    struct uuid device_id;           /* only when read */
    struct str key, expected, found; /* types by name; key empty: too many incidents, and what of them */
    int64_t at;
};
/* Adds a row; of one rule the newest `max` stay, and a few more for a while. */
enum err rule_store_add_error(struct store_tx *tx, const struct rule_error_row *row, int64_t max) MUST_CHECK;
/* Whether there is one of its rule, device and key since `since` (unix ms). */
enum err rule_store_has_error(struct store_tx *tx, const struct rule_error_row *row, int64_t since, bool *ret_has) MUST_CHECK;
/* Newest first. */
enum err rule_store_errors(struct store_tx *tx, int64_t rule_no, struct page page,
                           void (*visit)(const struct rule_error_row *row, void *arg), void *arg) MUST_CHECK;
enum err rule_store_error_count(struct store_tx *tx, int64_t rule_no, int64_t *ret_count) MUST_CHECK;

#endif
