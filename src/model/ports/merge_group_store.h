/* Port: devices merged into one (management-api.md 3.2). A group is a primary with one to three shadows. */
#ifndef MUSTER_MODEL_PORTS_MERGE_GROUP_STORE_H
#define MUSTER_MODEL_PORTS_MERGE_GROUP_STORE_H

#include "model/ports/row.h"

#define MERGE_GROUP_MAX 4

/* The group of a device, its primary first, then the shadows by age; *ret_count is 0 for a device that is in none. */
enum err merge_group_store_of(struct store_tx *tx, int64_t device_no, int64_t ret_nos[MERGE_GROUP_MAX],
                              size_t *ret_count) MUST_CHECK;
/* The device must be in no group, the primary be no shadow. On LANE_REGISTRY, as below. */
enum err merge_group_store_add(struct store_tx *tx, int64_t primary_no, int64_t shadow_no) MUST_CHECK;
enum err merge_group_store_remove(struct store_tx *tx, int64_t shadow_no) MUST_CHECK;

#endif
