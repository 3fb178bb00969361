/* Incidents for people (management-api.md 3.6, 5.7, 6.1). Writing on LANE_REGISTRY, lists on any lane with a store. */
#ifndef MUSTER_MODEL_INCIDENT_ADMIN_H
#define MUSTER_MODEL_INCIDENT_ADMIN_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/incident_store.h"

/* The envelope of Incident objects; the tenant of `filter` is set here. */
void incident_list(struct admin *admin, struct store_tx *tx, struct incident_filter *filter, struct page page);
/* One of the organization's, with its comments. `id` is the path's, likewise below. */
void incident_read(struct admin *admin, struct store_tx *tx, struct str id);
void incident_create(struct admin *admin, struct store_tx *tx, const struct json *body);
void incident_close_by(struct admin *admin, struct store_tx *tx, struct str id);
void incident_acknowledge(struct admin *admin, struct store_tx *tx, struct str id);
void incident_comment(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);

#endif
