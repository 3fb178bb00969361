/* The Will (mqtt.md 12.4, 14): kept as the PUBLISH it will become, in memory as on disk. */
#ifndef MUSTER_HUB_WILL_H
#define MUSTER_HUB_WILL_H

#include "hub/session.h"

struct will *will_new(const struct mqtt_will *will, bool drop_key); /* copies; freed with mem_free */
struct will *will_from_stored(struct str packet, uint32_t delay_s);
/* Publishes the session's Will as an ordinary publish of its owner; the session has none afterwards. While uplinks of its
 * connection run it stays, as one that is due (session.will_is_due): the last word of a connection takes effect after
 * everything that it said before (mqtt.md 12.4, 14.6), and an uplink may not even have been handed to the domain yet
 * (uplink.c). */
void will_publish(struct session *session);

#endif
