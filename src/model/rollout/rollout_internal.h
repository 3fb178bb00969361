/* What the files of this folder share. */
#ifndef MUSTER_MODEL_ROLLOUT_INTERNAL_H
#define MUSTER_MODEL_ROLLOUT_INTERNAL_H

#include "model/rollout/rollout.h"
#include "model/rollout/rollout_wave.h"

/* The Rollout object with the counts of its waves. Any lane with a store. */
enum err rollout_write(struct store_tx *tx, struct arena *arena, const struct rollout_row *row, struct json_writer *w) MUST_CHECK;
/* `names` (a JSON array; ptr NULL: none) are of type password too: those that the command has a value for are added to
 * row->secret_names, in the arena. *ret_added: some were not there yet. */
enum err rollout_add_secrets(struct rollout_row *row, struct str names, struct arena *arena, bool *ret_added) MUST_CHECK;
/* Takes the steps that are due and stores the row if it changed; one that does not run stays as it is. */
enum err rollout_settle(struct store_tx *tx, struct rollout_row *row, int64_t now_ms) MUST_CHECK;
/* The percents of its waves; returns how many. */
size_t rollout_percents(const struct rollout_row *row, int64_t ret_percents[ROLLOUT_WAVES_MAX]);

#endif
