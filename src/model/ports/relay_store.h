/* QoS 2 publishes on their way to other loops of the hub, as rows (hub/relay.h tells why). Every function: on a lane's
 * thread, in its transaction. */
#ifndef MUSTER_MODEL_PORTS_RELAY_STORE_H
#define MUSTER_MODEL_PORTS_RELAY_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct store_tx;

#define RELAY_TO_SHARES (-1)

struct relay_row {
    int64_t no;              /* given by the hub, rising */
    int32_t loop, loops;     /* the loop, and of how many then; RELAY_TO_SHARES: the groups of shared subscriptions */
    int64_t sender_no;       /* the publishing session's row */
    int64_t space;           /* 0: the devices' topics, else an open listener's */
    struct str message;      /* PUBLISH as MQTT 5 bytes */
    int64_t expires_at_ms;   /* unix; INT64_MAX: never */
    int64_t device_no;       /* whose topic it is, its owner and its epoch when it was published */
    int64_t organization_no; /* 0: unclaimed */
    uint32_t epoch;
};

enum err relay_store_put(struct store_tx *tx, const struct relay_row *row);
enum err relay_store_remove(struct store_tx *tx, int64_t no);
/* Reads everything at start, in the order of the numbers; strings are borrowed for the call. */
struct relay_store_visitor {
    void (*on_relay)(struct relay_store_visitor *visitor, const struct relay_row *row);
};
enum err relay_store_load(struct store_tx *tx, struct relay_store_visitor *visitor);

#endif
