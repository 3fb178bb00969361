#include "model/telemetry/sample_post.h"

#include "base/mem.h"
#include "model/domain.h"

static struct sample_post *post_of(struct op *op)
{
    return container_of(op, struct sample_post, op);
}

void sample_post_init(struct sample_post *post, struct domain *domain, int64_t device_no, struct telemetry_scan *scan,
                      char *memory)
{
    *post = (struct sample_post){.domain = domain, .device_no = device_no};
    reply_init(&post->reply);
    telemetry_scan_take(scan, memory, &post->sample);
}

void sample_post_deinit(struct sample_post *post)
{
    reply_deinit(&post->reply);
}

static void run(struct op *op, struct store_tx *tx)
{
    struct sample_post *post = post_of(op);
    op->err = telemetry_append(post->domain, tx, post->device_no, &post->sample, &post->reply);
}

void device_reply_failure(struct reply *reply, enum err err)
{
    if (err == ERR_INVALID && reply_is_error(reply)) {
        return;
    }
    if (err == ERR_NOT_FOUND) { /* deleted after it was authenticated */
        reply_error(reply, 401, "Not authorized");
        return;
    }
    reply_from_err(reply, err);
}

static void on_done(struct op *op)
{
    struct sample_post *post = post_of(op);
    if (op->err != ERR_OK) {
        device_reply_failure(&post->reply, op->err);
    } else {
        post->reply.status = 201;
    }
    post->door_done(op);
}

void sample_post_submit(struct sample_post *post, struct mailbox *home, void (*done)(struct op *op))
{
    post->door_done = done;
    post->op.home = home;
    post->op.lane = LANE_TELEMETRY;
    post->op.run = run;
    post->op.done = on_done;
    op_submit(post->domain->executor, &post->op);
}
