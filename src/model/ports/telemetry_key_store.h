/* Port: the telemetry keys of a model (management-api.md 5.4): what its devices' states hold, with what its maker says
 * of them. */
#ifndef MUSTER_MODEL_PORTS_TELEMETRY_KEY_STORE_H
#define MUSTER_MODEL_PORTS_TELEMETRY_KEY_STORE_H

#include "model/ports/row.h"

struct telemetry_key_row {
    struct str key;
    struct str type;         /* "number", "string" or "boolean" as last reported; ptr NULL: no device has it */
    struct str label, unit;  /* ptr NULL: none */
    bool metered;
    int64_t last_seen_at;    /* of the devices that have it, unix ms; TIME_NONE: no device has it */
    int64_t devices;         /* whose state has it */
};

/* Every key of the model's devices as of the last checkpoint of their states, and every described one, by name. Strings
 * are borrowed for the call. Reads all states of the model. */
enum err telemetry_key_store_list(struct store_tx *tx, int64_t model_no,
                                  void (*visit)(const struct telemetry_key_row *row, void *arg), void *arg) MUST_CHECK;
/* What is said of a key. ERR_NOT_FOUND: nothing. */
enum err telemetry_key_store_find(struct store_tx *tx, int64_t model_no, struct str key, struct arena *arena,
                                  struct telemetry_key_row *ret_row) MUST_CHECK;
/* Sets label, unit and metered. */
enum err telemetry_key_store_put(struct store_tx *tx, int64_t model_no, const struct telemetry_key_row *row) MUST_CHECK;
/* What is said of one model's keys is said of another's. */
enum err telemetry_key_store_copy_all(struct store_tx *tx, int64_t from_model_no, int64_t to_model_no) MUST_CHECK;
int64_t telemetry_key_store_count(struct store_tx *tx, int64_t model_no); /* of described ones */

#endif
