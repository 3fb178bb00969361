/* Retained MQTT messages (mqtt.md 3.5.4, 14.1) as rows. Every function: on a lane's thread, in its transaction. */
#ifndef MUSTER_MODEL_PORTS_RETAINED_STORE_H
#define MUSTER_MODEL_PORTS_RETAINED_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct store_tx;

struct retained_row {
    int64_t space;           /* 0: the devices' topics, else an open listener's */
    struct str topic;
    struct str message;      /* PUBLISH as MQTT 5 bytes */
    int64_t expires_at_ms;   /* unix; INT64_MAX: never */
    int64_t device_no;       /* whose topic it is, its owner and its epoch when it was published */
    int64_t organization_no; /* 0: unclaimed */
    uint32_t epoch;
};

enum err retained_store_put(struct store_tx *tx, const struct retained_row *row); /* inserts, or replaces by topic */
enum err retained_store_remove(struct store_tx *tx, int64_t space, struct str topic);
enum err retained_store_remove_device(struct store_tx *tx, int64_t device_no);
/* Those of another epoch of the device. */
enum err retained_store_remove_stale(struct store_tx *tx, int64_t device_no, uint32_t epoch);
enum err retained_store_remove_expired(struct store_tx *tx, int64_t now_unix_ms);
/* Reads everything at start; strings are borrowed for the call. */
struct retained_store_visitor {
    void (*on_message)(struct retained_store_visitor *visitor, const struct retained_row *row);
};
enum err retained_store_load(struct store_tx *tx, struct retained_store_visitor *visitor);

#endif
