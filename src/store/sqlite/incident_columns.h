/* The columns of an incident row, for the files that read them. */
#ifndef MUSTER_STORE_SQLITE_INCIDENT_COLUMNS_H
#define MUSTER_STORE_SQLITE_INCIDENT_COLUMNS_H

#include "model/ports/incident_store.h"
#include "store/sqlite/tx.h"

#define INCIDENT_COLUMNS(t) \
    t "no, " t "id, " t "device_no, " t "organization_no, " t "origin, " t "priority, " t "title, " t "description, " \
    t "issue, " t "created_at, " t "updated_at, " t "closed_at, " t "partner_no, " t "acknowledged_by, " \
    t "rule_no, " t "day, " t "seq"

/* Reads them from the first columns of the query's row; strings go into the arena. */
void incident_columns_read(struct query *q, struct arena *arena, struct incident_row *ret_row);

#endif
