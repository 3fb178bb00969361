/* Groups of people in a tenant (management-api.md 3.8, 5.10, 7). Every function writes admin->reply and works for partners
 * and organizations alike, by the principal's tenant; changes are for LANE_REGISTRY. */
#ifndef MUSTER_MODEL_PEOPLE_GROUP_H
#define MUSTER_MODEL_PEOPLE_GROUP_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/group_store.h"

#define GROUPS_MAX 500          /* of a tenant */
#define PEOPLE_IDS_MAX 1000     /* in one call */

/* Administrators, and Viewers (organizations) or Support (partners), of a new tenant. */
enum err groups_make_built_in(struct domain *domain, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no) MUST_CHECK;

void group_list(struct admin *admin, struct store_tx *tx, struct page page);
void group_read(struct admin *admin, struct store_tx *tx, struct str id);
/* `name`, `user_ids`; partners: `permissions`. */
void group_create(struct admin *admin, struct store_tx *tx, const struct json *body);
void group_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
void group_delete(struct admin *admin, struct store_tx *tx, struct str id);
void group_add_users(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
void group_remove_users(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
/* Somebody of the partner or of another of its organizations, by e-mail address. Organizations only. */
void group_add_external_user(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);

/* ---- for member.c ---- */

/* The tenant's group. False: 404 or 503 is answered. */
bool group_find(struct admin *admin, struct store_tx *tx, struct str id, struct group_row *ret_group);
/* Nobody gives what it does not have: members of a group, and what it may, are changed by who may at least the same.
 * False: 403 is answered. */
bool group_may_be_given(struct admin *admin, const struct group_row *group);
/* How many administrators there are, without those who have not consented yet: before a change that may take some away.
 * False: 503 is answered. */
bool group_count_administrators(struct admin *admin, struct store_tx *tx, int64_t *ret_count);
/* After it. False: the last one went; 422 "At least one administrator is required" is answered. */
bool group_keeps_administrators(struct admin *admin, struct store_tx *tx, int64_t before);

#endif
