/* One MQTT connection: frames and packets in; the answers are answer.h's. On the thread of the connection's loop. */
#ifndef MUSTER_HUB_CONNECTION_H
#define MUSTER_HUB_CONNECTION_H

#include "codec/mqtt/mqtt.h"
#include "hub/hub_loop.h"
#include "hub/persist.h"
#include "hub/session.h"

enum connection_state {
    CONNECTION_NEW,     /* waits for CONNECT */
    CONNECTION_REFUSED, /* CONNACK is delayed */
    CONNECTION_MOVING,
    CONNECTION_STARTING, /* CONNACK waits for a commit */
    CONNECTION_OPEN,
    CONNECTION_LEAVING, /* said good-bye; what that changes is being committed */
    CONNECTION_CLOSING, /* the link was told; nothing is read or written any more */
};

/* Packets of one kind in the running window of 30 s (mqtt.md 9). */
struct rate {
    uint32_t window;     /* number of the window */
    uint32_t count : 28;
    uint32_t over : 3;   /* windows in a row over the limit, with this one */
    uint32_t slowed : 1; /* reading was paused in this window */
};

/* There are as many of these as connections, most of them idle: every byte counts. */
struct connection {
    struct hub_loop *loop;
    void *link;
    const struct open_space *space; /* of an open listener; NULL: credentials are asked for */
    struct session *session;      /* NULL before CONNECT and after detaching */
    struct list node;             /* hub_loop.connections */
    struct list answers;          /* not sent yet, in order */
    struct timer timer;           /* first packet, keep-alive, slow reading, delayed refusal: the next of them */
    uint64_t last_packet_ms;
    uint64_t paused_until_ms;     /* slow reading, or how long a CONNECT waits; 0: not */
    uint64_t peer_hash;
    int64_t trace_device_no;      /* whose packets these are; 0: no device's, or not known (trace.h) */
    struct alias_table *aliases_in, *aliases_out; /* topic_alias.h; NULL: none yet */
    union {
        struct {
            struct rate publishes, subscribes;
        };
        const char *refusal_text; /* of one that is refused, which reads no packets */
        struct connect_wait *wait; /* of one whose CONNECT waits, nor does that (connect_wait.c); see waits_for_will */
        struct former *former;     /* of one that is starting, nor does that: what its session was; NULL: it is new (connect.c) */
    };
    uint32_t answer_count;
    uint32_t packet_bytes_max;    /* the client's; 0: none */
    uint16_t receive_maximum;     /* the client's */
    uint16_t keep_alive_s;
    uint16_t alias_out_max;       /* the client's Topic Alias Maximum */
    uint16_t inbound_open;        /* QoS 1 and 2 publishes not acknowledged or released */
    uint8_t version;              /* enum mqtt_version */
    uint8_t state;                /* enum connection_state */
    uint8_t refusal_reason;
    bool peer_exempt : 1;
    bool problem_info : 1;
    bool session_present : 1;
    bool assigned_client_id : 1;
    bool wants_response_info : 1;
    bool expiry_reduced : 1;
    bool server_keep_alive : 1;
    bool trace_told : 1;          /* a trace has the packet that was not consumed yet */
    bool unread : 1;              /* reads nothing while the client does not read its answers */
    bool said_goodbye : 1;        /* sent DISCONNECT, and will send no more */
    bool waits_for_will : 1;      /* of the connection before it */
    bool serial_uplinks : 1;      /* reads nothing while the session's uplinks run (publish.c) */
};

struct connection *connection_new(struct hub_loop *loop, void *link, uint64_t peer_hash, bool peer_exempt);
/* Bytes of the peer; returns how many were used. The rest is handed in again with more, or after resume. */
size_t connection_data(struct connection *connection, const uint8_t *data, size_t len);
void connection_drained(struct connection *connection);
/* The link is gone: frees the connection. */
void connection_closed(struct connection *connection);
/* On the new loop, after link->move(). */
void connection_arrived(struct connection *connection, struct hub_loop *loop);

/* Hands it to the loop of its session; the CONNECT is handed in again there. */
void connection_move(struct connection *connection, unsigned loop_index);

/* DISCONNECT with the reason (5.0, after CONNACK), then close. The session is detached and its Will follows the rules.
 * `text` is static. */
void connection_disconnect(struct connection *connection, enum mqtt_reason reason, const char *text);
/* Closes without a word. */
void connection_shut(struct connection *connection);
/* Reading stops until connection_wake(). */
void connection_hold(struct connection *connection);
void connection_wake(struct connection *connection);
void connection_arm(struct connection *connection); /* sets the timer to the next thing due */

/* Without the diagnostics that the client does not want, or that would make it too large; what is too large nevertheless is
 * not sent, and the connection shut [MQTT-3.1.2-24]. */
void connection_send(struct connection *connection, const struct mqtt_packet *packet);
/* PUBACK, PUBREC, PUBREL or PUBCOMP, as it is. `text`: Reason String; empty: none. */
void connection_send_ack(struct connection *connection, enum mqtt_type type, uint16_t packet_id, enum mqtt_reason reason,
                         struct str text);

/* --- CONNECT (connect.c) --- */
/* False: nothing was consumed, the packet is to be handed in again (the connection moves to another loop). */
bool on_connect(struct connection *connection, const struct mqtt_connect *connect);
void connect_refuse(struct connection *connection, enum mqtt_reason reason, const char *text);
void connect_refuse_now(struct connection *connection);
void connect_failed(struct connection *connection); /* for storage */
void connect_accepted(struct connection *connection);
void connect_forget_former(struct connection *connection); /* of one that is starting: it ends, or goes on */
/* Whether this CONNECT of its client is the end of the session. */
bool connect_ends_session(const struct mqtt_connect *connect, const struct session *session);

/* --- CONNECTs that wait (connect_wait.c) --- */
/* The Will of the connection before this one comes before everything that this one says. If it is due now and waits for
 * uplinks, or becomes one (will.h), the CONNECT is taken up when it is out. True: so it is. */
bool connect_waits_for_will(struct connection *connection, const struct mqtt_connect *connect, const struct session_key *key);
void connect_wait_end(struct connection *connection); /* it ends, or goes on */
/* An older connection must not take over from a newer one, only because its turn to look comes later. */
void connect_end_older_wait(struct hub_loop *loop, int64_t device_no);
/* What follows when all changes made so far are on disk: MQTT_CONNACK, or MQTT_CONNECT: connect_again(). If that takes too
 * long it is refused, as if they could not be stored. */
void connect_after_commit(struct connection *connection, enum mqtt_type then);
void connect_again(struct connection *connection); /* the CONNECT is handed in again */

/* --- packets (publish.c, subscribe.c) --- */
/* `over`: the rate is exceeded, refuse it. */
void on_publish(struct connection *connection, const struct mqtt_publish *publish, bool over);
void on_pubrel(struct connection *connection, const struct mqtt_puback *pubrel);
void on_subscribe(struct connection *connection, const struct mqtt_subscribe *subscribe, bool over);
void on_unsubscribe(struct connection *connection, const struct mqtt_unsubscribe *unsubscribe, bool over);

/* --- rates --- */
enum rate_result { RATE_OK, RATE_SLOW, RATE_OVER, RATE_CLOSE };
/* Counts a packet: RATE_SLOW: hold it and read on later, RATE_OVER: refuse it, RATE_CLOSE: third window in a row. */
enum rate_result rate_count(struct rate *rate, uint64_t now_ms, uint64_t limit, bool can_refuse);

#endif
