/* A model's telemetry keys (management-api.md 5.4): keys are schemaless, so they are those its devices report; the maker
 * adds a label, a unit, and whether a licence counts them. */
#ifndef MUSTER_MODEL_TELEMETRY_KEY_H
#define MUSTER_MODEL_TELEMETRY_KEY_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* The array of keys; on LANE_READ. */
void telemetry_keys_read(struct admin *admin, struct store_tx *tx, struct str model_id);
/* Array of {"key", "label", "unit", "metered"}: sets what is named, null clears; the reply as of the read. On
 * LANE_REGISTRY. */
void telemetry_keys_put(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body);

#endif
