/* Consecutive rows of an open segment in one piece: what a row of the SQLite file's table `block` holds. A row by itself
 * costs SQLite more than everything else that a telemetry message needs, so as many as fit a page share one.
 *
 *     of each row: u8 flags: kind (2 bits), status (2), override, has a message, has a device's timestamp, has a previous row
 *     | device | epoch | sample time, less that of the row before | receipt less sample time
 *     | device's timestamp less sample time | days since the previous row | its seq, on the same day less this one's
 *     | length of message, bytes | length of values, bytes
 *
 * Numbers are varints, those that may be negative zigzag (column.h). The decoder trusts nothing. */
#ifndef MUSTER_STORE_TELEMETRY_ROW_BLOCK_H
#define MUSTER_STORE_TELEMETRY_ROW_BLOCK_H

#include "base/buf.h"
#include "base/cursor.h"
#include "model/ports/telemetry_store.h"

#define ROW_BLOCK_BYTES 4000 /* with its other columns it fits a page of 4 KiB; only a single row may be longer */
#define ROW_BLOCK_BYTES_MAX ((size_t)64 << 20)

struct row_block {
    struct buf bytes;
    int32_t day;
    int64_t first_seq;
    unsigned count;
    int64_t at_ms; /* of the last row */
};

void row_block_init(struct row_block *block);
void row_block_deinit(struct row_block *block);
void row_block_begin(struct row_block *block, int32_t day, int64_t first_seq);
/* Appends the row whose position follows. False: the block is full; it holds at least one row. */
bool row_block_add(struct row_block *block, const struct sample_row *row);

struct row_block_reader {
    struct cursor cursor;
    int32_t day;
    int64_t next_seq;
    int64_t left; /* rows */
    int64_t at_ms;
};

struct row_block_reader row_block_read(struct str bytes, int32_t day, int64_t first_seq, int64_t count);
/* The next row; its strings lie in the block. False: the end, or with reader->cursor.failed: damaged. */
bool row_block_next(struct row_block_reader *reader, struct sample_row *ret_row);

#endif
