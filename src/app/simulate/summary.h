/* What `muster simulate --scenario` prints of a run. */
#ifndef MUSTER_APP_SIMULATE_SUMMARY_H
#define MUSTER_APP_SIMULATE_SUMMARY_H

#include "app/simulate/world.h"

void summary_print_progress(const struct world *world); /* one line */
void summary_print(const struct world *world);

#endif
