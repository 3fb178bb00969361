/* A virtual world around the hub's core: clients without sockets, a clock that is moved by hand, an executor whose
 * operations run when told to, a domain with a few devices and keys, and session rows in memory. For the replay tests
 * and the fuzz target. One thread. */
#ifndef MUSTER_TESTS_WORLD_H
#define MUSTER_TESTS_WORLD_H

#include "base/buf.h"
#include "hub/connection.h"
#include "hub/hub_loop.h"

#define WORLD_LOOPS_MAX 4
#define WORLD_DEVICES_MAX 8
#define WORLD_CLIENTS_MAX 16

struct world;

struct world_client {
    struct world *world;
    char name[32];
    struct connection *connection; /* NULL: no link */
    unsigned loop;
    enum mqtt_version version;     /* of its last CONNECT */
    struct buf input, output;      /* not taken yet */
    bool paused, closing, moving, wants_data;
    unsigned move_to;
    size_t output_blocked;         /* bytes that output_bytes() reports in addition: a peer that does not read */
    size_t turn_began;             /* bytes of `output` then: what came since leaves at the turn's end */
    bool congested;                /* it is told when that is done */
};

struct world_pending {
    struct world_pending *next;
    enum push_mask kind;
    int64_t device_no; /* whose command, of PUSH_CHILDREN */
    int64_t level;
    char id[UUID_TEXT_BYTES];
    char correlation[40];
    char *payload;
};

struct world_device {
    char name[16];
    struct device_brief brief;
    char key[40];
    bool deleted;
    unsigned telemetry_effects, config_effects, command_effects, delivered, contacts;
    struct world_pending *pending;
    char presence[128]; /* the payload of its last status event; empty: none */
};

struct world {
    struct domain domain;
    struct settings settings;
    struct executor executor;
    struct hub_core core;
    struct timer_wheel wheels[WORLD_LOOPS_MAX];
    struct world_mailbox {
        struct mailbox mailbox;
        struct task *first, **last;
    } mailboxes[WORLD_LOOPS_MAX];
    unsigned loop_count;
    uint64_t now_ms;
    int64_t clock_ahead_ms; /* the wall clock was set so far */
    struct op *waiting, **last_waiting; /* operations, in order; linked by task.next */
    bool hold;                          /* operations wait for world_release() */
    bool fail;                          /* operations fail with ERR_STORAGE */
    bool full;                          /* the lanes take no more operations: they go home at once, with ERR_BUSY */
    bool sick;                          /* the store says that it does not work */
    bool dead;                          /* killed: nothing reaches the disk any more */
    unsigned refused;                   /* EVENT_UPLINK_REFUSED */
    struct world_device devices[WORLD_DEVICES_MAX];
    size_t device_count;
    struct world_client clients[WORLD_CLIENTS_MAX];
    size_t client_count;
    unsigned next_link_loop;
    struct world_rows *rows;
    int64_t gone_key_no; /* revoked, and nobody was told; 0: none */
    int64_t brief_key_ends_ms; /* unix; of the one that lives for a minute, since it was used last */
    struct buf *record; /* NULL, or where the steps go as an input of tests/fuzz/hub_stream_fuzz.c */
};

/* Steps of an input of tests/fuzz/hub_stream_fuzz.c. Each is a byte `step << 2 | client`, a byte `amount`, and what the step
 * takes behind them. The numbers are the corpus' format: new steps take some of those at the end, which were others' again. */
enum world_step {
    WORLD_SEND,    /* so many of the bytes that follow, to the server */
    WORLD_ADVANCE, /* amount * amount * 10 ms */
    WORLD_OPEN,    /* 1: exempt from limits; 2: on an open listener */
    WORLD_CLOSE,
    WORLD_HOLD,
    WORLD_RELEASE, /* bit 0: go on holding; the lane */
    WORLD_FAIL,    /* 1: on */
    WORLD_PUSH,
    WORLD_EVENT,
    WORLD_BLOCK,   /* 1: on */
    WORLD_RESTART,
    WORLD_LOGIN,   /* a proper CONNECT; a byte of options more */
    WORLD_PACKET,  /* any other proper packet; three bytes of options more */
    WORLD_LIMIT,   /* a setting that is usually large becomes small */
    WORLD_DRAIN,
    WORLD_STEP_COUNT,
    WORLD_OWNER = 60, /* claim or un-claim; the device, the organization */
    WORLD_RARE_EVENT,
    WORLD_RARE_PACKET, /* three bytes of options more */
    WORLD_RARE_LOGIN,  /* two */
};

/* Records a step, if the world has a record. */
void world_record(struct world *world, enum world_step step, const struct world_client *client, unsigned amount);
/* Makes one of some settings small, and records that the setting of this name was made so. */
void world_limit(struct world *world, unsigned which);
void world_record_limit(struct world *world, struct str name);

/* Devices dev1, dev2 (organization 1), dev3 (organization 2), all of partner 1, their keys key-dev1 ...; `web1` of an
 * HTTPS model, `susp1` suspended, `dev4` of nobody. API keys: org1, org1-read, org2, partner1. */
struct world *world_new(unsigned loop_count);
void world_free(struct world *world);
/* Runs tasks, operations and turn ends until nothing is left to do. */
void world_settle(struct world *world);
void world_advance(struct world *world, uint64_t ms);
/* The server stops in order. */
void world_drain(struct world *world);
/* A crash and a start: connections are gone, so is everything that was not committed. */
void world_restart(struct world *world);
/* Runs what waits in this lane (LANE_COUNT: any), at most `count`. */
void world_release(struct world *world, enum op_lane lane, unsigned count);

struct world_client *world_client(struct world *world, const char *name); /* makes it on first use */
void world_open(struct world_client *client, const char *peer, bool exempt);
void world_send(struct world_client *client, const uint8_t *data, size_t len);
void world_close(struct world_client *client); /* the network is cut */
struct world_device *world_device(struct world *world, struct str name); /* NULL: none */
struct event world_event_about(const struct world_device *d, enum event_type type); /* without a payload */
void world_pend(struct world_device *device, enum push_mask kind, int64_t level, struct str id, struct str payload,
                int64_t device_no);
void world_unpend(struct world_device *device, uint32_t kinds);
void world_event(struct world *world, const struct event *event);
/* The same of what is not true any more when it arrives. */
void world_late_event(struct world *world, const struct event *event);

/* world_store.c */
struct world_rows *world_rows_new(void);
void world_rows_free(struct world_rows *rows);
void world_rows_event(int64_t intent_no); /* an event was stored with it */
void world_rows_use(struct world_rows *rows); /* the session_store functions work on these */
size_t world_rows_sessions(const struct world_rows *rows);
size_t world_rows_queued(const struct world_rows *rows);
size_t world_rows_retained(const struct world_rows *rows);
size_t world_rows_inbound(const struct world_rows *rows);

#endif
