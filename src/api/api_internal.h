/* The inside of the HTTPS server: api.c (life, drain), http_connection.c (requests off a stream), http_reply.c (replies
 * onto it), call.c (a request's way to its handler and back), authorize.c (who may). */
#ifndef MUSTER_API_API_INTERNAL_H
#define MUSTER_API_API_INTERNAL_H

#include <stdatomic.h>

#include "api/api.h"
#include "api/call.h"
#include "api/portal_files.h"
#include "api/rate_limit.h"
#include "api/router.h"
#include "base/list.h"
#include "codec/http1/http1.h"
#include "io/loop.h"

#define DATE_HEADER_BYTES 40
#define NETWORKS_MAX 32
#define SPARE_CALLS 16

struct http_call;
struct body_upload;
struct upload_slots;
struct sse;

/* What a loop needs of its own. */
struct api_loop {
    struct api *api;
    struct loop *loop;
    struct list connections;
    struct task drain_task;
    const struct settings *settings; /* from which the following were made */
    struct http1_limits limits;
    struct network exempt[NETWORKS_MAX], proxies[NETWORKS_MAX];
    size_t exempt_count, proxy_count;
    int64_t date_s;
    char date[DATE_HEADER_BYTES]; /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */
    struct http_call *spare_calls;
    size_t spare_call_count;
};

struct api {
    struct api_config config;
    struct domain *domain;
    struct router *router, *metrics_router;
    struct portal *portal;
    struct rate_limit *device_rates, *address_rates, *management_rates;
    struct upload_slots *upload_slots;
    _Atomic bool draining;
    _Atomic size_t connection_count;
    _Atomic size_t strange_bytes; /* of long bodies whose senders need not say who they are */
    struct api_loop *loops;
    size_t loop_count;
};

enum connection_state {
    CONNECTION_READING,
    CONNECTION_HANDLING,  /* a call is with its handler; input waits */
    CONNECTION_SENDING,   /* the content of a file, behind the head of its reply */
    CONNECTION_STREAMING, /* server-sent events */
    CONNECTION_CLOSING,
};

struct http_connection {
    struct api *api;
    struct api_loop *home;
    struct stream *stream;
    const struct router *router;
    struct list node;
    struct http1_parser parser;
    struct http_call *call; /* the request under way */
    struct sse *sse;
    struct download *download; /* of CONNECTION_SENDING */
    struct timer timer;
    uint64_t active_ms; /* when something was last received, or answered */
    uint64_t began_ms;  /* of the request under way; 0: none */
    enum connection_state state;
    struct net_address local; /* asked for once: it costs a system call */
    bool has_local;
    bool is_metrics;
    bool held_back;     /* output has to drain, or an upload to reach the disk, before more is read */
    bool keep_open;     /* behind what is sent */
};

/* A call with what handlers need not see. */
struct http_call {
    struct call call;
    struct http_connection *connection; /* NULL when the peer has gone */
    struct mailbox *home;
    struct http_call *next_spare;
    struct http1_parser parser;  /* keeps the head's memory when the connection has gone before */
    struct buf body;
    struct str authorization, forwarded_for, forwarded_proto;
    size_t body_max;
    size_t strange_bytes; /* counted in the server's */
    struct body_upload *upload; /* api/upload.h; NULL: none */
    uint64_t upload_bytes;      /* that have come */
    bool is_committed;          /* what the handler did on the registry's writer */
    enum err parse_err;
    bool keep_alive;
    bool decided;    /* the reply stands before the body is read, which is dropped */
    bool with_loop_handler; /* a PLACE_LOOP handler has it, or call_finish is due */
    bool streaming;  /* sse_open took it */
    bool idempotent_repeat;
    bool is_exempt;  /* no limits per address for the peer (device-api.md 1.8.4) */
};

static inline struct http_call *http_call_of(struct call *call)
{
    return container_of(call, struct http_call, call);
}

/* --- api.c --- */
/* Every route table of the program, in the order of api_new. */
const struct route *const *api_route_tables(size_t *ret_count);
struct api *api_new_with(const struct api_config *config, const struct route *const *tables, size_t table_count);
struct api_loop *api_loop_of(struct api *api, struct loop *loop);
void api_loop_refresh(struct api_loop *home); /* takes over settings that have changed */

/* --- http_connection.c --- */
void http_connection_open(struct api *api, struct stream *stream, const struct router *router);
/* The call's reply is complete: writes it and goes on with the connection. On the loop. Takes the call. */
void http_connection_answer(struct http_call *call);
void http_connection_drain(struct http_connection *connection);
/* An upload takes more bytes; or does not, and the reply says why. While the body is read. */
void http_connection_body_room(struct http_connection *connection);
void http_connection_body_failed(struct http_connection *connection);
/* The content behind a reply's head has been sent. */
void http_connection_sent(struct http_connection *connection);

/* --- http_reply.c --- */
/* Appends head and body of the call's reply to the output of the connection. */
void http_reply_write(struct http_connection *connection, struct http_call *call);
/* An error without a call: {"error":"<text>"}; the connection is closed behind it. */
void http_reply_error(struct http_connection *connection, unsigned status, const char *text);
/* The head of an endless reply. */
void http_reply_stream_head(struct http_connection *connection, struct http_call *call, const char *content_type);

/* --- call.c --- */
struct http_call *http_call_new(struct http_connection *connection);
void http_call_free(struct api_loop *home, struct http_call *call); /* home NULL: whatever thread */
/* Head is there: finds the route, checks who asks. Sets `decided` when the answer is clear. */
void http_call_begin(struct http_call *call, const struct http1_head *head);
/* The whole body is there: parses it and hands the call to its handler. */
void http_call_run(struct http_call *call);
/* The body of a ROUTE_UPLOAD call is on the disk, or its reply is set. */
void http_call_uploaded(struct http_call *call);
/* GET, HEAD, DELETE: a body is optional extra, whose members stand in for the query, or is ignored. */
bool http_call_only_reads(const struct call *call);

/* --- authorize.c --- */
/* False: reply is the error. */
bool http_call_authorize(struct http_call *call);
/* Of the peer, for http_call.is_exempt. */
bool http_call_peer_is_exempt(const struct http_call *call);
/* The key in the Authorization header, without a scheme; empty: none. */
struct str http_call_key(const struct http_call *call);

#endif
