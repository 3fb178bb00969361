/* What the files about spaces share. */
#ifndef MUSTER_MODEL_SPACE_INTERNAL_H
#define MUSTER_MODEL_SPACE_INTERNAL_H

#include "model/customer/space.h"

/* All false: the reply holds the error. */

/* parent_id, default the root of the organization. */
bool space_parent_parse(struct admin *admin, struct store_tx *tx, const struct json *body, struct space_row *ret_parent);
bool space_depth_check(struct admin *admin, int64_t depth);
/* A name is one segment of a path. */
bool space_name_check(struct admin *admin, struct str name);
/* Name, type and configuration are set by the caller, the rest is filled in. */
bool space_insert_below(struct admin *admin, struct store_tx *tx, const struct space_row *parent, struct space_row *row);

/* 200 with the Space. */
void space_answer(struct admin *admin, const struct space_row *row);
/* before, after: NULL: no such side. */
void space_audit(struct admin *admin, struct store_tx *tx, const char *action, int64_t no, const struct json *before,
                 const struct json *after);

#endif
