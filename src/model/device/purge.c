/* Rows of former owners and of deleted devices go in slices, between the batches of the registry. */
#include "base/mem.h"
#include "model/device/device_desk.h"
#include "model/domain.h"
#include "model/ports/device_store.h"

enum { PURGE_ROWS_PER_SLICE = 500 };

struct purge {
    struct op op;
    struct domain *domain;
};

static void purge_run(struct op *op, struct store_tx *tx)
{
    struct purge *purge = container_of(op, struct purge, op);
    bool more = false;
    op->err = device_store_purge(tx, PURGE_ROWS_PER_SLICE, &more);
    atomic_store(&purge->domain->device_desk->purge_wanted, more || op->err != ERR_OK);
}

static void purge_done(struct op *op)
{
    struct purge *purge = container_of(op, struct purge, op);
    atomic_store(&purge->domain->device_desk->purge_under_way, false);
    mem_free(purge);
}

void purge_tick(struct domain *domain)
{
    struct device_desk *desk = domain->device_desk;
    if (!atomic_load(&desk->purge_wanted) || atomic_exchange(&desk->purge_under_way, true)) {
        return;
    }
    struct purge *purge = mem_new(struct purge);
    purge->domain = domain;
    purge->op.lane = LANE_REGISTRY;
    purge->op.run = purge_run;
    purge->op.done = purge_done;
    op_submit(domain->executor, &purge->op);
}
