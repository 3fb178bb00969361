#include "model/file/file_desk.h"

#include "base/log.h"
#include "base/mem.h"
#include "model/domain.h"
#include "model/file/file_desk_internal.h"
#include "model/file/firmware.h"
#include "model/ports/blob_store.h"
#include "model/ports/file_store.h"

enum { SWEEP_EVERY_MS = 1000, CONTENTS_PER_SWEEP = 200 };

/* ---- start and end ---- */

struct cleaner {
    struct store_tx *tx;
    enum err err;
};

static bool is_known(void *arg, const struct uuid *id)
{
    struct cleaner *cleaner = arg;
    bool known = true; /* rather too much is kept than too little */
    enum err err = content_store_is_known(cleaner->tx, id, &known);
    cleaner->err = cleaner->err == ERR_OK ? err : cleaner->err;
    return err != ERR_OK || known;
}

enum err files_load(struct domain *domain, struct store_tx *tx)
{
    if (!domain->file_desk) {
        struct file_desk *desk = mem_new(struct file_desk);
        pthread_mutex_init(&desk->lock, NULL);
        for (int i = 0; i < APPEND_QUEUES; i++) {
            desk->appends[i].last = &desk->appends[i].first;
        }
        domain->file_desk = desk;
    }
    struct cleaner cleaner = {.tx = tx};
    enum err err = domain->blobs ? blobs_clean(domain->blobs, is_known, &cleaner) : ERR_OK;
    if (err == ERR_OK) {
        err = cleaner.err;
    }
    return err == ERR_OK ? firmware_load(domain, tx) : err;
}

void files_unload(struct domain *domain)
{
    if (domain->file_desk) {
        firmware_unload(domain);
        pthread_mutex_destroy(&domain->file_desk->lock);
        mem_free(domain->file_desk);
        domain->file_desk = NULL;
    }
}

/* ---- contents whose rows are gone: listed by the store, removed from the disk, forgotten ---- */

struct sweep {
    struct op op;
    struct domain *domain;
    struct uuid ids[CONTENTS_PER_SWEEP];
    size_t count;
};

static void step(struct sweep *sweep, enum op_lane lane, void (*run)(struct op *op, struct store_tx *tx),
                 void (*done)(struct op *op))
{
    sweep->op = (struct op){.lane = lane, .run = run, .done = done};
    op_submit(sweep->domain->executor, &sweep->op);
}

static void forget_run(struct op *op, struct store_tx *tx)
{
    struct sweep *sweep = container_of(op, struct sweep, op);
    for (size_t i = 0; i < sweep->count && op->err == ERR_OK; i++) {
        op->err = content_store_forget(tx, &sweep->ids[i]);
    }
}

static void sweep_end(struct op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, op);
    atomic_store(&sweep->domain->file_desk->sweep_under_way, false);
    mem_free(sweep);
}

static void remove_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct sweep *sweep = container_of(op, struct sweep, op);
    for (size_t i = 0; i < sweep->count && op->err == ERR_OK; i++) {
        op->err = blob_remove(sweep->domain->blobs, &sweep->ids[i]);
    }
}

static void remove_done(struct op *op)
{
    if (op->err != ERR_OK) { /* the next sweep tries again */
        sweep_end(op);
    } else {
        step(container_of(op, struct sweep, op), LANE_REGISTRY, forget_run, sweep_end);
    }
}

static void list_run(struct op *op, struct store_tx *tx)
{
    struct sweep *sweep = container_of(op, struct sweep, op);
    op->err = content_store_removed(tx, sweep->ids, CONTENTS_PER_SWEEP, &sweep->count);
}

static void list_done(struct op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, op);
    if (op->err != ERR_OK || sweep->count == 0) {
        sweep_end(op);
    } else {
        step(sweep, LANE_FILE, remove_run, remove_done);
    }
}

void files_tick(struct domain *domain)
{
    struct file_desk *desk = domain->file_desk;
    firmware_tick(domain);
    int64_t now = domain->now_unix_ms(), since = now - desk->swept_at;
    if (!domain->blobs || (since >= 0 && since < SWEEP_EVERY_MS) || atomic_exchange(&desk->sweep_under_way, true)) {
        return;
    }
    desk->swept_at = now;
    struct sweep *sweep = mem_new(struct sweep);
    sweep->domain = domain;
    step(sweep, LANE_READ, list_run, list_done);
}
