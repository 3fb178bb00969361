/* HTTP calls that wait to be made: how they queue, when they are tried again, when they are given up
 * (management-api.md 8.1). Of the waiting ones of a device only the first is due, so that they leave in order. All on
 * LANE_REGISTRY unless it says otherwise. */
#ifndef MUSTER_MODEL_OUTBOX_DELIVERY_H
#define MUSTER_MODEL_OUTBOX_DELIVERY_H

#include "model/ports/delivery_store.h"

struct domain;

#define DELIVERY_TRIES_MAX 3
#define DELIVERY_ERROR_BYTES_MAX 200

/* Queues a call: tenant, device_no, channel, event_type, url_sealed and body are the caller's, the rest is filled in.
 * With a full queue it is kept as failed. */
enum err delivery_queue(struct domain *domain, struct store_tx *tx, struct delivery_row *row) MUST_CHECK;

/* What an attempt came to. */
struct delivery_outcome {
    int64_t status;         /* HTTP status; 0: no reply came */
    struct str error;       /* empty: it was delivered */
    bool is_final;          /* no further try would help */
};
/* Writes it down: delivered, due again after 10 s or 60 s, or given up after the third try; the next of its device is
 * due when this one is final. ERR_NOT_FOUND: it is gone, or was final already. */
enum err delivery_attempted(struct domain *domain, struct store_tx *tx, int64_t no,
                            const struct delivery_outcome *outcome) MUST_CHECK;
/* A final one waits again from its first try on. ERR_STATE: it waits already. ERR_LIMIT: the queue is full. */
enum err delivery_again(struct domain *domain, struct store_tx *tx, struct delivery_row *row) MUST_CHECK;

/* Tells the sender after the commit that something may be due. */
void outbox_wake(struct store_tx *tx);

#endif
