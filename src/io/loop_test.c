#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/loop.h"

#define POSTERS 4
#define POSTS_EACH 5000

struct counting {
    struct task task;
    struct loop *loop;
    unsigned poster, number;
};

static unsigned next_of[POSTERS];
static unsigned run_count;

static void count_task(struct task *task)
{
    struct counting *counting = container_of(task, struct counting, task);
    assert_ptr_equal(loop_current(), counting->loop);
    assert_int_equal(counting->number, next_of[counting->poster]);
    next_of[counting->poster]++;
    if (++run_count == POSTERS * POSTS_EACH) {
        loop_stop(counting->loop);
    }
    mem_free(counting);
}

struct poster {
    struct loop *loop;
    unsigned number;
};

static void *post_many(void *arg)
{
    const struct poster *poster = arg;
    for (unsigned i = 0; i < POSTS_EACH; i++) {
        struct counting *counting = mem_new(struct counting);
        *counting = (struct counting){{.run = count_task}, poster->loop, poster->number, i};
        mailbox_post(loop_mailbox(poster->loop), &counting->task);
    }
    return NULL;
}

static void tasks_of_one_thread_run_in_order(void **state)
{
    (void)state;
    struct loop *loop = loop_new(0);
    pthread_t threads[POSTERS];
    struct poster posters[POSTERS];
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){loop, i};
        pthread_create(&threads[i], NULL, post_many, &posters[i]);
    }
    loop_run(loop);
    for (unsigned i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(next_of[i], POSTS_EACH);
    }
    loop_free(loop);
}

static struct loop *the_loop;
static uint64_t fired_at_ms;

static void stop_on_timer(struct timer *timer, uint64_t now_ms)
{
    (void)timer;
    fired_at_ms = now_ms;
    loop_stop(the_loop);
}

static void timer_fires_not_early(void **state)
{
    (void)state;
    the_loop = loop_new(3);
    assert_int_equal(loop_index(the_loop), 3);
    uint64_t due_ms = loop_now_ms(the_loop) + 20;
    struct timer timer = {.on_due = stop_on_timer};
    timer_set(loop_timers(the_loop), &timer, due_ms);
    loop_run(the_loop);
    assert_true(fired_at_ms >= due_ms);
    loop_free(the_loop);
}

/* Two pipes are ready in one turn; whichever is served first removes and frees the other. */
struct rival {
    struct loop_watch watch;
    struct rival *other;
};
static unsigned served;

static void serve_rival(struct loop_watch *watch, uint32_t events)
{
    assert_true(events & EPOLLIN);
    struct rival *rival = container_of(watch, struct rival, watch);
    served++;
    loop_watch_remove(the_loop, &rival->other->watch);
    close(rival->other->watch.fd);
    mem_free(rival->other);
    loop_watch_remove(the_loop, &rival->watch);
    close(rival->watch.fd);
    mem_free(rival);
    loop_stop(the_loop);
}

static void removed_watch_is_not_served(void **state)
{
    (void)state;
    the_loop = loop_new(0);
    struct rival *rivals[2];
    int write_ends[2];
    for (int i = 0; i < 2; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], "x", 1), 1);
        write_ends[i] = ends[1];
        rivals[i] = mem_new(struct rival);
        rivals[i]->watch = (struct loop_watch){.fd = ends[0], .on_ready = serve_rival};
    }
    rivals[0]->other = rivals[1];
    rivals[1]->other = rivals[0];
    loop_watch_add(the_loop, &rivals[0]->watch, EPOLLIN);
    loop_watch_add(the_loop, &rivals[1]->watch, EPOLLIN);
    served = 0;
    loop_run(the_loop);
    assert_int_equal(served, 1);
    loop_free(the_loop);
    close(write_ends[0]);
    close(write_ends[1]);
}

static unsigned order;
static unsigned task_order, hook_order;

static void on_hook(struct loop_hook *hook)
{
    assert_false(hook->queued);
    hook_order = ++order;
    loop_stop(the_loop);
}
static struct loop_hook the_hook = {.run = on_hook};

static void on_task(struct task *task)
{
    (void)task;
    loop_at_turn_end(the_loop, &the_hook);
    loop_at_turn_end(the_loop, &the_hook); /* once is enough */
    task_order = ++order;
}

static void hooks_run_once_at_the_end_of_the_turn(void **state)
{
    (void)state;
    the_loop = loop_new(0);
    struct task task = {.run = on_task};
    mailbox_post(loop_mailbox(the_loop), &task);
    order = 0;
    loop_run(the_loop);
    assert_int_equal(task_order, 1);
    assert_int_equal(hook_order, 2);
    assert_int_equal(order, 2);
    loop_free(the_loop);
}

static bool late_ran;
static void run_late(struct task *task)
{
    (void)task;
    late_ran = true;
}

static void tasks_posted_after_the_end_run_at_free(void **state)
{
    (void)state;
    struct loop *loop = loop_new(0);
    loop_stop(loop);
    loop_run(loop);
    struct task task = {.run = run_late};
    mailbox_post(loop_mailbox(loop), &task);
    assert_false(late_ran);
    loop_free(loop);
    assert_true(late_ran);
    assert_null(loop_current());
}

struct relay {
    struct task task;
    struct loop *loops[2];
    unsigned left;
};

static void run_relay(struct task *task)
{
    struct relay *relay = container_of(task, struct relay, task);
    assert_ptr_equal(loop_current(), relay->loops[relay->left % 2]);
    if (--relay->left > 0) {
        mailbox_post(loop_mailbox(relay->loops[relay->left % 2]), task);
    }
}

static void loops_that_ended_settle_what_they_left_to_one_another(void **state)
{
    (void)state;
    struct relay relay = {.task.run = run_relay, .loops = {loop_new(0), loop_new(1)}, .left = 7};
    for (int i = 0; i < 2; i++) {
        loop_stop(relay.loops[i]);
        loop_run(relay.loops[i]);
    }
    mailbox_post(loop_mailbox(relay.loops[1]), &relay.task);
    loops_settle(relay.loops, 2);
    assert_int_equal(relay.left, 0);
    loop_free(relay.loops[0]);
    loop_free(relay.loops[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_of_one_thread_run_in_order),
        cmocka_unit_test(timer_fires_not_early),
        cmocka_unit_test(removed_watch_is_not_served),
        cmocka_unit_test(hooks_run_once_at_the_end_of_the_turn),
        cmocka_unit_test(tasks_posted_after_the_end_run_at_free),
        cmocka_unit_test(loops_that_ended_settle_what_they_left_to_one_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
