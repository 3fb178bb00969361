/* Incidents of all origins (device-api.md 7.3, 9, 10.2; management-api.md 3.6): opening, closing, and what everybody is
 * told of it. Devices ask in incident_device.h, people in incident_admin.h, presence and rules call this. */
#ifndef MUSTER_MODEL_INCIDENT_H
#define MUSTER_MODEL_INCIDENT_H

#include "base/buf.h"
#include "base/err.h"
#include "model/device/device_change.h"
#include "model/ports/incident_store.h"

struct domain;
struct json;
struct store_tx;

enum incident_origin { INCIDENT_RULE = 1, INCIDENT_USER = 2, INCIDENT_DEVICE = 3, INCIDENT_OFFLINE = 4 };
enum incident_priority { PRIORITY_CRITICAL = 1, PRIORITY_HIGH, PRIORITY_MODERATE, PRIORITY_LOW, PRIORITY_PLANNING };

#define INCIDENT_TITLE_CHARS_MAX 255
#define INCIDENT_DESCRIPTION_CHARS_MAX 10000

/* "critical", "high", "moderate", "low", "planning". */
const char *incident_priority_name(int priority);
/* 1 to 5 as a number or digits, or the word; false: none of these. */
bool incident_priority_parse(const struct json *value, int *ret_priority);

/* Whether incidents are made for this device at all: it has an owner, nobody suspended them (7.3), and neither its
 * partner nor its organization is suspended. */
bool incident_may_open(const struct device_change *change, const struct device_core *core);
/* Opens one: origin, priority, title, description and issue are the caller's, the rest is filled in. The device's hot
 * priority follows with the commit. Emits EVENT_INCIDENT with PUSH_INCIDENTS, and EVENT_STATUS if the effective status
 * becomes another. LANE_REGISTRY. */
enum err incident_open(struct device_change *change, const struct device_core *core, struct incident_row *row) MUST_CHECK;
/* Closes an active one, likewise. */
enum err incident_close(struct device_change *change, struct incident_row *row) MUST_CHECK;
/* It was acknowledged or commented on: EVENT_INCIDENT. */
enum err incident_announce_change(struct device_change *change, const struct incident_row *row) MUST_CHECK;

/* The device is in another space, or its space has this priority factor now: how urgent its incidents are read may have
 * changed, and with that its effective status (10.3). LANE_REGISTRY. */
enum err incident_space_changed(struct device_change *change, const struct device_core *device) MUST_CHECK;
enum err incident_factor_changed(struct device_change *change, const struct device_core *device, int factor) MUST_CHECK;

/* Opens the `offline` incident of a device that missed its threshold. Nothing happens when incident_may_open says no, for
 * a deleted device, or when one is open already. LANE_REGISTRY; the change is applied by the caller after the commit. */
enum err incident_open_offline(struct device_change *change, int64_t device_no) MUST_CHECK;
/* Closes it again at the next contact; nothing happens when none is open. LANE_REGISTRY. */
enum err incident_close_offline(struct device_change *change, int64_t device_no) MUST_CHECK;

/* Appends the JSON array of the device's active incidents, newest first (device-api.md 9.2). Any lane with a store.
 * *ret_newest: row number of the newest, 0 if there is none. */
enum err incident_write_active(struct store_tx *tx, const struct device_brief *device, struct buf *out,
                               int64_t *ret_newest) MUST_CHECK;

/* Notes in the hot records how urgent each device's active incidents are. At the start, after the records were loaded. */
enum err incidents_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;

#endif
