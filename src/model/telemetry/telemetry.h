/* Telemetry: from a message's body to a row in today's file, the device's state, and back out as lists and series
 * (device-api.md 3.1, 3.2; management-api.md 4; mqtt.md 12).
 *
 * A device's live state has one owner, the telemetry lane: it merges in commit order and publishes immutable snapshots
 * after the commit. The day files are the truth; the registry's copy of state, status and last
 * contact is brought up to date every few seconds and at a stop, and at a start the rows behind the last checkpoint are
 * replayed. */
#ifndef MUSTER_MODEL_TELEMETRY_H
#define MUSTER_MODEL_TELEMETRY_H

#include "base/arena.h"
#include "model/device/device_table.h"
#include "model/event.h"
#include "model/ports/telemetry_store.h"
#include "model/reply.h"

struct domain;
struct json;
struct store_tx;
struct telemetry;

struct telemetry *telemetry_new(struct domain *domain); /* before store_load; kept in domain->telemetry by the caller */
void telemetry_free(struct telemetry *telemetry);       /* after the store is closed */

/* A message after validation. */
struct telemetry_sample {
    enum device_status status;      /* STATUS_ONLINE, STATUS_OFFLINE or STATUS_ERROR */
    bool override;                  /* replaces the whole state */
    struct str values;              /* flat document (model/telemetry/flat.h), `status` included, null removes; in the arena */
    int64_t at_ms;                  /* sample time, unix (device-api.md 3.2.2) */
    int64_t received_ms;            /* unix */
    int64_t device_timestamp_ms;    /* as sent; INT64_MIN: none */
    struct str message;             /* ptr NULL: none */
    struct str firmware_version;    /* of a legacy body; ptr NULL: none (3.2.4) */
    enum transport transport;
    bool from_other;                /* in a call of its parent, or of several devices */
    uint32_t body_bytes;
    uint8_t qos;
    int64_t intent_no;              /* of the door's (ports/session_store.h); 0: none */
};

/* Validates and normalises a body (NULL: empty, equals {}). Any thread. ERR_INVALID: `reply` holds the exact answer of
 * device-api.md 3.1 (413, 422). What *ret_sample points to is in the arena. */
enum err telemetry_parse(struct domain *domain, const struct json *body, uint32_t body_bytes, enum transport transport,
                         struct arena *arena, struct telemetry_sample *ret_sample, struct reply *reply) MUST_CHECK;

/* Stores a sample: from `run` of an operation on LANE_TELEMETRY, as its last step that can fail. The state, the hot
 * record, EVENT_TELEMETRY and EVENT_STATUS follow the commit by themselves, before the operation's `committed`. The epoch
 * is the hot record's.
 * ERR_INVALID: the state would pass its limits, `reply` holds the 422. ERR_NOT_FOUND: deleted meanwhile. ERR_STORAGE. */
enum err telemetry_append(struct domain *domain, struct store_tx *tx, int64_t device_no,
                          const struct telemetry_sample *sample, struct reply *reply) MUST_CHECK;

/* Appends the state as a compact JSON object, "{}" before the first telemetry. From memory, or on a miss from the
 * registry of `tx`: any lane but LANE_WORK. With `tx` NULL (event loops) ERR_NOT_FOUND says that it is not in memory. */
enum err telemetry_state_json(struct domain *domain, struct store_tx *tx, int64_t device_no, struct buf *out) MUST_CHECK;

/* Appends the JSON array of management-api.md 4 "telemetries": newest sample time first, at most `limit`, sample times
 * within [from_ms, to_ms]. On LANE_READ or LANE_REGISTRY. */
enum err telemetry_write_newest(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                                int64_t from_ms, int64_t to_ms, unsigned limit, struct buf *out) MUST_CHECK;
/* Appends {"series":[{"key","unit","points":[...]}]} of management-api.md 6.1: numbers as [ms,min,avg,max], of single
 * values when there are at most `points`, else of buckets; strings and booleans as changes [ms,value]. `units`: of each key,
 * ptr NULL for none. On LANE_READ. */
enum err telemetry_write_series(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                                const struct str *keys, const struct str *units, size_t key_count, int64_t from_ms, int64_t to_ms, unsigned points,
                                struct buf *out) MUST_CHECK;

/* The device was deleted, or un-claimed with a raised epoch (the row's state is '{}' and its position 0): forgets its
 * state at once; what is under way for the old epoch is dropped when it commits. From `committed` on LANE_REGISTRY,
 * after the hot record was changed. */
void telemetry_forget(struct domain *domain, int64_t device_no);

/* Up to where samples are committed and published. Any thread. */
struct sample_position telemetry_published(struct domain *domain);

/* ---- for the domain's start, tick and end, and for the store ---- */

/* Replays the tail of the day files onto the hot records and the registry. The hot records must be loaded. */
enum err telemetry_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;
/* Once a second, any thread: starts a checkpoint of changed states when it is time, and retention. */
void telemetry_tick(struct domain *domain);
/* Writes all changed states: at the end, on the registry's connection, in a transaction of the caller. */
enum err telemetry_flush_all(struct domain *domain, struct store_tx *tx) MUST_CHECK;
/* Before and after each batch of the telemetry lane, on its thread. */
void telemetry_batch_begin(struct domain *domain);
void telemetry_batch_end(struct domain *domain, bool committed);

#endif
