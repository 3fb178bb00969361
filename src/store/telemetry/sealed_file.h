/* A sealed file: the rows of one segment (segments.h) as chunks (chunk.h). Written once, never changed, removed whole.
 *
 * Format, version 1; integers are little-endian.
 *
 *     head     "MUSTERTS", u32 version, u32 0
 *     chunks   one after the other
 *     index    of each chunk, in order of its last row: u64 last seq | u64 offset | u32 length | u32 CRC-32C of the chunk
 *              | u32 CRC-32C of this entry so far
 *     foot     u64 offset of the index | u64 chunks | u64 first seq | u64 last seq | u32 day | u32 CRC-32C of the foot so far
 *              | "MUSTERTS"
 *
 * A file is whole when its foot is: it gets its name after everything in it is on disk. Reading a chunk checks its sums;
 * nothing is read into memory but the chunk that is asked for. */
#ifndef MUSTER_STORE_TELEMETRY_SEALED_FILE_H
#define MUSTER_STORE_TELEMETRY_SEALED_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* ---- writing; failures are logged ---- */

struct sealed_writer;

/* Makes the file, or empties it. */
enum err sealed_writer_open(const char *path, struct sealed_writer **ret_writer) MUST_CHECK;
enum err sealed_writer_add(struct sealed_writer *writer, struct str chunk, int64_t last_seq) MUST_CHECK;
/* Writes the index and the foot and waits until all of it is on disk. */
enum err sealed_writer_finish(struct sealed_writer *writer, int32_t day, int64_t first_seq, int64_t last_seq) MUST_CHECK;
uint64_t sealed_writer_bytes(const struct sealed_writer *writer);
void sealed_writer_free(struct sealed_writer *writer); /* closes; NULL is accepted */

/* ---- reading; one thread uses a file at a time ---- */

struct sealed_file;

/* ERR_NOT_FOUND: no such file. ERR_INVALID: it is not whole. ERR_IO. */
enum err sealed_file_open(const char *path, struct sealed_file **ret_file) MUST_CHECK;
void sealed_file_close(struct sealed_file *file); /* NULL is accepted */
int32_t sealed_file_day(const struct sealed_file *file);
int64_t sealed_file_first_seq(const struct sealed_file *file);
int64_t sealed_file_last_seq(const struct sealed_file *file);
uint64_t sealed_file_chunks(const struct sealed_file *file);

/* The number of the first chunk whose last row is `seq` or one behind it; as many as there are chunks: none. */
enum err sealed_file_find(struct sealed_file *file, int64_t seq, uint64_t *ret_number) MUST_CHECK;
/* Replaces the content of `out` with a chunk. */
enum err sealed_file_chunk(struct sealed_file *file, uint64_t number, struct buf *out) MUST_CHECK;

#endif
