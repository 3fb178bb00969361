/* muster config check FILE, muster config list. */
#include <string.h>

#include "app/commands.h"
#include "app/config.h"
#include "app/settings_table.h"

static int check_file(const char *path)
{
    struct config config;
    config_init(&config);
    int mistakes = config_read_file(&config, path, stdout);
    config_deinit(&config);
    if (mistakes == 0) {
        printf("%s: no mistakes\n", path);
    } else if (mistakes > 0) {
        printf("%s: %d mistake%s\n", path, mistakes, mistakes == 1 ? "" : "s");
    }
    return mistakes == 0 ? 0 : 1;
}

static int config_run(const struct cli_command *command, const struct cli_values *values)
{
    const char *action = values->argument[0];
    if (strcmp(action, "check") == 0 && values->argument_count == 2) {
        return check_file(values->argument[1]);
    }
    if (strcmp(action, "list") == 0 && values->argument_count == 1) {
        settings_print_table(stdout);
        return 0;
    }
    fprintf(stderr, "usage: muster config %s\n", command->usage);
    return EXIT_USAGE;
}

const struct cli_command command_config = {
    .name = "config",
    .usage = "check FILE | list",
    .summary = "Check a configuration file, or list every setting.",
    .details = "'check' names the line of every mistake and exits 1 if there is one.",
    .arguments_min = 1,
    .arguments_max = 2,
    .run = config_run,
};
