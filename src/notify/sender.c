#include "notify/sender.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "model/outbox/delivery.h"
#include "model/outbox/mail.h"
#include "notify/take.h"
#include "notify/transfer.h"

enum {
    IDLE_MS = 60000,       /* with nothing to do, how long until it looks again */
    AGAIN_MS = 1000,       /* with something waiting: the longest time, whatever the clock does */
    STOP_MS = 2000,        /* for calls under way when the program ends */
    STORAGE_PAUSE_MS = 1000,
};

struct sender {
    struct domain *domain;
    struct event_sink sink;
    struct transfers *transfers;
    struct mailbox home;
    pthread_mutex_t lock;      /* of the inbox */
    struct task *first, **last;
    pthread_t thread;
    bool is_started;
    _Atomic bool is_wanted;    /* something was queued */
    _Atomic bool is_stopping;
    /* the rest is the thread's own */
    struct list busy;          /* errands: on the wire, or being written down */
    size_t calls_busy, mails_busy;
    struct take *take;         /* under way; NULL: none */
    size_t writing;            /* records under way */
    struct list unwritten;     /* records that the store could not take */
    uint64_t write_again_at;   /* monotonic ms */
    uint64_t take_again_at;
    int after_kind;
    int64_t after_no;
};

/* --- the thread's inbox --- */

static void post(struct mailbox *mailbox, struct task *task)
{
    struct sender *sender = container_of(mailbox, struct sender, home);
    task->next = NULL;
    pthread_mutex_lock(&sender->lock);
    *sender->last = task;
    sender->last = &task->next;
    pthread_mutex_unlock(&sender->lock);
    transfers_wake(sender->transfers);
}

static void run_inbox(struct sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    struct task *task = sender->first;
    sender->first = NULL;
    sender->last = &sender->first;
    pthread_mutex_unlock(&sender->lock);
    for (struct task *next; task; task = next) {
        next = task->next;
        task->run(task);
    }
}

/* On the thread that committed. */
static void on_event(struct event_sink *sink, const struct event *event)
{
    struct sender *sender = container_of(sink, struct sender, sink);
    if (event->type == EVENT_OUTBOX && !atomic_exchange(&sender->is_wanted, true)) {
        transfers_wake(sender->transfers);
    }
}

/* --- writing down what came of an errand --- */

struct record {
    struct op op;
    struct list link;
    struct sender *sender;
    struct errand *errand;
};

static void record_run(struct op *op, struct store_tx *tx)
{
    struct record *record = container_of(op, struct record, op);
    const struct errand *errand = record->errand;
    struct str error = str_from_cstr(errand->error ? errand->error : "");
    if (errand->kind == ERRAND_CALL) {
        struct delivery_outcome outcome = {.status = errand->status, .error = error, .is_final = errand->is_final};
        op->err = delivery_attempted(record->sender->domain, tx, errand->no, &outcome);
    } else {
        struct mail_outcome outcome = {.error = error, .is_final = errand->is_final};
        op->err = mail_attempted(record->sender->domain, tx, errand->no, &outcome);
    }
    if (op->err == ERR_NOT_FOUND) { /* deleted meanwhile */
        op->err = ERR_OK;
    }
}

static void errand_end(struct sender *sender, struct errand *errand)
{
    if (errand->kind == ERRAND_CALL) {
        sender->calls_busy--;
    } else {
        sender->mails_busy--;
    }
    list_remove(&errand->link);
    errand_free(errand);
}

static void record_done(struct op *op)
{
    struct record *record = container_of(op, struct record, op);
    struct sender *sender = record->sender;
    sender->writing--;
    if (op->err && !atomic_load(&sender->is_stopping)) { /* it was sent: only the writing is repeated */
        list_append(&sender->unwritten, &record->link);
        sender->write_again_at = clock_monotonic_ms() + STORAGE_PAUSE_MS;
        return;
    }
    errand_end(sender, record->errand);
    mem_free(record);
    sender->take_again_at = 0;
}

static void record_submit(struct record *record)
{
    record->op = (struct op){.home = &record->sender->home, .lane = LANE_REGISTRY, .run = record_run, .done = record_done};
    record->sender->writing++;
    op_submit(record->sender->domain->executor, &record->op);
}

static void count(const struct errand *errand)
{
    if (errand->kind == ERRAND_CALL) {
        metric_add(errand->error ? METRIC_DELIVERIES_FAILED : METRIC_DELIVERIES, 1);
    } else {
        metric_add(errand->error ? METRIC_MAILS_FAILED : METRIC_MAILS, 1);
    }
    if (errand->error) {
        log_event(LOG_INFO, errand->kind == ERRAND_CALL ? "delivery_failed" : "mail_failed", log_i("no", errand->no),
                  log_s("error", errand->error));
    }
}

static void on_errand_done(struct sender *sender, struct errand *errand)
{
    count(errand);
    struct record *record = mem_new(struct record);
    record->sender = sender;
    record->errand = errand;
    record_submit(record);
}

static void write_again(struct sender *sender)
{
    if (list_is_empty(&sender->unwritten) || clock_monotonic_ms() < sender->write_again_at) {
        return;
    }
    while (!list_is_empty(&sender->unwritten)) {
        struct record *record = container_of(sender->unwritten.next, struct record, link);
        list_remove(&record->link);
        record_submit(record);
    }
}

/* --- finding what is due --- */

static void start(struct sender *sender, struct errand *errand)
{
    list_append(&sender->busy, &errand->link);
    if (errand->kind == ERRAND_CALL) {
        sender->calls_busy++;
    } else {
        sender->mails_busy++;
    }
    if (errand->error) {
        on_errand_done(sender, errand);
    } else {
        transfer_start(sender->transfers, errand, domain_settings(sender->domain));
    }
}

