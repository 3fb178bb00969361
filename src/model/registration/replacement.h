/* Replace Device (device-api.md 2.3.3; management-api.md 5.7, 6.1): the record waits for another unit, whose registration
 * takes its place with a key of its own. Both write admin->reply; on LANE_REGISTRY; `device` is the principal's. */
#ifndef MUSTER_MODEL_REPLACEMENT_H
#define MUSTER_MODEL_REPLACEMENT_H

#include "codec/json/json.h"
#include "model/device/device_change.h"

enum { REPLACEMENT_DAYS = 7 };

/* POST /devices/:id/replace: waits for the serial `sn`, default its own, else its Cloud ID; the reply is the Device. */
void device_replace(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);
/* DELETE /devices/:id/replace: waits no longer. */
void device_replace_cancel(struct admin *admin, struct store_tx *tx, const struct device_core *device);

#endif
