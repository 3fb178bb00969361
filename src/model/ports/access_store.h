/* Port: who may what in which tenant (management-api.md 7), as access.h keeps it in memory. */
#ifndef MUSTER_MODEL_PORTS_ACCESS_STORE_H
#define MUSTER_MODEL_PORTS_ACCESS_STORE_H

#include "model/account/principal.h"
#include "model/ports/row.h"

/* Numbers are kept in the store. */
enum group_kind { GROUP_OWN = 0, GROUP_ADMINISTRATORS = 1, GROUP_VIEWERS = 2, GROUP_SUPPORT = 3 };
enum access_subject { SUBJECT_USER = 1, SUBJECT_GROUP = 2 };

struct access_grant {
    enum access_subject subject;
    int64_t subject_no;
    int64_t space_no;
    enum space_role role;
};

/* Every tenant that has members. */
enum err access_store_tenants(struct store_tx *tx, void (*visit)(enum tenant_kind kind, int64_t no, void *arg),
                              void *arg) MUST_CHECK;
/* Active members, growing numbers. */
enum err access_store_members(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                              void (*visit)(int64_t user_no, void *arg), void *arg) MUST_CHECK;
/* Which member is in which group, by growing numbers of members. `levels`: "models:write" and so on, of a partner's
 * groups (group.h); borrowed for the call. */
enum err access_store_groups(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                             void (*visit)(int64_t user_no, int64_t group_no, enum group_kind group, struct str permissions,
                                           void *arg),
                             void *arg) MUST_CHECK;
/* What the spaces of an organization grant, by subject and its growing number. */
enum err access_store_grants(struct store_tx *tx, int64_t organization_no,
                             void (*visit)(const struct access_grant *grant, void *arg), void *arg) MUST_CHECK;

#endif
