/* muster: a device cloud in one program. Finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "io/tls.h"

static const struct cli_command *const commands[] = {
    &command_serve,    &command_demo,  &command_setup,  &command_reset_link,
    &command_simulate, &command_bench, &command_config, &command_version,
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct cli_command *find_command(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static void print_overview(FILE *out)
{
    fprintf(out, "Muster " MUSTER_VERSION ", a self-hosted device cloud\n\nusage: muster COMMAND [OPTIONS]\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fprintf(out, "  %-10s %s\n\n'muster help COMMAND' tells the options of one.\n", "help", "This text.");
}

static int help(int argc, char **argv)
{
    if (argc == 0) {
        print_overview(stdout);
        return 0;
    }
    const struct cli_command *command = find_command(argv[0]);
    if (!command) {
        fprintf(stderr, "muster help: unknown command '%s'\n", argv[0]);
        return EXIT_USAGE;
    }
    cli_print_help(command, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    tls_use_slabs();
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return help(argc - 2, argv + 2);
    }
    if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct cli_command *command = find_command(name);
    if (!command) {
        fprintf(stderr, "muster: unknown command '%s' (see 'muster help')\n", name);
        return EXIT_USAGE;
    }
    if (argc > 2 && strcmp(argv[2], "--help") == 0) {
        cli_print_help(command, stdout);
        return 0;
    }
    struct cli_values values;
    if (!cli_parse(command, argc - 2, argv + 2, &values)) {
        return EXIT_USAGE;
    }
    return command->run(command, &values);
}
