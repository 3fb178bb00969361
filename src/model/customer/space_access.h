/* Who may what in a space, what stands in it, and how many devices are where (management-api.md 6.2). Every function
 * writes admin->reply; `id` is the space's. */
#ifndef MUSTER_MODEL_SPACE_ACCESS_H
#define MUSTER_MODEL_SPACE_ACCESS_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/row.h"

#define SPACE_ACCESS_MAX 500  /* entries of one space */
#define SPACE_ASSETS_MAX 2000 /* of one space */

/* "items": what this space grants; "inherited": what the spaces above it do. */
void space_access_read(struct admin *admin, struct store_tx *tx, struct str id);
/* Replaces the list; `entries` is the array. */
void space_access_write(struct admin *admin, struct store_tx *tx, struct str id, const struct json *entries);

void space_asset_list(struct admin *admin, struct store_tx *tx, struct str id, struct page page);
void space_asset_create(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
void space_asset_update(struct admin *admin, struct store_tx *tx, struct str id, struct str asset_id, const struct json *body);
void space_asset_delete(struct admin *admin, struct store_tx *tx, struct str id, struct str asset_id);

/* GET /usage: the spaces, with the number of devices directly in each. */
void space_usage(struct admin *admin, struct store_tx *tx, struct page page);

#endif
