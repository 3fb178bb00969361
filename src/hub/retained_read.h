/* Retained messages on their way to a new subscription, at the pace of its client: one is taken when nothing else waits
 * and the window is open, so they never stand in the session's queue (mqtt.md 9). Loop thread only.
 *
 * A subscription of a stored session has it written beside its filter that it still has to get some, until it has: after a
 * crash it gets them from the first one on.
 *
 * Presence (mqtt.md 3.3) is retained, but kept nowhere: after the messages that are, it is made from the hot records of
 * the tenant's devices, so it is always what is true then. */
#ifndef MUSTER_HUB_RETAINED_READ_H
#define MUSTER_HUB_RETAINED_READ_H

#include "hub/retained.h"
#include "hub/session.h"

#define PRESENCE_BYTES_MAX 4096 /* of its payload */

/* After the filter was added. `filter` is the inner one. Nothing is sent yet. */
void retained_read_begin(struct session *session, struct str filter, uint8_t options, uint32_t identifier);
/* The same at a start, for what the row says was not finished. */
void retained_read_again(struct session *session, struct str filter, uint8_t options, uint32_t identifier);
/* Whether it is to be written that the subscription has to get some. */
bool retained_read_is_owed(const struct session *session, struct str filter);
/* The filter is gone. */
void retained_read_end(struct session *session, struct str filter);
void retained_read_end_all(struct session *session);
/* Sends as much as the client takes. */
void retained_read_pump(struct session *session);

#endif
