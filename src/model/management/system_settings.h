/* GET and PATCH /system/settings (management-api.md 10.2): the settings of the installation, its listeners, the addresses
 * that it hands out, the mail relay. What the configuration file says holds and is shown as "file"; what can change at
 * any time and is not in the file can be changed here, and is kept in the registry. */
#ifndef MUSTER_MODEL_SYSTEM_SETTINGS_H
#define MUSTER_MODEL_SYSTEM_SETTINGS_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* {"urls":{...},"listeners":[...],"settings":{section:{name:{"value","default","source","editable","type","help"}}},
 * "smtp":{...}}; `source` is "default", "file" or "changed". On LANE_READ. */
void system_settings(struct admin *admin, struct store_tx *tx);
/* {"settings":{section:{name:value}},"smtp":{...}}: what is there; null is back to the default. 422 names the setting that
 * cannot be changed, or not to this. The reply is that of the GET afterwards. On LANE_REGISTRY. */
void system_settings_update(struct admin *admin, struct store_tx *tx, const struct json *body);

#endif
