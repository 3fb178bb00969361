/* A turn's changes of stored sessions (persist.h) on their way through the registry's lane. A loop's batches are numbered,
 * and one runs only right after the one before it: what failed is not lost and nothing overtakes it, it is only late. It
 * is tried again, unchanged and with all that came behind it, in front of the loop's next batch once storage works, or
 * within a second of that. So the rows always are what memory was at the end of some turn, and nothing is acknowledged
 * before everything that came earlier is on disk (mqtt.md 14.2). Loop thread only. */
#ifndef MUSTER_HUB_BATCH_H
#define MUSTER_HUB_BATCH_H

#include "base/arena.h"
#include "hub/hub_loop.h"

struct change;
struct persist_waiter;

struct persist_batch {
    struct op op;
    struct persist_batch *next; /* that was flushed after it */
    struct hub_loop *loop;
    uint64_t no;                /* of the loop's batches */
    size_t bytes;               /* of memory, roughly */
    uint64_t flushed_ms;        /* when it was */
    struct arena arena;
    struct change *first, **last;
    struct change *refused;     /* by the database, whatever storage does; NULL: none */
    struct persist_waiter *waiters, **last_waiter;
    bool has_failed;
    bool has_losses;            /* changes that were refused: the rest of it is written without */
};

/* The turn's batch, made if there is none; what is late is tried again with it. */
struct persist_batch *batch_of(struct hub_loop *loop);
/* Submits the turn's batch; batch_run_changes() of persist.c is what it does. */
void batch_flush(struct hub_loop *loop);
/* Before the loops run: in the caller's transaction. */
enum err batch_run_here(struct hub_loop *loop, struct store_tx *tx);
/* The server ends, and no lane runs any more: what is late, and what still comes, is not written. Its waiters hear of it,
 * which may be on other loops: their mailboxes must still be served. */
void batches_abandon(struct hub_loop *loop);

/* --- in persist.c --- */
/* On the lane's thread. Leaves in batch->refused the change that failed. */
enum err batch_run_changes(struct persist_batch *batch, struct store_tx *tx);
void batch_drop_refused(struct persist_batch *batch);
void batch_free_changes(struct persist_batch *batch);

#endif
