/* Who stands above whom: what lets its owner act as another person, or makes that easier, is for those only who could do all
 * the same by themselves (management-api.md 7). */
#ifndef MUSTER_MODEL_PEOPLE_AUTHORITY_H
#define MUSTER_MODEL_PEOPLE_AUTHORITY_H

#include "model/management/admin.h"
#include "model/ports/user_store.h"

/* A key administers its tenant, a person those in which it is an administrator; a system administrator none by that. */
bool administers(struct admin *admin, enum tenant_kind kind, int64_t tenant_no);
/* Every tenant the person belongs to, of which there is one at least; of a system administrator only itself. A failure of
 * the store is no. */
bool administers_person(struct admin *admin, struct store_tx *tx, const struct user_row *person);

#endif
