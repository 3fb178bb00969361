/* Rules for the maker (management-api.md 5.5). `model_id` and `id` are the path's. */
#ifndef MUSTER_MODEL_RULE_ADMIN_H
#define MUSTER_MODEL_RULE_ADMIN_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/row.h"

/* Any lane with a store. */
void rule_list_all(struct admin *admin, struct store_tx *tx, struct page page);
void rule_list(struct admin *admin, struct store_tx *tx, struct str model_id, struct page page);
void rule_errors(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id, struct page page);
/* Whether the rule would match body.state. */
void rule_test(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id, const struct json *body);
/* LANE_REGISTRY. */
void rule_create(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body);
void rule_update(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id, const struct json *body);
void rule_delete(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id);

#endif
