/* A chunk: consecutive rows of one device and epoch, compressed by columns; the unit a sealed file is made of and read in.
 *
 * Format, version 1. Numbers are varints (seven bits a byte, the low ones first) unless said otherwise, signed ones
 * zigzag; differences wrap, so every 64-bit value has one.
 *
 *     u8 version | device | epoch | rows | first seq | last seq - first seq | previous seq | (day - previous day)
 *     | least sample time | its span | newest receipt - newest sample time
 *     | bytes and packed bytes of the roll-ups (0: there are none) | bytes and packed bytes of the rows
 *     | roll-ups, packed | rows, packed
 *
 * `previous` is the row before the first one of the same device and epoch, so a walk along the chain of rows passes from
 * chunk to chunk, and the range of sample times lets it pass over chunks: late data is found, whatever it lies between.
 * "Packed" is one zstd frame; the checksum over the whole chunk is the file's (sealed_file.h). Unpacked rows are sections, each with its length before it:
 *
 *     seq                  differences of differences
 *     sample time          differences of differences
 *     receipt              (received - sample time), differences
 *     flags                a byte a row: kind (2 bits), status (2), override, has a message, has a device's timestamp
 *     device's timestamp   - sample time, of rows that have one
 *     message              strings (below), of rows that have one
 *     keys                 count, then length and bytes of each
 *     shapes               count, then of each: entries, and of each entry (key << 2 | type): null, boolean, number, string
 *     shape                of each row: which keys it has, in order, and with what types
 *     then for each key three sections, each of the rows whose shape has that key with that type:
 *     booleans             a bit each
 *     numbers              u8 scale, then values. Scale 0 to 9: the value times ten to the power of the scale is an integer;
 *                          differences. 255: 64-bit patterns, each XORed with the one before, the eight bytes of all values in
 *                          planes (all lowest bytes first)
 *     strings              count of different ones, each with length and bytes; then the number of each value
 *
 * Roll-ups cover five minutes of sample time, aligned to the epoch, with the numbers of one key:
 *
 *     keys, each: length and bytes | buckets | differences of the buckets' numbers | counts
 *     | minima, maxima, sums, last values: length and numbers (as above) of each
 *
 * The decoder trusts nothing: it fails with ERR_INVALID, and its output is bounded by CHUNK_BYTES_MAX. */
#ifndef MUSTER_STORE_TELEMETRY_CHUNK_H
#define MUSTER_STORE_TELEMETRY_CHUNK_H

#include "base/buf.h"
#include "model/ports/telemetry_store.h"

#define CHUNK_ROWS_MAX 4096
#define CHUNK_FLAT_BYTES_MAX ((size_t)1 << 20)  /* of values and messages; a chunk ends with the row that passes it */
#define CHUNK_BYTES_MAX ((size_t)96 << 20)      /* unpacked, and of rows read */
#define CHUNK_ROLLUP_MS (INT64_C(5) * 60 * 1000)
#define CHUNK_ROLLUP_ROWS_MIN 24                /* with fewer, reading the rows is as cheap */

/* Appends the chunk of these rows: one device and epoch, in order of arrival, 1 to CHUNK_ROWS_MAX of them. Decodes it
 * again and compares: ERR_INTERNAL if it is not the same, ERR_LIMIT if it is too large. */
enum err chunk_encode(const struct sample_row *rows, size_t count, struct buf *out) MUST_CHECK;

/* `day` is that of the file the chunk lies in. */
enum err chunk_run(struct str chunk, int32_t day, struct sample_run *ret_run) MUST_CHECK;

struct chunk_rows {
    struct sample_row *rows; /* in order of arrival; their strings lie in `text` */
    size_t count;
    struct buf text;
};
enum err chunk_decode(struct str chunk, int32_t day, struct chunk_rows *ret_rows) MUST_CHECK;
void chunk_rows_deinit(struct chunk_rows *rows); /* also of zeroed ones */

/* Visits the roll-ups of a key, oldest first, until `visit` returns false. ERR_NOT_FOUND: the chunk has none at all; with
 * no number of this key nothing is visited. */
enum err chunk_rollups(struct str chunk, struct str key, bool (*visit)(const struct sample_rollup *rollup, void *arg),
                       void *arg) MUST_CHECK;

#endif
