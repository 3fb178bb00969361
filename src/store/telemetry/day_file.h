/* Rows of telemetry, appended and read: one open SQLite file that the telemetry lane writes, rows in order of arrival (in
 * blocks, row_block.h), and behind it all segments (segments.h), sealed or not. Each row keeps the position of the row before it of the same device,
 * so the newest N of one device are N point reads without an index on the append path. */
#ifndef MUSTER_STORE_TELEMETRY_DAY_FILE_H
#define MUSTER_STORE_TELEMETRY_DAY_FILE_H

#include "model/ports/telemetry_store.h"
#include "store/sqlite/connection.h"
#include "store/telemetry/segments.h"

/* ---- the one that is written ---- */

struct day_writer;

/* Opens the newest segment, if it was not sealed. */
enum err day_writer_open(struct segments *segments, struct day_writer **ret_writer) MUST_CHECK;
void day_writer_close(struct day_writer *writer); /* NULL is accepted */
/* Begins a transaction with the first row, on a file of the day in which that row was received; a day never goes back.
 * A failure is sticky until the transaction ends. */
enum err day_writer_append(struct day_writer *writer, struct sample_row *row) MUST_CHECK;
/* Ends the transaction, if there is one. On failure nothing of it is kept. */
enum err day_writer_commit(struct day_writer *writer) MUST_CHECK;
void day_writer_rollback(struct day_writer *writer);
bool day_writer_maintain(struct day_writer *writer, bool idle);             /* see struct lane_backend */
enum err day_writer_probe(struct day_writer *writer) MUST_CHECK;
/* Ends the open segment if it is due; not within a transaction: then the next one does. */
void day_writer_rotate(struct day_writer *writer, int64_t now_ms);
void day_writer_retain(struct day_writer *writer, int32_t oldest_day);

/* ---- for readers: a few files kept open, no snapshot beyond one operation ---- */

struct day_readers;

struct day_readers *day_readers_new(struct segments *segments);
void day_readers_free(struct day_readers *readers); /* NULL is accepted */
/* The row's strings are valid until the next call. ERR_NOT_FOUND: that day or row is not kept (any more). */
enum err day_readers_row(struct day_readers *readers, struct sample_position position, struct sample_row *ret_row) MUST_CHECK;
/* See sample_store_find_intent(). */
enum err day_readers_find_intent(struct day_readers *readers, struct sample_position after, int64_t intent_no,
                                 bool *ret_found, bool *ret_sealed);
/* See sample_store_run and sample_store_rollups. */
enum err day_readers_run(struct day_readers *readers, struct sample_position position, struct sample_run *ret_run) MUST_CHECK;
enum err day_readers_rollups(struct day_readers *readers, struct sample_position position, struct str key,
                             bool (*visit)(const struct sample_rollup *rollup, void *arg), void *arg) MUST_CHECK;
enum err day_readers_replay(struct day_readers *readers, struct sample_position after,
                            enum err (*visit)(const struct sample_row *row, void *arg), void *arg) MUST_CHECK;
void day_readers_end(struct day_readers *readers); /* of an operation: gives up the snapshots */
void day_readers_set_deadline(struct day_readers *readers, uint64_t monotonic_ms);

/* ---- the SQLite files themselves ---- */

/* Visits the rows behind `after_seq`, in order of arrival; their strings are valid until it returns. */
enum err block_rows_each(struct store_tx *tx, int32_t day, int64_t after_seq,
                         enum err (*visit)(const struct sample_row *row, void *arg), void *arg) MUST_CHECK;

#endif
