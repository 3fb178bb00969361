/* The hub's core on one event loop, without I/O: it is driven by bytes of connections, timers of a wheel whose clock is
 * given, tasks from other loops, completed operations and events; what it does goes out through the ports below. hub.c
 * binds it to streams and threads, tests/replay to a virtual world. All calls: on the loop's own thread. */
#ifndef MUSTER_HUB_HUB_LOOP_H
#define MUSTER_HUB_HUB_LOOP_H

#include "base/hashmap.h"
#include "base/list.h"
#include "base/task.h"
#include "base/timer_wheel.h"
#include "hub/topic_tree.h"
#include "model/account/credentials.h"
#include "model/device/device_call.h"
#include "model/domain.h"
#include "model/push/pending.h"
#include "model/telemetry/sample_post.h"

struct failures;
struct hub_core;
struct hub_loop;
struct interest;
struct message;
struct retained;
struct shares;
struct persist_batch;
struct relay_post;
struct sample_uplink;
struct session;
struct relay_row;

/* How bytes leave: the stream stack, or a test's. See io/stream.h for what each does. */
struct link_ops {
    struct buf *(*output)(void *link);
    void (*commit)(void *link);
    size_t (*output_bytes)(void *link);
    void (*pause)(void *link);
    void (*resume)(void *link);
    void (*again)(void *link); /* from within connection_data(): the rest is handed in next turn */
    void (*close)(void *link);
    void (*leave)(void *link); /* the same for a peer that said good-bye */
    /* Hands the link to another loop, where connection_arrived() is called. */
    void (*move)(void *link, unsigned loop_index);
};

/* An uplink that was refused, for the live tail (EVENT_UPLINK_REFUSED). */
struct refusal {
    struct str topic;   /* below the device's prefix, or whole if it is not there */
    uint32_t bytes;
    uint8_t qos;
    uint8_t code;       /* MQTT reason code */
    struct str text;
};

/* What the hub asks of the domain: model's functions, or a test's. */
struct hub_ports {
    const struct link_ops *link;
    bool (*find_device)(struct domain *domain, const struct uuid *id, struct device_brief *ret_device);
    bool (*find_device_no)(struct domain *domain, int64_t no, struct device_brief *ret_device);
    enum credential_result (*check_device)(struct domain *domain, struct str id, struct str access_key,
                                           struct device_brief *ret_device);
    enum credential_result (*check_api_key)(struct domain *domain, struct str key, struct principal *ret_principal);
    bool (*key_matches)(struct domain *domain, const struct device_brief *device, struct str access_key);
    /* Of an API key, in the transaction of hub_restore: when it expires (unix; 0: never). False: it is revoked. */
    bool (*key_stands)(struct store_tx *tx, int64_t api_key_no, int64_t *ret_expires_at_ms);
    struct device_call *(*call_new)(struct domain *domain, enum device_action action,
                                    const struct device_brief *device, enum transport transport);
    void (*call_free)(struct device_call *call);
    void (*call_submit)(struct device_call *call, struct mailbox *home, void (*done)(struct op *op));
    void (*sample_submit)(struct sample_post *post, struct mailbox *home, void (*done)(struct op *op));
    uint32_t (*pending_kinds)(const struct device_brief *device);
    struct pending_read *(*pending_new)(struct domain *domain, const struct device_brief *device, uint32_t wanted);
    void (*pending_free)(struct pending_read *read);
    void (*pending_submit)(struct pending_read *read, struct mailbox *home, void (*done)(struct op *op));
    void (*mark_delivered)(struct domain *domain, const struct device_brief *device, const char *command_id);
    void (*contact)(struct domain *domain, int64_t device_no);
    void (*connected)(struct domain *domain, int64_t device_no);
    void (*disconnected)(struct domain *domain, int64_t device_no);
    void (*hears_itself)(struct domain *domain, int64_t device_no, bool hears);
    void (*refused)(struct domain *domain, const struct device_brief *device, const struct refusal *refusal);
    /* The tenant's devices one by one, and the presence of one: see model/device/device_table.h and model/device/presence.h. */
    enum device_next (*next_device)(struct domain *domain, struct device_cursor *cursor, const struct device_owner *owner,
                                    struct device_brief *ret_device);
    bool (*presence)(struct domain *domain, const struct device_brief *device, struct buf *out);
    void (*want_messages)(struct domain *domain, int change); /* event_bus.wants_messages */
    bool (*is_healthy)(const struct hub_loop *loop);          /* storage works */
    void (*flush_later)(struct hub_loop *loop);               /* hub_loop_flush() at the end of this turn */
};

