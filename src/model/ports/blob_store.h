/* Port: the contents of files and dumps (device-api.md 8), each a file of its own in the data folder, named by a random
 * id that its row in the registry bears. What is written becomes a content in this order: written under a temporary name,
 * brought to the disk, given its own name, row committed, temporary name forgotten. A crash in between leaves the
 * temporary name, which tells the next start what to look at (blobs_clean).
 *
 * All of it waits for the disk: on LANE_FILE, on LANE_READ where that is said, or before threads start. */
#ifndef MUSTER_MODEL_PORTS_BLOB_STORE_H
#define MUSTER_MODEL_PORTS_BLOB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"
#include "base/uuid.h"

struct blobs;
struct blob_writer;
struct blob_reader;

/* A new content under a temporary name. `reserve_bytes` of the disk are left alone. ERR_STORAGE: the disk is full or
 * failed; ERR_BUSY: too many are being written. */
enum err blob_create(struct blobs *blobs, uint64_t reserve_bytes, struct blob_writer **ret_writer) MUST_CHECK;
/* ERR_STORAGE as above; the writer is then good for blob_abandon only. */
enum err blob_write(struct blob_writer *writer, const void *data, size_t len) MUST_CHECK;
/* Everything is on the disk, under the content's own name as well. After it nothing more is written. */
enum err blob_finish(struct blob_writer *writer) MUST_CHECK;
struct uuid blob_id(const struct blob_writer *writer);
uint64_t blob_size(const struct blob_writer *writer);
void blob_sha256(const struct blob_writer *writer, uint8_t ret_hash[SHA256_BYTES]); /* after blob_finish */
void blob_keep(struct blob_writer *writer);    /* after blob_finish: the row is committed. Takes writer. */
void blob_abandon(struct blob_writer *writer); /* nothing of it stays. Takes writer; NULL is accepted. */

/* Instead of blob_finish: what `writer` holds becomes bytes `at`... of the content `id`, which is cut there before; they
 * are on the disk afterwards, and count once the row says so. ERR_NOT_FOUND: there is no such content. */
enum err blob_append(struct blob_writer *writer, const struct uuid *id, uint64_t at) MUST_CHECK;

/* Also on LANE_READ. ERR_NOT_FOUND: there is no such content, or it is shorter than `size`. */
enum err blob_open(struct blobs *blobs, const struct uuid *id, uint64_t size, struct blob_reader **ret_reader) MUST_CHECK;
enum err blob_read(struct blob_reader *reader, uint64_t at, void *data, size_t len) MUST_CHECK; /* all of len */
void blob_close(struct blob_reader *reader); /* NULL is accepted */

/* ERR_OK as well when there is none. */
enum err blob_remove(struct blobs *blobs, const struct uuid *id) MUST_CHECK;
/* At start: what a crash has left. Contents that `is_known` does not know, among those that were being written, go. */
enum err blobs_clean(struct blobs *blobs, bool (*is_known)(void *arg, const struct uuid *id), void *arg) MUST_CHECK;

#endif
