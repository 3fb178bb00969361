/* A partner's own settings and overview (management-api.md 5.10). On LANE_READ. */
#ifndef MUSTER_MODEL_PARTNER_H
#define MUSTER_MODEL_PARTNER_H

#include "model/management/admin.h"

/* GET /settings: {"name","short_code","public_url","mqtt_url"}. `local_host`: where the request came in. */
void partner_settings(struct admin *admin, struct store_tx *tx, const char *local_host);
/* GET /overview */
void partner_overview(struct admin *admin, struct store_tx *tx);

#endif
