/* What a model's devices are given by their owners, and how they are shown (management-api.md 5.4): custom parameters and
 * widgets, arrays that are replaced as a whole and belong to the model's versions. */
#ifndef MUSTER_MODEL_MODEL_PARAMETERS_H
#define MUSTER_MODEL_MODEL_PARAMETERS_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* GET on LANE_READ, PUT on LANE_REGISTRY; the reply is the array. */
void model_parameters_read(struct admin *admin, struct store_tx *tx, struct str model_id);
void model_parameters_put(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body);
void model_widgets_read(struct admin *admin, struct store_tx *tx, struct str model_id);
void model_widgets_put(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body);

#endif
