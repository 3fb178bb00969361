/* What system administrators see of the running program and only the layers above know (management-api.md 10.2);
 * answered by app/. */
#ifndef MUSTER_MODEL_SYSTEM_SOURCE_H
#define MUSTER_MODEL_SYSTEM_SOURCE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/task.h"
#include "base/uuid.h"
#include "codec/json/json.h"
#include "model/account/principal.h"

#define SLOW_CONSUMERS_MAX 10
#define SLOW_CLIENT_ID_BYTES 128 /* longer ones are cut */

/* A session for which something waits. */
struct slow_consumer {
    uint64_t serial;             /* of the session, within the process */
    bool is_device;
    enum tenant_kind tenant_kind; /* of an application; 0: of an open listener, or a device */
    int64_t tenant_no;
    struct uuid device_id;
    char client_id[SLOW_CLIENT_ID_BYTES]; /* of others than devices */
    bool is_connected;
    uint64_t queued_messages;    /* in flight or waiting */
    uint64_t queued_bytes;       /* of these, and what the connection has not taken yet */
};

/* The question which sessions are furthest behind, on its way from loop to loop. */
struct slow_ask {
    struct task task;
    struct mailbox *home;
    void (*done)(struct slow_ask *ask); /* on `home` */
    struct slow_consumer found[SLOW_CONSUMERS_MAX]; /* most bytes first */
    size_t count;
    unsigned loop; /* where it is */
    size_t place;  /* how far it is there */
};
/* Puts one among the found ones, if it belongs there. */
void slow_ask_offer(struct slow_ask *ask, const struct slow_consumer *consumer);

struct system_certificate {
    int64_t expires_at;      /* unix ms */
    char fingerprint[96];    /* SHA-256 */
    bool is_self_made;       /* at the first start, in the data folder */
};

#define SETTING_KEY_PREFIX "settings." /* of changed settings in the registry */

/* A setting that somebody wants to change. */
struct setting_change {
    struct arena *arena;
    struct str section, name;
    bool is_reset;            /* back to the default */
    struct str before, after; /* as the configuration file would say it; in the arena */
};

struct system_source {
    /* The caller has set home and done. Any thread. */
    void (*slow_consumers)(struct system_source *source, struct slow_ask *ask);
    /* False: nothing listens with TLS. Any thread. */
    bool (*certificate)(struct system_source *source, struct system_certificate *ret_certificate);
    /* Writes the members "listeners" and "settings". Any thread. */
    void (*settings_write)(struct system_source *source, struct json_writer *w);
    /* Whether a setting can be changed to this; null: back to its default. `change` has section, name and arena; the rest
     * is filled in. False: `why` is appended what is wrong. Any thread. */
    bool (*setting_check)(struct system_source *source, struct setting_change *change, const struct json *value, struct buf *why);
    /* After the commit; on the registry writer's thread. */
    void (*settings_apply)(struct system_source *source, const struct setting_change *changes, size_t count);
};

#endif
