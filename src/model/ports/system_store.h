/* Port: what system administrators see and change over all partners (management-api.md 10.2). */
#ifndef MUSTER_MODEL_PORTS_SYSTEM_STORE_H
#define MUSTER_MODEL_PORTS_SYSTEM_STORE_H

#include "model/ports/row.h"

struct system_partner {
    struct uuid id;
    struct str name, short_code; /* borrowed for the call */
    bool suspended;
    int64_t organizations, models, devices;
    int64_t created_at;
};
/* Oldest first. */
enum err system_store_partners(struct store_tx *tx, struct page page,
                               void (*visit)(const struct system_partner *partner, void *arg), void *arg) MUST_CHECK;
enum err system_store_partner_count(struct store_tx *tx, int64_t *ret_count) MUST_CHECK;
enum err system_store_partner(struct store_tx *tx, int64_t no, void (*visit)(const struct system_partner *partner, void *arg),
                              void *arg) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err system_store_partner_by_id(struct store_tx *tx, const struct uuid *id, int64_t *ret_no) MUST_CHECK;
/* The one way to change it (5.1). On LANE_REGISTRY. */
enum err system_store_set_api_version(struct store_tx *tx, int64_t model_no, int64_t version, int64_t updated_at) MUST_CHECK;

struct system_waiting {
    int64_t deliveries, mails; /* of all tenants */
};
enum err system_store_waiting(struct store_tx *tx, struct system_waiting *ret_waiting) MUST_CHECK;

#endif
