/* A partner's webhook (management-api.md 8.1): what its server is told, queued in the transaction that makes it true.
 * Nothing is written for a partner without a webhook, or one that does not want the event; a full queue
 * (notify.webhook_queue) keeps it as failed. All on LANE_REGISTRY; a failure is the store's. */
#ifndef MUSTER_MODEL_OUTBOX_WEBHOOK_H
#define MUSTER_MODEL_OUTBOX_WEBHOOK_H

#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"
#include "model/ports/device_store.h"

struct domain;
struct store_tx;

/* The event types, in the order of 8.1; ends with NULL. */
extern const char *const webhook_event_types[];

/* "registered_device": `device` as the transaction has it, also for a replaced unit. */
enum err webhook_registered_device(struct domain *domain, struct store_tx *tx, const struct device_row *device) MUST_CHECK;
/* "claimed_device": core.organization_no is the new owner. */
enum err webhook_claimed_device(struct domain *domain, struct store_tx *tx, const struct device_core *device) MUST_CHECK;
/* "deleted_device": `device` as it was. */
enum err webhook_deleted_device(struct domain *domain, struct store_tx *tx, const struct device_row *device) MUST_CHECK;

/* "license_updated": after every change of a licence's state, assignment or data (device-api.md 6). */
struct webhook_license {
    int64_t partner_no;       /* who sells it */
    int64_t device_no;        /* in whose order; 0: no device has it */
    struct uuid license_id;
    const struct uuid *device_id; /* NULL: no device has it */
    struct str action, state; /* as in the License object */
};
enum err webhook_license_updated(struct domain *domain, struct store_tx *tx, const struct webhook_license *license) MUST_CHECK;

#endif
