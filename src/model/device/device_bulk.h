/* One action on many devices of an organization (management-api.md 6.1), each on its own. */
#ifndef MUSTER_MODEL_DEVICE_BULK_H
#define MUSTER_MODEL_DEVICE_BULK_H

#include "codec/json/json.h"
#include "model/device/device_change.h"
#include "model/management/batch.h"

struct device_bulk {
    struct batch batch;
    struct str *ids; /* of the devices, each once, as they were sent */
    const struct json *body;
    void (*act)(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);
};

/* Reads "device_ids", "action" and what the action needs. False: the reply of `admin` holds the error. `body` must live
 * until the batch is done; the caller sets batch.on_done and starts it. Any thread. */
bool device_bulk_init(struct device_bulk *bulk, struct admin *admin, const struct json *body);
/* {"results":{"<id>":{"success":true}}} once all is done. */
void device_bulk_write(const struct device_bulk *bulk, struct reply *reply);

#endif
