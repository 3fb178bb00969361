/* The subcommands (`muster help`). Each lives in a file of its own. */
#ifndef MUSTER_APP_COMMANDS_H
#define MUSTER_APP_COMMANDS_H

#include "app/cli.h"

extern const struct cli_command command_serve;
extern const struct cli_command command_setup;
extern const struct cli_command command_reset_link;
extern const struct cli_command command_demo;
extern const struct cli_command command_simulate;
extern const struct cli_command command_bench;
extern const struct cli_command command_config;
extern const struct cli_command command_version;

#endif
