/* One MQTT connection of the load generator over io/stream: it connects, subscribes, publishes by template within its
 * window, acknowledges, and counts. What a run does with it is in its ops. One loop. */
#ifndef MUSTER_APP_BENCH_CLIENT_H
#define MUSTER_APP_BENCH_CLIENT_H

#include "app/bench/options.h"
#include "app/bench/wire.h"
#include "io/stream.h"
#include "io/tls.h"

enum bench_client_state {
    CLIENT_IDLE,       /* not connected */
    CLIENT_CONNECTING, /* TCP and TLS */
    CLIENT_GREETING,   /* CONNECT is sent */
    CLIENT_SUBSCRIBING,
    CLIENT_READY,
    CLIENT_LEAVING,    /* DISCONNECT is sent */
};

struct bench_client;

struct bench_client_ops {
    /* Connected, and subscribed to all its filters. */
    void (*on_ready)(struct bench_client *client);
    /* The connection is gone, or never came up (state tells how far it was). It may be started again. */
    void (*on_closed)(struct bench_client *client, enum bench_client_state was);
    /* A PUBLISH has arrived; it is acknowledged by the client. May be NULL, like all below. */
    void (*on_message)(struct bench_client *client, struct str payload, uint64_t now_ns);
    /* The last acknowledgement of a publish; `refused`: with a reason of 0x80 or above. */
    void (*on_acknowledged)(struct bench_client *client, uint64_t sent_ns, uint64_t now_ns, bool refused);
    /* The input at hand is done with, or a congested output has drained: more may be published. */
    void (*on_room)(struct bench_client *client);
    void (*on_pong)(struct bench_client *client);
};

#define BENCH_CLIENT_ID_BYTES 48

struct bench_client {
    const struct bench_client_ops *ops;
    const struct bench_options *options;
    void *run;                  /* whose connection it is; set by the user */
    struct loop *loop;
    struct tls_client *tls;     /* NULL: plain */
    struct stream *stream;
    uint32_t index;             /* among its kind, for {i} */
    enum bench_client_state state;
    bool clean_start, session_present, is_tallied;
    uint8_t connack;            /* reason of the last one */
    uint32_t expiry_s;          /* of its session */
    char id[BENCH_CLIENT_ID_BYTES];
    const char *key;            /* password, the user name is the id; NULL: none */
    unsigned filter_count;      /* to subscribe to when connected */
    unsigned filters_left;      /* not yet acknowledged */
    /* publishing */
    struct wire_template template;
    uint64_t next_number;       /* messages published so far */
    unsigned window;            /* --inflight, or less if the server's Receive Maximum is; 0 with QoS 0 */
    uint16_t *free_ids;         /* packet ids that are not in flight: `window` of them when none is */
    unsigned free_count;
    uint64_t *sent_ns;          /* by packet id */
    uint64_t acknowledged, refused;
    /* receiving */
    uint64_t allowance;         /* messages it may take before it is paused */
    bool is_paused;
    unsigned pings;             /* not yet answered */
    struct timer stop;
};

/* Prepares the client in zeroed memory; the pointers are borrowed. id and key as credentials, or id is made from the
 * prefix, the letter of its kind and the index. */
void bench_client_init(struct bench_client *client, const struct bench_client_ops *ops,
                       const struct bench_options *options, struct loop *loop, struct tls_client *tls, char kind,
                       uint32_t index);
void bench_client_deinit(struct bench_client *client);
/* Makes it a publisher: its window, and the template of its topic. */
void bench_client_publishes(struct bench_client *client);
/* Only the template of its topic, for another to publish with. */
void bench_client_make_template(struct bench_client *client);
/* Connects; on_ready or on_closed follows. */
void bench_client_start(struct bench_client *client);
/* Publishes one message; false: the window is full (or it is not connected). */
bool bench_client_publish(struct bench_client *client, uint64_t now_ns);
/* The same with another's template and that message's number. */
bool bench_client_publish_as(struct bench_client *client, const struct wire_template *template, uint64_t number,
                             uint64_t now_ns);
/* Written bytes go out at the end of the turn: once after a batch of bench_client_publish. */
void bench_client_commit(struct bench_client *client);
void bench_client_ping(struct bench_client *client);
/* Lets it take this many more messages. */
void bench_client_allow(struct bench_client *client, uint64_t messages);
/* DISCONNECT, with session expiry 0 if the session is not wanted any more (5.0). The server closes, or we do if it has
 * not in STOP_MS; on_closed follows. */
void bench_client_stop(struct bench_client *client, bool ends_session);

/* Nanoseconds of the monotonic clock. */
uint64_t bench_now_ns(void);

#endif
