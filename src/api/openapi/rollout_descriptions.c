/* management-api.md 6.2: rollouts */
#include "api/openapi/description.h"

#define ROLLOUTS "/core/v1/organization/rollouts"

const struct description rollout_descriptions[] = {
    {"GET", ROLLOUTS, "Rollouts, newest first", PAGE "; state text", NULL, "items Rollout"},
    {"POST", ROLLOUTS, "Prepare one command to many devices", NULL,
     "{name! text<=255; target! RolloutTarget; command! SendCommand; waves [int(1..100)]<=20; success_percent int(0..100); "
     "error_percent int(0..100)}", "201 Rollout"},
    {"POST", ROLLOUTS "/preview", "How many devices a target has, by firmware version", NULL, "{target! RolloutTarget}",
     "{devices int(0..); firmware [{model_id uuid; model text; version text?; devices int(1..)}]}"},
    {"GET", ROLLOUTS "/:id", "One rollout", NULL, NULL, "Rollout"},
    {"GET", ROLLOUTS "/:id/devices", "Its devices, and how far each of them is", PAGE "; state text", NULL, "items RolloutDevice"},
    {"POST", ROLLOUTS "/:id/start", "Send to the first wave", NULL, NULL, "Rollout"},
    {"POST", ROLLOUTS "/:id/pause", "Send no more until it is resumed", NULL, NULL, "Rollout"},
    {"POST", ROLLOUTS "/:id/resume", "Go on, in spite of what it paused for", NULL, NULL, "Rollout"},
    {"POST", ROLLOUTS "/:id/abort", "Send no more; commands that were sent stay", NULL, NULL, "Rollout"},
    {"POST", ROLLOUTS "/:id/retry_failed", "Send once more to the devices that failed", NULL, NULL, "Rollout"},
    {0},
};
