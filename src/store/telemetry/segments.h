/* The catalogue of telemetry segments, and their files.
 *
 * A segment is a run of rows of one day of receipt, from `first_seq` to `last_seq`; the segments of a day follow each other
 * without a gap. It is written as a SQLite file, at last replaced by a sealed one (sealed_file.h), and removed whole:
 *
 *     telemetry/2026-03-01.db           the first one of a day, while it is open and until it is sealed
 *     telemetry/2026-03-01.81920.db     one that begins with row 81920
 *     telemetry/2026-03-01.81920.seal   the same, sealed
 *     telemetry/2026-03-01.seal.new     one that is being written
 *
 * The folder is the catalogue on disk. A sealed file gets its name after its bytes are on disk, and the SQLite file goes
 * after that name is: whatever a crash leaves, at a start the sealed file wins if it is whole, and an unfinished one is
 * removed, so no row is lost and none is there twice.
 *
 * In memory the catalogue is shared by the telemetry lane, the readers and the sealer; its lock is never held across
 * input or output. */
#ifndef MUSTER_STORE_TELEMETRY_SEGMENTS_H
#define MUSTER_STORE_TELEMETRY_SEGMENTS_H

#include "model/ports/telemetry_store.h"
#include "store/sqlite/connection.h"

#define SEGMENT_PATH_BYTES 4096
#define SEGMENT_OPEN INT64_MAX

struct segments;

struct segment {
    int32_t day;
    int64_t first_seq;
    int64_t last_seq; /* SEGMENT_OPEN: it is written */
    bool sealed;
};

/* When the open segment ends, besides at the end of its day. */
struct segment_limits {
    int64_t rows_max;
    int64_t rows_min;       /* enough to be worth a file */
    uint64_t age_ms;        /* from the first row, with at least rows_min */
    uint64_t age_max_ms;    /* with any */
};

/* Makes the folder, removes what a crash left over, reads the catalogue. Failures are logged. */
enum err segments_open(const char *data_dir, struct segments **ret_segments) MUST_CHECK;
void segments_free(struct segments *segments); /* NULL is accepted */

struct segment_limits segments_limits(struct segments *segments);
void segments_set_limits(struct segments *segments, const struct segment_limits *limits);

/* ---- any thread ---- */

/* The one that holds this row. False: it is not kept (any more). */
bool segments_find(struct segments *segments, struct sample_position position, struct segment *ret_segment);
/* The first one behind (day, first_seq), in order. */
bool segments_next(struct segments *segments, int32_t day, int64_t first_seq, struct segment *ret_segment);
bool segments_newest(struct segments *segments, struct segment *ret_segment);
/* Changes whenever a segment was sealed or removed. */
uint64_t segments_generation(struct segments *segments);

/* ---- the telemetry lane ---- */

void segments_begin(struct segments *segments, int32_t day, int64_t first_seq);
/* The open one ended; takes its connection (from mem_alloc), whose log still belongs to it. */
void segments_end(struct segments *segments, int64_t last_seq, struct store_tx *connection);
/* Removes the segments of days before `oldest_day` and their files; never the open one. */
void segments_retain(struct segments *segments, int32_t oldest_day);

/* ---- the sealer ---- */

/* The oldest one that waits to be sealed; with its connection, which may be NULL after a start, and which the caller takes. */
bool segments_take(struct segments *segments, struct segment *ret_segment, struct store_tx **ret_connection);
/* It could not be sealed: gives the connection back. */
void segments_put_back(struct segments *segments, const struct segment *segment, struct store_tx *connection);
/* From here on readers use the sealed file. False: the segment was removed meanwhile. */
bool segments_set_sealed(struct segments *segments, const struct segment *segment);
/* Waits until a segment may be waiting, or this time has passed. False: segments_stop was called. */
bool segments_wait(struct segments *segments, uint64_t timeout_ms);
void segments_stop(struct segments *segments);

/* ---- names ---- */

int32_t day_of(int64_t unix_ms);
/* "2026-03-01.81920.seal"; empty in a year of five digits. */
void segment_name(int32_t day, int64_t first_seq, const char *ending, char ret_name[48]);
/* False: not the name of a segment with this ending. */
bool segment_parse(const char *name, const char *ending, int32_t *ret_day, int64_t *ret_first_seq);
/* `ending`: ".db", ".db-wal", ".seal" ... */
/* The last row of an open or ended segment's SQLite file; 0: there is none. */
#define SEGMENT_LAST_SEQ \
    "SELECT ifnull((SELECT first_seq + count - 1 FROM block ORDER BY first_seq DESC LIMIT 1), 0)"

void segment_path(const struct segments *segments, const struct segment *segment, const char *ending,
                  char ret_path[SEGMENT_PATH_BYTES]);
/* Waits until the names in the folder are on disk. */
enum err segments_sync_folder(const struct segments *segments) MUST_CHECK;
/* Closes the connection, if there is one, and removes the SQLite file with its log. */
void segment_remove_raw(const struct segments *segments, const struct segment *segment, struct store_tx *connection);

#endif
