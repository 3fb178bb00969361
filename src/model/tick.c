#include "model/command.h"
#include "model/domain.h"
#include "model/housekeeping.h"
#include "model/presence.h"
#include "model/telemetry.h"
#include "model/trace.h"

void domain_tick(struct domain *domain)
{
    commands_tick(domain);
    presence_tick(domain);
    telemetry_tick(domain);
    trace_tick(domain);
    housekeeping_tick(domain);
}
