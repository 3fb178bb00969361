/* The settings while the program runs (management-api.md 10.2). What the configuration file names holds; of the rest,
 * system administrators may change what can change at any time, and that is kept in the registry. A change makes a new
 * `struct settings`; the old ones live until the end, because whoever has taken the pointer may still read
 * (model/domain.h). Changes come from the registry writer's thread, SIGHUP from the control thread. */
#ifndef MUSTER_APP_SETTINGS_DESK_H
#define MUSTER_APP_SETTINGS_DESK_H

#include <pthread.h>

#include "app/config.h"
#include "model/domain.h"
#include "model/management/system_source.h"

struct store;

#define SETTINGS_REPLACED_MAX 4096 /* times that settings can change until the next start */

struct settings_desk {
    pthread_mutex_t lock;
    struct domain *domain;
    struct config *config; /* of the start; its settings are the first ones */
    struct setting_marks from_file, changed; /* changed: in the registry, whether the file names it or not */
    struct settings stored;                  /* the values of those */
    struct settings *replaced[SETTINGS_REPLACED_MAX]; /* the newest is in use */
    size_t replaced_count;
    void (*on_change)(void *user, const struct settings *now); /* with the lock held */
    void *user;
};

void settings_desk_init(struct settings_desk *desk, struct domain *domain, struct config *config,
                        void (*on_change)(void *user, const struct settings *now), void *user);
/* Takes over what was changed in earlier runs. After store_load, before any thread runs. */
void settings_desk_load(struct settings_desk *desk, struct store *store);
/* SIGHUP: the reloadable settings of a file that was read anew; what was changed holds where the file does not name it, also
 * if an earlier file did. False: too often. */
bool settings_desk_reload(struct settings_desk *desk, const struct config *fresh);
void settings_desk_deinit(struct settings_desk *desk); /* after the threads ended */

/* For struct system_source, see there. */
void settings_desk_write(struct settings_desk *desk, struct json_writer *w);
bool settings_desk_check(struct settings_desk *desk, struct setting_change *change, const struct json *value, struct buf *why);
void settings_desk_apply(struct settings_desk *desk, const struct setting_change *changes, size_t count);

#endif
