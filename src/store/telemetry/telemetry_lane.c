/* The telemetry lane: reads muster.db, writes today's file. A batch is durable when the day file's transaction is; the
 * transaction on muster.db is only a snapshot to read states from. */
#include "base/log.h"
#include "base/mem.h"
#include "store/store_internal.h"
#include "store/telemetry/day_file.h"

static struct store *store_of(struct write_lane *lane)
{
    return container_of(lane, struct store, telemetry);
}

static enum err lane_begin(struct write_lane *lane)
{
    struct store *store = store_of(lane);
    if (store->batch_begin) { /* before the snapshot: what it drops from memory is in the registry by now */
        store->batch_begin(store->domain);
    }
    return tx_begin(&lane->tx);
}

static void batch_end(struct write_lane *lane, bool committed)
{
    struct store *store = store_of(lane);
    if (store->batch_end) {
        store->batch_end(store->domain, committed);
    }
}

static void lane_rollback(struct write_lane *lane)
{
    day_writer_rollback(lane->tx.day_writer);
    tx_rollback(&lane->tx);
    batch_end(lane, false);
}

static enum err lane_commit(struct write_lane *lane)
{
    if (day_writer_commit(lane->tx.day_writer) != ERR_OK) {
        lane_rollback(lane);
        return ERR_STORAGE;
    }
    if (tx_commit(&lane->tx) != ERR_OK) { /* the rows are safe; only the snapshot's end failed */
        log_event(LOG_WARN, "store_snapshot_failed", log_s("lane", lane->name));
    }
    batch_end(lane, true);
    return ERR_OK;
}

static bool lane_maintain(struct write_lane *lane, bool idle)
{
    return day_writer_maintain(lane->tx.day_writer, idle);
}

static void lane_probe(struct write_lane *lane)
{
    if (day_writer_probe(lane->tx.day_writer) == ERR_OK) {
        lane->healthy = true;
        log_event(LOG_INFO, "store_recovered", log_s("lane", lane->name));
    }
}

static const struct lane_backend telemetry_backend = {lane_begin, lane_commit, lane_rollback, lane_maintain, lane_probe};

enum err telemetry_lane_open(struct write_lane *lane, struct segments *segments, const char *registry_path,
                             unsigned queue_max)
{
    struct sqlite3 *db = NULL;
    enum err err = db_open(registry_path, DB_READER, &db);
    if (err != ERR_OK) {
        return err;
    }
    write_lane_init(lane, "telemetry", &telemetry_backend, queue_max);
    tx_init(&lane->tx, db, false);
    return day_writer_open(segments, &lane->tx.day_writer);
}

void telemetry_lane_close(struct write_lane *lane)
{
    if (lane->tx.db) {
        day_writer_close(lane->tx.day_writer);
        write_lane_deinit(lane);
    }
}

void telemetry_readers_open(struct store_tx *tx, struct segments *segments)
{
    tx->day_readers = day_readers_new(segments);
}

void telemetry_readers_close(struct store_tx *tx)
{
    day_readers_free(tx->day_readers);
    tx->day_readers = NULL;
}
