/* Port: products and licences (device-api.md 6, management-api.md 5.8). Strings of rows that are found are copied into the
 * arena, those of rows that are visited are borrowed for the call. Functions that change something: LANE_REGISTRY. */
#ifndef MUSTER_MODEL_PORTS_LICENSE_STORE_H
#define MUSTER_MODEL_PORTS_LICENSE_STORE_H

#include "model/ports/row.h"

/* ---- products ---- */

enum product_kind { PRODUCT_PHYSICAL = 1, PRODUCT_DIGITAL, PRODUCT_METERED };

struct product_row {
    int64_t no, partner_no;
    struct uuid id;
    struct str name;
    enum product_kind kind;
    struct str telemetry_key; /* ptr NULL: none */
    int64_t created_at;
};
/* Sets row->no. ERR_EXISTS: the partner has one of this name; likewise below. */
enum err product_store_insert(struct store_tx *tx, struct product_row *row) MUST_CHECK;
enum err product_store_update(struct store_tx *tx, const struct product_row *row) MUST_CHECK;
/* ERR_NOT_FOUND: not one of the partner's. */
enum err product_store_find(struct store_tx *tx, int64_t partner_no, const struct uuid *id, struct arena *arena,
                            struct product_row *ret_row) MUST_CHECK;
/* A page, oldest first. */
enum err product_store_list(struct store_tx *tx, int64_t partner_no, struct page page,
                            void (*visit)(const struct product_row *row, void *arg), void *arg) MUST_CHECK;
int64_t product_store_count(struct store_tx *tx, int64_t partner_no);
/* The models it is for; none: all. */
enum err product_store_clear_models(struct store_tx *tx, int64_t no) MUST_CHECK;
enum err product_store_add_model(struct store_tx *tx, int64_t no, int64_t model_no) MUST_CHECK;
enum err product_store_each_model(struct store_tx *tx, int64_t no, void (*visit)(const struct uuid *model_id, void *arg),
                                  void *arg) MUST_CHECK;
enum err product_store_fits(struct store_tx *tx, int64_t no, int64_t model_no, bool *ret_fits) MUST_CHECK;

/* ---- licences ---- */

enum license_state { LICENSE_PENDING = 1, LICENSE_INUSE, LICENSE_REMOVED, LICENSE_ERROR };
enum license_action { LICENSE_NOTHING, LICENSE_ADD, LICENSE_UPDATE, LICENSE_REMOVE };

struct license_row {
    int64_t no, partner_no, organization_no;
    struct uuid id;
    int64_t product_no; /* 0: none */
    struct str data, signature;
    int64_t expires_at; /* TIME_NONE: never */
    enum license_state state;
    enum license_action action;
    int64_t action_no;  /* of the waiting action, or the last one; 0: there was none yet */
    bool fetched;       /* the device has got it since it was assigned */
    struct str error;   /* ptr NULL: none */
    int64_t device_no;  /* 0: unassigned */
    int64_t created_at;
    /* only when read */
    struct uuid product_id, organization_id, device_id; /* nil: none */
};

/* Sets row->no. */
enum err license_store_insert(struct store_tx *tx, struct license_row *row) MUST_CHECK;
/* Expiry, state, action, error and device; a device is noted as one that it was assigned to. */
enum err license_store_update(struct store_tx *tx, const struct license_row *row) MUST_CHECK;
/* A number above that of every action so far. */
enum err license_store_next_action(struct store_tx *tx, int64_t *ret_action_no) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err license_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena,
                            struct license_row *ret_row) MUST_CHECK;
enum err license_store_was_assigned(struct store_tx *tx, int64_t no, int64_t device_no, bool *ret_was) MUST_CHECK;

/* A zero does not filter. */
struct license_filter {
    int64_t partner_no, organization_no, product_no, device_no;
    enum license_state state;
};
/* A page, oldest first. */
enum err license_store_list(struct store_tx *tx, const struct license_filter *filter, struct page page,
                            void (*visit)(const struct license_row *row, void *arg), void *arg) MUST_CHECK;
enum err license_store_count(struct store_tx *tx, const struct license_filter *filter, int64_t *ret_count) MUST_CHECK;
/* All of a device, or those with a waiting action in the order of these; in the arena. */
enum err license_store_of_device(struct store_tx *tx, int64_t device_no, bool waiting, struct arena *arena,
                                 struct license_row **ret_rows, size_t *ret_count) MUST_CHECK;
/* Each device that has a waiting one, for the hot records at start. */
enum err license_store_each_waiting(struct store_tx *tx, void (*visit)(int64_t device_no, void *arg), void *arg) MUST_CHECK;

/* ---- the partner's key ---- */

struct license_key {
    struct str private_sealed; /* PEM under the installation's key; ptr NULL: there is none yet */
    struct str public_pem;
};
/* ERR_NOT_FOUND: no such partner. */
enum err license_store_key(struct store_tx *tx, int64_t partner_no, struct arena *arena, struct license_key *ret_key) MUST_CHECK;
/* ERR_EXISTS: it has one. */
enum err license_store_set_key(struct store_tx *tx, int64_t partner_no, const struct license_key *key) MUST_CHECK;

#endif
