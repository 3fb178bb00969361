/* What is odd about a registration (management-api.md 5.2), judged when the log is read. */
#ifndef MUSTER_MODEL_REGISTRATION_FLAGS_H
#define MUSTER_MODEL_REGISTRATION_FLAGS_H

#include "codec/json/json.h"
#include "model/ports/registration_store.h"

/* Sets entry.flags of each; the figures of a hardware key are read once. */
enum err registration_flags_set(struct store_tx *tx, int64_t now_ms, struct registration_entry *entries, size_t count) MUST_CHECK;
/* ["count_above_expected","duplicate_identity","many_networks","sudden_rate"]: those that apply. */
void registration_flags_write(struct json_writer *w, const struct registration_entry *entry);

#endif
