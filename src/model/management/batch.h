/* Many independent things that one call asks for: run a few at a time, each slice a transaction of its own, so that the
 * writer has turns for others in between. What one of them is refused does not touch the rest. */
#ifndef MUSTER_MODEL_BATCH_H
#define MUSTER_MODEL_BATCH_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/op.h"

#define BATCH_ITEMS_MAX 500

struct batch {
    struct op op;
    struct domain *domain;
    struct arena *arena;         /* lives until on_done */
    struct principal principal;
    struct str address;
    size_t count;
    /* One item: writes its own admin->reply. A refusal (4xx) must come before anything is written. Registry lane. */
    void (*run)(struct batch *batch, struct admin *admin, struct store_tx *tx, size_t index);
    /* On the thread of `home`: all replies are there. */
    void (*on_done)(struct batch *batch);
    void *user;
    struct reply *replies;       /* `count` of them */
    struct admin *admins;        /* of the slice */
    size_t begin, end;           /* the slice */
};

/* The caller has filled in all to `user`; count is at least 1 and at most BATCH_ITEMS_MAX. */
void batch_start(struct batch *batch, struct mailbox *home);
/* {"success":true} or {"success":false,"error":"..."} of an item. */
void batch_write_result(const struct batch *batch, size_t index, struct json_writer *w);
void batch_deinit(struct batch *batch); /* the replies */

#endif
