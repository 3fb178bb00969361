/* One MQTT session: what outlives a connection, or could (mqtt.md 14.1). It has one home loop for its life, on whose thread
 * everything here is called. Parts that most sessions do not need at a given moment are allocated when they do. */
#ifndef MUSTER_HUB_SESSION_H
#define MUSTER_HUB_SESSION_H

#include "codec/mqtt/topic.h"
#include "hub/access.h"
#include "hub/hub_loop.h"
#include "hub/message.h"
#include "hub/outbox.h"

#define SESSION_NEVER_EXPIRES UINT32_MAX

struct backlog;
struct retained_read;
struct share_member;

struct session_key {
    enum party party;
    int64_t owner_no;     /* device, or tenant */
    struct str client_id; /* applications; empty for devices, which have one session each */
};

/* A subscription. A device's filter is kept as what follows its prefix, and as a number when that is a name of the
 * table: the usual seven topics of a device cost 112 bytes. */
struct filter {
    union {
        char *rest;                              /* device; NULL: exactly the name of `topic`; shared: the whole filter */
        struct topic_subscription *subscription; /* application */
        struct share_member *member;             /* application, shared */
    };
    uint32_t identifier;
    uint8_t options; /* QoS, No Local, Retain As Published, Retain Handling as on the wire */
    uint8_t topic;   /* enum topic_id of an exact name, else TOPIC_OTHER */
    bool is_shared;  /* `$share/...` */
};
#define FILTER_QOS(options) ((options)&3u)
#define FILTER_NO_LOCAL 4u
#define FILTER_RETAIN_AS_PUBLISHED 8u
#define FILTER_RETAIN_HANDLING_SHIFT 4
#define FILTER_OWED_RETAINED 0x40u /* in rows only: see retained_read.h */

/* What only application sessions have. */
struct application {
    struct tenant *tenant;
    int64_t api_key_no;
    int64_t api_key_expires_at_ms; /* of its last connection's key, unix; 0: never */
    uint64_t match_serial;
    uint32_t match_index;   /* its place among the receivers of the message match_serial */
    uint16_t shared_count;  /* shared filters */
    uint16_t client_id_len;
    bool may_publish;       /* scope full */
    char client_id[];
};

/* QoS 2 packet ids of the client that are not released yet, in their order. */
struct inbound {
    uint32_t count, capacity;
    struct inbound_id {
        uint16_t packet_id;
        bool received;         /* its effect is done: a duplicate only gets PUBREC again */
        bool carried_out;      /* before a crash, but it is not known to be relayed: a duplicate is relayed (uplink.c) */
        struct answer *answer; /* of the publish that is being processed */
    } ids[];
};

/* Without a connection. */
struct absence {
    struct timer timer; /* the earliest of Will, end, and the end of its key */
    struct session *session;
    int64_t since_unix_ms;
    uint64_t ends_ms;     /* UINT64_MAX: never */
    uint64_t will_due_ms; /* UINT64_MAX: none */
};

struct will {
    uint32_t delay_s;
    uint32_t len;
    uint8_t packet[]; /* PUBLISH as MQTT 5 bytes */
};

/* Of a session's Will: see will.h. */
enum will_state {
    WILL_SET,  /* its time has not come */
    WILL_DUE,  /* it waits for uplinks of its connection, or for storage */
    WILL_RUNS, /* as an uplink itself, which has not ended */
};

/* What was pushed last: a session drops what is equal or older. */
struct push_state {
    uint32_t wanted;  /* enum push_mask bits to read next */
    uint32_t given_up; /* kinds of which the newest is not kept: it was taken out of the queue again, or sent with QoS 0 */
    bool reading;
    int64_t config, space, firmware, license;
    char command[UUID_TEXT_BYTES];
    struct pushed_heads *heads; /* of the family (push.c); NULL: none */
    struct push_retry *retry;   /* after a read that failed (push.c); NULL: none */
};

struct session {
    struct hashmap_node map;
    struct hub_loop *loop;
    struct connection *connection; /* NULL: none */
    int64_t owner_no;
    int64_t no;                    /* row; 0: not stored */
    uint64_t serial;               /* within the process */
    uint32_t refs;
    uint32_t expiry_s;
    uint32_t next_packet_id;
    uint16_t filter_count, filter_capacity;
    uint8_t party;
    bool is_dead;                  /* no longer in the table; memory lives until the last reference */
    bool hears_itself;             /* a device with a filter for its own uplinks */
    bool runs_alone;               /* what is published next waits until its uplinks have ended (uplink.c) */
    uint8_t will_state;            /* enum will_state */
    uint32_t uplinks_running;      /* operations of its publishes */
    struct filter *filters;
    struct outbox *outbox;
    struct inbound *inbound;
    struct absence *absence;
    struct will *will;
    struct push_state *push;
    struct backlog *backlog;       /* who waits for it; NULL: nobody */
    struct retained_read *retained_reads; /* in the order of their subscriptions */
    struct uuid device_id;         /* devices */
    struct application *application;
};

