#include "model/management/batch.h"

#include <assert.h>

#include "base/mem.h"
#include "model/domain.h"

#define SLICE_ITEMS 16

static struct batch *batch_of(struct op *op)
{
    return container_of(op, struct batch, op);
}

/* A fault of the store undoes the whole slice: what was answered to the others of it is not true then. */
static void batch_run(struct op *op, struct store_tx *tx)
{
    struct batch *batch = batch_of(op);
    for (size_t i = batch->begin; i < batch->end && op->err == ERR_OK; i++) {
        struct admin *admin = &batch->admins[i - batch->begin];
        admin_init(admin, batch->domain, batch->arena, &batch->replies[i], &batch->principal, batch->address);
        batch->run(batch, admin, tx, i);
        if (batch->replies[i].status == 0 || batch->replies[i].status >= 500) {
            op->err = ERR_STORAGE;
        }
    }
}

static void batch_committed(struct op *op)
{
    struct batch *batch = batch_of(op);
    for (size_t i = batch->begin; i < batch->end; i++) {
        admin_committed(&batch->admins[i - batch->begin]);
    }
}

static void submit(struct batch *batch)
{
    size_t left = batch->count - batch->begin;
    batch->end = batch->begin + (left < SLICE_ITEMS ? left : SLICE_ITEMS);
    batch->op.err = ERR_OK;
    op_submit(batch->domain->executor, &batch->op);
}

static void batch_done(struct op *op)
{
    struct batch *batch = batch_of(op);
    for (size_t i = batch->begin; i < batch->end && op->err != ERR_OK; i++) {
        reply_from_err(&batch->replies[i], op->err);
    }
    batch->begin = batch->end;
    if (batch->begin < batch->count) {
        submit(batch);
    } else {
        batch->on_done(batch);
    }
}

void batch_start(struct batch *batch, struct mailbox *home)
{
    assert(batch->count > 0 && batch->count <= BATCH_ITEMS_MAX);
    batch->replies = arena_alloc(batch->arena, batch->count * sizeof *batch->replies);
    batch->admins = arena_alloc(batch->arena, SLICE_ITEMS * sizeof *batch->admins);
    for (size_t i = 0; i < batch->count; i++) {
        reply_init(&batch->replies[i]);
    }
    batch->begin = 0;
    batch->op = (struct op){
        .home = home, .lane = LANE_REGISTRY, .run = batch_run, .committed = batch_committed, .done = batch_done};
    submit(batch);
}

void batch_write_result(const struct batch *batch, size_t index, struct json_writer *w)
{
    const struct reply *reply = &batch->replies[index];
    json_begin_object(w);
    json_field_bool(w, "success", !reply_is_error(reply));
    if (reply_is_error(reply)) {
        json_field_str(w, "error", reply_error_text(reply));
    }
    json_end_object(w);
}

void batch_deinit(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        reply_deinit(&batch->replies[i]);
    }
}
