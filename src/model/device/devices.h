/* What the device domain needs around itself: loading the hot records at start, and the small state that is neither a
 * row nor a hot record (refusals not yet logged, whether the ticker's operation is still under way). */
#ifndef MUSTER_MODEL_DEVICES_H
#define MUSTER_MODEL_DEVICES_H

#include "base/err.h"
#include "model/device/device_table.h"

struct domain;
struct store_tx;

/* Fills domain->devices from the store and makes domain->device_desk. The catalogue must be loaded already. Before the
 * threads start. */
enum err devices_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;
/* Frees domain->device_desk; after the threads ended. */
void devices_unload(struct domain *domain);

/* Failed claims, counted by the doors (management-api.md 1.7). */
struct attempts;
struct attempts *devices_claim_attempts(const struct domain *domain);

/* Fills what a hot record takes from its model and its tenants (protocol, API version, threshold, suspension) from the
 * catalogue; `device` has model_no, partner_no and organization_no. */
void device_brief_complete(struct domain *domain, struct device_brief *device);

#endif
