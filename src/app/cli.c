#include "app/cli.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

static int option_index(const struct cli_command *command, struct str name)
{
    for (int i = 0; command->options && command->options[i].name; i++) {
        if (str_eq(str_from_cstr(command->options[i].name), name)) {
            return i;
        }
    }
    return -1;
}

/* One "--name value" or "--name=value" at argv[*at]; moves *at over a value taken from the next word. */
static bool parse_option(const struct cli_command *command, int argc, char **argv, int *at, struct cli_values *values)
{
    struct str rest = str_from_cstr(argv[*at] + 2);
    bool has_value = memchr(rest.ptr, '=', rest.len) != NULL;
    struct str name = has_value ? str_split(&rest, '=') : rest;
    int index = option_index(command, name);
    if (index < 0) {
        fprintf(stderr, "muster %s: unknown option --%.*s (see 'muster help %s')\n", command->name, STR_ARG(name),
                command->name);
        return false;
    }
    const struct cli_option *option = &command->options[index];
    if (!option->value_name) {
        if (has_value) {
            fprintf(stderr, "muster %s: option --%s takes no value\n", command->name, option->name);
            return false;
        }
        values->option[index] = "";
        return true;
    }
    if (has_value) {
        values->option[index] = rest.ptr ? rest.ptr : "";
        return true;
    }
    if (*at + 1 >= argc) {
        fprintf(stderr, "muster %s: option --%s needs a value: %s\n", command->name, option->name, option->value_name);
        return false;
    }
    values->option[index] = argv[++*at];
    return true;
}

bool cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_values *ret_values)
{
    struct cli_values values = {{NULL}, {NULL}, 0};
    for (int at = 0; at < argc; at++) {
        if (strncmp(argv[at], "--", 2) == 0 && argv[at][2]) {
            if (!parse_option(command, argc, argv, &at, &values)) {
                return false;
            }
        } else if (argv[at][0] == '-' && argv[at][1]) {
            fprintf(stderr, "muster %s: unknown option %s (see 'muster help %s')\n", command->name, argv[at],
                    command->name);
            return false;
        } else if (values.argument_count >= command->arguments_max) {
            fprintf(stderr, "muster %s: unexpected argument '%s'\n", command->name, argv[at]);
            return false;
        } else {
            values.argument[values.argument_count++] = argv[at];
        }
    }
    if (values.argument_count < command->arguments_min) {
        fprintf(stderr, "usage: muster %s %s\n", command->name, command->usage);
        return false;
    }
    *ret_values = values;
    return true;
}

const char *cli_value(const struct cli_command *command, const struct cli_values *values, const char *name)
{
    int index = option_index(command, str_from_cstr(name));
    assert(index >= 0 && index < CLI_OPTIONS_MAX);
    return values->option[index];
}

bool cli_number(const struct cli_command *command, const struct cli_values *values, const char *name, long initial,
                long minimum, long maximum, long *ret_number)
{
    const char *text = cli_value(command, values, name);
    int64_t number = initial;
    if (text && (!str_to_i64(str_from_cstr(text), &number) || number < minimum || number > maximum)) {
        fprintf(stderr, "muster %s: option --%s must be a whole number from %ld to %ld, not '%s'\n", command->name, name,
                minimum, maximum, text);
        return false;
    }
    *ret_number = (long)number;
    return true;
}

void cli_print_help(const struct cli_command *command, FILE *out)
{
    fprintf(out, "usage: muster %s %s\n\n%s\n", command->name, command->usage, command->summary);
    if (command->details) {
        fprintf(out, "\n%s\n", command->details);
    }
    bool has_options = command->options && command->options[0].name;
    if (has_options) {
        fprintf(out, "\noptions:\n");
    }
    for (const struct cli_option *option = command->options; has_options && option->name; option++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", option->name, option->value_name ? " " : "",
                 option->value_name ? option->value_name : "");
        fprintf(out, "  %-26s %s\n", left, option->help);
    }
    if (command->print_more) {
        command->print_more(out);
    }
}
