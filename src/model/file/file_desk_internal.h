#ifndef MUSTER_MODEL_FILE_FILE_DESK_INTERNAL_H
#define MUSTER_MODEL_FILE_FILE_DESK_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "model/file/file_desk.h"

#define APPEND_QUEUES 16

struct dump_append;
struct follow_up;

/* Appends to the dumps whose id falls here, one after the other. */
struct append_queue {
    struct dump_append *first, **last; /* the first is under way */
};

struct file_desk {
    pthread_mutex_t lock;
    struct append_queue appends[APPEND_QUEUES]; /* under lock */
    struct follow_up *stalled;                  /* under lock; firmware.c */
    _Atomic bool sweep_under_way;
    int64_t swept_at;                           /* the ticking thread's */
};

#endif
