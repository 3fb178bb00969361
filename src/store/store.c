#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/blob/blobs.h"
#include "store/sqlite/db.h"
#include "store/sqlite/migrate.h"
#include "store/store_internal.h"

#define READER_THREADS 2
#define WORKER_THREADS 2
#define MOVER_THREADS 2
#define QUEUE_MAX 65536
#define WORK_QUEUE_MAX 512 /* a password hash takes tens of milliseconds: beyond this nobody would still be waiting */

/* ---- the registry lane's database is muster.db itself ---- */

static enum err registry_begin(struct write_lane *lane)
{
    return tx_begin(&lane->tx);
}

static enum err registry_commit(struct write_lane *lane)
{
    return tx_commit(&lane->tx);
}

static void registry_rollback(struct write_lane *lane)
{
    tx_rollback(&lane->tx);
}

static bool registry_maintain(struct write_lane *lane, bool idle)
{
    return write_lane_checkpoint(lane->tx.db, &lane->tx.wal_pages, idle);
}

static void registry_probe(struct write_lane *lane)
{
    if (tx_begin(&lane->tx) != ERR_OK) {
        return;
    }
    struct query q;
    query_begin(&q, &lane->tx, "UPDATE checkpoint SET seq = seq");
    enum err err = query_finish(&q);
    if (tx_op_end(&lane->tx, err) == ERR_OK && tx_commit(&lane->tx) == ERR_OK) {
        lane->healthy = true;
        log_event(LOG_INFO, "store_recovered", log_s("lane", lane->name));
    } else if (lane->tx.open) {
        tx_rollback(&lane->tx);
    }
}

static const struct lane_backend registry_backend = {
    registry_begin, registry_commit, registry_rollback, registry_maintain, registry_probe,
};

/* ---- submitting ---- */

static struct op_queue *queue_of(struct store *store, enum op_lane lane)
{
    switch (lane) {
    case LANE_REGISTRY:
        return &store->registry.queue;
    case LANE_TELEMETRY:
        return &store->telemetry.queue;
    case LANE_READ:
        return &store->readers.queue;
    case LANE_WORK:
        return &store->workers.queue;
    case LANE_FILE:
        return &store->movers.queue;
    case LANE_COUNT:
        break;
    }
    return NULL;
}

static void store_submit(struct executor *executor, struct op *op)
{
    struct store *store = container_of(executor, struct store, executor);
    if (!op_queue_push(queue_of(store, op->lane), op)) {
        op->err = ERR_BUSY;
        op_complete(op);
    }
}

static enum err store_run_here(struct executor *executor, struct op *op)
{
    return store_run_now(container_of(executor, struct store, executor), op);
}

/* ---- opening and closing ---- */

static enum err registry_open(struct store *store, const char *path, unsigned queue_max)
{
    struct sqlite3 *db = NULL;
    enum err err = db_open(path, DB_WRITER, &db);
    if (err != ERR_OK) {
        return err;
    }
    err = migrate(db);
    if (err != ERR_OK) {
        db_close(db);
        return err;
    }
    write_lane_init(&store->registry, "registry", &registry_backend, queue_max);
    tx_init(&store->registry.tx, db, true);
    return ERR_OK;
}

static enum err open_parts(struct store *store, const struct store_config *config)
{
    unsigned queue_max = config->queue_max ? config->queue_max : QUEUE_MAX;
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/muster.db", store->data_dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        return ERR_INVALID;
    }
    enum err err = data_folder_make(store->data_dir);
    if (err == ERR_OK) {
        err = data_folder_lock(store->data_dir, &store->lock_fd);
    }
    if (err == ERR_OK) {
        err = data_folder_keys(store->data_dir, &store->keys);
    }
    if (err == ERR_OK) {
        err = registry_open(store, path, queue_max);
    }
    if (err == ERR_OK) {
        err = segments_open(store->data_dir, &store->segments);
    }
    if (err == ERR_OK) {
        store->sealer = sealer_new(store->segments);
        err = telemetry_lane_open(&store->telemetry, store->segments, path, queue_max);
    }
    if (err == ERR_OK) {
        err = pool_init(&store->readers, "reader", path, config->reader_threads ? config->reader_threads : READER_THREADS,
                        queue_max);
    }
    if (err == ERR_OK) {
        err = pool_init(&store->workers, "worker", NULL, config->worker_threads ? config->worker_threads : WORKER_THREADS,
                        queue_max < WORK_QUEUE_MAX ? queue_max : WORK_QUEUE_MAX);
    }
    if (err == ERR_OK) {
        err = pool_init(&store->movers, "files", NULL, MOVER_THREADS, queue_max);
    }
    if (err == ERR_OK) {
        err = blobs_open(store->data_dir, &store->blobs);
    }
    for (unsigned i = 0; err == ERR_OK && i < store->readers.thread_count; i++) {
        telemetry_readers_open(&store->readers.threads[i].tx, store->segments);
    }
    if (err == ERR_OK) {
        telemetry_readers_open(&store->registry.tx, store->segments);
    }
    return err;
}

