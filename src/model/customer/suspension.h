/* A tenant that is suspended (management-api.md 5.9, 10.2): its people and keys are let in nowhere, its devices are told
 * 503 and wait (device-api.md 1.3.4), its MQTT sessions end. Undone, all is as before. */
#ifndef MUSTER_MODEL_SUSPENSION_H
#define MUSTER_MODEL_SUSPENSION_H

#include "model/management/admin.h"

/* Takes effect with the commit, in which the row and the catalogue are changed by the caller before this call. */
void suspension_of_organization(struct admin *admin, struct store_tx *tx, int64_t partner_no, int64_t organization_no, bool on);
void suspension_of_partner(struct admin *admin, struct store_tx *tx, int64_t partner_no, bool on);

#endif
