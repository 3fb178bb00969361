/* GET /system/status (management-api.md 10.2): how the installation does; and what of it is on the metrics page. */
#ifndef MUSTER_MODEL_SYSTEM_STATUS_H
#define MUSTER_MODEL_SYSTEM_STATUS_H

#include "model/management/admin.h"
#include "model/management/system_source.h"
#include "model/op.h"

/* First the loops are asked who is behind, then a reader writes the reply. */
struct status_read {
    struct op op;
    struct admin *admin;
    struct slow_ask ask;
    void (*on_done)(struct status_read *read); /* on `home`; the reply stands */
    void *user;
};
/* The caller has set admin, on_done and user. */
void status_start(struct status_read *read, struct mailbox *home);

/* Appends disk, certificate and backup in Prometheus' text format; what cannot be read is left out. On LANE_READ. */
void status_metrics(struct domain *domain, struct store_tx *tx, struct arena *arena, struct buf *out);

#endif
