/* Who a device belongs to: claim, assign, un-claim, move (device-api.md 10.1, management-api.md 3.2, 5.7, 6.1). Every
 * function writes admin->reply; on LANE_REGISTRY unless it says otherwise; `device` is the principal's. */
#ifndef MUSTER_MODEL_CLAIM_H
#define MUSTER_MODEL_CLAIM_H

#include "codec/json/json.h"
#include "model/device/device_change.h"

enum { ASSIGN_DEVICES_MAX = 500 };

/* POST /devices/claim by an organization; the reply is the Device. False: nothing that could be claimed has these
 * identifiers, which counts as a failed attempt (management-api.md 1.7). */
bool device_claim(struct admin *admin, struct store_tx *tx, const struct json *body);
/* POST /devices/claim/lookup: what a claim would find. False as above. On LANE_READ. */
bool device_claim_lookup(struct admin *admin, struct store_tx *tx, const struct json *body);
/* POST /devices/assign by a partner: claims its devices for one of its organizations, all or none. */
void device_assign(struct admin *admin, struct store_tx *tx, const struct json *body);
/* POST /devices/:id/unclaim by the owner, /unassign by the maker. */
void device_unclaim(struct admin *admin, struct store_tx *tx, const struct device_core *device);
/* Into another space of its organization, its application children with it. */
enum err device_move_with_children(struct device_change *change, struct device_core *device, int64_t space_no) MUST_CHECK;
/* POST /devices/:id/move; the reply is the Device. */
void device_move(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);

#endif