enum err store_open(const struct store_config *config, struct store **ret_store)
{
    struct store *store = mem_new(struct store);
    store->executor.submit = store_submit;
    store->executor.run_now = store_run_here;
    store->lock_fd = -1;
    store->data_dir = str_dup(str_from_cstr(config->data_dir));
    enum err err = open_parts(store, config);
    if (err != ERR_OK) {
        store_close(store);
        return err;
    }
    *ret_store = store;
    return ERR_OK;
}

void store_set_segments(struct store *store, uint64_t rows_max, uint64_t rows_min, uint64_t age_ms)
{
    struct segment_limits limits = segments_limits(store->segments);
    limits.rows_max = rows_max > 0 && rows_max < INT64_MAX ? (int64_t)rows_max : limits.rows_max;
    limits.rows_min = rows_min < INT64_MAX ? (int64_t)rows_min : limits.rows_min;
    limits.age_ms = age_ms;
    segments_set_limits(store->segments, &limits);
}

void store_bind(struct store *store, struct domain *domain)
{
    store->domain = domain;
    domain->executor = &store->executor;
    domain->keys = store->keys;
    domain->blobs = store->blobs;
    store->registry.events = &domain->events;
    store->telemetry.events = &domain->events;
    store->readers.events = &domain->events;
}

enum err store_start(struct store *store)
{
    db_shrink(store->registry.tx.db); /* everything was read to load it */
    mem_trim();
    enum err err = write_lane_start(&store->registry);
    if (err == ERR_OK) {
        err = write_lane_start(&store->telemetry);
    }
    if (err == ERR_OK) {
        err = pool_start(&store->readers);
    }
    if (err == ERR_OK) {
        err = pool_start(&store->workers);
    }
    if (err == ERR_OK) {
        err = pool_start(&store->movers);
    }
    if (err == ERR_OK) {
        err = sealer_start(store->sealer);
    }
    return err;
}

/* Readers and workers first: what they finish may still ask for a write. The registry last: telemetry hands it work. */
void store_stop(struct store *store)
{
    sealer_stop(store->sealer);
    pool_stop(&store->movers);
    pool_stop(&store->workers);
    pool_stop(&store->readers);
    write_lane_stop(&store->telemetry);
    write_lane_stop(&store->registry);
    if (store->flush) {
        store->flush(store);
        store->flush = NULL;
    }
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    for (unsigned i = 0; store->readers.threads && i < store->readers.thread_count; i++) {
        telemetry_readers_close(&store->readers.threads[i].tx);
    }
    pool_deinit(&store->movers);
    pool_deinit(&store->workers);
    pool_deinit(&store->readers);
    telemetry_lane_close(&store->telemetry);
    if (store->registry.tx.db) {
        telemetry_readers_close(&store->registry.tx);
        db_checkpoint(store->registry.tx.db, CHECKPOINT_TRUNCATE);
        write_lane_deinit(&store->registry);
    }
    sealer_free(store->sealer);
    segments_free(store->segments);
    blobs_close(store->blobs);
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    secret_wipe(&store->keys, sizeof store->keys);
    mem_free(store->data_dir);
    mem_free(store);
}

enum err store_run_now(struct store *store, struct op *op)
{
    op->executor = &store->executor;
    op->err = ERR_OK;
    write_lane_run_now(op->lane == LANE_TELEMETRY ? &store->telemetry : &store->registry, op);
    return op->err;
}

bool store_is_healthy(const struct store *store)
{
    return store->registry.healthy && store->telemetry.healthy;
}
