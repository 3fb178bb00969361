/* Who may what in a tenant (management-api.md 7): its people, their groups, and what spaces grant to either, in memory.
 * Looked up on every request of a person and for every event of a live stream, without touching the disk; replaced as a
 * whole after the commit of whatever changed it (registry writer's thread), read by any thread.
 *
 * A role in a space is the highest of those granted to the person or to one of its groups in that space or one above. */
#ifndef MUSTER_MODEL_ACCESS_H
#define MUSTER_MODEL_ACCESS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/account/permission.h"

struct access_table;
struct admin;
struct domain;
struct store_tx;

struct access_table *access_new(void);
void access_free(struct access_table *access); /* NULL is accepted */
enum err access_load(struct domain *domain, struct store_tx *tx) MUST_CHECK; /* of all tenants, at start */

/* After a change of members, groups or grants in this transaction: what will be true in memory after the commit. */
enum err access_changed(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no) MUST_CHECK;

/* The person's role in the tenant. False: it is no active member. Any thread. */
bool access_role(struct domain *domain, int64_t user_no, enum tenant_kind kind, int64_t tenant_no, struct role *ret_role);
/* The role of whoever calls in a space of its organization: keys and administrators have every role, viewers at least
 * SPACE_VIEW. Any thread. */
enum space_role access_space_role(struct domain *domain, const struct principal *principal, int64_t space_no);

/* What the route needs, in this space: ERR_OK; ERR_DENIED; ERR_NOT_FOUND: the caller does not see the space. Calls for a
 * partner are not about spaces. space_no 0: what lies in no space is for who may see all. */
enum err access_in_space(struct domain *domain, const struct principal *principal, int64_t space_no) MUST_CHECK;
/* The same, with the reply: 403 "Forbidden", or 404 "<thing> not found". False: it is answered. */
bool access_check(struct admin *admin, int64_t space_no, const char *thing);
/* The spaces below which the caller has at least the role its route needs, as a JSON array of numbers, in the arena, for
 * the filters of lists; ptr NULL: all there are. */
struct str access_visible_spaces(struct domain *domain, const struct principal *principal, struct arena *arena);
/* Sees all of its tenant: lists need no filter. */
bool access_sees_all(const struct principal *principal);

#endif
