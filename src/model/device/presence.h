/* Presence (device-api.md 1.10, 10.2; mqtt.md 12): contact, the offline threshold, recovery. */
#ifndef MUSTER_MODEL_PRESENCE_H
#define MUSTER_MODEL_PRESENCE_H

#include "base/err.h"
#include "model/device/device_table.h"
#include "model/device/effective_status.h"

struct buf;
struct domain;
struct event;
struct presence;
struct store_tx;

/* A contact of the device now: last_seen in memory at once; if it had been swept offline, its recovery follows within a
 * second, unless a report of its own restores the status before. Any thread; cheap when there is nothing to recover. */
void presence_contact(struct domain *domain, int64_t device_no);
/* The device's MQTT session began or ended (EVENT_STATUS to the listeners). A contact, too. Any thread. */
void presence_connected(struct domain *domain, int64_t device_no);
void presence_disconnected(struct domain *domain, int64_t device_no);
/* Its session has, or has no longer, a filter for its own uplinks: what comes over HTTPS is published to it too. */
void presence_hears_itself(struct domain *domain, int64_t device_no, bool hears);
/* The payload of mqtt.md 3.3 for this record as it is now, appended. False: the device never had contact and has no presence. */
bool presence_write(struct domain *domain, const struct device_brief *device, struct buf *out);
/* The offline threshold of a model was changed in the hot records: from now on it is the new one that counts. */
void presence_model_changed(struct domain *domain, int64_t model_no);
/* The device's command_hold_until_ms is earlier than it was: its command is final before its timeout (4.4). Any thread. */
void presence_hold_shortened(struct domain *domain, int64_t device_no);
/* Once a second (domain_tick): sweeps what is overdue, recovers what had contact. */
void presence_tick(struct domain *domain);

/* ---- for telemetry.c ---- */

struct presence *presence_new(struct domain *domain);
void presence_free(struct presence *presence); /* NULL is accepted */
/* Starts to watch the devices of the loaded hot records. Before the threads start. */
enum err presence_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;
/* Its threshold has passed without contact, session or command hold (device-api.md 4.4, 10.2). */
bool presence_is_overdue(struct domain *domain, const struct device_brief *device);
/* A sweep or recovery was committed: opens or closes the `offline` incident. Any thread. */
void presence_incident_changed(struct domain *domain, int64_t device_no, bool swept);
/* What the effective status of this record is made of (10.3). */
struct effective_inputs presence_inputs(struct domain *domain, const struct device_brief *device);
/* EVENT_STATUS with the payload of mqtt.md 3.3 for this record. */
struct event *presence_event(struct domain *domain, const struct device_brief *device, int64_t at_ms);

#endif
