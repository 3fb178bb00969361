/* Products that a partner sells licences of (management-api.md 5.8). Every function writes admin->reply; the principal is
 * the partner's. */
#ifndef MUSTER_MODEL_PRODUCT_H
#define MUSTER_MODEL_PRODUCT_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/license_store.h"

enum { PRODUCTS_MAX = 1000, PRODUCT_MODELS_MAX = 1000 };

void product_list(struct admin *admin, struct store_tx *tx, struct page page);
void product_create(struct admin *admin, struct store_tx *tx, const struct json *body);
void product_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
/* The product named by a body's product_id; no 0 when it names none. False: 404 is answered. */
bool product_find_named(struct admin *admin, struct store_tx *tx, struct str id, struct product_row *ret_row);

#endif
