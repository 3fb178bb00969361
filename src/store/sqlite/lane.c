#include "store/sqlite/lane.h"

#include <assert.h>
#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/telemetry/day_file.h"

#define BATCH_OPS_MAX 8192
#define CLOCK_OPS 16           /* the clock is read after that many */
#define BATCH_MS_MAX 20          /* of running; what is left goes into the next batch */
#define WAL_PAGES_SOFT 1000      /* 4 MiB: checkpoint in the next gap */
#define WAL_PAGES_HARD 16384     /* 64 MiB: checkpoint now */
#define IDLE_GAP_MS 20
#define PROBE_MS 1000
#define COOL_MS 2000
#define COOL_PAUSE_MS 60000      /* emptying the page cache and filling it again is not for nothing */
#define COOL_CHANGES_MAX 50
#define COOL_CACHE_BYTES (1024 * 1024)
#define READ_DEADLINE_MS 5000

/* ---- one batch ---- */

struct batch {
    struct task *first;
    unsigned count;
};

/* Runs operations from *chain until the batch is full; they stay chained in order in `batch`. */
static void run_ops(struct write_lane *lane, struct task **chain, struct batch *batch)
{
    struct store_tx *tx = &lane->tx;
    uint64_t until = clock_monotonic_ms() + BATCH_MS_MAX;
    struct task **last = &batch->first;
    while (*chain && batch->count < BATCH_OPS_MAX) {
        struct task *task = *chain;
        *chain = task->next;
        task->next = NULL;
        *last = task;
        last = &task->next;
        batch->count++;
        struct op *op = container_of(task, struct op, task);
        if (tx->fault == ERR_OK) {
            tx_op_begin(tx);
            op->run(op, tx);
            if (tx->day_readers) {
                day_readers_end(tx->day_readers);
            }
            enum err said = op->err;
            op->err = tx_op_end(tx, said);
            if (said == ERR_OK && op->err != ERR_OK && op->rolled_back) {
                op->rolled_back(op);
            }
        }
        if (batch->count % CLOCK_OPS == 0 && clock_monotonic_ms() > until) {
            break;
        }
    }
}

static void publish(const struct batch *batch)
{
    for (struct task *task = batch->first; task; task = task->next) {
        struct op *op = container_of(task, struct op, task);
        if (op->err == ERR_OK && op->committed) {
            op->committed(op);
        }
    }
}

static void fail(const struct batch *batch)
{
    for (struct task *task = batch->first; task; task = task->next) {
        struct op *op = container_of(task, struct op, task);
        op->err = ERR_STORAGE;
        if (op->rolled_back) {
            op->rolled_back(op);
        }
    }
}

static void note_health(struct write_lane *lane, bool healthy)
{
    metric_add(healthy ? METRIC_STORE_COMMITS : METRIC_STORE_FAILURES, 1);
    if (atomic_exchange(&lane->healthy, healthy) != healthy) {
        log_event(healthy ? LOG_INFO : LOG_ERROR, healthy ? "store_recovered" : "store_failed", log_s("lane", lane->name));
    }
}

/* Runs one batch of *chain up to its publication; the operations are in *batch, ready to go home. */
static void run_batch(struct write_lane *lane, struct task **chain, struct batch *batch)
{
    *batch = (struct batch){NULL, 0};
    enum err err = lane->backend->begin(lane);
    if (err != ERR_OK) {
        lane->tx.fault = ERR_STORAGE;
    }
    run_ops(lane, chain, batch);
    if (err == ERR_OK && lane->tx.fault == ERR_OK) {
        err = lane->backend->commit(lane);
    } else {
        lane->backend->rollback(lane);
        err = ERR_STORAGE;
    }
    metric_add(METRIC_STORE_JOBS, batch->count);
    note_health(lane, err == ERR_OK);
    if (err != ERR_OK) {
        fail(batch);
        return;
    }
    publish(batch);
    tx_deliver_events(&lane->tx, lane->events);
}

static void send_home(const struct batch *batch)
{
    struct completion completion = {.count = 0};
    struct task *next = batch->first;
    while (next) {
        struct op *op = container_of(next, struct op, task);
        next = next->next;
        completion_add(&completion, op);
    }
    completion_post(&completion);
}

/* ---- the write lane's thread ---- */

/* When few rows have changed for a while, what the page cache holds serves nobody. */
static void cool_down(struct write_lane *lane)
{
    struct sqlite3 *db = lane->tx.db;
    if (!db) {
        return;
    }
    uint64_t now_ms = clock_monotonic_ms();
    int64_t changes = db_changes(db);
    if (changes < lane->changes || changes - lane->changes > COOL_CHANGES_MAX) { /* or it is another file now */
        lane->warm_at_ms = now_ms;
    }
    lane->changes = changes;
    bool due = now_ms - lane->warm_at_ms >= COOL_MS && (lane->cooled_at_ms == 0 || now_ms - lane->cooled_at_ms >= COOL_PAUSE_MS);
    if (due && db_cache_bytes(db) > COOL_CACHE_BYTES) {
        db_shrink(db);
        mem_trim();
        lane->cooled_at_ms = now_ms;
    }
}

static void *write_lane_main(void *arg)
{
    struct write_lane *lane = arg;
    bool wants_idle = false;
    for (;;) {
        unsigned timeout_ms = !lane->healthy ? PROBE_MS : wants_idle ? IDLE_GAP_MS : 0;
        struct task *chain = NULL;
        enum op_queue_result result = op_queue_take_all(&lane->queue, timeout_ms, &chain);
        if (result == OP_QUEUE_CLOSED) {
            return NULL;
        }
        if (result == OP_QUEUE_TIMEOUT) {
            if (!lane->healthy) {
                lane->backend->probe(lane);
            }
            wants_idle = lane->backend->maintain(lane, true);
            continue;
        }
        while (chain) {
            struct batch batch;
            run_batch(lane, &chain, &batch);
            send_home(&batch);
            wants_idle = lane->backend->maintain(lane, false);
        }
        cool_down(lane); /* housekeeping comes by once a second */
    }
}

