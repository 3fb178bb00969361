/* What the files of this folder share about a loop. */
#ifndef MUSTER_IO_LOOP_INTERNAL_H
#define MUSTER_IO_LOOP_INTERNAL_H

#include <stdatomic.h>

#include "io/gather.h"
#include "io/loop.h"

struct stream_context;
struct epoll_event;

struct loop {
    unsigned index;
    int epoll_fd;
    int wake_fd; /* eventfd */
    struct loop_watch wake_watch;
    struct mailbox mailbox;
    _Atomic(struct task *) inbox; /* newest first */
    _Atomic bool stopping;
    uint64_t turn;
    uint64_t now_ms;
    int64_t unix_ms;
    struct gather gather;
    struct timer_wheel timers;
    struct loop_hook *hooks;
    struct loop_hook **hooks_tail;
    struct epoll_event *events; /* of the turn under way */
    int event_next, event_count;
    struct stream_context *streams;
};

/* stream.c: the streams of a loop and the buffers they share. */
struct stream_context *stream_context_new(struct loop *loop);
void stream_context_abort_all(struct stream_context *context);
void stream_context_free(struct stream_context *context);

#endif
