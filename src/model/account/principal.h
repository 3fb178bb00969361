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
    int64_t device_no;
};

#endif
