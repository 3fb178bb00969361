/* Port: when the summaries of organizations' incidents are due (management-api.md 8.2). */
#ifndef MUSTER_MODEL_PORTS_DAILY_SUMMARY_STORE_H
#define MUSTER_MODEL_PORTS_DAILY_SUMMARY_STORE_H

#include "model/ports/row.h"

/* TIME_NONE: none from now on. */
enum err daily_summary_store_put(struct store_tx *tx, int64_t organization_no, int64_t next_at) MUST_CHECK;
/* Organizations whose summary is due: at most `max` numbers. */
enum err daily_summary_store_due(struct store_tx *tx, int64_t now, int64_t *ret_nos, size_t max, size_t *ret_count) MUST_CHECK;

#endif
