/* The people of a tenant (management-api.md 3.8, 5.10). Every function of the API writes admin->reply and works for partners
 * and organizations alike, by the principal's tenant; changes are for LANE_REGISTRY. */
#ifndef MUSTER_MODEL_PEOPLE_MEMBER_H
#define MUSTER_MODEL_PEOPLE_MEMBER_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/member_store.h"

#define MEMBERS_MAX 5000 /* of a tenant */

void member_list(struct admin *admin, struct store_tx *tx, struct page page);
void member_read(struct admin *admin, struct store_tx *tx, struct str id);
/* `email`, `name`, `group_ids`: invited by mail. */
void member_create(struct admin *admin, struct store_tx *tx, const struct json *body);
/* Partners: `name`, `group_ids`. */
void member_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
/* Ends every session of the person at once. */
void member_deactivate(struct admin *admin, struct store_tx *tx, struct str id);
/* Turns the person's one-time codes off, by who administers every tenant of the person; else 403, also of who is no active
 * member here. */
void member_reset_otp(struct admin *admin, struct store_tx *tx, struct str id);
void member_resend_welcome(struct admin *admin, struct store_tx *tx, struct str id);

/* Makes an existing account an administrator of the tenant. */
enum err member_join_administrators(struct admin *admin, struct store_tx *tx, int64_t user_no, enum tenant_kind kind,
                                    int64_t tenant_no) MUST_CHECK;
/* Invites somebody as administrator of an organization of the principal's partner; again, who has not come yet. An account
 * that there is joins by its consent. ERR_EXISTS: it is a member already. ERR_LIMIT: the organization has too many people. */
enum err member_invite_administrator(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str email,
                                     struct str name) MUST_CHECK;

#endif
