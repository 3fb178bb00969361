/* What both sides of a licence share; for the files of this folder. */
#ifndef MUSTER_MODEL_LICENSE_CHANGE_H
#define MUSTER_MODEL_LICENSE_CHANGE_H

#include "model/license/license.h"

const char *license_state_name(enum license_state state);
const char *license_action_name(enum license_action action); /* NULL: none */
/* The License object of management-api.md 2. */
void license_write(struct json_writer *w, const struct license_row *row);

/* A new waiting action, behind all others. */
enum err license_begin_action(struct store_tx *tx, struct license_row *row, enum license_action action) MUST_CHECK;
/* No device has it any more; it can be assigned again. */
void license_detach(struct license_row *row, enum license_state state);
/* Stores the row, tells the hot record of the device, and emits: to the device, the live stream, the webhook. `device`:
 * whose licence it is, or was until now; NULL: no device's. */
enum err license_changed(struct device_change *change, const struct license_row *row,
                         const struct device_core *device) MUST_CHECK;

#endif
