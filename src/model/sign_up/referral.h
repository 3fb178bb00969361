/* Referrals (management-api.md 5.10; portal.md 4.14): a partner invites a company by mail to become its customer. The link works
 * once; who follows it makes its organization and administers it (sign_up.h). */
#ifndef MUSTER_MODEL_SIGN_UP_REFERRAL_H
#define MUSTER_MODEL_SIGN_UP_REFERRAL_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/sign_up_store.h"

#define REFERRAL_LIFE_MS (INT64_C(30) * 86400000)
#define REFERRALS_MAX 10000 /* of a partner, pending */

/* "pending", "accepted", "revoked", "expired"; false: none of them. */
bool referral_status_parse(struct str text, int *ret_status);
/* {"id","email","organization_name","message","status","created_by","created_at","expires_at","accepted_at","organization"};
 * status 0: all. On LANE_READ. */
void referral_list(struct admin *admin, struct store_tx *tx, int status, struct page page);
/* `email`, `organization_name`, `message`. 201; 200 with the one that there is: one that has expired is mailed again. */
void referral_create(struct admin *admin, struct store_tx *tx, const struct json *body);
/* Voids the link. 404 "Referral not found", also when it was revoked before; 422 "Referral was accepted". */
void referral_revoke(struct admin *admin, struct store_tx *tx, struct str id);

#endif
