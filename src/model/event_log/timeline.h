/* What happened to a device in one list: registration, claim, edits and moves, commands, incidents, changes of status and
 * of firmware (portal.md 4.8; management-api.md 5.7, 6.1). */
#ifndef MUSTER_MODEL_TIMELINE_H
#define MUSTER_MODEL_TIMELINE_H

#include "model/management/admin.h"
#include "model/ports/device_store.h"

/* The envelope of {"at","type","what","text","actor","id"}, by time. Each side sees edits of its own people only. Any
 * lane with a store. */
void device_timeline(struct admin *admin, struct store_tx *tx, const struct device_core *device, int64_t from, int64_t to,
                     bool ascending, struct page page);

#endif
