/* Devices merged into one for their owner (management-api.md 3.2; device-api.md 10.3): a primary and its shadows, each
 * still a device of its own, that share the worst of their effective statuses. */
#ifndef MUSTER_MODEL_MERGE_GROUP_H
#define MUSTER_MODEL_MERGE_GROUP_H

#include "codec/json/json.h"
#include "model/device/device_change.h"

/* POST /devices/:id/merge: `with_device_ids` become shadows of this primary; those that already are stay. POST
 * /devices/:id/split: `shadow_device_id` is a device of its own again. On LANE_REGISTRY. */
void device_merge(struct admin *admin, struct store_tx *tx, const struct device_core *primary, const struct json *body);
void device_split(struct admin *admin, struct store_tx *tx, const struct device_core *primary, const struct json *body);

#endif
