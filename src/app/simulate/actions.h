/* What a scenario begins by its rates, and the reports of devices. Each function begins one on things drawn by lot; false:
 * nothing was found that is free for it. The model changes when the answer comes (world.h). */
#ifndef MUSTER_APP_SIMULATE_ACTIONS_H
#define MUSTER_APP_SIMULATE_ACTIONS_H

#include "app/simulate/world.h"

bool action_begin(struct world *world, enum action action); /* counts it */

/* ---- telemetry_actions.c (device-api.md 3) ---- */
/* The device reports for itself; nothing if it is still reporting. */
void telemetry_begin(struct sim_device *device);
/* All children of the device in one call over HTTP, whose replies tell their levels. */
void telemetry_children_now(struct sim_device *parent);
bool telemetry_begin_children(struct world *world);
bool telemetry_begin_mass(struct world *world);

/* ---- config_actions.c (device-api.md 5, management-api.md 6.1) ---- */
bool config_begin_cloud(struct world *world);
bool config_begin_device(struct world *world);

/* ---- license_actions.c (device-api.md 6, management-api.md 5.8) ---- */
bool license_begin_assign(struct world *world);
bool license_begin_renew(struct world *world);
bool license_begin_revoke(struct world *world);

/* ---- incident_actions.c (device-api.md 9, management-api.md 3.6) ---- */
bool incident_begin(struct world *world);
bool incident_begin_end(struct world *world);
void incidents_free(struct world *world);

/* ---- firmware_actions.c (device-api.md 7.2, management-api.md 5.6) ---- */
bool firmware_begin_upload(struct world *world);
bool firmware_begin_update(struct world *world);

/* ---- move_actions.c (management-api.md 3.2) ---- */
bool move_begin(struct world *world);

#endif
