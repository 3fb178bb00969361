/* Server-sent events: the reply of a call that does not end (management-api.md 9). Opened by a PLACE_LOOP handler of a
 * GET route; all calls on the loop of the connection (loop_current() in the handler). What is sent goes through a queue
 * with a bound: a reader that is slower than the events is noticed here and told by the caller. */
#ifndef MUSTER_API_SSE_H
#define MUSTER_API_SSE_H

#include "api/call.h"

struct sse;
struct loop;

#define SSE_QUEUE_BYTES_DEFAULT ((size_t)512 * 1024)
#define SSE_QUEUE_BYTES_MIN ((size_t)320 * 1024)

struct sse_ops {
    /* At most 128 KiB wait again, after sse_send said false. May be NULL. */
    void (*on_drained)(struct sse *sse);
    /* The last call, exactly once: the reader went, sse_close, or the server stops. Never from within sse_open or
     * sse_send. Afterwards `sse` is gone. */
    void (*on_closed)(struct sse *sse);
};

/* Answers the call with 200 and text/event-stream and takes it: the handler copies before what it needs of it
 * (principal, last_event_id, query), leaves reply.status 0 and does not use the call again. `user` is the caller's. On
 * HEAD the head alone is sent and on_closed follows. `queue_bytes_max` 0: the default; less than the minimum: that. */
struct sse *sse_open(struct call *call, const struct sse_ops *ops, void *user, size_t queue_bytes_max);
/* The same for a reply of another type that is made bit by bit; whoever sends it frames it (Transfer-Encoding is a header
 * of the caller's, set before). */
struct sse *sse_open_as(struct call *call, const char *content_type, const struct sse_ops *ops, void *user,
                        size_t queue_bytes_max);
void *sse_user(const struct sse *sse);
struct loop *sse_loop(const struct sse *sse);
/* Queues whole events or comments, as text of the format ("id: 5\ndata: {...}\n\n", ":\n\n"). Copied. False: the bound
 * would be passed; nothing of it was queued, and on_drained will be called. */
bool sse_send(struct sse *sse, struct str text);
void sse_close(struct sse *sse); /* flushes and ends the connection; on_closed follows */

#endif
