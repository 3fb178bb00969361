/* Arming a trace (management-api.md 9). Every function writes admin->reply; on LANE_REGISTRY; `device` is the
 * principal's. */
#ifndef MUSTER_MODEL_TRACE_EDIT_H
#define MUSTER_MODEL_TRACE_EDIT_H

#include "codec/json/json.h"
#include "model/device/device_change.h"

#define TRACE_MINUTES_MAX 60
#define TRACE_MINUTES_DEFAULT 15

/* POST /devices/:id/trace. Arming again replaces the time; the trace counts among those of the tenant that armed it
 * last. */
void trace_arm(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);
/* DELETE /devices/:id/trace. */
void trace_disarm(struct admin *admin, struct store_tx *tx, const struct device_core *device);

#endif
