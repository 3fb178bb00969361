/* Lines of the audit log about people and their groups. */
#ifndef MUSTER_MODEL_PEOPLE_AUDIT_H
#define MUSTER_MODEL_PEOPLE_AUDIT_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* {"after":{name:value}} */
void people_audit(struct admin *admin, struct store_tx *tx, const char *action, const char *object_kind,
                  const struct uuid *id, const char *name, struct str value);
/* Which people were added to or removed from the group. */
void people_audit_ids(struct admin *admin, struct store_tx *tx, const char *action, const struct uuid *group_id,
                      const struct json *ids);

#endif
