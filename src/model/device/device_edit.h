/* What owners and makers do to one device (management-api.md 3.2, 4, 5.7; device-api.md 2.7). Every function writes
 * admin->reply; on LANE_REGISTRY; `device` is the principal's. */
#ifndef MUSTER_MODEL_DEVICE_EDIT_H
#define MUSTER_MODEL_DEVICE_EDIT_H

#include "codec/json/json.h"
#include "model/device/device_change.h"

/* PATCH /devices/:id: name, configuration, custom_parameters; the reply is the Device. */
void device_update(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);
/* DELETE /devices/:id. */
void device_delete(struct admin *admin, struct store_tx *tx, const struct device_core *device);
/* The deletion itself, whoever asked: the row and all below it, children that follow; other children are detached. */
enum err device_delete_all(struct device_change *change, const struct device_core *device) MUST_CHECK;
/* The QR codes derived from what its row says now (portal.md 6.3). */
enum err device_remove_claim_codes(struct store_tx *tx, int64_t no, struct arena *arena) MUST_CHECK;
/* POST /devices/:id/rotate_key: the reply has the new access key, once. */
void device_rotate_key(struct admin *admin, struct store_tx *tx, const struct device_core *device);
/* POST /devices/:id/suspend_incidents, /resume_incidents. */
void device_suspend_incidents(struct admin *admin, struct store_tx *tx, const struct device_core *device, bool suspended);
/* POST /devices/:id/disconnect: ends the MQTT session's connection. */
void device_kick(struct admin *admin, struct store_tx *tx, const struct device_core *device);

#endif
