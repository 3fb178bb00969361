/* The commands a model supports (management-api.md 5.3, objects in 2). */
#ifndef MUSTER_MODEL_COMMAND_DEFINITION_H
#define MUSTER_MODEL_COMMAND_DEFINITION_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/command_definition_store.h"

#define COMMAND_DEFINITIONS_MAX 200 /* of one model */
#define CUSTOM_FIELDS_MAX 100       /* of one command */

void command_definition_list(struct admin *admin, struct store_tx *tx, struct str model_id, struct page page);
/* On LANE_REGISTRY. */
void command_definition_create(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body);
void command_definition_update(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id,
                               const struct json *body);
void command_definition_delete(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id);
/* The ready definitions: bit 0 reboot, 1 dump, 2 update_firmware. */
enum err command_definition_make_suggested(struct admin *admin, struct store_tx *tx, int64_t model_no,
                                           unsigned suggested) MUST_CHECK;
enum err command_definition_copy_all(struct admin *admin, struct store_tx *tx, int64_t from_model_no,
                                     int64_t to_model_no) MUST_CHECK;
/* The object, with `arg` a struct json_writer. */
void command_definition_write_row(const struct command_definition_row *row, void *arg);

/* The array `custom_fields` of a request, normalised: defaults filled in, options in the map form. NULL: the error is
 * answered. The caller frees it. (custom_field.c) */
struct json *custom_fields_parse(struct admin *admin, const struct json *array);

#endif
