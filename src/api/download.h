/* The content of a file or a dump as the reply of a call: read on LANE_FILE, a portion at a time, as fast as the peer
 * takes it (device-api.md 8.2). */
#ifndef MUSTER_API_DOWNLOAD_H
#define MUSTER_API_DOWNLOAD_H

#include "api/call.h"

struct http_connection;

struct download_content {
    struct uuid id;         /* of the content (ports/blob_store.h) */
    uint64_t size;
    struct str etag;        /* with its quotes */
    struct str filename;    /* as the peer shall name it; UTF-8 of anybody's choice */
};

/* In a PLACE_READ handler: answers with the content, or the part of it that Range asks for, or 304, 416; with the headers
 * that keep it from being run on this origin. 500 when the content is not there. */
void call_send_content(struct call *call, const struct download_content *content);

/* ---- for http_connection.c and http_reply.c; on the loop ---- */

uint64_t download_length(const struct download *download);
/* The head has been written: sends the rest, then http_connection_sent follows. */
void download_start(struct download *download, struct http_connection *connection);
void download_drained(struct download *download); /* the output has room again */
/* Of a call that was not answered, or a connection that is gone; NULL is accepted. Takes download. */
void download_drop(struct download *download, struct domain *domain);

#endif
