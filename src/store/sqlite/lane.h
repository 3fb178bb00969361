/* The lanes' threads.
 *
 * A write lane owns the only writing connection of its database. It takes everything that waits, runs it in one
 * transaction, commits once (one fdatasync for thousands of acknowledgements), then publishes, delivers the events and
 * sends the operations home. A pool (readers, workers) runs one operation at a time on each of its threads. */
#ifndef MUSTER_STORE_SQLITE_LANE_H
#define MUSTER_STORE_SQLITE_LANE_H

#include <stdatomic.h>

#include "store/completion.h"
#include "store/op_queue.h"
#include "store/sqlite/connection.h"

struct event_bus;
struct write_lane;

/* What a batch means to this lane's database. All on the lane's thread. */
struct lane_backend {
    enum err (*begin)(struct write_lane *lane);
    enum err (*commit)(struct write_lane *lane); /* a failed one has rolled back */
    void (*rollback)(struct write_lane *lane);
    /* After a batch (idle false) and after a while without work (idle true): checkpoints of the log. Returns whether it
     * wants to be called again when idle. */
    bool (*maintain)(struct write_lane *lane, bool idle);
    void (*probe)(struct write_lane *lane); /* writes something that changes nothing: is the storage back? */
};

struct write_lane {
    struct op_queue queue;
    const struct lane_backend *backend;
    const char *name;
    struct store_tx tx;
    struct event_bus *_Atomic events; /* NULL until bound to a domain */
    _Atomic bool healthy;
    pthread_t thread;
    bool running;
    uint64_t warm_at_ms, cooled_at_ms; /* many rows changed; the page cache was emptied */
    int64_t changes;
};

/* `tx` must be initialised. */
void write_lane_init(struct write_lane *lane, const char *name, const struct lane_backend *backend, unsigned queue_max);
void write_lane_deinit(struct write_lane *lane); /* closes the connection */
enum err write_lane_start(struct write_lane *lane) MUST_CHECK;
void write_lane_stop(struct write_lane *lane); /* runs what is queued; the connection stays */
/* One operation as a batch of its own on the calling thread, while the lane does not run; `done` is not called. */
void write_lane_run_now(struct write_lane *lane, struct op *op);
/* For backends whose database is `tx` itself. */
bool write_lane_checkpoint(struct sqlite3 *db, unsigned *wal_pages, bool idle);

struct pool;
struct pool_thread {
    struct pool *pool;
    struct store_tx tx; /* of readers; db NULL in a pool of workers */
    pthread_t thread;
    bool running;
};
struct pool {
    struct op_queue queue;
    const char *name;
    struct pool_thread *threads;
    unsigned thread_count;
    struct event_bus *_Atomic events;
};

/* Threads get their connections to `path` (NULL: none) now; they start with pool_start. */
enum err pool_init(struct pool *pool, const char *name, const char *path, unsigned threads, unsigned queue_max) MUST_CHECK;
void pool_deinit(struct pool *pool);
enum err pool_start(struct pool *pool) MUST_CHECK;
void pool_stop(struct pool *pool);

#endif