/* An application tenant with sessions on this loop: its own topic space. */
struct tenant {
    struct hashmap_node map;
    uint8_t kind; /* enum party */
    int64_t no;
    size_t sessions;
    struct topic_tree tree;
};

struct hub_loop {
    struct hub_core *core;
    unsigned index;
    struct timer_wheel *timers;
    struct mailbox *mailbox;
    uint64_t (*now_ms)(const struct hub_loop *loop);   /* monotonic */
    int64_t (*unix_ms)(const struct hub_loop *loop);
    void *user;                                        /* the binder's */

    struct hashmap sessions;
    struct hashmap tenants;
    struct hashmap connect_waits;                      /* CONNECTs that wait for a Will, by device (connect_wait.c) */
    struct hashmap ended_busy;                         /* sessions of devices that ended, whose uplinks run on */
    struct list connections;
    struct list will_retries;                          /* Wills that storage did not take (will.c) */
    unsigned wills_to_post;                            /* that go to other loops and groups when they are on disk (relay.c) */
    struct persist_batch *batch;                       /* changes of this turn; NULL: none */
    struct persist_batch *flushed, *last_flushed;      /* that are not committed yet, in their order (batch.h) */
    struct persist_batch *first_hopeful;               /* of those: that has not failed yet; all behind it have not either */
    uint64_t next_batch_no;
    unsigned batches_in_flight;
    unsigned late_batches;                             /* of those flushed: that have failed */
    size_t late_bytes;                                 /* what they hold */
    size_t flushed_bytes;                              /* what all of the flushed ones hold */
    bool is_stuck;                                     /* nothing is submitted but by the next attempt */
    bool is_abandoned;                                 /* nothing is submitted any more */
    bool refusal_posted;
    struct task refusal;
    struct timer retry;
    struct sample_uplink *spare_uplinks;               /* memory of former ones (uplink.c) */
    unsigned spare_uplink_count;
    uint64_t next_serial;
    uint64_t match_serial;                             /* number of the message being delivered to applications */
    struct receiver *receivers;                        /* of it; kept for the next one */
    size_t receiver_count, receiver_capacity;
    struct relay_post **posts;                         /* for each loop: what this turn has for it (relay_post.c) */
    struct relay_post *first_waiting, *last_waiting;   /* posts of others for a later turn */
    struct task waiting_posts;
    size_t taken_bytes;                                /* of posts, in this turn */
    struct timer alive;
    /* Read by other loops for each message: away from what changes with each. */
    _Alignas(64) _Atomic int application_filters;      /* is anything to be posted here? */
    _Atomic int open_filters;
    struct interest *applications, *open;              /* which of them; with several loops (interest.h) */
    _Atomic size_t connection_count;
    _Atomic bool busy;                                 /* batches in flight */
    const struct relay_row *restoring;                 /* see relay_restore() */
    _Alignas(64) _Atomic size_t posted_bytes;          /* to other loops, and not taken by them yet (relay_post.c) */
    _Alignas(64) uint64_t lane_batch_no;               /* the lane's: of the batch that may run */
};

/* The topic space of the open listeners of one name (mqtt.md 2.4). */
struct open_space {
    struct open_space *next;
    int64_t no; /* from the name: the same after every start */
    struct retained *retained;
};

