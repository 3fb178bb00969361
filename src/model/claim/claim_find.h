/* Finding the device that somebody wants to claim. For the files of this folder only. */
#ifndef MUSTER_MODEL_CLAIM_FIND_H
#define MUSTER_MODEL_CLAIM_FIND_H

#include "codec/json/json.h"
#include "model/device/device_change.h"

enum claim_result {
    CLAIM_NOT_REGISTERED,
    CLAIM_POSSIBLE,
    CLAIM_HERE,        /* the organization has it already */
    CLAIM_ELSEWHERE,
    CLAIM_UNPUBLISHED, /* and the organization is not its maker's lab */
    CLAIM_CHILD,       /* comes with its parent */
    CLAIM_AMBIGUOUS,
};

/* Reads cloud_id, or mac and sn. False: the reply says which is blank. */
bool claim_identifiers_check(struct admin *admin, const struct json *body);
/* Finds by the identifier that belongs to the model's authentication method; cloud_id also matches the derived QR code
 * (portal.md 6.3). *ret_device is filled unless nothing was found. */
enum err claim_find(struct admin *admin, struct store_tx *tx, int64_t organization_no, const struct json *body,
                    struct device_core *ret_device, enum claim_result *ret_result) MUST_CHECK;
/* What a claim of this device by that organization would meet. */
enum claim_result claim_result_of(struct domain *domain, const struct device_core *device, int64_t organization_no);

#endif
