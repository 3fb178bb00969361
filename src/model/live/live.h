/* The live stream (management-api.md 9): what happens, to whoever watches. Events come from the bus; the last 1000 are
 * kept for readers that come back; each reader has a bounded queue of its own, so that a slow one loses its own events
 * and nobody else's. The transport is api/live_routes.c. */
#ifndef MUSTER_MODEL_LIVE_H
#define MUSTER_MODEL_LIVE_H

#include "base/buf.h"
#include "base/uuid.h"
#include "model/event.h"
#include "model/account/principal.h"

struct domain;
struct live;
struct live_reader;

#define LIVE_HISTORY 1000 /* events that Last-Event-ID can resume within */
#define LIVE_HISTORY_BYTES ((size_t)16 * 1024 * 1024)
#define LIVE_QUEUE 1000   /* events a reader may be behind */
#define LIVE_QUEUE_BYTES ((size_t)2 * 1024 * 1024)
#define LIVE_READERS_MAX 1000
#define LIVE_READERS_TENANT_MAX 250 /* so that no tenant takes all of them */

enum live_type {
    LIVE_TELEMETRY = 1 << 0,
    LIVE_STATUS = 1 << 1,
    LIVE_COMMAND = 1 << 2,
    LIVE_CONFIG = 1 << 3,
    LIVE_INCIDENT = 1 << 4,
    LIVE_EVENT = 1 << 5,
    LIVE_REGISTRATION = 1 << 6,
    LIVE_WIRE = 1 << 7, /* only to readers of one device */
    LIVE_LICENSE = 1 << 8,
    LIVE_ALL = (1 << 9) - 1,
};
/* "telemetry,status" -> bits; names that no event has (yet) are ignored. */
unsigned live_types_parse(struct str list);

/* What a reader may and wants to see. */
struct live_filter {
    struct principal principal;   /* its tenant; with an API key, the key whose revocation ends the stream */
    unsigned types;               /* enum live_type bits */
    bool has_device, has_model;
    struct uuid device_id, model_id;
    int64_t space_no;             /* this space and below; 0: any */
};

/* Joins the event bus: before threads start. */
struct live *live_new(struct domain *domain);
void live_free(struct live *live); /* after the threads ended; NULL is accepted */

/* Starts reading; with `last_event_id` of an earlier reader of this process, after that event as far as it is kept.
 * `wake(user)` is called when there is something to take after nothing was left, from any thread, with a lock held: it
 * posts a task and does nothing else. NULL: too many readers, in all or of the
 * tenant. Any thread. */
struct live_reader *live_open(struct live *live, const struct live_filter *filter, struct str last_event_id,
                              void (*wake)(void *user), void *user);
void live_close(struct live_reader *reader); /* `wake` is not called any more */
/* The next event, or NULL; the caller unrefs it. *ret_dropped: events lost before it (or before now). */
const struct event *live_take(struct live_reader *reader, uint64_t *ret_dropped);
/* The reader's API key was revoked. */
bool live_is_revoked(const struct live_reader *reader);

/* Whether text mentions what is called like a secret. */
bool live_text_is_suspect(struct str text);
/* "id: ...\ndata: {...}\n\n", secrets masked. */
void live_render(const struct live *live, const struct event *event, struct buf *out);
/* "data: {"type":"dropped","count":n}\n\n" */
void live_render_dropped(uint64_t count, struct buf *out);

/* Once a second, from one thread. */
void live_tick(struct live *live);
/* Telemetry messages of the whole installation in the last minute. Any thread; live may be NULL. */
int64_t live_messages_per_minute(struct live *live);

#endif
