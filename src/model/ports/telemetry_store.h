/* Port: the day files and the registry's copy of the devices' states. */
#ifndef MUSTER_MODEL_PORTS_TELEMETRY_STORE_H
#define MUSTER_MODEL_PORTS_TELEMETRY_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "model/device/device_table.h"

struct store_tx;

/* What made a row. */
enum sample_kind {
    SAMPLE_REPORTED = 0,
    SAMPLE_SWEPT = 1,     /* the offline threshold passed (device-api.md 10.2.2) */
    SAMPLE_RECOVERED = 2, /* contact after that, without a report of its own (10.2.3) */
};

struct sample_position {
    int32_t day; /* days since 1970 UTC, of receipt; 0: none */
    int64_t seq;
};

static inline bool sample_position_is_after(struct sample_position a, struct sample_position b)
{
    return a.day > b.day || (a.day == b.day && a.seq > b.seq);
}

struct sample_row {
    struct sample_position position;
    struct sample_position previous; /* the row before this one of the same device and epoch */
    int64_t device_no;
    uint32_t epoch;
    enum sample_kind kind;
    enum device_status status;
    bool override;
    int64_t at_ms, received_ms;
    int64_t device_timestamp_ms; /* INT64_MIN: none */
    struct str message;          /* ptr NULL: none */
    struct str values;           /* flat document */
    int64_t intent_no;           /* 0: none; kept beside the row, and not read back with it */
};

/* Appends to the open day file and sets row->position. LANE_TELEMETRY. */
enum err sample_store_append(struct store_tx *tx, struct sample_row *row) MUST_CHECK;
/* One row by its position; its strings are valid until the next call with the same `tx`. ERR_NOT_FOUND: the day is no
 * longer kept. LANE_READ or LANE_REGISTRY. */
enum err sample_store_read(struct store_tx *tx, struct sample_position position, struct sample_row *ret_row) MUST_CHECK;
/* Consecutive rows of one device and epoch that are sealed: what is known of them without reading them. */
struct sample_run {
    int64_t device_no;
    uint32_t epoch;
    uint32_t rows;
    int64_t first_seq, last_seq;
    struct sample_position previous; /* the row before the first one */
    int64_t at_min_ms, at_max_ms, received_max_ms;
};
/* The sealed run whose newest row is at `position`. ERR_NOT_FOUND: that row is not sealed, or not the last one of a run. */
enum err sample_store_run(struct store_tx *tx, struct sample_position position, struct sample_run *ret_run) MUST_CHECK;

/* The numbers of one key of a run whose sample times lie within five minutes. */
struct sample_rollup {
    int64_t from_ms, to_ms; /* both included */
    uint64_t count;
    double min, max, sum, last;
};
/* Visits the roll-ups of the run that sample_store_run found, oldest first, until `visit` returns false. ERR_NOT_FOUND:
 * that run has none; its rows are few. */
enum err sample_store_rollups(struct store_tx *tx, struct sample_position position, struct str key,
                              bool (*visit)(const struct sample_rollup *rollup, void *arg), void *arg) MUST_CHECK;

/* Visits every row behind `after`, each device's in order of arrival. At the start, on the registry's connection. */
enum err sample_store_replay(struct store_tx *tx, struct sample_position after,
                             enum err (*visit)(const struct sample_row *row, void *arg), void *arg) MUST_CHECK;
/* Whether a row behind `after` was appended with that intent_no. What is sealed does not tell it any more: *ret_sealed
 * says that there is such. At the start, on the registry's connection. */
enum err sample_store_find_intent(struct store_tx *tx, struct sample_position after, int64_t intent_no, bool *ret_found,
                                  bool *ret_sealed) MUST_CHECK;
/* Removes the files of days before `oldest_day`. LANE_TELEMETRY. */
void sample_store_retain(struct store_tx *tx, int32_t oldest_day);
/* Ends the open file when it is due, so that it is sealed: also while nothing arrives. LANE_TELEMETRY. */
void sample_store_rotate(struct store_tx *tx, int64_t now_ms);

/* ---- the registry's copy; writing on LANE_REGISTRY ---- */

/* Appends the state's JSON. ERR_NOT_FOUND: no such device, or another epoch. */
enum err state_store_read(struct store_tx *tx, int64_t device_no, uint32_t epoch, struct buf *out) MUST_CHECK;

struct state_row {
    int64_t device_no;
    uint32_t epoch; /* of another one nothing is written */
    enum device_status status, reported_status;
    bool swept;
    int64_t last_seen_ms; /* 0: never */
    struct sample_position position;
    struct str state; /* JSON */
};
enum err state_store_write(struct store_tx *tx, const struct state_row *row) MUST_CHECK;
enum err state_store_write_contact(struct store_tx *tx, const struct device_contact *contact) MUST_CHECK;
/* A snapshot at `at`, unless there is one at that very moment (a replayed one). */
enum err history_store_add(struct store_tx *tx, int64_t device_no, uint32_t epoch, int64_t at, enum device_status status,
                           struct str state) MUST_CHECK;
/* A snapshot of the registry's state at `at`, unless the device has one since `slot_start`. */
enum err history_store_add_slot(struct store_tx *tx, int64_t device_no, uint32_t epoch, int64_t at, int64_t slot_start) MUST_CHECK;
/* Deletes at most `max` rows older than `before`; *ret_more: some are left. */
enum err history_store_retain(struct store_tx *tx, int64_t before, int64_t max, bool *ret_more) MUST_CHECK;

enum err checkpoint_store_read(struct store_tx *tx, struct sample_position *ret_position) MUST_CHECK;
enum err checkpoint_store_write(struct store_tx *tx, struct sample_position position) MUST_CHECK;

#endif
