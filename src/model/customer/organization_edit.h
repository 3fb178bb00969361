/* Organizations changed by their partner (management-api.md 5.9) and by themselves (6.2). */
#ifndef MUSTER_MODEL_ORGANIZATION_EDIT_H
#define MUSTER_MODEL_ORGANIZATION_EDIT_H

#include "codec/json/json.h"
#include "model/management/batch.h"

enum { ORGANIZATIONS_PER_BULK_MAX = 100 };

/* PATCH /organizations/:id of the partner: name, display_name, sandbox, contacts, suspended. On LANE_REGISTRY. */
void organization_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);

/* POST /organizations/:id/invite: `email` and `name` of an administrator, or the administrative contact. On
 * LANE_REGISTRY. */
void organization_invite(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);

/* GET|PATCH /settings of the organization: name, display_name, contacts, notification_emails, daily_report_hour. */
void organization_settings(struct admin *admin, struct store_tx *tx);
void organization_settings_update(struct admin *admin, struct store_tx *tx, const struct json *body);

/* POST /organizations/bulk: each item as POST /organizations. */
struct organization_bulk {
    struct batch batch;
    const struct json **items;
};
/* False: the reply of `admin` holds the error; else the caller sets batch.on_done and starts it. `body` must live until
 * then. Any thread. */
bool organization_bulk_init(struct organization_bulk *bulk, struct admin *admin, const struct json *body);
/* {"results":[{"success":true,"organization":{...}},{"success":false,"error":"..."}]}, in the order of the items. */
void organization_bulk_write(const struct organization_bulk *bulk, struct reply *reply);

#endif
