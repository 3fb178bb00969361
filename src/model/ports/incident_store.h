/* Port: incidents. Strings of a row that is read live in the given arena. */
#ifndef MUSTER_MODEL_PORTS_INCIDENT_STORE_H
#define MUSTER_MODEL_PORTS_INCIDENT_STORE_H

#include "model/ports/row.h"

struct incident_row {
    int64_t no;
    struct uuid id;
    int64_t device_no, organization_no;
    int origin, priority; /* enum incident_origin, enum incident_priority */
    struct str title, description, issue; /* description ptr NULL: none */
    int64_t created_at, updated_at, closed_at; /* unix ms; TIME_NONE: null */
};

enum err incident_store_insert(struct store_tx *tx, struct incident_row *row) MUST_CHECK; /* sets row->no */
enum err incident_store_close(struct store_tx *tx, int64_t no, int64_t at) MUST_CHECK;
/* The active one of this device, origin and issue. ERR_NOT_FOUND. */
enum err incident_store_active(struct store_tx *tx, int64_t device_no, int origin, struct str issue, struct arena *arena,
                               struct incident_row *ret_row) MUST_CHECK;
/* All active ones of a device, newest first. */
enum err incident_store_all_active(struct store_tx *tx, int64_t device_no, struct arena *arena,
                                   struct incident_row **ret_rows, size_t *ret_count) MUST_CHECK;
/* The most urgent priority among the active ones: *ret_priority, 0 if there is none. */
enum err incident_store_worst(struct store_tx *tx, int64_t device_no, int *ret_priority) MUST_CHECK;
/* Removes at most `rows_max` incidents that were closed before `before` (unix ms). */
enum err incident_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max) MUST_CHECK;

#endif
