/* One sample on its way to the telemetry writer in a single piece of memory: what a door uses that has read the body with
 * telemetry_scan() and wants no more of the answer than its status. Everything else goes by device_call.h. */
#ifndef MUSTER_MODEL_SAMPLE_POST_H
#define MUSTER_MODEL_SAMPLE_POST_H

#include "model/op.h"
#include "model/telemetry/telemetry_scan.h"

struct sample_post {
    struct op op;                       /* done(op) is the door's */
    struct domain *domain;
    int64_t device_no;                  /* the authenticated device */
    struct telemetry_sample sample;
    struct reply reply;                 /* complete when done is called: 201 without a body, or an error */
    void (*door_done)(struct op *op);
};

/* `memory` has telemetry_scan_room() bytes and lives as long as the post; sample.transport and sample.qos are the
 * caller's to set. */
void sample_post_init(struct sample_post *post, struct domain *domain, int64_t device_no, struct telemetry_scan *scan,
                      char *memory);
void sample_post_deinit(struct sample_post *post);
/* Stores it; `done` is called on `home` with the reply filled in, whatever happened. Any thread. */
void sample_post_submit(struct sample_post *post, struct mailbox *home, void (*done)(struct op *op));
/* The reply of a step that failed with op->err, unless it has its text already. */
void device_reply_failure(struct reply *reply, enum err err);

#endif