static uint64_t when_again(struct sender *sender, const struct take *take)
{
    if (take->op.err) {
        return clock_monotonic_ms() + STORAGE_PAUSE_MS;
    }
    if (take->next_due_at == TIME_NONE) {
        return clock_monotonic_ms() + IDLE_MS;
    }
    int64_t wait_ms = take->next_due_at - sender->domain->now_unix_ms();
    return clock_monotonic_ms() + (wait_ms < 0 ? 0 : wait_ms > AGAIN_MS ? AGAIN_MS : (uint64_t)wait_ms);
}

static void take_done(struct op *op)
{
    struct take *take = container_of(op, struct take, op);
    struct sender *sender = container_of(op->home, struct sender, home);
    sender->take = NULL;
    sender->take_again_at = when_again(sender, take);
    sender->after_kind = take->after_kind;
    sender->after_no = take->after_no;
    while (!list_is_empty(&take->errands)) {
        struct errand *errand = container_of(take->errands.next, struct errand, link);
        list_remove(&errand->link);
        start(sender, errand);
    }
    take_free(take);
}

static void copy_busy(struct sender *sender, struct take *take)
{
    take->calls_busy = sender->calls_busy;
    take->mails_busy = sender->mails_busy;
    take->busy = mem_calloc(sender->calls_busy + sender->mails_busy + 1, sizeof *take->busy);
    for (const struct list *node = sender->busy.next; node != &sender->busy; node = node->next) {
        const struct errand *errand = container_of_const(node, struct errand, link);
        take->busy[take->busy_count++] = (struct busy_errand){errand->kind, errand->no};
    }
}

static void take_if_due(struct sender *sender)
{
    if (sender->take || (!atomic_load(&sender->is_wanted) && clock_monotonic_ms() < sender->take_again_at)) {
        return;
    }
    atomic_store(&sender->is_wanted, false); /* before it reads: what is queued later asks again */
    struct take *take = mem_new(struct take);
    take->domain = sender->domain;
    take->now = sender->domain->now_unix_ms();
    take->after_kind = sender->after_kind;
    take->after_no = sender->after_no;
    copy_busy(sender, take);
    take_prepare(take);
    take->op.home = &sender->home;
    take->op.done = take_done;
    sender->take = take;
    op_submit(sender->domain->executor, &take->op);
}

/* --- life --- */

static int wait_ms(const struct sender *sender)
{
    if (atomic_load(&sender->is_stopping)) {
        return 50;
    }
    uint64_t now = clock_monotonic_ms(), until = now + IDLE_MS;
    if (!sender->take) {
        until = sender->take_again_at < until ? sender->take_again_at : until;
    }
    if (!list_is_empty(&sender->unwritten) && sender->write_again_at < until) {
        until = sender->write_again_at;
    }
    return until > now ? (int)(until - now) : 0;
}

static void turn(struct sender *sender)
{
    run_inbox(sender);
    for (struct errand *errand; (errand = transfers_next(sender->transfers));) {
        on_errand_done(sender, errand);
    }
    if (!atomic_load(&sender->is_stopping)) {
        write_again(sender);
        take_if_due(sender);
    }
    transfers_run(sender->transfers, wait_ms(sender));
}

/* Calls under way may end and are written down; the others wait in the store. */
static void wind_up(struct sender *sender)
{
    uint64_t until = clock_monotonic_ms() + STOP_MS;
    size_t unwritten = 0;
    for (struct list *node = sender->unwritten.next; node != &sender->unwritten; node = node->next) {
        unwritten++;
    }
    while (sender->take || sender->writing || sender->calls_busy + sender->mails_busy > unwritten) {
        if (clock_monotonic_ms() >= until) {
            for (struct errand *errand; (errand = transfers_abandon(sender->transfers));) {
                errand_end(sender, errand);
            }
        }
        turn(sender);
    }
    while (!list_is_empty(&sender->unwritten)) {
        struct record *record = container_of(sender->unwritten.next, struct record, link);
        list_remove(&record->link);
        errand_end(sender, record->errand);
        mem_free(record);
    }
}

static void *sender_main(void *arg)
{
    struct sender *sender = arg;
    while (!atomic_load(&sender->is_stopping)) {
        turn(sender);
    }
    wind_up(sender);
    return NULL;
}

struct sender *sender_new(struct domain *domain)
{
    struct sender *sender = mem_new(struct sender);
    sender->domain = domain;
    sender->transfers = transfers_new();
    sender->home.post = post;
    sender->last = &sender->first;
    pthread_mutex_init(&sender->lock, NULL);
    list_init(&sender->busy);
    list_init(&sender->unwritten);
    sender->sink.on_event = on_event;
    event_bus_add(&domain->events, &sender->sink);
    return sender;
}

enum err sender_start(struct sender *sender)
{
    if (pthread_create(&sender->thread, NULL, sender_main, sender) != 0) {
        return ERR_IO;
    }
    pthread_setname_np(sender->thread, "sender");
    sender->is_started = true;
    return ERR_OK;
}

void sender_stop(struct sender *sender)
{
    if (sender && sender->is_started) {
        atomic_store(&sender->is_stopping, true);
        transfers_wake(sender->transfers);
        pthread_join(sender->thread, NULL);
        sender->is_started = false;
    }
}

void sender_free(struct sender *sender)
{
    if (sender) {
        transfers_free(sender->transfers);
        pthread_mutex_destroy(&sender->lock);
        mem_free(sender);
    }
}
