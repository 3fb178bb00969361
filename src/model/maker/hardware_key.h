/* Hardware keys: what devices of a model register with (management-api.md 5.2). Stored hashed for the look-up and sealed
 * for the person who must read them again; reading is audited. */
#ifndef MUSTER_MODEL_HARDWARE_KEY_H
#define MUSTER_MODEL_HARDWARE_KEY_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/hardware_key_store.h"

#define HARDWARE_KEYS_MAX 500 /* of one model */

/* All on LANE_REGISTRY: even the list writes, into the audit log. `model_id` is the path's. */
void hardware_key_list(struct admin *admin, struct store_tx *tx, struct str model_id, struct page page);
void hardware_key_create(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body);
void hardware_key_update(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id,
                         const struct json *body);
void hardware_key_revoke(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id);
/* The key named "Default" of a new model. */
enum err hardware_key_make_default(struct admin *admin, struct store_tx *tx, int64_t model_no) MUST_CHECK;

#endif
