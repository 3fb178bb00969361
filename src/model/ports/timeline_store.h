/* Port: what happened to a device, gathered from the tables that know it (portal.md 4.8). */
#ifndef MUSTER_MODEL_PORTS_TIMELINE_STORE_H
#define MUSTER_MODEL_PORTS_TIMELINE_STORE_H

#include "model/ports/row.h"

enum timeline_kind {
    TIMELINE_REGISTERED = 1,
    TIMELINE_CLAIMED = 2,
    TIMELINE_EDITED = 3,            /* text: action of the audit log, actor */
    TIMELINE_COMMAND_CREATED = 4,   /* text: friendly name, id */
    TIMELINE_COMMAND_FINISHED = 5,  /* code: enum command_status, text, id */
    TIMELINE_INCIDENT_OPENED = 6,   /* text: title, id */
    TIMELINE_INCIDENT_CLOSED = 7,
    TIMELINE_STATUS = 8,            /* code: enum device_status */
    TIMELINE_FIRMWARE = 9,          /* text: "1.0.0 → 1.1.0" */
};

struct timeline_row {
    enum timeline_kind kind;
    int64_t at; /* unix ms */
    int code;
    struct str text, actor; /* ptr NULL: none; borrowed for the call */
    struct uuid id;         /* nil: none */
};

struct timeline_filter {
    int64_t device_no;
    uint32_t epoch;
    struct str device_id;        /* as the audit log has it */
    int tenant_kind;             /* whose audit log */
    int64_t tenant_no;
    int64_t organization_no;     /* only its commands and firmware; 0: of every owner */
    int64_t from, to;            /* unix ms, both included */
    bool ascending;
};
enum err timeline_store_list(struct store_tx *tx, const struct timeline_filter *filter, struct page page,
                             void (*visit)(const struct timeline_row *row, void *arg), void *arg) MUST_CHECK;
enum err timeline_store_count(struct store_tx *tx, const struct timeline_filter *filter, int64_t *ret_count) MUST_CHECK;

#endif
