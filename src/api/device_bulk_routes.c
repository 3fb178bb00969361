/* Many devices in one call (management-api.md 5.7, 6.1): bulk actions, claims from a table. */
#include "api/claim_guard.h"
#include "api/device_csv.h"
#include "base/mem.h"
#include "io/loop.h"
#include "model/claim/claim_csv.h"
#include "model/device/device_bulk.h"

/* ---- one action on many ---- */

static void bulk_done(struct batch *batch)
{
    struct call *call = batch->user;
    device_bulk_write(container_of(batch, struct device_bulk, batch), &call->reply);
    batch_deinit(batch);
    call_finish(call);
}

static void bulk(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct device_bulk *bulk = arena_new(&call->arena, struct device_bulk);
    if (device_bulk_init(bulk, call_admin(call), call->body)) {
        bulk->batch.on_done = bulk_done;
        bulk->batch.user = call;
        batch_start(&bulk->batch, loop_mailbox(loop_current()));
    }
}

/* ---- claims from a table ---- */

struct csv_claim {
    struct claim_csv csv;
    struct claim_guard guard;
};

static bool may_try(struct claim_csv *csv)
{
    unsigned retry_after_s = 0;
    return claim_guard_take(&container_of(csv, struct csv_claim, csv)->guard, &retry_after_s);
}

static void give_back(struct claim_csv *csv)
{
    claim_guard_give_back(&container_of(csv, struct csv_claim, csv)->guard);
}

static void claim_done(struct batch *batch)
{
    struct call *call = batch->user;
    struct claim_csv *csv = container_of(batch, struct claim_csv, batch);
    claim_csv_write(csv, &call->reply);
    claim_csv_deinit(csv);
    call_finish(call);
}

static void claim_csv(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct csv_claim *claim = arena_new(&call->arena, struct csv_claim);
    if (!claim_csv_init(&claim->csv, call_admin(call), call->raw_body, call_text(call, "space_id"))) {
        claim_csv_deinit(&claim->csv);
        return;
    }
    claim_guard_init(&claim->guard, call);
    claim->csv.may_try = may_try;
    claim->csv.give_back = give_back;
    claim->csv.batch.on_done = claim_done;
    claim->csv.batch.user = call;
    batch_start(&claim->csv.batch, loop_mailbox(loop_current()));
}

/* ---- exports ---- */

static void organization_csv(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct device_query query;
    organization_device_query(call, &query);
    device_csv_send(call, &query);
}

static void partner_csv(struct call *call, struct store_tx *tx)
{
    (void)tx;
    struct device_query query;
    partner_device_query(call, &query);
    device_csv_send(call, &query);
}

#define ORGANIZATION(path) "/core/v1/organization" path

const struct route device_bulk_routes[] = {
    {"POST", ORGANIZATION("/devices/bulk"), ACCESS_ORGANIZATION, PLACE_LOOP, ROUTE_WRITE | NEEDS(EDIT), bulk},
    {"POST", ORGANIZATION("/devices/claim_csv"), ACCESS_ORGANIZATION, PLACE_LOOP,
     ROUTE_WRITE | ROUTE_RAW_BODY | NEEDS(ADMIN), claim_csv},
    {"GET", ORGANIZATION("/devices.csv"), ACCESS_ORGANIZATION, PLACE_LOOP, NEEDS(VIEW), organization_csv},
    {"GET", "/core/v1/partner/devices.csv", ACCESS_PARTNER, PLACE_LOOP, NEEDS(DEVICES_READ), partner_csv},
    {0},
};
