/* A message to those of its subscribers that are on this loop (mqtt.md 3.5, 10). Loop thread only. */
#ifndef MUSTER_HUB_DELIVER_H
#define MUSTER_HUB_DELIVER_H

#include "hub/message.h"
#include "hub/session.h"

struct relay;

/* To every authorised matching subscription, not to shared ones. `relay` NULL: nobody waits. True: kept in a stored session,
 * in this turn's batch. Borrows message. */
bool deliver_here(struct hub_loop *loop, struct message *message, struct relay *relay);
/* To a member of a group that is on this loop. */
bool deliver_to_member(struct share_member *member, struct message *message, struct relay *relay);
/* By an organization, and the one that owned the device when the message was published (mqtt.md 10.4). */
bool deliver_is_still_owned(const struct message *message, const struct device_brief *device);
/* How many filters of the loop, which may be another one, might match. */
_Atomic int *deliver_filters(struct hub_loop *loop, const struct message *message);

#endif
