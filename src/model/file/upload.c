#include "model/file/upload.h"

#include "base/buf.h"
#include "base/mem.h"
#include "model/domain.h"
#include "model/ports/blob_store.h"

#define PORTION_BYTES ((size_t)128 * 1024)
#define PORTION_BYTES_MAX ((size_t)4 * 1024 * 1024) /* with what one call adds; callers add less */

struct upload {
    struct op op;
    struct domain *domain;
    struct mailbox *home;
    const struct upload_ops *ops;
    void *user;
    uint64_t bytes_max, size, reserve_bytes;
    struct buf filling;
    struct buf writing;          /* the lane's while busy */
    struct blob_writer *writer;  /* likewise */
    enum err err;
    bool busy, was_full, is_ending, is_content, is_finishing, has_ended, is_freed, keep, is_disposed;
};

struct upload *upload_new(struct domain *domain, struct mailbox *home, uint64_t bytes_max, const struct upload_ops *ops,
                          void *user)
{
    struct upload *upload = mem_new(struct upload);
    upload->domain = domain;
    upload->home = home;
    upload->bytes_max = bytes_max;
    upload->reserve_bytes = domain_settings(domain)->files_disk_reserve;
    upload->ops = ops;
    upload->user = user;
    buf_init(&upload->filling, PORTION_BYTES_MAX);
    buf_init(&upload->writing, PORTION_BYTES_MAX);
    return upload;
}

/* ---- the end of it ---- */

static void dispose_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct upload *upload = container_of(op, struct upload, op);
    upload->is_disposed = true;
    if (upload->writer && upload->keep) {
        blob_keep(upload->writer);
    } else {
        blob_abandon(upload->writer);
    }
}

static void dispose_done(struct op *op)
{
    struct upload *upload = container_of(op, struct upload, op);
    if (!upload->is_disposed) { /* the lane has stopped: the program ends */
        dispose_run(op, NULL);
    }
    buf_deinit(&upload->filling);
    buf_deinit(&upload->writing);
    mem_free(upload);
}

static void dispose(struct upload *upload)
{
    upload->op = (struct op){.lane = LANE_FILE, .run = dispose_run, .done = dispose_done};
    if (upload->writer) {
        op_submit(upload->domain->executor, &upload->op);
    } else {
        dispose_done(&upload->op);
    }
}

void upload_free(struct upload *upload, bool keep)
{
    if (!upload) {
        return;
    }
    upload->is_freed = true;
    upload->keep = keep;
    if (!upload->busy) {
        dispose(upload);
    }
}

/* ---- portions ---- */

static void write_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct upload *upload = container_of(op, struct upload, op);
    if (upload->writing.failed) { /* callers stop long before */
        op->err = ERR_INTERNAL;
    } else if (!upload->writer) {
        op->err = blob_create(upload->domain->blobs, upload->reserve_bytes, &upload->writer);
    }
    if (op->err == ERR_OK) {
        op->err = blob_write(upload->writer, upload->writing.data, upload->writing.len);
    }
    if (op->err == ERR_OK && upload->is_finishing) {
        op->err = blob_finish(upload->writer);
    }
}

static void pump(struct upload *upload);

static void write_done(struct op *op)
{
    struct upload *upload = container_of(op, struct upload, op);
    bool was_last = upload->has_ended;
    upload->busy = false;
    buf_clear(&upload->writing);
    if (upload->is_freed) {
        dispose(upload);
        return;
    }
    if (op->err != ERR_OK || was_last) {
        upload->err = op->err;
        upload->has_ended = true;
        upload->ops->on_end(upload->user, op->err);
        return;
    }
    pump(upload);
    if (upload->was_full && upload->filling.len < PORTION_BYTES) {
        upload->was_full = false;
        upload->ops->on_room(upload->user);
    }
}

static void pump(struct upload *upload)
{
    if (upload->busy || upload->err != ERR_OK || upload->has_ended ||
        (upload->filling.len < PORTION_BYTES && !upload->is_ending)) {
        return;
    }
    struct buf full = upload->filling;
    upload->filling = upload->writing;
    upload->writing = full;
    upload->busy = true;
    upload->has_ended = upload->is_ending;
    upload->is_finishing = upload->is_ending && upload->is_content;
    upload->op = (struct op){.home = upload->home, .lane = LANE_FILE, .run = write_run, .done = write_done};
    op_submit(upload->domain->executor, &upload->op);
}

enum upload_result upload_add(struct upload *upload, const void *data, size_t len)
{
    if (len > upload->bytes_max - upload->size) {
        return UPLOAD_TOO_LONG;
    }
    if (upload->err != ERR_OK) { /* its end was told */
        return UPLOAD_OK;
    }
    upload->size += len;
    buf_append(&upload->filling, data, len);
    pump(upload);
    upload->was_full = upload->filling.len >= PORTION_BYTES;
    return upload->was_full ? UPLOAD_FULL : UPLOAD_OK;
}

void upload_end(struct upload *upload, bool is_content)
{
    upload->is_ending = true;
    upload->is_content = is_content;
    pump(upload);
}

uint64_t upload_size(const struct upload *upload)
{
    return upload->size;
}

void upload_content(const struct upload *upload, struct upload_content *ret_content)
{
    ret_content->id = blob_id(upload->writer);
    ret_content->size = blob_size(upload->writer);
    blob_sha256(upload->writer, ret_content->sha256);
}

struct blob_writer *upload_writer(const struct upload *upload)
{
    return upload->writer;
}
