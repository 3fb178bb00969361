/* Port: rows of the audit log. Only ever appended; old ones leave by retention. */
#ifndef MUSTER_MODEL_PORTS_AUDIT_STORE_H
#define MUSTER_MODEL_PORTS_AUDIT_STORE_H

#include "model/management/audit.h"

struct audit_row {
    int64_t no, at;
    struct str actor_kind, actor, address, action, object_kind, object_id, detail; /* ptr NULL: null */
};

enum err audit_store_insert(struct store_tx *tx, int64_t at, const struct audit_entry *entry) MUST_CHECK;
/* Newest first; strings are borrowed for the call. */
enum err audit_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                          const struct audit_filter *filter, struct page page,
                          void (*visit)(const struct audit_row *row, void *arg), void *arg) MUST_CHECK;
int64_t audit_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                          const struct audit_filter *filter);
/* Of the oldest `rows_max` rows those from before `before`. */
enum err audit_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max) MUST_CHECK;

#endif
