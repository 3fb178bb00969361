/* What a rollout is meant for (management-api.md 6.2): either the members of a device filter, or ids. For the files of
 * this folder only. */
#ifndef MUSTER_MODEL_ROLLOUT_TARGET_H
#define MUSTER_MODEL_ROLLOUT_TARGET_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/device_store.h"

enum { ROLLOUT_IDS_MAX = 1000, ROLLOUT_MODELS_MAX = 64 };

enum rollout_target_use {
    ROLLOUT_TARGET_NEW,  /* an id that is not there is an error */
    ROLLOUT_TARGET_LEFT, /* listing the devices: it has gone since, and the others are meant all the same */
};
/* Reads {"device_ids":[...]} or {space_id, model_id, firmware_version, search}, at least one of them. A name that is none of
 * these is an error: left out, it would make the target larger than it was meant to be. Only devices of the caller's
 * organization, in spaces where it may do what admin->principal.needs says. False: the reply holds the error. */
bool rollout_target_read(struct admin *admin, struct store_tx *tx, const struct json *target, enum rollout_target_use use,
                         struct device_filter *ret_filter);

struct rollout_share {
    int64_t model_no;
    struct str version; /* ptr NULL: none */
    int64_t count;
};
/* The target's devices by model and firmware version, in the arena. False: the reply holds the error. */
bool rollout_target_shares(struct admin *admin, struct store_tx *tx, const struct device_filter *filter,
                           struct rollout_share **ret_shares, size_t *ret_count);

#endif
