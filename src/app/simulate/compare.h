/* The end of a scenario: everything is read by the management APIs and compared with the model (world.h). */
#ifndef MUSTER_APP_SIMULATE_COMPARE_H
#define MUSTER_APP_SIMULATE_COMPARE_H

#include "app/simulate/world.h"

/* Begins the next step of a comparison when all calls of the last one are answered. False: all is compared. */
bool compare_next(struct world *world);

/* ---- compare_device.c ---- */
void compare_listed_device(struct sim_device *device, const struct json *item); /* as the owner's list shows it */
void compare_details(struct sim_device *device); /* asks for what the list does not show, and compares it */

#endif
