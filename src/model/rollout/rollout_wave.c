#include "model/rollout/rollout_wave.h"

int64_t rollout_failures(const struct rollout_row *rollout, const struct rollout_wave_row *waves, size_t count)
{
    int64_t failed = 0;
    for (size_t i = 0; i < count && waves[i].wave <= rollout->wave; i++) {
        failed += waves[i].failed;
    }
    return failed;
}

static bool has_too_many_failures(const struct rollout_row *rollout, const struct rollout_wave_row *waves, size_t count)
{
    int64_t begun = 0, failed = rollout_failures(rollout, waves, count) - rollout->forgiven;
    for (size_t i = 0; i < count && waves[i].wave <= rollout->wave; i++) {
        begun += waves[i].waiting + waves[i].sent + waves[i].done + waves[i].failed;
    }
    return failed > 0 && failed * 100 >= rollout->error_percent * begun;
}

enum rollout_step rollout_step_of(const struct rollout_row *rollout, const struct rollout_wave_row *waves, size_t count)
{
    int64_t waiting = 0, open = 0;
    for (size_t i = 0; i < count; i++) {
        waiting += waves[i].waiting;
        open += waves[i].waiting + waves[i].sent;
    }
    if (open == 0) {
        return ROLLOUT_FINISH;
    }
    if (waiting > 0 && has_too_many_failures(rollout, waves, count)) {
        return ROLLOUT_PAUSE_ERRORS;
    }
    const struct rollout_wave_row *wave = &waves[rollout->wave - 1];
    if (rollout->wave >= (int64_t)count || wave->waiting > 0) {
        return ROLLOUT_STAY;
    }
    int64_t all = wave->sent + wave->done + wave->failed;
    if (wave->done * 100 >= rollout->success_percent * all) {
        return ROLLOUT_NEXT_WAVE;
    }
    return wave->sent == 0 ? ROLLOUT_PAUSE_SUCCESS : ROLLOUT_STAY;
}

void rollout_spread(int64_t devices, const int64_t *percents, size_t count, int64_t *ret_last_seqs)
{
    int64_t percent = 0;
    for (size_t i = 0; i < count; i++) {
        percent += percents[i];
        ret_last_seqs[i] = (devices * percent + 99) / 100;
    }
}
