/* The JSON Schema of a model's configurations (management-api.md 5.4): enforced on every edit by the cloud, never on
 * devices (device-api.md 5.2). */
#ifndef MUSTER_MODEL_MODEL_SCHEMA_H
#define MUSTER_MODEL_MODEL_SCHEMA_H

#include "codec/json/json.h"
#include "model/management/admin.h"

#define CONFIG_SCHEMA_BYTES_MAX ((size_t)256 * 1024)

/* GET|PUT|DELETE /models/:m/config_schema: the schema itself. GET on LANE_READ, the others on LANE_REGISTRY. */
void model_schema_read(struct admin *admin, struct store_tx *tx, struct str model_id);
void model_schema_put(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body);
void model_schema_delete(struct admin *admin, struct store_tx *tx, struct str model_id);

/* Whether the model's schema, if it has one, allows this configuration. False: the reply holds the 422
 * "Configuration is invalid: <path> <reason>". */
bool model_schema_allows(struct admin *admin, struct store_tx *tx, int64_t model_no, const struct json *config);

#endif
