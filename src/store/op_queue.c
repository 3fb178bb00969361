#include "store/op_queue.h"

#include <errno.h>
#include <time.h>

#include "base/mem.h"
#include "base/metrics.h"

void op_queue_init(struct op_queue *queue, unsigned max)
{
    *queue = (struct op_queue){.last = NULL, .max = max};
    queue->last = &queue->first;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

void op_queue_deinit(struct op_queue *queue)
{
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->lock);
}

bool op_queue_push(struct op_queue *queue, struct op *op)
{
    op->task.next = NULL;
    pthread_mutex_lock(&queue->lock);
    bool accepted = !queue->closed && (queue->count < queue->max || op->home == NULL);
    bool wake = false;
    if (accepted) {
        *queue->last = &op->task;
        queue->last = &op->task.next;
        queue->count++;
        wake = queue->sleepers > 0;
    }
    pthread_mutex_unlock(&queue->lock);
    if (accepted) {
        metric_add(METRIC_STORE_QUEUE, 1);
    }
    if (wake) {
        pthread_cond_signal(&queue->wake);
    }
    return accepted;
}

static struct timespec deadline_after(unsigned ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

enum op_queue_result op_queue_take_all(struct op_queue *queue, unsigned timeout_ms, struct task **ret_chain)
{
    struct timespec deadline = deadline_after(timeout_ms);
    int rc = 0;
    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->closed && rc != ETIMEDOUT) {
        queue->sleepers++;
        rc = timeout_ms ? pthread_cond_timedwait(&queue->wake, &queue->lock, &deadline)
                        : pthread_cond_wait(&queue->wake, &queue->lock);
        queue->sleepers--;
    }
    enum op_queue_result result = queue->first ? OP_QUEUE_TAKEN : queue->closed ? OP_QUEUE_CLOSED : OP_QUEUE_TIMEOUT;
    unsigned taken = queue->count;
    *ret_chain = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    pthread_mutex_unlock(&queue->lock);
    metric_add(METRIC_STORE_QUEUE, -(int64_t)taken);
    return result;
}

struct op *op_queue_take_one(struct op_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->closed) {
        queue->sleepers++;
        pthread_cond_wait(&queue->wake, &queue->lock);
        queue->sleepers--;
    }
    struct task *task = queue->first;
    if (task) {
        queue->first = task->next;
        if (!queue->first) {
            queue->last = &queue->first;
        }
        queue->count--;
    }
    pthread_mutex_unlock(&queue->lock);
    if (!task) {
        return NULL;
    }
    metric_add(METRIC_STORE_QUEUE, -1);
    task->next = NULL;
    return container_of(task, struct op, task);
}

void op_queue_close(struct op_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_broadcast(&queue->wake);
}
