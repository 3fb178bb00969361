/* Custom parameters of a device (management-api.md 3.2, 5.4): values its owner types in for the keys its model declares.
 * Passwords are stored sealed under the installation's key and shown to people only as "*****". */
#ifndef MUSTER_MODEL_CUSTOM_PARAMETERS_H
#define MUSTER_MODEL_CUSTOM_PARAMETERS_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* Replaces the map: checks `map` against the model's `declared` parameters (JSON array) and makes the text to store;
 * "*****" keeps a stored password. False: the reply holds the 422. The result lives in the arena. */
bool custom_parameters_change(struct admin *admin, struct str declared, struct str stored, const struct json *map,
                              struct str *ret_stored);

#endif
