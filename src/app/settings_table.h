/* The settings by name: what the configuration file sets, what SIGHUP may change, what `muster config list` prints. */
#ifndef MUSTER_APP_SETTINGS_TABLE_H
#define MUSTER_APP_SETTINGS_TABLE_H

#include <stdio.h>

#include "codec/json/json.h"
#include "model/settings.h"

bool settings_has_section(struct str section);
/* Sets one value from text. False: ret_mistake says what is wrong with it. */
bool settings_set(struct settings *settings, struct str section, struct str name, struct str value, char *ret_mistake,
                  size_t mistake_bytes);
/* Puts the values of `current` back into every setting of `fresh` that cannot be reloaded. */
void settings_keep_fixed(struct settings *fresh, const struct settings *current);
/* The settings by number, from 0 on; -1: none of that name. */
#define SETTINGS_MAX 192
struct setting_marks {
    bool set[SETTINGS_MAX];
};
int settings_count(void);
int settings_find(struct str section, struct str name);
/* Whether system administrators may change it while the program runs (management-api.md 10.2): what takes effect at once,
 * but for paths of files and for whom the server trusts, which only who owns the machine decides. */
bool settings_may_change(int row);
void settings_copy_row(struct settings *to, const struct settings *from, int row);
/* Its value as the file would say it; in the arena. */
struct str settings_text(const struct settings *settings, int row, struct arena *arena);
/* A value from outside the file: a text in the file's notation, a number (milliseconds, bytes) or a boolean. It must not
 * make the API unusable. False: `why` is appended what is wrong. */
bool settings_set_json(struct settings *settings, int row, const struct json *value, struct buf *why);
/* {section:{name:{"value","default","source","editable","type","help"}}} */
void settings_write(struct json_writer *w, const struct settings *settings, const struct setting_marks *from_file,
                    const struct setting_marks *changed);
/* Prints every setting with its default and meaning as a Markdown table (docs/configuration.md). */
void settings_print_table(FILE *out);

#endif
