/* The telemetry lane: reads muster.db, writes today's file. */
#include "base/mem.h"
#include "store/store_internal.h"

static enum err lane_begin(struct write_lane *lane)
{
    return tx_begin(&lane->tx);
}

static enum err lane_commit(struct write_lane *lane)
{
    return tx_commit(&lane->tx);
}

static void lane_rollback(struct write_lane *lane)
{
    tx_rollback(&lane->tx);
}

static bool lane_maintain(struct write_lane *lane, bool idle)
{
    (void)lane;
    (void)idle;
    return false;
}

static void lane_probe(struct write_lane *lane)
{
    lane->healthy = true;
}

static const struct lane_backend telemetry_backend = {lane_begin, lane_commit, lane_rollback, lane_maintain, lane_probe};

enum err telemetry_lane_open(struct write_lane *lane, const char *data_dir, const char *registry_path, unsigned queue_max)
{
    (void)data_dir;
    struct sqlite3 *db = NULL;
    enum err err = db_open(registry_path, DB_READER, &db);
    if (err != ERR_OK) {
        return err;
    }
    write_lane_init(lane, "telemetry", &telemetry_backend, queue_max);
    tx_init(&lane->tx, db, false);
    return ERR_OK;
}

void telemetry_lane_close(struct write_lane *lane)
{
    if (lane->tx.db) {
        write_lane_deinit(lane);
    }
}

void telemetry_readers_open(struct store_tx *tx, const char *data_dir)
{
    (void)tx;
    (void)data_dir;
}

void telemetry_readers_close(struct store_tx *tx)
{
    (void)tx;
}