/* Signals are taken by the program's main thread. */
static enum err thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *), void *arg)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(ret_thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        log_event(LOG_ERROR, "thread_start_failed", log_s("thread", name), log_i("errno", rc));
        return ERR_IO;
    }
    pthread_setname_np(*ret_thread, name);
    return ERR_OK;
}

void write_lane_init(struct write_lane *lane, const char *name, const struct lane_backend *backend, unsigned queue_max)
{
    lane->name = name;
    lane->backend = backend;
    lane->running = false;
    atomic_init(&lane->events, NULL);
    atomic_init(&lane->healthy, true);
    op_queue_init(&lane->queue, queue_max);
}

void write_lane_deinit(struct write_lane *lane)
{
    assert(!lane->running);
    write_lane_stop(lane);
    tx_deinit(&lane->tx);
    op_queue_deinit(&lane->queue);
}

enum err write_lane_start(struct write_lane *lane)
{
    enum err err = thread_start(&lane->thread, lane->name, write_lane_main, lane);
    lane->running = err == ERR_OK;
    return err;
}

/* What still waits in a lane that never ran. */
static void refuse_rest(struct op_queue *queue)
{
    struct op *op;
    while ((op = op_queue_take_one(queue)) != NULL) {
        op->err = ERR_BUSY;
        op_complete(op);
    }
}

void write_lane_stop(struct write_lane *lane)
{
    op_queue_close(&lane->queue);
    if (lane->running) {
        pthread_join(lane->thread, NULL);
        lane->running = false;
    }
    refuse_rest(&lane->queue);
}

void write_lane_run_now(struct write_lane *lane, struct op *op)
{
    assert(!lane->running);
    op->task.next = NULL;
    struct task *chain = &op->task;
    struct batch batch;
    run_batch(lane, &chain, &batch);
    lane->backend->maintain(lane, false);
}

bool write_lane_checkpoint(struct sqlite3 *db, unsigned *wal_pages, bool idle)
{
    bool hard = *wal_pages >= WAL_PAGES_HARD;
    if (hard || (idle && *wal_pages >= WAL_PAGES_SOFT)) {
        if (db_checkpoint(db, hard ? CHECKPOINT_RESTART : CHECKPOINT_PASSIVE)) {
            *wal_pages = 0;
        } else if (idle) {
            return false; /* a reader holds it: the next commit tries again */
        }
    }
    return *wal_pages >= WAL_PAGES_SOFT;
}

/* ---- pools ---- */

static void read_op(struct pool_thread *thread, struct op *op)
{
    struct store_tx *tx = &thread->tx;
    tx->deadline_ms = clock_monotonic_ms() + READ_DEADLINE_MS;
    if (tx_begin(tx) != ERR_OK) {
        op->err = ERR_STORAGE;
        return;
    }
    tx_op_begin(tx);
    op->run(op, tx);
    if (tx->day_readers) {
        day_readers_end(tx->day_readers);
    }
    op->err = tx_op_end(tx, op->err);
    if (tx->fault == ERR_OK) {
        enum err err = tx_commit(tx);
        (void)err; /* nothing was written: only ends the snapshot */
    } else {
        tx_rollback(tx);
    }
    tx_deliver_events(tx, thread->pool->events);
}

static void *pool_thread_main(void *arg)
{
    struct pool_thread *thread = arg;
    struct op *op;
    while ((op = op_queue_take_one(&thread->pool->queue)) != NULL) {
        if (thread->tx.db) {
            read_op(thread, op);
        } else {
            op->run(op, NULL);
        }
        op_complete(op);
    }
    return NULL;
}

enum err pool_init(struct pool *pool, const char *name, const char *path, unsigned threads, unsigned queue_max)
{
    pool->name = name;
    pool->thread_count = threads;
    pool->threads = mem_calloc(threads, sizeof *pool->threads);
    atomic_init(&pool->events, NULL);
    op_queue_init(&pool->queue, queue_max);
    for (unsigned i = 0; i < threads; i++) {
        pool->threads[i].pool = pool;
        struct sqlite3 *db = NULL;
        if (path) {
            enum err err = db_open(path, DB_READER, &db);
            if (err != ERR_OK) {
                return err;
            }
            tx_init(&pool->threads[i].tx, db, false);
        }
    }
    return ERR_OK;
}

void pool_deinit(struct pool *pool)
{
    if (!pool->threads) {
        return;
    }
    pool_stop(pool);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        assert(!pool->threads[i].running);
        tx_deinit(&pool->threads[i].tx);
    }
    mem_free(pool->threads);
    pool->threads = NULL;
    op_queue_deinit(&pool->queue);
}

enum err pool_start(struct pool *pool)
{
    for (unsigned i = 0; i < pool->thread_count; i++) {
        struct pool_thread *thread = &pool->threads[i];
        enum err err = thread_start(&thread->thread, pool->name, pool_thread_main, thread);
        if (err != ERR_OK) {
            return err;
        }
        thread->running = true;
    }
    return ERR_OK;
}

void pool_stop(struct pool *pool)
{
    op_queue_close(&pool->queue);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        if (pool->threads[i].running) {
            pthread_join(pool->threads[i].thread, NULL);
            pool->threads[i].running = false;
        }
    }
    refuse_rest(&pool->queue);
}
