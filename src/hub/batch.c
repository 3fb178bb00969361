#include "hub/batch.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "hub/persist.h"

#define RETRY_MS 1000
#define HANGS_MS 10000   /* longer than any commit takes that is only slow */
#define ARENA_BYTES 1024 /* its first block */

struct persist_batch *batch_of(struct hub_loop *loop)
{
    if (!loop->batch) {
        struct persist_batch *batch = mem_new(struct persist_batch);
        batch->loop = loop;
        batch->bytes = sizeof *batch + ARENA_BYTES;
        batch->last = &batch->first;
        batch->last_waiter = &batch->waiters;
        arena_init(&batch->arena);
        loop->batch = batch;
        atomic_store(&loop->busy, true);
        hub_ports(loop)->flush_later(loop);
    }
    return loop->batch;
}

static void batch_free(struct persist_batch *batch)
{
    batch_free_changes(batch);
    arena_deinit(&batch->arena);
    mem_free(batch);
}

/* Of a failure, those hear too that stay for the end. */
static void tell(struct persist_batch *batch, enum err err)
{
    struct persist_waiter *waiter = batch->waiters;
    batch->waiters = NULL;
    batch->last_waiter = &batch->waiters;
    while (waiter) {
        struct persist_waiter *next = waiter->next;
        if (err == ERR_STORAGE && waiter->stays) {
            waiter->next = NULL;
            *batch->last_waiter = waiter;
            batch->last_waiter = &waiter->next;
        }
        waiter->done(waiter, err);
        waiter = next;
    }
}

/* Its first failure: from now on it is late. Those that have failed are the first of the flushed ones: what comes back
 * before those ahead of it, because the lane's queue was full, fails when they are back (all_failed). */
static void batch_failed(struct persist_batch *batch)
{
    struct hub_loop *loop = batch->loop;
    if (loop->first_hopeful == batch) {
        loop->first_hopeful = batch->next;
        batch->has_failed = true;
        loop->late_batches++;
        loop->late_bytes += batch->bytes;
        tell(batch, ERR_STORAGE);
    }
}

/* Whoever waits for batches that were not even submitted hears of the failure of those before them. */
static void all_failed(struct hub_loop *loop)
{
    while (loop->first_hopeful) {
        batch_failed(loop->first_hopeful);
    }
}

static void note_rest(struct hub_loop *loop)
{
    if (loop->batches_in_flight == 0 && !loop->batch && !loop->refusal_posted) {
        atomic_store(&loop->busy, false);
    }
}

/* --- the lane's side ---------------------------------------------------------------------------------------------- */

static void run_batch(struct op *op, struct store_tx *tx)
{
    struct persist_batch *batch = container_of(op, struct persist_batch, op);
    if (batch->no != batch->loop->lane_batch_no) {
        op->err = ERR_STORAGE; /* one before it failed */
        return;
    }
    op->err = batch_run_changes(batch, tx);
    if (op->err == ERR_OK) {
        batch->loop->lane_batch_no++;
    }
}

static void on_rolled_back(struct op *op)
{
    struct persist_batch *batch = container_of(op, struct persist_batch, op);
    if (batch->no < batch->loop->lane_batch_no) {
        batch->loop->lane_batch_no = batch->no;
    }
}

/* --- the loop's side ---------------------------------------------------------------------------------------------- */

static void on_batch_done(struct op *op);

static void batch_submit(struct persist_batch *batch)
{
    struct hub_loop *loop = batch->loop;
    loop->batches_in_flight++;
    batch->op = (struct op){.home = loop->mailbox,
                            .lane = LANE_REGISTRY,
                            .run = run_batch,
                            .rolled_back = on_rolled_back,
                            .done = on_batch_done};
    op_submit(loop->core->domain->executor, &batch->op);
}

/* Everything that is late, and what came since, in its order; not while some of it is still on its way back. */
static bool try_again(struct hub_loop *loop)
{
    if (loop->batches_in_flight > 0 || !hub_ports(loop)->is_healthy(loop)) {
        return false;
    }
    loop->is_stuck = false;
    atomic_store(&loop->busy, true);
    for (struct persist_batch *batch = loop->flushed; batch; batch = batch->next) {
        batch_submit(batch);
    }
    return true;
}

