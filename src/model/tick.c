#include "base/clock.h"
#include "model/command/command.h"
#include "model/domain.h"
#include "model/file/file_desk.h"
#include "model/housekeeping.h"
#include "model/management/message_rates.h"
#include "model/device/presence.h"
#include "model/telemetry/telemetry.h"
#include "model/live/trace.h"
#include "model/rollout/rollout.h"
#include "model/rule/rules.h"

void domain_tick(struct domain *domain)
{
    commands_tick(domain);
    rollouts_tick(domain);
    presence_tick(domain);
    telemetry_tick(domain);
    rules_tick(domain);
    trace_tick(domain);
    files_tick(domain);
    housekeeping_tick(domain);
    message_rates_tick(domain->rates, clock_monotonic_ms());
}