struct session *session_find(struct hub_loop *loop, const struct session_key *key);
struct session *session_find_device(struct hub_loop *loop, int64_t device_no);
/* A new session in the table, one reference (the table's). The caller sets device_id of a device, api_key_no and may_publish
 * of others. */
struct session *session_new(struct hub_loop *loop, const struct session_key *key);
void session_ref(struct session *session);
void session_unref(struct session *session);
struct session_key session_key(const struct session *session);
struct str session_client_id(const struct session *session);
unsigned session_home(const struct hub_core *core, const struct session_key *key);
/* Its home if there are, or were, that many loops. */
unsigned session_home_of(const struct hub_core *core, const struct session_key *key, size_t loops);

static inline bool session_is_stored(const struct session *session)
{
    return session->no != 0;
}
/* Ends it: filters, queue and Will are gone, the stored rows too. The caller has detached the connection. */
void session_end(struct session *session);
/* The same for one that may be connected: its client is told why. Of what is removed no Will is published (mqtt.md 13). */
void session_remove(struct session *session, enum mqtt_reason reason, const char *text);
/* Leaves the rows alone: the server stops. */
void session_forget_in_memory(struct session *session);
/* The connection is gone: the Will (if the client did not say good-bye) is published, or waits for its delay; a session
 * with expiry 0 ends. */
void session_detach(struct session *session);
/* Without a connection since then; the Will (if any) fires at will_due_ms of the loop's clock, UINT64_MAX: not. */
void session_begin_absence(struct session *session, int64_t since_unix_ms, uint64_t will_due_ms);
void session_end_absence(struct session *session);
/* Its Will has taken effect: in this turn's batch it has none. If its time was over, it ends now. */
void session_will_is_out(struct session *session);
/* When the API key of its last connection expires, by how the wall clock is set now; UINT64_MAX: never. The session ends
 * then like that of a revoked key: of what is removed no Will is published (mqtt.md 13). */
uint64_t session_key_ends_ms(const struct session *session);
/* Its time is over, and it only waits for its Will. */
bool session_is_over(const struct session *session);
struct tenant *tenant_find(struct hub_loop *loop, enum party party, int64_t no); /* NULL: no session here */
void session_set_will(struct session *session, const struct mqtt_will *will); /* NULL: none */
/* Stored or not follows from expiry_s: creates or removes the rows. True: something must be committed. */
bool session_update_storage(struct session *session);
void session_save(struct session *session);

/* A publish whose effect is an operation of the domain: it may outlive the session. Only devices have them. */
void session_uplink_begins(struct session *session);
void session_uplink_ends(struct session *session);
/* Whether any of the session's runs, or one of a session of the device that ended: what must come after those waits. */
bool session_has_uplinks(const struct session *session);
/* Whether one of these must end before anything else is published, be it on a later connection. */
bool session_runs_alone(const struct session *session);
/* Whether a Will of the device, of this session or of one that ended, is due and has not taken effect. */
bool session_has_due_will(struct hub_loop *loop, const struct session_key *key);
/* The device is gone or another unit: such Wills of its sessions that ended are dropped (mqtt.md 13). */
void session_drop_due_wills(struct hub_loop *loop, int64_t device_no);

struct topic_limits session_topic_limits(const struct settings *settings, enum party party);

/* --- filters (subscribe.c) --- */
/* Generation of a device session (mqtt.md 4.1). */
unsigned session_generation(const struct session *session);
/* Whether one of a device's filters matches `rest` below its prefix; collects QoS and identifiers. */
#define MATCH_IDENTIFIERS_MAX 64 /* a device has no more filters; an application gets further copies with the others */
struct match {
    unsigned qos;
    bool found;
    bool retain; /* Retain As Published, or a retained message for a new subscription */
    size_t identifier_count;
    uint32_t identifiers[MATCH_IDENTIFIERS_MAX];
};
/* `from_self`: filters with No Local do not count. */
void session_match_rest(const struct session *session, struct str rest, bool from_self, struct match *ret_match);
/* Members of groups with a connection that is open come before others. One that starts or leaves waits for the disk, and
 * can be sent nothing. */
void session_set_online(struct session *session, bool online);
void session_drop_filters(struct session *session);
/* Adds or replaces a filter, valid and allowed; in memory only. `filter` is whole, as the client wrote it. */
void session_put_filter(struct session *session, struct str filter, uint8_t options, uint32_t identifier);
bool session_remove_filter(struct session *session, struct str filter);
/* Writes down how a filter of a stored session is now. */
void session_save_filter(struct session *session, struct str filter);
void session_save_filters(struct session *session); /* all of them */
bool session_has_filter(const struct session *session, struct str filter);

/* --- inbound QoS 2 ids --- */
struct inbound_id *session_inbound_find(struct session *session, uint16_t packet_id);
struct inbound_id *session_inbound_add(struct session *session, uint16_t packet_id);
void session_inbound_remove(struct session *session, uint16_t packet_id);
/* Of a stored session: in this turn's batch its effect is done. */
void session_save_inbound(struct session *session, uint16_t packet_id);

#endif
