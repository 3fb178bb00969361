/* Tells people of an incident (management-api.md 8.2, 8.3): by mail and by the chat channels of its space, queued in the
 * transaction that opens it. */
#ifndef MUSTER_MODEL_OUTBOX_INCIDENT_NOTICE_H
#define MUSTER_MODEL_OUTBOX_INCIDENT_NOTICE_H

#include "model/incident/incident_view.h"

/* `view` has the incident's device loaded. On LANE_REGISTRY; a failure is the store's. */
enum err incident_notice_queue(const struct incident_view *view, const struct incident_row *row) MUST_CHECK;

#endif
