/* Configurations (device-api.md 5): one document per device with a growing version, edited by the device and by its
 * owner, and the last 20 versions. */
#ifndef MUSTER_MODEL_CONFIGURATION_H
#define MUSTER_MODEL_CONFIGURATION_H

#include "codec/json/json.h"
#include "model/device/device_change.h"
#include "model/ports/configuration_store.h"

#define CONFIGURATION_VERSION_MAX 2147483000

/* The row; a device that was never configured has {} at version 0, dated by its registration. */
enum err configuration_read(struct store_tx *tx, const struct device_core *device, struct arena *arena,
                            struct configuration_row *ret_row) MUST_CHECK;

/* ---- by the device ---- */

/* The Get Config reply (5.1), scoped or merged by the model's API version; appended as one JSON object. Any lane. */
enum err configuration_write_for_device(struct store_tx *tx, const struct device_brief *device, struct arena *arena,
                                        struct buf *out, int32_t *ret_version) MUST_CHECK;
/* Set Config (5.2). The reply is 200 or the error; an old version has the current configuration pushed
 * (mqtt.md 5.1). On LANE_REGISTRY. */
enum err configuration_set(struct device_change *change, const struct device_brief *device, const struct json *body,
                           struct reply *reply) MUST_CHECK;
/* The device says which version it has applied (7.2): noted if there is such a version. On LANE_REGISTRY. */
enum err configuration_confirm(struct device_change *change, const struct device_core *device, int64_t version) MUST_CHECK;
/* The configuration's fields at the root with version and last_updated behind them (7.1). */
void configuration_write_merged(struct json_writer *w, const struct configuration_row *row);

/* ---- by the owner (5.3, management-api.md 3.2, 6.1) ---- */

/* Replaces the document, version + 1, and pushes; the model's schema must allow it. `base_version` -1: whatever it is now; another than the current one:
 * 422. False: the reply holds the error. On LANE_REGISTRY. */
bool configuration_edit(struct admin *admin, struct device_change *change, const struct device_core *device,
                        const struct json *config, int64_t base_version);
/* PUT /devices/:id/config: {"config", "base_version"}; the reply is the configuration. */
void configuration_put(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);
/* GET /devices/:id/config and /config/versions. */
void configuration_get(struct admin *admin, struct store_tx *tx, const struct device_core *device);
void configuration_versions(struct admin *admin, struct store_tx *tx, const struct device_core *device);

#endif
