/* Incidents. Only presence makes them: one active `offline` incident per device at most (device-api.md 10.2). */
#ifndef MUSTER_MODEL_INCIDENT_H
#define MUSTER_MODEL_INCIDENT_H

#include "base/buf.h"
#include "base/err.h"
#include "model/device/device_table.h"

struct domain;
struct store_tx;

enum incident_origin { INCIDENT_RULE = 1, INCIDENT_USER = 2, INCIDENT_DEVICE = 3, INCIDENT_OFFLINE = 4 };
enum incident_priority { PRIORITY_CRITICAL = 1, PRIORITY_HIGH, PRIORITY_MODERATE, PRIORITY_LOW, PRIORITY_PLANNING };

/* Opens the `offline` incident of a device that missed its threshold and emits EVENT_INCIDENT. Nothing happens for an
 * unclaimed device, one whose incidents are suspended, a deleted one, or when one is open already. On LANE_REGISTRY. */
enum err incident_open_offline(struct domain *domain, struct store_tx *tx, int64_t device_no) MUST_CHECK;
/* Closes it again at the next contact and emits EVENT_INCIDENT; nothing happens when none is open. On LANE_REGISTRY. */
enum err incident_close_offline(struct domain *domain, struct store_tx *tx, int64_t device_no) MUST_CHECK;

/* Appends the JSON array of the device's active incidents, newest first (device-api.md 9.2). Any lane with a store.
 * *ret_newest: row number of the newest, 0 if there is none. */
enum err incident_write_active(struct store_tx *tx, const struct device_brief *device, struct buf *out,
                               int64_t *ret_newest) MUST_CHECK;

#endif
