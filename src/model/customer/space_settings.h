/* What the devices below a space see of it: settings that a space does not set itself come from the one above
 * (device-api.md 7.4, management-api.md 2). A change is told to every device whose space has other settings afterwards:
 * its space version grows and the new document is pushed (mqtt.md 5.1). */
#ifndef MUSTER_MODEL_SPACE_SETTINGS_H
#define MUSTER_MODEL_SPACE_SETTINGS_H

#include "model/device/device_change.h"

struct space_settings; /* of a space and all below it, in the arena */

enum err space_settings_read(struct store_tx *tx, struct arena *arena, int64_t space_no,
                             struct space_settings **ret_settings) MUST_CHECK;
/* After the change: reads again, and tells the devices of the spaces that differ; those of the space itself in any
 * case. LANE_REGISTRY. */
enum err space_settings_tell(struct device_change *change, int64_t space_no,
                             const struct space_settings *before) MUST_CHECK;

#endif
