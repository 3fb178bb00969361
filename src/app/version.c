#include <stdio.h>

#include "app/commands.h"

static int version_run(const struct cli_command *command, const struct cli_values *values)
{
    (void)command;
    (void)values;
    printf("muster " MUSTER_VERSION "\n");
    return 0;
}

const struct cli_command command_version = {
    .name = "version",
    .usage = "",
    .summary = "Print the version.",
    .run = version_run,
};
