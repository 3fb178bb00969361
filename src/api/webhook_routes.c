/* A partner's webhook: its test and its deliveries (management-api.md 5.10). Its settings are the partner's. */
#include "api/admin_call.h"
#include "model/outbox/webhook_settings.h"

static void deliveries_list(struct call *call, struct store_tx *tx)
{
    delivery_list(call_admin(call), tx, call_text(call, "state"), call_page(call));
}

static void deliveries_read(struct call *call, struct store_tx *tx)
{
    delivery_read(call_admin(call), tx, call->params[0]);
}

static void deliveries_retry(struct call *call, struct store_tx *tx)
{
    delivery_retry(call_admin(call), tx, call->params[0]);
}

static void webhook_test_send(struct call *call, struct store_tx *tx)
{
    webhook_test(call_admin(call), tx);
}

#define PARTNER(path) "/core/v1/partner" path

const struct route webhook_routes[] = {
    {"GET", PARTNER("/webhook_deliveries"), ACCESS_PARTNER, PLACE_READ, NEEDS(SETTINGS_READ), deliveries_list},
    {"GET", PARTNER("/webhook_deliveries/:id"), ACCESS_PARTNER, PLACE_READ, NEEDS(SETTINGS_READ), deliveries_read},
    {"POST", PARTNER("/webhook_deliveries/:id/retry"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(SETTINGS_WRITE), deliveries_retry},
    {"POST", PARTNER("/settings/webhook/test"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY | NEEDS(SETTINGS_WRITE), webhook_test_send},
    {0},
};
