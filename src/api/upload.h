/* The body of a ROUTE_UPLOAD call: what is to be stored goes to the disk while it arrives, the few texts beside it (form
 * fields, or the query of a raw body) are kept for the handler, which runs when everything is on the disk. On the loop;
 * the accessors also where the handler runs. */
#ifndef MUSTER_API_UPLOAD_H
#define MUSTER_API_UPLOAD_H

#include "api/call.h"
#include "model/file/upload.h"

struct body_upload;
struct http_call;
struct http1_head;

/* ---- for http_connection.c and call.c ---- */

/* At the head of the request. False: the reply is decided. */
bool body_upload_begin(struct http_call *http_call, const struct http1_head *head);
enum body_taken { BODY_TAKEN, BODY_FULL /* read no more until http_connection_body_room */, BODY_REFUSED /* reply is set */ };
enum body_taken body_upload_add(struct http_call *http_call, struct str part);
/* The body has ended: http_call_uploaded follows, now or later, with reply.status set if it failed. */
void body_upload_end(struct http_call *http_call);
void body_upload_free(struct body_upload *upload); /* NULL is accepted */

/* ---- for handlers ---- */

/* The texts, as an object of strings. */
const struct json *call_upload_fields(const struct call *call);
/* False: nothing was sent to be stored, or nothing but an empty content. */
bool call_upload_content(const struct call *call, struct upload_content *ret_content);
/* As the sender named the content; ptr NULL: it did not. */
struct str call_upload_filename(const struct call *call);
/* In a PLACE_REGISTRY handler: the content stays if this call's transaction is committed. */
void call_upload_keep(struct call *call);
/* Of a route with ROUTE_SPOOL: what was sent; borrowed as long as the call lives. NULL: nothing. */
struct upload *call_upload_spool(const struct call *call);

#endif
