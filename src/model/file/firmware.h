/* Firmware levels (device-api.md 3.3 latest_fw_*, mqtt.md 5.1): the newest firmware of a model, in the catalogue, and
 * whether it is higher than what a device reports, in its hot record. Both change with the commits that change them. */
#ifndef MUSTER_MODEL_FILE_FIRMWARE_H
#define MUSTER_MODEL_FILE_FIRMWARE_H

#include "codec/json/json.h"
#include "model/device/device_change.h"

/* latest_fw_version and latest_fw_file_id, null unless a higher one exists. Any thread, no store. */
void firmware_write_level(struct domain *domain, const struct device_brief *device, struct json_writer *w);
/* The same for a push, from committed rows; ERR_NOT_FOUND: there is none that is higher. *ret_level rises with uploads. */
enum err firmware_write_push(struct store_tx *tx, const struct device_brief *device, struct arena *arena, struct buf *out,
                             int64_t *ret_level) MUST_CHECK;

/* The device registered or reports another version; on LANE_REGISTRY, noted in `hot`. */
enum err firmware_reported(struct store_tx *tx, struct arena *arena, struct hot_changes *hot, const struct device_core *device,
                           struct str version) MUST_CHECK;
/* Firmware of the model was uploaded or deleted: its devices' levels, and a push to those that are connected. The first
 * devices in this transaction, the rest of a large fleet in slices behind its commit. */
enum err firmware_changed(struct admin *admin, struct store_tx *tx, int64_t model_no) MUST_CHECK;
/* Once a second: steps that the storage had no room for go on. */
void firmware_tick(struct domain *domain);
void firmware_unload(struct domain *domain);
/* At start, after the devices. */
enum err firmware_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;

#endif
