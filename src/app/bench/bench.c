/* muster bench: a load generator on one loop for any MQTT broker, and for Muster's registrations and reports over HTTP. tests/bench/run.js
 * starts the servers side by side and writes docs/benchmarks.md. */
#include "app/bench/modes.h"
#include "app/bench/traffic.h"
#include "app/commands.h"

static int bench_run(const struct cli_command *command, const struct cli_values *values)
{
    struct bench_options options;
    if (!bench_options_parse(command, values, &options)) {
        return EXIT_USAGE;
    }
    switch (options.mode) {
    case BENCH_ONE_TO_ONE:
    case BENCH_FAN_IN:
    case BENCH_FAN_OUT:
    case BENCH_PUBLISH:
        return traffic_run(&options);
    case BENCH_CONNECT:
        return connect_run(&options);
    case BENCH_REGISTER:
    case BENCH_REPORT:
        return http_run(&options);
    case BENCH_OFFLINE:
        return offline_run(&options);
    case BENCH_CHURN:
        return churn_run(&options);
    case BENCH_STORM:
        return storm_run(&options);
    case BENCH_MODE_COUNT:
        break;
    }
    return EXIT_USAGE;
}

const struct cli_command command_bench = {
    .name = "bench",
    .usage = "MODE --to ADDR:PORT [OPTIONS]",
    .summary = "Generate load against any MQTT broker, or HTTP registrations and reports against Muster.",
    .details = bench_details,
    .options = bench_option_table,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = bench_run,
};
