/* `muster simulate --scenario FILE`: the fleet is founded and connected, everything flows for the scenario's time while the
 * server is killed, then what is under way settles, and the whole is compared with the model. */
#ifndef MUSTER_APP_SIMULATE_RUN_H
#define MUSTER_APP_SIMULATE_RUN_H

#include "app/simulate/scenario.h"

/* Prints a summary, and the first differences. Exit code: 0, or 1 if there is any difference or it could not be played. */
int scenario_run(const struct scenario *scenario);

#endif
