/* Rules on telemetry (management-api.md 5.5). */
#include "api/admin_call.h"
#include "model/rule/rule_admin.h"

static void list_all(struct call *call, struct store_tx *tx)
{
    rule_list_all(call_admin(call), tx, call_page(call));
}

static void list(struct call *call, struct store_tx *tx)
{
    rule_list(call_admin(call), tx, call->params[0], call_page(call));
}

static void create(struct call *call, struct store_tx *tx)
{
    rule_create(call_admin(call), tx, call->params[0], call->body);
}

static void update(struct call *call, struct store_tx *tx)
{
    rule_update(call_admin(call), tx, call->params[0], call->params[1], call->body);
}

static void delete_rule(struct call *call, struct store_tx *tx)
{
    rule_delete(call_admin(call), tx, call->params[0], call->params[1]);
}

static void errors(struct call *call, struct store_tx *tx)
{
    rule_errors(call_admin(call), tx, call->params[0], call->params[1], call_page(call));
}

static void try_out(struct call *call, struct store_tx *tx)
{
    rule_test(call_admin(call), tx, call->params[0], call->params[1], call->body);
}

#define PARTNER(path) "/core/v1/partner" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route rule_routes[] = {
    {"GET", PARTNER("/rules"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), list_all},
    {"GET", PARTNER("/models/:m/rules"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), list},
    {"POST", PARTNER("/models/:m/rules"), ACCESS_PARTNER, PLACE_REGISTRY, CREATE | NEEDS(MODELS_WRITE), create},
    {"PATCH", PARTNER("/models/:m/rules/:rule_id"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(MODELS_WRITE), update},
    {"DELETE", PARTNER("/models/:m/rules/:rule_id"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(MODELS_WRITE), delete_rule},
    {"GET", PARTNER("/models/:m/rules/:rule_id/errors"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), errors},
    {"POST", PARTNER("/models/:m/rules/:rule_id/test"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), try_out},
    {0},
};
