/* Downlinks: what waits for a device is read from committed state and published to its session (mqtt.md 3.1, 5). Loop
 * thread only. */
#ifndef MUSTER_HUB_PUSH_H
#define MUSTER_HUB_PUSH_H

#include "hub/session.h"

/* Reads and pushes these kinds (enum push_mask) as far as the session has filters for them. With `again` also what was
 * pushed before (a SUBSCRIBE, a resumed session, a sync); else only what is newer. */
void push_request(struct session *session, uint32_t kinds, bool again);
/* After CONNACK of a resumed session: everything, but not twice what is in flight (mqtt.md 5.2.3). */
void push_resume(struct session *session);
/* The connection is gone: what was to be read again is read on resume. */
void push_pause(struct session *session);
/* A publish to a sync topic (mqtt.md 5.3); `rest` is below the device's prefix. */
void push_sync(struct session *session, struct str rest);
/* What it knows of former pushes is forgotten, with the session. */
void push_state_free(struct session *session);
/* For out_entry.push: 0 if it is no downlink that is read again on resume. */
unsigned push_of_topic(enum topic_id topic);
/* Kinds that a filter below the prefix asks for. */
uint32_t push_kinds_of_filter(struct str rest);

#endif
