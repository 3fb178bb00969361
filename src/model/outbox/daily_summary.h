/* The daily summary of an organization's incidents (management-api.md 8.2): mailed to its notification_emails at its
 * daily_report_hour, in the time of its root space's location, UTC without one. */
#ifndef MUSTER_MODEL_OUTBOX_DAILY_SUMMARY_H
#define MUSTER_MODEL_OUTBOX_DAILY_SUMMARY_H

#include "codec/json/json.h"
#include "model/ports/row.h"

struct domain;

/* The organization's settings are these from now on (the document of tenant_settings): the next summary is due when it is
 * daily_report_hour for the next time, none without one. LANE_REGISTRY. */
enum err daily_summary_schedule(struct domain *domain, struct store_tx *tx, int64_t organization_no,
                                const struct json *settings) MUST_CHECK;
/* Queues the mails that are due, by operations of its own. What was missed while the program did not run is made up for
 * once; the summary of an organization that fails is tried again in an hour. Any thread. */
void daily_summaries_start(struct domain *domain);

#endif
