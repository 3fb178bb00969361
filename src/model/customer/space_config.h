/* The settings of a space (management-api.md 2, `config`). */
#ifndef MUSTER_MODEL_SPACE_CONFIG_H
#define MUSTER_MODEL_SPACE_CONFIG_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* `stored` (a JSON object) with the known keys of body.config and of the older body.config.general set, on one level; a
 * null removes its key, unknown keys are ignored. The result lives in the arena. False: 422 is answered. */
bool space_config_merge(struct admin *admin, const struct json *body, struct str stored, struct str *ret_config);

#endif
