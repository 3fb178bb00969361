/* One turn: wait, serve what is ready, run the inbox, fire timers, then the hooks that flush what the turn produced.
 *
 * The inbox is a stack of tasks that any thread pushes to and the loop takes as a whole and turns round. Only the push
 * onto an empty stack wakes the loop: while it is not empty, a wake-up is on its way already. */
#include "io/loop_internal.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define EVENTS_PER_TURN 256
#define TIMER_SLACK_NS 5000u /* the usual 50 us would be too much beside the span of gather.h */

static _Thread_local struct loop *current;

struct loop *loop_current(void)
{
    return current;
}

unsigned loop_index(const struct loop *loop)
{
    return loop->index;
}

struct mailbox *loop_mailbox(struct loop *loop)
{
    return &loop->mailbox;
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

int64_t loop_unix_ms(const struct loop *loop)
{
    return loop->unix_ms;
}

struct timer_wheel *loop_timers(struct loop *loop)
{
    return &loop->timers;
}

static void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* it fails only when the counter is full, and then the loop is awake */
}

static void loop_post(struct mailbox *mailbox, struct task *task)
{
    struct loop *loop = container_of(mailbox, struct loop, mailbox);
    struct task *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        task->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &head, task, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (!head && current != loop) { /* the loop itself looks before it sleeps */
        loop_wake(loop);
    }
}

static void on_wake(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    uint64_t count;
    ssize_t got = read(watch->fd, &count, sizeof count);
    (void)got;
}

static void fatal(const char *event)
{
    log_event(LOG_ERROR, event, log_i("errno", errno));
    abort();
}

static uint64_t loop_read_clock(struct loop *loop)
{
    uint64_t now_us = clock_monotonic_us();
    loop->now_ms = now_us / 1000;
    loop->unix_ms = clock_unix_ms();
    return now_us;
}

void loop_set_gather(struct loop *loop, unsigned span_us)
{
    gather_init(&loop->gather, span_us, clock_monotonic_us());
}

struct loop *loop_new(unsigned index)
{
    struct loop *loop = mem_new(struct loop);
    loop->index = index;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0) {
        fatal("loop_failed");
    }
    loop->mailbox.post = loop_post;
    loop->hooks_tail = &loop->hooks;
    loop->events = mem_calloc(EVENTS_PER_TURN, sizeof *loop->events);
    loop_read_clock(loop);
    timer_wheel_init(&loop->timers, loop->now_ms);
    loop->wake_watch = (struct loop_watch){.fd = loop->wake_fd, .on_ready = on_wake};
    loop_watch_add(loop, &loop->wake_watch, EPOLLIN);
    loop->streams = stream_context_new(loop);
    return loop;
}

void loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    watch->events = events;
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) != 0) {
        fatal("loop_watch_failed");
    }
}

void loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    watch->events = events;
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) != 0) {
        fatal("loop_watch_failed");
    }
}

void loop_watch_remove(struct loop *loop, struct loop_watch *watch)
{
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL) != 0) {
        fatal("loop_watch_failed");
    }
    for (int i = loop->event_next; i < loop->event_count; i++) { /* what this turn still holds of it is stale */
        if (loop->events[i].data.ptr == watch) {
            loop->events[i].data.ptr = NULL;
        }
    }
}

void loop_at_turn_end(struct loop *loop, struct loop_hook *hook)
{
    if (!hook->queued) {
        hook->queued = true;
        hook->next = NULL;
        *loop->hooks_tail = hook;
        loop->hooks_tail = &hook->next;
    }
}

static bool loop_run_hooks(struct loop *loop)
{
    bool any = false;
    while (loop->hooks) {
        struct loop_hook *hook = loop->hooks;
        loop->hooks = hook->next;
        if (!loop->hooks) {
            loop->hooks_tail = &loop->hooks;
        }
        hook->queued = false;
        hook->run(hook);
        any = true;
    }
    return any;
}

