/* Which sessions are furthest behind (management-api.md 10.2): all sessions are looked at, on their loops, a portion per
 * turn, when somebody asks; nothing is kept in between. */
#ifndef MUSTER_HUB_SLOW_H
#define MUSTER_HUB_SLOW_H

#include "hub/hub_loop.h"
#include "model/management/system_source.h"

/* ask->done is called on ask->home when every loop has been asked. Any thread. */
void slow_consumers_find(struct hub_core *core, struct slow_ask *ask);

#endif