static void on_retry(struct timer *timer, uint64_t now_ms)
{
    struct hub_loop *loop = container_of(timer, struct hub_loop, retry);
    if (loop->is_stuck) {
        try_again(loop);
        timer_set(loop->timers, timer, now_ms + RETRY_MS);
    }
}

static void get_stuck(struct hub_loop *loop)
{
    if (!loop->is_stuck) {
        loop->is_stuck = true;
        loop->retry.on_due = on_retry;
        timer_set(loop->timers, &loop->retry, hub_now_ms(loop) + RETRY_MS);
    }
}

static void batch_committed(struct persist_batch *batch)
{
    struct hub_loop *loop = batch->loop;
    assert(loop->flushed == batch); /* they come back in their order */
    loop->flushed = batch->next;
    if (!loop->flushed) {
        loop->last_flushed = NULL;
    }
    loop->flushed_bytes -= batch->bytes;
    if (batch->has_failed) {
        loop->late_batches--;
        loop->late_bytes -= batch->bytes;
    } else {
        loop->first_hopeful = batch->next;
    }
    tell(batch, batch->has_losses ? ERR_INTERNAL : ERR_OK);
    batch_free(batch);
}

static void on_batch_done(struct op *op)
{
    struct persist_batch *batch = container_of(op, struct persist_batch, op);
    struct hub_loop *loop = batch->loop;
    loop->batches_in_flight--;
    if (op->err == ERR_OK) {
        batch_committed(batch);
    } else {
        if (op->err != ERR_STORAGE && op->err != ERR_BUSY && batch->refused) {
            log_event(LOG_ERROR, "mqtt_change_refused", log_s("error", err_name(op->err)));
            batch->has_losses = true; /* else it would be tried for ever */
            batch_drop_refused(batch);
        }
        get_stuck(loop);
        batch_failed(batch);
    }
    if (loop->is_stuck && loop->batches_in_flight == 0) {
        all_failed(loop);
    }
    note_rest(loop);
}

static void run_refusal(struct task *task)
{
    struct hub_loop *loop = container_of(task, struct hub_loop, refusal);
    loop->refusal_posted = false;
    if (loop->is_stuck) {
        all_failed(loop);
    }
    note_rest(loop);
}

static void batch_abandon(struct persist_batch *batch)
{
    tell(batch, ERR_STATE);
    batch_free(batch);
}

void batch_flush(struct hub_loop *loop)
{
    struct persist_batch *batch = loop->batch;
    if (!batch) {
        return;
    }
    loop->batch = NULL;
    if (loop->is_abandoned) {
        batch_abandon(batch);
        return;
    }
    batch->no = loop->next_batch_no++;
    batch->flushed_ms = hub_now_ms(loop);
    loop->flushed_bytes += batch->bytes;
    if (loop->last_flushed) {
        loop->last_flushed->next = batch;
    } else {
        loop->flushed = batch;
    }
    loop->last_flushed = batch;
    if (!loop->first_hopeful) {
        loop->first_hopeful = batch;
    }
    if (!loop->is_stuck) {
        batch_submit(batch);
    } else if (!try_again(loop) && loop->batches_in_flight == 0 && !loop->refusal_posted) {
        loop->refusal_posted = true;
        loop->refusal.run = run_refusal;
        mailbox_post(loop->mailbox, &loop->refusal);
    }
}

enum err batch_run_here(struct hub_loop *loop, struct store_tx *tx)
{
    struct persist_batch *batch = loop->batch;
    if (!batch) {
        return ERR_OK;
    }
    loop->batch = NULL;
    enum err err = batch_run_changes(batch, tx);
    tell(batch, err);
    batch_free(batch);
    note_rest(loop);
    return err;
}

bool persist_hangs(const struct hub_loop *loop)
{
    return loop->flushed && hub_now_ms(loop) >= loop->flushed->flushed_ms + HANGS_MS;
}

void batches_abandon(struct hub_loop *loop)
{
    assert(loop->batches_in_flight == 0); /* what was submitted has come home */
    loop->is_abandoned = true;
    if (loop->is_stuck) {
        timer_cancel(loop->timers, &loop->retry);
    }
    loop->first_hopeful = loop->last_flushed = NULL;
    loop->flushed_bytes = 0;
    while (loop->flushed) {
        struct persist_batch *batch = loop->flushed;
        loop->flushed = batch->next;
        batch_abandon(batch);
    }
    batch_flush(loop);
}
