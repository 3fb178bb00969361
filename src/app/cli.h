/* Subcommands and their options: one table row each; help texts and error messages are made from it. */
#ifndef MUSTER_APP_CLI_H
#define MUSTER_APP_CLI_H

#include <stdbool.h>
#include <stdio.h>

struct cli_option {
    const char *name;        /* "http" for --http; NULL ends the table */
    const char *value_name;  /* "ADDR:PORT"; NULL: a switch */
    const char *help;
};

#define CLI_OPTIONS_MAX 48
#define CLI_ARGUMENTS_MAX 4

struct cli_values {
    const char *option[CLI_OPTIONS_MAX]; /* by index in the table; NULL: not given; "" for a switch that was */
    const char *argument[CLI_ARGUMENTS_MAX];
    unsigned argument_count;
};

struct cli_command {
    const char *name;
    const char *usage;       /* arguments behind the name, e.g. "check FILE" */
    const char *summary;     /* one line */
    const char *details;     /* paragraphs for `muster help COMMAND`; may be NULL */
    const struct cli_option *options;
    void (*print_more)(FILE *out); /* behind the options in `muster help COMMAND`; may be NULL */
    unsigned arguments_min, arguments_max;
    int (*run)(const struct cli_command *command, const struct cli_values *values); /* exit code */
};

enum { EXIT_USAGE = 2 };

/* Parses what stands behind the command's name. On a mistake prints one line that names the option and returns false. */
bool cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_values *ret_values);
/* Value of an option by name; NULL when it was not given. The name must be in the command's table. */
const char *cli_value(const struct cli_command *command, const struct cli_values *values, const char *name);
/* Whole number of an option within [minimum, maximum], `initial` when absent; prints the mistake and returns false. */
bool cli_number(const struct cli_command *command, const struct cli_values *values, const char *name, long initial,
                long minimum, long maximum, long *ret_number);
void cli_print_help(const struct cli_command *command, FILE *out);

#endif
