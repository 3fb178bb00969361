/* Presence (device-api.md 1.10, 10.2; mqtt.md 12): contact, the offline threshold, recovery. */
#ifndef MUSTER_MODEL_PRESENCE_H
#define MUSTER_MODEL_PRESENCE_H

#include "model/device_table.h"

struct domain;

/* A contact of the device now: last_seen in memory at once; if it had been swept offline, submits the recovery. Any
 * thread; cheap when there is nothing to recover. */
void presence_contact(struct domain *domain, int64_t device_no);
/* The device's MQTT session began or ended (EVENT_STATUS to the listeners). Any thread. */
void presence_connected(struct domain *domain, int64_t device_no);
void presence_disconnected(struct domain *domain, int64_t device_no);

#endif
