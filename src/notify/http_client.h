/* Outbound HTTP over libcurl, blocking: for worker threads and tools, never for an event loop. */
#ifndef MUSTER_NOTIFY_HTTP_CLIENT_H
#define MUSTER_NOTIFY_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

/* Keeps its connections between calls. One thread at a time. */
struct http_client;

struct http_client *http_client_new(void);
void http_client_free(struct http_client *client);
/* A self-signed certificate of our own server is accepted from now on (simulator, demo). */
void http_client_trust_any(struct http_client *client);

struct http_exchange {
    const char *method;          /* "POST" */
    const char *url;
    const char *authorization;   /* value of the header; NULL: none */
    struct str body;             /* JSON; empty: none */
    long timeout_ms;             /* 0: 10 s */
    /* result */
    long status;
    struct buf reply;            /* initialised by http_call; the caller deinits it, also after a failure */
};

/* ERR_IO when no reply came (logged at debug level by the caller if it cares). No redirects are followed. */
enum err http_call(struct http_client *client, struct http_exchange *exchange) MUST_CHECK;

#endif
