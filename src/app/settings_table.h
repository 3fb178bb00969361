/* The settings by name: what the configuration file sets, what SIGHUP may change, what `muster config list` prints. */
#ifndef MUSTER_APP_SETTINGS_TABLE_H
#define MUSTER_APP_SETTINGS_TABLE_H

#include <stdio.h>

#include "model/settings.h"

bool settings_has_section(struct str section);
/* Sets one value from text. False: ret_mistake says what is wrong with it. */
bool settings_set(struct settings *settings, struct str section, struct str name, struct str value, char *ret_mistake,
                  size_t mistake_bytes);
/* Puts the values of `current` back into every setting of `fresh` that cannot be reloaded. */
void settings_keep_fixed(struct settings *fresh, const struct settings *current);
/* Prints every setting with its default and meaning as a Markdown table (docs/configuration.md). */
void settings_print_table(FILE *out);

#endif