struct hub_core {
    struct domain *domain;
    const struct hub_ports *ports;
    struct failures *failures;
    struct hub_loop *loops;
    size_t loop_count;
    size_t connections_max;                            /* that the program accepts; 0: no limit */
    _Atomic int64_t next_session_no;
    size_t late_bytes_max;                             /* per loop: see persist_is_full() */
    size_t posted_bytes_max;                           /* the same: see relay_is_behind() */
    _Atomic int application_filters;                   /* of all loops */
    _Atomic bool draining;
    struct retained *retained;
    struct shares *shares;
    struct open_space *spaces;                         /* made before the loops run */
    uint64_t home_key[2];                              /* of session_home(): the same after every start */
    _Atomic int64_t next_relay_no;
    bool expiry_runs;                                  /* the first loop's: retained_expiry.h */
    struct session_counts *counts;                     /* of applications per tenant, and of open listeners */
};

void hub_core_init(struct hub_core *core, struct domain *domain, const struct hub_ports *ports, size_t loop_count);
/* The lanes have stopped and all operations are home: what is still to be written is given up. Those who wait for it are
 * told, as tasks in the loops' mailboxes, which must be run once more before hub_core_deinit(). Any thread while no loop
 * runs. */
void hub_core_abandon(struct hub_core *core);
void hub_core_deinit(struct hub_core *core); /* after hub_core_abandon(); drops all sessions from memory; connections must be gone */
/* The space of that name, or number; makes it when it is new. Before the loops run. */
struct open_space *hub_open_space(struct hub_core *core, struct str name);
struct open_space *hub_open_space_of_no(struct hub_core *core, int64_t no);
/* 0: the devices' topics. */
struct retained *hub_retained(const struct hub_core *core, int64_t space);
/* Set-up of one loop; the caller fills now_ms, unix_ms and user before. */
void hub_loop_start(struct hub_loop *loop, struct timer_wheel *timers, struct mailbox *mailbox);
/* The end of a turn: submits what it has to store, posts what it has for other loops. */
void hub_loop_flush(struct hub_loop *loop);
/* Something happened in the domain; called on every loop that hub_event_visit() visits. */
void hub_loop_event(struct hub_loop *loop, const struct event *event);
/* DISCONNECT 0x8B to everybody. */
void hub_loop_drain(struct hub_loop *loop);
bool hub_core_is_drained(const struct hub_core *core);

/* Calls `visit` for each loop that must hear of the event: none, the device's home, those with application subscribers, or
 * all. Any thread. */
void hub_event_visit(struct hub_core *core, const struct event *event,
                     void (*visit)(struct hub_loop *loop, const struct event *event));

unsigned hub_home_of_device(const struct hub_core *core, int64_t device_no);
/* The loop out of `loops` that a hash with core->home_key leads to. */
unsigned hub_home_of_bytes(const struct hub_core *core, const void *ptr, size_t len, size_t loops);

/* So often the store is told that the server lives. */
#define HUB_ALIVE_MS 60000

/* Sessions that were stored, loaded before the loops run: an operation for any lane that reads. `done` is the caller's. */
struct hub_restore {
    struct op op;
    struct hub_core *core;
};
void hub_restore_init(struct hub_restore *restore, struct hub_core *core);

static inline const struct settings *hub_settings(const struct hub_loop *loop)
{
    return domain_settings(loop->core->domain);
}
static inline const struct hub_ports *hub_ports(const struct hub_loop *loop)
{
    return loop->core->ports;
}
static inline uint64_t hub_now_ms(const struct hub_loop *loop)
{
    return loop->now_ms(loop);
}
static inline int64_t hub_unix_ms(const struct hub_loop *loop)
{
    return loop->unix_ms(loop);
}
/* How far the wall clock, as it is set now, is ahead of the loops' clock, which is the same on all of them. */
static inline int64_t hub_wall_ahead_ms(const struct hub_loop *loop)
{
    return hub_unix_ms(loop) - (int64_t)hub_now_ms(loop);
}

#endif
