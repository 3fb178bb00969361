/* Port: configurations of devices. */
#ifndef MUSTER_MODEL_PORTS_CONFIGURATION_STORE_H
#define MUSTER_MODEL_PORTS_CONFIGURATION_STORE_H

#include "model/ports/row.h"

#define CONFIGURATION_VERSIONS_KEPT 20 /* device-api.md 5 */

struct configuration_row {
    int32_t version, applied_version; /* 0: never configured, never confirmed */
    struct str config;                /* JSON object, in the arena */
    int64_t updated_at;               /* unix ms */
};
struct configuration_version {
    int32_t version;
    struct str config, author; /* author ptr NULL: the device, an API key or a former owner */
    int64_t created_at;
};

/* ERR_NOT_FOUND: the device was never configured. */
enum err configuration_store_get(struct store_tx *tx, int64_t device_no, struct arena *arena,
                                 struct configuration_row *ret_row) MUST_CHECK;
/* Stores the row and its version, and drops the versions beyond those kept. */
enum err configuration_store_put(struct store_tx *tx, int64_t device_no, const struct configuration_row *row,
                                 struct str author) MUST_CHECK;
enum err configuration_store_set_applied(struct store_tx *tx, int64_t device_no, int32_t applied_version) MUST_CHECK;
/* Newest first, in the arena. */
enum err configuration_store_versions(struct store_tx *tx, int64_t device_no, struct arena *arena,
                                      struct configuration_version **ret_versions, size_t *ret_count) MUST_CHECK;
/* For the hot records at start. */
enum err configuration_store_each(struct store_tx *tx,
                                  void (*visit)(int64_t device_no, int32_t version, int32_t applied_version, void *arg),
                                  void *arg) MUST_CHECK;

#endif
