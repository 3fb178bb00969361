/* Port: rows of files and dumps (device-api.md 8, management-api.md 5.6); their contents are in ports/blob_store.h.
 * Strings of a row that is read live in the given arena, or are borrowed for a visit. */
#ifndef MUSTER_MODEL_PORTS_FILE_STORE_H
#define MUSTER_MODEL_PORTS_FILE_STORE_H

#include "base/crypto.h"
#include "model/account/principal.h"
#include "model/ports/row.h"

enum file_type { FILE_FIRMWARE = 1, FILE_MANUAL, FILE_IMAGE, FILE_CONFIG, FILE_OTHER };

struct file_row {
    int64_t no;
    struct uuid id;                     /* of its content as well */
    int64_t model_no, organization_no;  /* exactly one is set: the model's, or the organization's own */
    enum file_type type;
    int64_t size;
    uint8_t sha256[SHA256_BYTES];
    int64_t created_at;
    struct str name, filename;
    struct str desc, version, checksum, signature, public_notes; /* ptr NULL: none */
};

/* Fills in row->no. ERR_EXISTS: the model has firmware of this version. */
enum err file_store_insert(struct store_tx *tx, struct file_row *row) MUST_CHECK;
enum err file_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct file_row *ret_row) MUST_CHECK;
/* Name, desc, checksum, signature and public_notes. */
enum err file_store_update(struct store_tx *tx, const struct file_row *row) MUST_CHECK;
enum err file_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;

/* Newest first. Of a model, of an organization, or what a device sees: files of its model and, if device_no is set,
 * those that commands of this organization to the device refer to. Zero: nothing of that. */
struct file_filter {
    int64_t model_no, organization_no;
    int64_t device_no, commands_of;
};
enum err file_store_list(struct store_tx *tx, const struct file_filter *filter, int64_t limit, int64_t offset,
                         void (*visit)(const struct file_row *row, void *arg), void *arg) MUST_CHECK;
enum err file_store_count(struct store_tx *tx, const struct file_filter *filter, int64_t *ret_count) MUST_CHECK;
/* Of all files of a tenant: of a partner's models, or of an organization. */
enum err file_store_bytes(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t *ret_bytes) MUST_CHECK;
/* Is it among those? */
enum err file_store_matches(struct store_tx *tx, const struct file_filter *filter, int64_t no, bool *ret_matches) MUST_CHECK;
/* A command that is not final refers to it. */
enum err file_store_is_in_use(struct store_tx *tx, const struct uuid *id, bool *ret_in_use) MUST_CHECK;

/* The firmware of a model that was uploaded last. ERR_NOT_FOUND: none. */
enum err file_store_newest_firmware(struct store_tx *tx, int64_t model_no, struct arena *arena, struct file_row *ret_row) MUST_CHECK;
/* Of every model that has some; `row` is valid during the call. */
enum err file_store_each_newest_firmware(struct store_tx *tx, void (*visit)(const struct file_row *row, void *arg),
                                         void *arg) MUST_CHECK;
/* Devices of a model behind `after_no` by number, at most `limit` (-1: all), with the version that they report. */
enum err file_store_each_device_version(struct store_tx *tx, int64_t model_no, int64_t after_no, int64_t limit,
                                        void (*visit)(int64_t device_no, struct str version, void *arg), void *arg) MUST_CHECK;

struct dump_row {
    int64_t no;
    struct uuid id;                     /* of its content as well */
    int64_t device_no, organization_no; /* 0: unclaimed */
    int64_t length, created_at, updated_at;
    struct str mime, name;
};
enum err dump_store_insert(struct store_tx *tx, const struct dump_row *row) MUST_CHECK;
enum err dump_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct dump_row *ret_row) MUST_CHECK;
enum err dump_store_set_length(struct store_tx *tx, int64_t no, int64_t length, int64_t updated_at) MUST_CHECK;
/* Newest first; organization_no 0: whosever they are. */
enum err dump_store_list(struct store_tx *tx, int64_t device_no, int64_t organization_no, int64_t limit, int64_t offset,
                         void (*visit)(const struct dump_row *row, void *arg), void *arg) MUST_CHECK;
enum err dump_store_count(struct store_tx *tx, int64_t device_no, int64_t organization_no, int64_t *ret_count) MUST_CHECK;
/* Removes the oldest of a device until at most `count_max` with together at most `bytes_max` are left (0: any), but never
 * the newest. */
enum err dump_store_trim(struct store_tx *tx, int64_t device_no, int64_t count_max, int64_t bytes_max) MUST_CHECK;
/* At most `rows_max` that were made before `before`. */
enum err dump_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max) MUST_CHECK;

/* Does a row of either kind have this content? */
enum err content_store_is_known(struct store_tx *tx, const struct uuid *id, bool *ret_known) MUST_CHECK;
/* Contents whose rows are gone, at most `max`. */
enum err content_store_removed(struct store_tx *tx, struct uuid *ret_ids, size_t max, size_t *ret_count) MUST_CHECK;
enum err content_store_forget(struct store_tx *tx, const struct uuid *id) MUST_CHECK; /* it has been removed */

#endif
