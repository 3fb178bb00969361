/* Organization API without its devices and spaces (management-api.md 3, 6), which have files of their own. */
#include "api/admin_call.h"
#include "model/customer/organization.h"
#include "model/maker/product_model.h"

static void info(struct call *call, struct store_tx *tx)
{
    organization_info(call_admin(call), tx);
}

static void overview(struct call *call, struct store_tx *tx)
{
    organization_overview(call_admin(call), tx);
}

static void models_list(struct call *call, struct store_tx *tx)
{
    bool edge_only = str_eq(call_text(call, "edge_only"), STR("true"));
    organization_model_list(call_admin(call), tx, call_text(call, "search"), edge_only, call_page(call));
}

static void models_read(struct call *call, struct store_tx *tx)
{
    organization_model_read(call_admin(call), tx, call->params[0]);
}

#define ORGANIZATION(path) "/core/v1/organization" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route organization_routes[] = {
    {"GET", ORGANIZATION("/info"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(MEMBER), info},
    {"GET", ORGANIZATION("/overview"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(MEMBER), overview},
    {"GET", ORGANIZATION("/models"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(MEMBER), models_list},
    {"GET", ORGANIZATION("/models/:id"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(MEMBER), models_read},
    {"GET", ORGANIZATION("/api_keys"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(ADMINISTRATOR), handle_api_keys_list},
    {"POST", ORGANIZATION("/api_keys"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     CREATE | ROUTE_SECRET_REPLY | NEEDS(ADMINISTRATOR), handle_api_keys_create},
    {"DELETE", ORGANIZATION("/api_keys/:id"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), handle_api_keys_revoke},
    {"GET", ORGANIZATION("/audit"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(ADMINISTRATOR), handle_audit},
    {0},
};
