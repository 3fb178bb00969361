/* What devices ask about their own incidents (device-api.md 9.1 to 9.3). All on LANE_REGISTRY; `reply` is complete when
 * they return ERR_OK. */
#ifndef MUSTER_MODEL_INCIDENT_DEVICE_H
#define MUSTER_MODEL_INCIDENT_DEVICE_H

#include "codec/json/json.h"
#include "model/device/device_change.h"
#include "model/reply.h"

enum err incident_device_create(struct device_change *change, const struct device_brief *device, const struct json *body,
                                struct reply *reply) MUST_CHECK;
/* `id` is the path's: a device- or customer-made one. */
enum err incident_device_close(struct device_change *change, const struct device_brief *device, struct str id,
                               struct reply *reply) MUST_CHECK;
/* Every device-made one. */
enum err incident_device_close_all(struct device_change *change, const struct device_brief *device, struct reply *reply) MUST_CHECK;

#endif
