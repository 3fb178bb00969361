/* Port: the commands a model supports (management-api.md 5.3). Sending one reads it by command_store.h. */
#ifndef MUSTER_MODEL_PORTS_COMMAND_DEFINITION_STORE_H
#define MUSTER_MODEL_PORTS_COMMAND_DEFINITION_STORE_H

#include "model/ports/row.h"

struct command_definition_row {
    int64_t no, model_no;
    struct uuid id;
    struct str name;          /* sent to the device */
    struct str friendly_name, description;
    bool active, with_file;
    struct str file_type;     /* ptr NULL: any */
    int64_t timeout_seconds;  /* 0: none */
    struct str custom_fields; /* JSON array, options in the map form */
    int64_t created_at;
};

/* Sets row->no; goes to the end of the list. ERR_EXISTS: the model has a command of this name. */
enum err command_definition_store_insert(struct store_tx *tx, struct command_definition_row *row) MUST_CHECK;
/* ERR_EXISTS. */
enum err command_definition_store_update(struct store_tx *tx, const struct command_definition_row *row) MUST_CHECK;
enum err command_definition_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;
/* Of this model, strings copied into the arena; ERR_NOT_FOUND. */
enum err command_definition_store_find(struct store_tx *tx, int64_t model_no, const struct uuid *id,
                                       struct arena *arena, struct command_definition_row *ret_row) MUST_CHECK;
/* In their order; strings are borrowed for the call. */
enum err command_definition_store_list(struct store_tx *tx, int64_t model_no, struct page page,
                                       void (*visit)(const struct command_definition_row *row, void *arg),
                                       void *arg) MUST_CHECK;
int64_t command_definition_store_count(struct store_tx *tx, int64_t model_no);

#endif
