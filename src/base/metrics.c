#include "base/metrics.h"

#include <inttypes.h>

_Atomic int64_t metric_values[METRIC_COUNT];

static const struct {
    const char *name;
    const char *type;
    const char *help;
} metric_table[METRIC_COUNT] = {
#define METRIC_ROW(id, name, type, help) [METRIC_##id] = {name, type, help},
    METRICS(METRIC_ROW)
#undef METRIC_ROW
};

void metrics_render(struct buf *out)
{
    for (unsigned i = 0; i < METRIC_COUNT; i++) {
        const char *name = metric_table[i].name;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, metric_table[i].help, name, metric_table[i].type);
        buf_printf(out, "%s %" PRId64 "\n", name, metric_get((enum metric)i));
    }
}
