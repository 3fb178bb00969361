#include "store/completion.h"

#include "base/mem.h"

struct completion_batch {
    struct task task;
    struct mailbox *home;
    struct task *first;
    struct task **last;
};

static void run_batch(struct task *task)
{
    struct completion_batch *batch = container_of(task, struct completion_batch, task);
    struct task *next = batch->first;
    mem_free(batch);
    while (next) {
        struct op *op = container_of(next, struct op, task);
        next = next->next; /* before done, which takes the operation */
        op->task.next = NULL;
        op->done(op);
    }
}

static struct completion_batch *batch_of(struct completion *completion, struct mailbox *home)
{
    for (unsigned i = 0; i < completion->count; i++) {
        if (completion->batches[i]->home == home) {
            return completion->batches[i];
        }
    }
    if (completion->count == COMPLETION_HOMES_MAX) {
        completion_post(completion);
    }
    struct completion_batch *batch = mem_new(struct completion_batch);
    batch->task.run = run_batch;
    batch->home = home;
    batch->last = &batch->first;
    completion->batches[completion->count++] = batch;
    return batch;
}

void completion_add(struct completion *completion, struct op *op)
{
    if (!op->home) {
        op->done(op);
        return;
    }
    struct completion_batch *batch = batch_of(completion, op->home);
    op->task.next = NULL;
    *batch->last = &op->task;
    batch->last = &op->task.next;
}

void completion_post(struct completion *completion)
{
    for (unsigned i = 0; i < completion->count; i++) {
        mailbox_post(completion->batches[i]->home, &completion->batches[i]->task);
    }
    completion->count = 0;
}

static void run_single(struct task *task)
{
    struct op *op = container_of(task, struct op, task);
    op->done(op);
}

void op_complete(struct op *op)
{
    if (op->home) {
        op->task.run = run_single;
        mailbox_post(op->home, &op->task);
    } else {
        op->done(op);
    }
}
