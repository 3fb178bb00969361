/* Who asks. */
#ifndef MUSTER_MODEL_PRINCIPAL_H
#define MUSTER_MODEL_PRINCIPAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"

enum tenant_kind { TENANT_PARTNER = 1, TENANT_ORGANIZATION = 2 };

enum principal_kind {
    PRINCIPAL_NONE,
    PRINCIPAL_DEVICE,
    PRINCIPAL_API_KEY, /* acts as its tenant, with no user (management-api.md 1.2.3) */
    PRINCIPAL_USER,    /* a signed-in person, acting for the tenant of the route */
};

enum key_scope { SCOPE_READ, SCOPE_FULL };

/* What a partner's groups may do, area by area (management-api.md 7). */
enum area { AREA_MODELS, AREA_DEVICES, AREA_CUSTOMERS, AREA_LICENSES, AREA_TICKETS, AREA_SETTINGS, AREA_USERS, AREA_COUNT };
enum area_level {
    LEVEL_NONE,
    LEVEL_READ,
    LEVEL_SERVICE, /* what Support does to devices: replace, assign */
    LEVEL_WRITE,
};
/* In an organization: over all of it ... */
enum tenant_role { ROLE_NONE, ROLE_MEMBER /* what spaces grant, and nothing else */, ROLE_VIEWER, ROLE_ADMINISTRATOR };
/* ... and in a space and all below it. */
enum space_role { SPACE_NONE, SPACE_VIEW, SPACE_EDIT, SPACE_ADMIN };

/* A person's in the tenant acted for. */
struct role {
    enum tenant_role tenant;         /* partners: administrator, or a member with areas */
    enum area_level areas[AREA_COUNT];
    enum space_role highest;         /* in any space */
};

struct principal {
    enum principal_kind kind;
    enum key_scope scope;
    enum tenant_kind tenant_kind;  /* of API keys and users: the tenant it acts for in this call */
    int64_t partner_no;            /* the partner acted for, or the partner of the organization acted for; 0: none */
    int64_t organization_no;       /* the organization acted for; 0: none */
    int64_t api_key_no;
    int64_t expires_at;            /* of the API key, unix ms; 0: never */
    int64_t user_no;
    struct uuid user_id;
    bool system_admin;
    struct role role;              /* of users; API keys may all that their scope allows */
    uint8_t needs;                 /* enum permission (permission.h) of the route it is on */
    int64_t device_no;
};

/* The tenant acted for. */
static inline int64_t principal_tenant_no(const struct principal *principal)
{
    return principal->tenant_kind == TENANT_PARTNER ? principal->partner_no : principal->organization_no;
}

#endif
