/* One domain operation on its way: a loop makes it, a lane's thread runs it, the loop gets it back.
 *
 *     loop: op_submit() -> lane thread: run(), [commit], committed() -> loop: done()
 *
 * Write lanes run everything that waits in one transaction and commit once (group commit): `done` is
 * called after the commit that holds the operation's effects, so whatever is answered from `done` is durable. */
#ifndef MUSTER_MODEL_OP_H
#define MUSTER_MODEL_OP_H

#include "base/err.h"
#include "base/task.h"

struct store_tx; /* a transaction of a lane; the store's port functions (model/ports/) take it */
struct executor;
struct op;

enum op_lane {
    LANE_REGISTRY,  /* writes muster.db */
    LANE_TELEMETRY, /* appends to today's telemetry file; reads the registry */
    LANE_READ,      /* reads committed state; several threads */
    LANE_WORK,      /* no store at all: password hashing and other slow computing; tx is NULL */
    LANE_FILE,      /* blocking input and output of whole files (ports/blob_store.h); no store, tx is NULL */
    LANE_COUNT,
};

struct op {
    struct task task;       /* how it travels; the executor's between submit and done */
    struct executor *executor;
    struct mailbox *home;   /* whose thread calls done; NULL: the lane's own */
    enum op_lane lane;
    enum err err;           /* result; see run */
    /* On the lane's thread, in a transaction. Sets op->err: on anything but ERR_OK what this operation wrote (and the
     * events it emitted) is rolled back, others of the batch are not. A failed commit sets ERR_STORAGE on every operation of
     * the batch; none is run again. */
    void (*run)(struct op *op, struct store_tx *tx);
    /* Optional, write lanes only: right after the commit, on the lane's thread, in commit order, only when err is
     * ERR_OK. Publishes snapshots (hot records, catalogue). Must not block or fail. */
    void (*committed)(struct op *op);
    /* Optional, write lanes only: what run() took for done is undone. On the lane's thread, when the commit or something of
     * the transaction failed; and at once, before the next operation runs, when run() said ERR_OK of a statement that had
     * failed. It may be called twice. */
    void (*rolled_back)(struct op *op);
    /* On home, whatever happened. Takes the operation: frees it or submits it again. */
    void (*done)(struct op *op);
};

/* The port that the model declares and the store implements (store/store.h). */
struct executor {
    void (*submit)(struct executor *executor, struct op *op);
    /* Runs one operation on the calling thread while no lane has a thread yet (start, set-up): run, commit, committed.
     * `done` is not called; the result is also returned. */
    enum err (*run_now)(struct executor *executor, struct op *op);
};

/* Hands `op` over; any thread. When the lane's bounded queue is full or it is stopping, done is posted home with
 * ERR_BUSY without running. Never blocks. */
static inline void op_submit(struct executor *executor, struct op *op)
{
    op->executor = executor;
    op->err = ERR_OK;
    executor->submit(executor, op);
}

#endif
