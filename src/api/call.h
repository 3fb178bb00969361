/* One HTTP call under way, and the route table. A route is one row: method, path, who may call it, where its handler
 * runs, its limits, the handler (device-api.md 1; management-api.md 1). */
#ifndef MUSTER_API_CALL_H
#define MUSTER_API_CALL_H

#include "base/arena.h"
#include "codec/json/json.h"
#include "io/net.h"
#include "model/device/device_table.h"
#include "model/domain.h"
#include "model/op.h"
#include "model/account/permission.h"
#include "model/reply.h"

struct api;
struct portal;
struct call;
struct http_connection;
struct download;

enum access {
    ACCESS_PUBLIC,        /* no credentials; counted per source address */
    ACCESS_PROBE,         /* "/", /healthz, portal files: not counted either (device-api.md 1.8.4) */
    ACCESS_DEVICE,        /* the device named by :id with its access key */
    ACCESS_PARTNER,       /* partner API key, or a session acting for a partner */
    ACCESS_ORGANIZATION,  /* organization API key, or a session acting for an organization */
    ACCESS_USER,          /* a signed-in person, whatever the tenant (sessions, preferences) */
    ACCESS_SYSTEM,        /* a signed-in system administrator (management-api.md 10.2) */
};

enum place {
    PLACE_LOOP,      /* handler runs on the loop with tx NULL; it answers now, or later with call_finish */
    PLACE_READ,      /* handler runs on a reader thread, over committed state */
    PLACE_REGISTRY,  /* handler runs on the registry writer; the reply leaves after the commit; an error reply rolls back */
    PLACE_WORK,      /* handler runs on a worker thread with tx NULL (password hashing) */
    PLACE_STEPS,     /* handler runs three times, until it answers: call->step STEP_READ on a reader, STEP_WORK on a worker
                      * with tx NULL, STEP_WRITE on the registry writer; what it needs in between is in call->carried */
};

enum step { STEP_READ, STEP_WORK, STEP_WRITE };

enum route_flags {
    ROUTE_WRITE = 1,        /* needs scope full, CSRF token with sessions */
    ROUTE_BULK_BODY = 2,    /* http.bulk_body_max instead of http.body_max */
    ROUTE_IDEMPOTENT_KEY = 4, /* creating POST: honours Idempotency-Key (management-api.md 1.3.3) */
    ROUTE_SECRET_REPLY = 8, /* reply carries a secret: Cache-Control no-store, never logged */
    ROUTE_RAW_BODY = 16,    /* the body is not parsed as JSON */
    ROUTE_ARRAY_BODY = 32,  /* the JSON root must be an array; otherwise it must be an object */
    ROUTE_UPLOAD = 64,      /* the body, or a part of the form in it, is stored while it arrives (api/upload.h) */
    ROUTE_SPOOL = 128,      /* with ROUTE_UPLOAD: it is to be copied from, not a content of its own */
    ROUTE_NEEDS_SHIFT = 16,
};

/* Among the flags of a management route: the permission it needs of a person, PERMISSION_<what> (model/account/permission.h).
 * Checked before the handler; for what is about a space, the domain checks again when the space is known. A route without
 * one is for administrators. */
#define NEEDS(what) ((unsigned)PERMISSION_##what << ROUTE_NEEDS_SHIFT)
#define ROUTE_NEEDS(route) ((route)->flags >> ROUTE_NEEDS_SHIFT)

struct route {
    const char *method;   /* "GET" serves HEAD as well */
    const char *path;     /* "/v1/devices/:id/telemetry"; fixed names are matched before :parameters */
    enum access access;
    enum place place;
    unsigned flags;
    void (*handler)(struct call *call, struct store_tx *tx);
};

#define CALL_PARAMS_MAX 6
struct call {
    struct op op;                    /* when the handler runs on a lane */
    struct api *api;
    struct domain *domain;
    const struct route *route;
    struct arena arena;              /* dies with the call */
    struct http_connection *connection; /* only the loop touches it; NULL when the peer has gone */

    struct str method, path, query;  /* as received (query without "?"); in the arena */
    struct str params[CALL_PARAMS_MAX]; /* decoded :parameters in order of the path */
    struct str raw_body;
    struct json *body;               /* NULL: empty body, equals {} */
    struct str origin, cookie, idempotency_key, user_agent, host, accept, accept_encoding, if_none_match, last_event_id, csrf;
    struct str range, if_range;
    struct net_address peer, local;
    char peer_text[NET_HOST_TEXT_BYTES];
    bool is_tls;
    bool is_head;

    struct principal principal;
    struct device_brief device;      /* of ACCESS_DEVICE */

    struct reply reply;              /* what the handler answers; status 0 when it returns means 500 */
    struct str content_type;         /* default application/json; charset=utf-8 */
    struct buf extra_headers;        /* "Name: value\r\n"... */
    struct str static_body;          /* instead of reply.body: bytes that live as long as the program (portal files) */
    struct download *download;       /* instead of both: call_send_content (api/download.h) */
    void (*committed)(struct call *call); /* optional: set by a PLACE_REGISTRY handler; after the commit, writer's thread */
    void *user;                      /* the handler's */
    enum step step;                  /* of PLACE_STEPS */
    void *carried;                   /* from one step to the next; in the arena */
};

/* Answers a PLACE_LOOP call whose handler returned with reply.status 0. On the loop. */
void call_finish(struct call *call);
/* The portals' files, for the handlers of portal_files.c. */
const struct portal *call_portal(const struct call *call);
/* Adds a header to the reply; control characters in the value become blanks. */
void call_header(struct call *call, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Query parameter, decoded; empty values count as absent; on GET a JSON body's members fill in (management-api 1.3.2). */
bool call_query(struct call *call, const char *name, struct str *ret_value);
bool call_query_int(struct call *call, const char *name, int64_t *ret_value);
/* A time window parameter: ISO, epoch s, epoch ms; *time stays when it is absent, empty or "null" (management-api.md 1.4).
 * False: it is no time, 422 is answered. */
MUST_CHECK bool call_query_time(struct call *call, const char *name, int64_t *time);
struct paging { int64_t page, per_page, offset; };
void call_paging(struct call *call, int64_t default_per_page, int64_t cap, struct paging *ret_paging);

/* Route tables, each NULL-terminated by a row with method NULL; put together in api/routes.c. */
extern const struct route customer_routes[];
extern const struct route device_bulk_routes[];
extern const struct route device_relation_routes[];
extern const struct route device_routes[];
extern const struct route file_routes[];
extern const struct route partner_routes[];
extern const struct route partner_device_routes[];
extern const struct route merge_routes[];
extern const struct route model_part_routes[];
extern const struct route organization_routes[];
extern const struct route organization_device_routes[];
extern const struct route space_routes[];
extern const struct route people_routes[];
extern const struct route support_routes[];
extern const struct route session_routes[];
extern const struct route sign_up_routes[];
extern const struct route system_routes[];
extern const struct route license_routes[];
extern const struct route live_routes[];
extern const struct route installation_routes[];
extern const struct route webhook_routes[];
extern const struct route incident_routes[];
extern const struct route mail_routes[];
extern const struct route rollout_routes[];
extern const struct route rule_routes[];
extern const struct route virtual_routes[];

#endif
