/* Port: what a space grants to whom, and the equipment in it (management-api.md 6.2). Strings of rows that are visited are
 * borrowed for the call, those of rows that are found are copied into the arena. */
#ifndef MUSTER_MODEL_PORTS_SPACE_ACCESS_STORE_H
#define MUSTER_MODEL_PORTS_SPACE_ACCESS_STORE_H

#include "model/ports/access_store.h"

struct space_access_row {
    struct access_grant grant;
    struct uuid id;         /* of the user or group */
    struct str name, email; /* email: ptr NULL for groups */
};

/* Users before groups, each by age. */
enum err space_access_store_list(struct store_tx *tx, int64_t space_no,
                                 void (*visit)(const struct space_access_row *row, void *arg), void *arg) MUST_CHECK;
enum err space_access_store_clear(struct store_tx *tx, int64_t space_no) MUST_CHECK;
/* Replaces what the subject had there. */
enum err space_access_store_put(struct store_tx *tx, const struct access_grant *grant) MUST_CHECK;

struct space_asset_row {
    int64_t no;
    struct uuid id;
    int64_t space_no;
    struct str name, kind, serial, note; /* ptr NULL: none; a name there is */
    int64_t created_at;
};
/* Sets row->no. */
enum err space_asset_store_insert(struct store_tx *tx, struct space_asset_row *row) MUST_CHECK;
enum err space_asset_store_update(struct store_tx *tx, const struct space_asset_row *row) MUST_CHECK;
enum err space_asset_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;
/* In this space; ERR_NOT_FOUND. */
enum err space_asset_store_find(struct store_tx *tx, int64_t space_no, const struct uuid *id, struct arena *arena,
                                struct space_asset_row *ret_row) MUST_CHECK;
enum err space_asset_store_list(struct store_tx *tx, int64_t space_no, struct page page,
                                void (*visit)(const struct space_asset_row *row, void *arg), void *arg) MUST_CHECK;
int64_t space_asset_store_count(struct store_tx *tx, int64_t space_no);

#endif
