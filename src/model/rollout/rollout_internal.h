/* What the files of this folder share. */
#ifndef MUSTER_MODEL_ROLLOUT_INTERNAL_H
#define MUSTER_MODEL_ROLLOUT_INTERNAL_H

#include "model/rollout/rollout.h"
#include "model/rollout/rollout_wave.h"

/* The Rollout object with the counts of its waves. Any lane with a store. */
enum err rollout_write(struct store_tx *tx, struct arena *arena, const struct rollout_row *row, struct json_writer *w) MUST_CHECK;
/* Takes the steps that are due and stores the row if it changed; one that does not run stays as it is. */
enum err rollout_settle(struct store_tx *tx, struct rollout_row *row, int64_t now_ms) MUST_CHECK;
/* The percents of its waves; returns how many. */
size_t rollout_percents(const struct rollout_row *row, int64_t ret_percents[ROLLOUT_WAVES_MAX]);

#endif
