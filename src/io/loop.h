/* An event loop: one thread, one epoll, its timers, its inbox, its streams. Nothing on it blocks. */
#ifndef MUSTER_IO_LOOP_H
#define MUSTER_IO_LOOP_H

#include <stdbool.h>

#include "base/task.h"
#include "base/timer_wheel.h"

struct loop;

/* An owned file descriptor watched by the loop (level-triggered events EPOLLIN...). */
struct loop_watch {
    int fd;
    uint32_t events; /* asked for; the loop's */
    void (*on_ready)(struct loop_watch *watch, uint32_t events);
};

struct loop *loop_new(unsigned index); /* not running yet */
/* After loop_run returned, or instead of it. Runs what was posted since, as if on the loop, so that nothing is lost. */
void loop_free(struct loop *loop);
/* Before loop_run: turns of sparse traffic begin this far apart (gather.h); 0, as after loop_new: never held back. */
void loop_set_gather(struct loop *loop, unsigned span_us);
unsigned loop_index(const struct loop *loop);
/* Runs until loop_stop, on the loop's own thread; then ends the streams (STREAM_CLOSED) and runs what is still posted. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);                       /* any thread */
/* After loop_run of all of them has returned: serves what they have left to one another at their ends (posts, streams on
 * the way), as if on them. Before anything is freed that those tasks use. */
void loops_settle(struct loop *const *loops, unsigned count);
struct mailbox *loop_mailbox(struct loop *loop);         /* post tasks to it from any thread; one wake-up per batch */
struct loop *loop_current(void);                         /* of the calling thread; NULL outside */

/* Below: only on the loop's own thread (or before loop_run). */
uint64_t loop_now_ms(const struct loop *loop);           /* monotonic, fixed within one turn */
int64_t loop_unix_ms(const struct loop *loop);
struct timer_wheel *loop_timers(struct loop *loop);
void loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t events);
void loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
void loop_watch_remove(struct loop *loop, struct loop_watch *watch);
/* Runs once at the end of this turn, before the loop sleeps: where dirty outputs are flushed. */
struct loop_hook {
    struct loop_hook *next;
    void (*run)(struct loop_hook *hook);
    bool queued;
};
void loop_at_turn_end(struct loop *loop, struct loop_hook *hook);

#endif
