/* Customers changed by their partner, many at once (management-api.md 5.9), and an organization's own settings (6.2). */
#include "api/admin_call.h"
#include "base/mem.h"
#include "io/loop.h"
#include "model/customer/organization_edit.h"

static void update(struct call *call, struct store_tx *tx)
{
    organization_update(call_admin(call), tx, call->params[0], call->body);
}

static void invite(struct call *call, struct store_tx *tx)
{
    organization_invite(call_admin(call), tx, call->params[0], call->body);
}

static void bulk_done(struct batch *batch)
{
    struct call *call = batch->user;
    organization_bulk_write(container_of(batch, struct organization_bulk, batch), &call->reply);
    batch_deinit(batch);
    call_finish(call);
}

static void bulk(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct organization_bulk *bulk = arena_new(&call->arena, struct organization_bulk);
    if (organization_bulk_init(bulk, call_admin(call), call->body)) {
        bulk->batch.on_done = bulk_done;
        bulk->batch.user = call;
        batch_start(&bulk->batch, loop_mailbox(loop_current()));
    }
}

static void settings_read(struct call *call, struct store_tx *tx)
{
    organization_settings(call_admin(call), tx);
}

static void settings_update(struct call *call, struct store_tx *tx)
{
    organization_settings_update(call_admin(call), tx, call->body);
}

#define PARTNER(path) "/core/v1/partner" path
#define ORGANIZATION(path) "/core/v1/organization" path

const struct route customer_routes[] = {
    {"PATCH", PARTNER("/organizations/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(CUSTOMERS_WRITE), update},
    {"POST", PARTNER("/organizations/:id/invite"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(CUSTOMERS_WRITE), invite},
    {"POST", PARTNER("/organizations/bulk"), ACCESS_PARTNER, PLACE_LOOP,
     ROUTE_WRITE | ROUTE_ARRAY_BODY | ROUTE_SECRET_REPLY | NEEDS(CUSTOMERS_WRITE), bulk},
    {"GET", ORGANIZATION("/settings"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(VIEWER), settings_read},
    {"PATCH", ORGANIZATION("/settings"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), settings_update},
    {0},
};
