/* What system administrators do about people, whatever their tenants (management-api.md 10.2). */
#ifndef MUSTER_MODEL_PEOPLE_SYSTEM_PEOPLE_H
#define MUSTER_MODEL_PEOPLE_SYSTEM_PEOPLE_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* POST /system/users/reset_otp {"email"}: turns the person's one-time codes off, for who has lost what makes them. It stands in
 * the audit log of the installation and of every tenant of the person. 404 "User not found". On LANE_REGISTRY. */
void system_reset_otp(struct admin *admin, struct store_tx *tx, const struct json *body);

#endif
