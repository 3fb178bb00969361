/* Bringing operations home: one posting per home and batch, not one per operation. */
#ifndef MUSTER_STORE_COMPLETION_H
#define MUSTER_STORE_COMPLETION_H

#include "model/op.h"

#define COMPLETION_HOMES_MAX 64

struct completion_batch;

/* Collects the finished operations of one batch; zeroed: empty. Used by one thread. */
struct completion {
    struct completion_batch *batches[COMPLETION_HOMES_MAX];
    unsigned count;
};

/* Takes op; `done` will be called on its home in the order of the calls to this, or now when it has none. */
void completion_add(struct completion *completion, struct op *op);
void completion_post(struct completion *completion); /* sends what was collected; empty afterwards */
/* For a single operation. */
void op_complete(struct op *op);

#endif
