/* Dumps (device-api.md 8.3 to 8.5; management-api.md 5.7, 6.1): what devices send to be looked at by people. */
#ifndef MUSTER_MODEL_FILE_DUMP_H
#define MUSTER_MODEL_FILE_DUMP_H

#include "model/device/device_change.h"
#include "model/file/upload.h"
#include "model/management/admin.h"
#include "model/ports/file_store.h"

/* A new dump of the device, on LANE_REGISTRY: 201 with its id, `with_length` as the old forms answer. True: the content
 * is to stay if the transaction is committed. `content` NULL: nothing was sent. */
struct dump_sent {
    struct str mime, name;
    const struct upload_content *content;
    bool with_length;
};
bool dump_create(struct domain *domain, struct store_tx *tx, const struct device_brief *device, const struct dump_sent *sent,
                 struct reply *reply);

/* Appends what `spool` holds (NULL: nothing was sent) and calls done(user) on `home` with `reply` filled in: bytes of one
 * dump in the order of these calls, each counted once its commit says so. `spool` and `reply` are borrowed until then. */
struct dump_appending {
    struct domain *domain;
    const struct device_brief *device; /* copied */
    struct str dump_id;                /* copied */
    struct upload *spool;
    struct reply *reply;
    struct mailbox *home;
    void (*done)(void *user);
    void *user;
};
void dump_append(const struct dump_appending *appending);

/* GET /devices/:id/dumps: newest first; an organization sees those from its own time. */
void dump_list(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct page page);
/* For its content; *ret_etag changes when something is appended. False: the reply is the error. */
bool dump_find(struct admin *admin, struct store_tx *tx, struct str id, struct dump_row *ret_row, struct str *ret_etag);

#endif