static bool loop_run_inbox(struct loop *loop)
{
    struct task *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire);
    struct task *oldest = NULL;
    while (newest) {
        struct task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    bool any = oldest != NULL;
    while (oldest) {
        struct task *task = oldest;
        oldest = task->next;
        task->run(task);
    }
    return any;
}

static int loop_wait_ms(struct loop *loop)
{
    if (loop->hooks || atomic_load_explicit(&loop->inbox, memory_order_relaxed) ||
        atomic_load_explicit(&loop->stopping, memory_order_relaxed)) {
        return 0;
    }
    uint64_t next = timer_wheel_next_ms(&loop->timers);
    if (next == UINT64_MAX) {
        return -1;
    }
    uint64_t now = clock_monotonic_ms();
    if (next <= now) {
        return 0;
    }
    return next - now > INT_MAX ? INT_MAX : (int)(next - now);
}

/* While it is too early to look at sockets (gather.h), only what other threads post is waited for. */
static void loop_gather(struct loop *loop)
{
    uint64_t until_us = gather_until_us(&loop->gather);
    if (until_us == 0 || loop->hooks || atomic_load_explicit(&loop->inbox, memory_order_relaxed)) {
        return;
    }
    uint64_t now_us = clock_monotonic_us();
    if (now_us < until_us) {
        struct timespec left = {.tv_nsec = (long)(until_us - now_us) * 1000};
        struct pollfd wake = {.fd = loop->wake_fd, .events = POLLIN};
        ppoll(&wake, 1, &left, NULL);
    }
}

static void loop_turn(struct loop *loop)
{
    loop_gather(loop);
    int count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_TURN, loop_wait_ms(loop));
    if (count < 0 && errno != EINTR) {
        fatal("loop_wait_failed");
    }
    loop->turn++;
    loop->event_count = count > 0 ? count : 0;
    gather_turn(&loop->gather, loop_read_clock(loop), (unsigned)loop->event_count);
    for (loop->event_next = 0; loop->event_next < loop->event_count;) {
        const struct epoll_event *event = &loop->events[loop->event_next++];
        struct loop_watch *watch = event->data.ptr;
        if (watch) {
            watch->on_ready(watch, event->events);
        }
    }
    loop->event_count = 0;
    loop_run_inbox(loop);
    timer_wheel_advance(&loop->timers, loop->now_ms);
    loop_run_hooks(loop);
}

/* Ends the streams and serves what that and the last posts cause, so that nothing is left behind. Returns whether there
 * was anything. */
static bool loop_finish(struct loop *loop)
{
    bool any = false;
    bool busy;
    do {
        stream_context_abort_all(loop->streams);
        busy = loop_run_hooks(loop);
        busy = loop_run_inbox(loop) || busy;
        any = any || busy;
    } while (busy);
    return any;
}

void loop_run(struct loop *loop)
{
    assert(!current);
    current = loop;
    if (loop->gather.span_us > 0) {
        prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    }
    while (!atomic_load_explicit(&loop->stopping, memory_order_acquire)) {
        loop_turn(loop);
    }
    loop_finish(loop);
    current = NULL;
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->stopping, true, memory_order_release);
    loop_wake(loop);
}

static bool loop_finish_here(struct loop *loop)
{
    struct loop *outer = current;
    current = loop;
    bool any = loop_finish(loop);
    current = outer;
    return any;
}

void loops_settle(struct loop *const *loops, unsigned count)
{
    bool busy;
    do {
        busy = false;
        for (unsigned i = 0; i < count; i++) {
            busy = loop_finish_here(loops[i]) || busy;
        }
    } while (busy);
}

void loop_free(struct loop *loop)
{
    if (!loop) {
        return;
    }
    loop_finish_here(loop);
    stream_context_free(loop->streams);
    close(loop->wake_fd);
    close(loop->epoll_fd);
    mem_free(loop->events);
    mem_free(loop);
}
