/* The day files: `telemetry/YYYY-MM-DD.db`, one per UTC day of receipt, rows in order of arrival, exactly one open for
 * writing (design section 5). Each row keeps the position of the row before it of the same device, so the newest N of
 * one device are N point reads without an index on the append path. */
#ifndef MUSTER_STORE_TELEMETRY_DAY_FILE_H
#define MUSTER_STORE_TELEMETRY_DAY_FILE_H

#include "model/ports/telemetry_store.h"
#include "store/sqlite/connection.h"

/* ---- the one that is written ---- */

struct day_writer;

/* Makes the folder, empties the logs that a crash left beside former days' files, and opens the newest day. */
enum err day_writer_open(const char *data_dir, struct day_writer **ret_writer) MUST_CHECK;
void day_writer_close(struct day_writer *writer); /* NULL is accepted */
/* Begins a transaction with the first row, on the file of the day in which that row was received; a day never goes
 * back. A failure is sticky until day_writer_end. */
enum err day_writer_append(struct day_writer *writer, struct sample_row *row) MUST_CHECK;
/* Ends the transaction, if there is one. On failure nothing of it is kept. */
enum err day_writer_commit(struct day_writer *writer) MUST_CHECK;
void day_writer_rollback(struct day_writer *writer);
bool day_writer_maintain(struct day_writer *writer, bool idle);             /* see struct lane_backend */
enum err day_writer_probe(struct day_writer *writer) MUST_CHECK;
void day_writer_retain(struct day_writer *writer, int32_t oldest_day);

/* ---- for readers: a few files kept open, no snapshot beyond one operation ---- */

struct day_readers;

struct day_readers *day_readers_new(const char *data_dir);
void day_readers_free(struct day_readers *readers); /* NULL is accepted */
/* The row's strings are valid until the next call. ERR_NOT_FOUND: that day or row is not kept (any more). */
enum err day_readers_row(struct day_readers *readers, struct sample_position position, struct sample_row *ret_row) MUST_CHECK;
enum err day_readers_replay(struct day_readers *readers, struct sample_position after,
                            enum err (*visit)(const struct sample_row *row, void *arg), void *arg) MUST_CHECK;
void day_readers_end(struct day_readers *readers); /* of an operation: gives up the snapshots */
void day_readers_set_deadline(struct day_readers *readers, uint64_t monotonic_ms);

/* ---- days ---- */

int32_t day_of(int64_t unix_ms);
void day_name(int32_t day, char ret_name[16]); /* "2026-03-01.db" */
bool day_parse(const char *name, int32_t *ret_day);

#endif
