/* What a device changes about itself (device-api.md 7.2, 7.3, 7.5). On LANE_REGISTRY; `reply` is complete afterwards,
 * unless a failure of the store is returned (ERR_NOT_FOUND: deleted meanwhile). None of it raises info_version. */
#ifndef MUSTER_MODEL_DEVICE_SELF_H
#define MUSTER_MODEL_DEVICE_SELF_H

#include "codec/json/json.h"
#include "model/device/device_change.h"

/* PUT /v1/devices/{id} and its MQTT twin: 200 with the information document. */
enum err device_self_update(struct device_change *change, const struct device_brief *device, const struct json *body,
                            struct reply *reply) MUST_CHECK;
/* PUT …/cloud_settings */
enum err device_self_settings(struct device_change *change, const struct device_brief *device, const struct json *body,
                              struct reply *reply) MUST_CHECK;
/* PUT …/space/move: 200 with the Get Space document. */
enum err device_self_move(struct device_change *change, const struct device_brief *device, const struct json *body,
                          struct reply *reply) MUST_CHECK;

#endif
