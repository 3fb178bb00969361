/* Port: the figures of a partner's overview that are not in memory (management-api.md 5.10). */
#ifndef MUSTER_MODEL_PORTS_OVERVIEW_STORE_H
#define MUSTER_MODEL_PORTS_OVERVIEW_STORE_H

#include "model/ports/row.h"

struct overview_figures {
    int64_t models, organizations;
    int64_t registrations, registrations_refused; /* since `since` */
};
enum err overview_store_figures(struct store_tx *tx, int64_t partner_no, int64_t since,
                                struct overview_figures *ret_figures) MUST_CHECK;
/* Devices per model and firmware version, most devices first, at most `limit`; strings are borrowed for the call. */
enum err overview_store_firmware(struct store_tx *tx, int64_t partner_no, int64_t limit,
                                 void (*visit)(struct str model, struct str version, int64_t devices, void *arg),
                                 void *arg) MUST_CHECK;

/* Active incidents of its customers by priority: ret_counts[1] critical ... [5] planning. */
enum err overview_store_incidents(struct store_tx *tx, int64_t partner_no, int64_t ret_counts[6]) MUST_CHECK;

#endif
