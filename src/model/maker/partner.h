/* A partner's own settings and overview (management-api.md 5.10). On LANE_READ. */
#ifndef MUSTER_MODEL_PARTNER_H
#define MUSTER_MODEL_PARTNER_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* GET /settings: name, short_code, public_url, mqtt_url, domain, mobile_domain, branding, self_signup, notifications,
 * webhook, legacy_registration. `local_host`: where the request came in. Secrets are "*****" to keys that may only read. */
void partner_settings(struct admin *admin, struct store_tx *tx, const char *local_host);
/* PATCH /settings: the members that are there; the reply is as above, with "warnings" if there are any. On
 * LANE_REGISTRY. */
void partner_settings_update(struct admin *admin, struct store_tx *tx, const struct json *body, const char *local_host);
/* GET /overview */
void partner_overview(struct admin *admin, struct store_tx *tx);

#endif
