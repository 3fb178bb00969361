/* The embedded store: one data folder, `muster.db` and the telemetry day files. This is the executor
 * of the model's operations: a registry writer, a telemetry writer, reader threads and workers. */
#ifndef MUSTER_STORE_STORE_H
#define MUSTER_STORE_STORE_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

#include "model/op.h"

struct store;
struct domain;

struct store_config {
    const char *data_dir;     /* made with mode 0700 if absent */
    unsigned reader_threads;  /* 2 when 0 */
    unsigned worker_threads;  /* 2 when 0 */
    unsigned queue_max;       /* operations waiting per lane; 65536 when 0 */
};

/* Makes or opens the folder: takes its lock (ERR_BUSY: in use by another process), reads or makes the key file, opens
 * muster.db and migrates it. No thread runs yet. On failure one line is logged and *ret_store is untouched. */
enum err store_open(const struct store_config *config, struct store **ret_store) MUST_CHECK;
/* When a telemetry file ends (segments.h): at so many rows, and at this age if it has at least `rows_min`. Before
 * store_load. */
void store_set_segments(struct store *store, uint64_t rows_max, uint64_t rows_min, uint64_t age_ms);
/* Fills domain->executor and domain->keys. */
void store_bind(struct store *store, struct domain *domain);
/* Loads hot records, catalogue, credentials; replays the telemetry tail after the last checkpoint. */
enum err store_load(struct store *store, struct domain *domain) MUST_CHECK;
enum err store_start(struct store *store) MUST_CHECK; /* starts the threads */
/* Runs what is queued, commits, checkpoints the device states, ends the threads. Later submissions get ERR_BUSY. */
void store_stop(struct store *store);
void store_close(struct store *store); /* also after a failed or skipped start */

/* Runs one operation on the calling thread before store_start (set-up, tools): run, commit, committed. */
enum err store_run_now(struct store *store, struct op *op) MUST_CHECK;

/* False after a storage fault, until a write succeeds again; for /healthz. Any thread. */
bool store_is_healthy(const struct store *store);

#endif
