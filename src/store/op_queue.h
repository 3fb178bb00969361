/* The bounded queue before a lane: any thread pushes, the lane's threads take. */
#ifndef MUSTER_STORE_OP_QUEUE_H
#define MUSTER_STORE_OP_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

#include "model/op.h"

struct op_queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task *first;
    struct task **last;
    unsigned count, max;
    unsigned sleepers;
    bool closed; /* pushes fail; what waits is still taken */
};

enum op_queue_result { OP_QUEUE_TAKEN, OP_QUEUE_TIMEOUT, OP_QUEUE_CLOSED /* and empty */ };

void op_queue_init(struct op_queue *queue, unsigned max);
void op_queue_deinit(struct op_queue *queue);
/* False: full or closed; the operation is untouched. Operations without a home are the domain's own steps: they are
 * refused by a closed queue only. Never blocks for longer than the list takes. */
bool op_queue_push(struct op_queue *queue, struct op *op);
/* Everything that waits, as a chain over task.next in order. Sleeps until there is something, at most timeout_ms (0:
 * for ever). */
enum op_queue_result op_queue_take_all(struct op_queue *queue, unsigned timeout_ms, struct task **ret_chain);
/* The oldest one; sleeps until there is one. NULL: closed and empty. */
struct op *op_queue_take_one(struct op_queue *queue);
void op_queue_close(struct op_queue *queue);

#endif
