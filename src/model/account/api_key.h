/* API keys of partners and organizations (management-api.md 1.2, 5.10, 6.2): shown once, stored as keyed hash. */
#ifndef MUSTER_MODEL_API_KEY_H
#define MUSTER_MODEL_API_KEY_H

#include "model/management/admin.h"
#include "model/ports/api_key_store.h"
#include "model/account/setup.h"

/* Makes a key: "mp_" or "mo_" and 43 base62 characters. `row`: tenant, name, scope and expiry are set by the caller, the
 * rest is filled in. Usable after the commit. */
enum err api_key_make(struct admin *admin, struct store_tx *tx, struct api_key_row *row,
                      char ret_key[API_KEY_CHARS + 1]) MUST_CHECK;

/* GET|POST /api_keys, DELETE /api_keys/:id of the tenant that asks. */
void api_key_list(struct admin *admin, struct store_tx *tx, struct page page);
void api_key_create(struct admin *admin, struct store_tx *tx, const struct json *body);
void api_key_revoke(struct admin *admin, struct store_tx *tx, struct str id);

#endif
