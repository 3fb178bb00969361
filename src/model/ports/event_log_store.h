/* Port: the events that devices report (device-api.md 9.4). Rows of former owners are left out of lists and wait for the
 * purge. Strings of a row that is visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_EVENT_LOG_STORE_H
#define MUSTER_MODEL_PORTS_EVENT_LOG_STORE_H

#include "model/ports/row.h"

struct device_event_row {
    struct uuid id;
    int64_t device_no;
    uint32_t epoch;
    struct str name, category;
    bool has_int[2];
    int32_t int_key[2];
    struct str string_key[2]; /* ptr NULL: none */
    int64_t at, received_at;  /* unix ms */
    int64_t intent_no;        /* of the QoS 2 publish that brought it (hub/uplink.c); 0: none; only written */
};

/* LANE_REGISTRY. */
enum err event_log_store_insert(struct store_tx *tx, const struct device_event_row *row) MUST_CHECK;
/* Events of the device, of any owner, received since then. */
enum err event_log_store_count_since(struct store_tx *tx, int64_t device_no, int64_t since, int64_t *ret_count) MUST_CHECK;
/* Whether an event was stored with that intent. At the start, on the registry's connection. */
enum err event_log_store_find_intent(struct store_tx *tx, int64_t intent_no, bool *ret_found) MUST_CHECK;

struct device_event_filter {
    int64_t device_no;
    uint32_t epoch;
    int64_t from, to;          /* of received_at, both included */
    struct str name, category; /* exact; ptr NULL: any */
    bool ascending;
};
enum err event_log_store_list(struct store_tx *tx, const struct device_event_filter *filter, struct page page,
                              void (*visit)(const struct device_event_row *row, void *arg), void *arg) MUST_CHECK;
enum err event_log_store_count(struct store_tx *tx, const struct device_event_filter *filter, int64_t *ret_count) MUST_CHECK;
/* Removes at most `rows_max` that were received before `before`. */
enum err event_log_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max) MUST_CHECK;

#endif
