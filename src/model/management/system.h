/* What system administrators do (management-api.md 10.2): partners, the API version of models, the installation's state. */
#ifndef MUSTER_MODEL_SYSTEM_H
#define MUSTER_MODEL_SYSTEM_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/management/audit.h"
#include "model/op.h"

/* GET /partners. On LANE_READ. */
void system_partners(struct admin *admin, struct store_tx *tx, struct page page);
/* PATCH /partners/:id: name, suspended. On LANE_REGISTRY. */
void system_partner_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
/* PATCH /models/:id: api_version, of any partner's model; its devices are answered in the other shapes from then on. On
 * LANE_REGISTRY. */
void system_model_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
/* GET /audit: what was done to the installation itself; tenants have logs of their own. On LANE_READ. */
void system_audit(struct admin *admin, struct store_tx *tx, const struct audit_filter *filter, struct page page);

/* POST /partners: {"name", "short_code"}; its lab organization and signing key are made with it, and whoever asks becomes
 * its first administrator. Making the key takes a worker a while, hence the two steps. */
struct partner_make {
    struct op op;
    struct admin *admin;
    struct str name, short_code; /* short_code empty: one is made */
    struct buf private_pem, public_pem;
    void (*on_done)(struct partner_make *make);
    void *user;
};
/* False: the reply of `admin` holds the error; else the caller sets on_done and starts it. Any thread. */
bool partner_make_init(struct partner_make *make, struct admin *admin, const struct json *body);
void partner_make_start(struct partner_make *make, struct mailbox *home);

#endif
