/* When a rollout goes on to its next wave, pauses or is done (management-api.md 6.2). Pure: counts in, a step out. */
#ifndef MUSTER_MODEL_ROLLOUT_WAVE_H
#define MUSTER_MODEL_ROLLOUT_WAVE_H

#include "model/ports/rollout_store.h"

enum { ROLLOUT_WAVES_MAX = 20 };

enum rollout_step {
    ROLLOUT_STAY,           /* it waits for devices, or for what is to be sent */
    ROLLOUT_NEXT_WAVE,
    ROLLOUT_PAUSE_ERRORS,
    ROLLOUT_PAUSE_SUCCESS,
    ROLLOUT_FINISH,
};

/* The wave under way has been sent; of it, success_percent have succeeded: the next one begins. Too few have, and nothing
 * is open any more: a pause. Of all devices of the waves begun so far, error_percent have failed (those before the last
 * resume, `forgiven`, do not count) while others still wait: a pause. Skipped devices count for neither. `waves`: all of
 * them, in their order; rollout->wave >= 1 unless there are none. */
enum rollout_step rollout_step_of(const struct rollout_row *rollout, const struct rollout_wave_row *waves, size_t count);
/* Failures in the waves begun so far. */
int64_t rollout_failures(const struct rollout_row *rollout, const struct rollout_wave_row *waves, size_t count);
/* The last device of each wave when `devices` are spread by `percents` (adding up to 100); every wave ends where its share
 * is complete, rounded up. */
void rollout_spread(int64_t devices, const int64_t *percents, size_t count, int64_t *ret_last_seqs);

#endif
