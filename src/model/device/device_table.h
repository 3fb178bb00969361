/* The hot record of every known device, in memory: what each request and packet needs without touching the disk.
 *
 * Written only after commits by the registry writer's thread (levels, ownership, keys), by the telemetry writer's thread
 * (state, status) and, for contact times, by any thread with relaxed atomics. Read by any thread: a lookup copies a
 * `struct device_brief` under a short shard lock; nothing is borrowed across calls. Nobody sees what was not committed. */
#ifndef MUSTER_MODEL_DEVICE_TABLE_H
#define MUSTER_MODEL_DEVICE_TABLE_H

#include "base/crypto.h"
#include "base/uuid.h"

enum protocol { PROTOCOL_HTTPS = 1, PROTOCOL_MQTT = 2 };
enum device_type { DEVICE_PHYSICAL = 1, DEVICE_DIGITAL = 2, DEVICE_APPLICATION = 3 };
enum device_status { STATUS_NEVER_SEEN, STATUS_ONLINE, STATUS_OFFLINE, STATUS_ERROR };

struct device_brief {
    int64_t no;                  /* row number, > 0 */
    struct uuid id;
    struct uuid model_id;
    int64_t model_no, partner_no;
    int64_t organization_no;     /* 0: unclaimed */
    int64_t space_no;            /* 0: unclaimed */
    int64_t parent_no;           /* 0: none */
    uint32_t epoch;              /* raised by un-claim; readers of telemetry filter by it */
    uint8_t key_hash[SHA256_BYTES];
    uint8_t api_version;         /* 0..7 for 1.0.0..1.0.7 */
    enum protocol protocol;
    enum device_type device_type;
    uint32_t offline_threshold_minutes; /* 0: off */
    bool suspended;              /* its partner or its organization is */
    /* levels of device-api.md 3.3 */
    int32_t config_version, applied_version;
    int32_t info_version;
    int32_t space_version;       /* 0: unclaimed */
    bool command_waiting;        /* queue head pending or in progress */
    bool license_waiting;
    bool firmware_waiting;       /* the newest firmware of its model is higher than what it reports */
    int64_t command_hold_until_ms; /* unix; inside a command timeout: not swept (device-api.md 4.4); 0: none */
    uint8_t worst_priority;      /* of the active incidents, as it was read when they last changed; 0: none is active */
    /* presence */
    enum device_status status;           /* as the state says */
    enum device_status reported_status;  /* last status the device reported itself */
    bool swept;                          /* offline by the sweep, not by report */
    bool connected;                      /* has a live MQTT session */
    bool hears_itself;                   /* its MQTT session subscribes to its own uplinks (mqtt.md 3.5.1) */
    int64_t last_seen_ms;                /* unix; 0: never */
    int64_t connected_since_ms;          /* unix; 0: not connected */
    int64_t presence_since_ms;           /* unix; when status, swept or connected changed; 0: not since the start */
    /* newest telemetry row of this device: day file (days since 1970 UTC of receipt) and row number; 0: none */
    int32_t sample_day;
    int64_t sample_seq;
};

struct device_table;

struct device_table *device_table_new(void);
void device_table_free(struct device_table *table);

/* Copies the record. False: no such device (or deleted). Any thread. */
bool device_table_find(struct device_table *table, const struct uuid *id, struct device_brief *ret_device);
bool device_table_find_no(struct device_table *table, int64_t no, struct device_brief *ret_device);
size_t device_table_count(struct device_table *table);

/* Inserts or replaces the whole record (registration; loading at start). Writer threads after commit. */
void device_table_put(struct device_table *table, const struct device_brief *device);
void device_table_remove(struct device_table *table, int64_t no);
/* Calls `change` on the record under the lock; it must not block, nor change no or id. False: no such device. */
bool device_table_change(struct device_table *table, int64_t no, void (*change)(struct device_brief *device, void *arg),
                         void *arg);
/* Contact (device-api.md 1.10): last_seen = max(last_seen, now). False: no such device. Any thread; cheap. */
bool device_table_touch(struct device_table *table, int64_t no, int64_t now_unix_ms);
/* Like touch, for presence.c: tells what the contact brings about, each once until it is undone. */
struct contact_effect {
    bool watch;   /* has a threshold, no session, and its timer was not running: it is marked as running now */
    bool recover; /* had been swept, and no recovery was under way: it is marked as under way now */
};
bool device_table_contact(struct device_table *table, int64_t no, int64_t now_unix_ms, struct contact_effect *ret_effect);
enum contact_mark { CONTACT_WATCHED = 1, CONTACT_RECOVERING = 2 };
void device_table_unmark(struct device_table *table, int64_t no, enum contact_mark mark);
/* One tenant's devices, one after the other, without holding anything in between: what is added or removed meanwhile may
 * be met or not, all others are met once. A zeroed cursor begins. */
struct device_cursor {
    unsigned shard;
    size_t slot;
};
struct device_owner {
    int64_t partner_no, organization_no; /* 0: any */
};
enum device_next { DEVICE_NEXT_FOUND, DEVICE_NEXT_LATER, DEVICE_NEXT_END };
/* The next one with a copy of its record. LATER: many records of others were passed, the caller may let others have a
 * turn before it goes on. Any thread. */
enum device_next device_table_next(struct device_table *table, struct device_cursor *cursor,
                                   const struct device_owner *owner, struct device_brief *ret_device);
/* Calls `visit` with a copy of every record, shard by shard; stops when it returns false. */
void device_table_each(struct device_table *table, bool (*visit)(const struct device_brief *device, void *arg), void *arg);
/* Calls `change` on every record under its shard's lock (a model's threshold, a tenant's suspension); it returns whether
 * it changed something, must not block, nor change no or id. */
void device_table_change_each(struct device_table *table, bool (*change)(struct device_brief *device, void *arg), void *arg);

struct device_contact {
    int64_t no;
    int64_t last_seen_ms;
    uint32_t epoch;
};
/* Devices touched since they were last taken, at most `max`: for the copy of last_seen in the registry. */
size_t device_table_take_touched(struct device_table *table, struct device_contact *ret_contacts, size_t max);

#endif
