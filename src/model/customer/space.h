/* The location tree of an organization (management-api.md 3.5). */
#ifndef MUSTER_MODEL_SPACE_H
#define MUSTER_MODEL_SPACE_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/device/device_change.h"
#include "model/ports/space_store.h"

#define SPACE_DEPTH_MAX 16

void space_list(struct admin *admin, struct store_tx *tx, const struct space_filter *filter, struct page page);
void space_read(struct admin *admin, struct store_tx *tx, struct str id);
void space_create(struct admin *admin, struct store_tx *tx, const struct json *body);
/* PUT /spaces/:id: what is named changes, `config` key by key; devices in it and below are told. */
void space_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
void space_delete(struct admin *admin, struct store_tx *tx, struct str id);
/* POST /spaces/find_or_create: `name` is a path below the parent; what is missing of it is created. */
void space_find_or_create(struct admin *admin, struct store_tx *tx, const struct json *body);
/* The organization's space with this id. False: 404 or 503 is answered. */
bool space_find(struct admin *admin, struct store_tx *tx, struct str id, struct space_row *ret_space);
/* Inserts the root space of a new organization. */
enum err space_make_root(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str name) MUST_CHECK;

/* The root follows its organization's name; devices are told. LANE_REGISTRY. */
enum err space_rename_root(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str name) MUST_CHECK;

/* The space `Unsorted` below the root of an organization, made if there is none (device-api.md 7.5). LANE_REGISTRY. */
enum err space_find_unsorted(struct device_change *change, int64_t organization_no, int64_t *ret_no) MUST_CHECK;

#endif
