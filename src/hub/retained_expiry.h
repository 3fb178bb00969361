/* Retained messages that have expired leave memory and disk (mqtt.md 14.5), once a minute. Nobody receives them meanwhile:
 * whoever reads a retained message looks at its time. */
#ifndef MUSTER_HUB_RETAINED_EXPIRY_H
#define MUSTER_HUB_RETAINED_EXPIRY_H

#include "hub/hub_loop.h"

/* Begins a pass over all spaces, a slice each turn of the loop; nothing if one is under way. First loop only. */
void retained_expiry_begin(struct hub_loop *loop);

#endif
