/* The Will (mqtt.md 12.4, 14): kept as the PUBLISH it will become, in memory as on disk. Loop thread only. */
#ifndef MUSTER_HUB_WILL_H
#define MUSTER_HUB_WILL_H

#include "hub/session.h"

struct will *will_new(const struct mqtt_will *will, bool drop_key); /* copies; freed with mem_free */
struct will *will_from_stored(struct str packet, uint32_t delay_s);
/* Publishes the session's Will as an ordinary publish of its owner; the session has none afterwards, unless it must wait.
 * While uplinks of its connection run it stays, as one that is due: the last word of a connection takes effect after
 * everything that it said before (mqtt.md 12.4, 14.6), and an uplink may not even have been handed to the domain yet
 * (uplink.c). If it becomes an uplink itself it stays until that has ended, in memory and on disk: a crash meanwhile leaves
 * it to the next start, which publishes it, perhaps a second time, and where storage fails it is due again. */
void will_publish(struct session *session);
/* Whether it would be an uplink, whose effect takes its time. */
bool will_is_uplink(const struct session *session);
/* Its uplink took effect, or was refused: in this turn's batch the session has none any more. */
void will_succeeded(struct session *session);
/* Storage failed. */
void will_failed(struct session *session);
/* The loop ends: none is published any more; the rows stay. */
void wills_abandon(struct hub_loop *loop);

#endif
