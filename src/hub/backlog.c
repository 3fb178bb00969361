#include "hub/backlog.h"

#include "base/mem.h"
#include "hub/connection.h"
#include "hub/relay.h"

#define STALLED_MS 10000u

struct backlog {
    struct task task;   /* lets the relays go, apart from what the session is doing just now */
    struct timer timer;
    struct session *session;
    struct hub_loop *loop;
    uint64_t progress_ms;
    bool is_overfull;
    size_t count, capacity;
    struct relay **relays;
};

static void run_release(struct task *task)
{
    struct backlog *backlog = container_of(task, struct backlog, task);
    for (size_t i = 0; i < backlog->count; i++) {
        relay_let_go(backlog->relays[i], backlog->loop);
    }
    mem_free(backlog->relays);
    mem_free(backlog);
}

void backlog_end(struct session *session)
{
    struct backlog *backlog = session->backlog;
    if (backlog) {
        session->backlog = NULL;
        timer_cancel(backlog->loop->timers, &backlog->timer);
        backlog->task.run = run_release;
        mailbox_post(backlog->loop->mailbox, &backlog->task);
    }
}

static void on_stall_timer(struct timer *timer, uint64_t now_ms)
{
    struct backlog *backlog = container_of(timer, struct backlog, timer);
    if (!backlog->is_overfull && now_ms < backlog->progress_ms + STALLED_MS) {
        timer_set(backlog->loop->timers, timer, backlog->progress_ms + STALLED_MS);
        return;
    }
    connection_disconnect(backlog->session->connection, MQTT_QUOTA_EXCEEDED,
                          backlog->is_overfull ? "Too much waits" : "No progress with what waits");
}

static struct backlog *backlog_of(struct session *session)
{
    if (!session->backlog) {
        struct backlog *backlog = mem_new(struct backlog);
        backlog->session = session;
        backlog->loop = session->loop;
        backlog->progress_ms = hub_now_ms(session->loop);
        backlog->timer.on_due = on_stall_timer;
        timer_set(session->loop->timers, &backlog->timer, backlog->progress_ms + STALLED_MS);
        session->backlog = backlog;
    }
    return session->backlog;
}

static void hold(struct backlog *backlog, struct relay *relay)
{
    if (backlog->count == backlog->capacity) {
        backlog->capacity = backlog->capacity ? backlog->capacity * 2 : 8;
        backlog->relays = mem_realloc(backlog->relays, backlog->capacity * sizeof *backlog->relays);
    }
    relay_hold(relay);
    backlog->relays[backlog->count++] = relay;
}

void backlog_delivered(struct session *session, const struct message *message, struct relay *relay)
{
    /* Who publishes to itself must be read, or it could never catch up. */
    bool to_itself = message->sender == session->serial;
    if (to_itself || !backlog_applies(message) || !session->connection || !outbox_is_behind(session, 4)) {
        return;
    }
    struct backlog *backlog = backlog_of(session);
    if (relay) { /* none: a Will, or what another member of a group has left, for which nobody can wait */
        hold(backlog, relay);
    }
    if (!backlog->is_overfull && outbox_is_overfull(session)) {
        backlog->is_overfull = true;
        timer_set(session->loop->timers, &backlog->timer, hub_now_ms(session->loop)); /* not from within a delivery */
    }
}

void backlog_progress(struct session *session)
{
    if (!session->backlog) {
        return;
    }
    session->backlog->progress_ms = hub_now_ms(session->loop);
    if (!outbox_is_behind(session, 8)) {
        backlog_end(session);
    }
}
