/* POST /backup (management-api.md 10.2): a consistent copy of the data folder while the program runs. */
#ifndef MUSTER_MODEL_BACKUP_H
#define MUSTER_MODEL_BACKUP_H

#include "model/management/admin.h"
#include "model/op.h"
#include "model/ports/backup_store.h"

struct backup_make {
    struct op op;
    struct admin *admin;
    char name[BACKUP_NAME_BYTES];
    void (*on_done)(struct backup_make *make); /* the reply stands: 201 {"name","created_at"} or the error */
    void *user;
};
/* The caller has set admin, on_done and user. */
void backup_start(struct backup_make *make, struct mailbox *home);
/* When the last one was made; TIME_NONE: never. On any lane with a store. */
enum err backup_last(struct store_tx *tx, struct arena *arena, int64_t *ret_at) MUST_CHECK;

#endif
