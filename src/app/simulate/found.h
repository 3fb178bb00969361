/* The beginning of a scenario: models, command definitions, spaces, licences, the fleet (registered, claimed, with its
 * children). Nothing is killed meanwhile. */
#ifndef MUSTER_APP_SIMULATE_FOUND_H
#define MUSTER_APP_SIMULATE_FOUND_H

#include "app/simulate/world.h"

/* The keys of the tenant, from the file that the scenario names. False: one line on stderr. */
bool found_read_keys(struct world *world);
void found_make_devices(struct world *world);
/* Begins the next step when all calls of the last one are answered. False: all is founded. */
bool found_next(struct world *world);

#endif
