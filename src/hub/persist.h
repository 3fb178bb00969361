/* Changes of stored sessions on their way to the disk. All changes of one turn of the loop travel in one operation of
 * the registry's lane, in the order in which they were made; who must not answer before they are on disk waits for it.
 * Of a batch that fails nothing is on disk yet: its waiters hear of it, and it is written later (batch.h). Loop thread only. */
#ifndef MUSTER_HUB_PERSIST_H
#define MUSTER_HUB_PERSIST_H

#include "hub/hub_loop.h"
#include "model/ports/relay_store.h"
#include "model/ports/retained_store.h"
#include "model/ports/session_store.h"

struct message;
struct out_entry;

struct persist_waiter {
    struct persist_waiter *next;
    bool stays; /* hears of a first failure, ERR_STORAGE, and then once more, when the changes are on disk or never will be */
    void (*done)(struct persist_waiter *waiter, enum err err);
};

/* Each copies what it is given. */
void persist_session(struct session *session, const struct session_row *row);
void persist_end(struct hub_loop *loop, int64_t no);
void persist_clear(struct session *session);
void persist_filter(struct session *session, struct str filter, uint8_t options, uint32_t identifier);
void persist_no_filter(struct session *session, struct str filter);
void persist_inbound(struct session *session, const struct session_inbound_row *row);
void persist_no_inbound(struct session *session, uint16_t packet_id);
void persist_queued(struct session *session, const struct out_entry *entry);
void persist_sent(struct session *session, const struct out_entry *entry);
void persist_released(struct session *session, int64_t seq);
void persist_no_queued(struct session *session, int64_t seq);
/* What is retained on a topic, or that nothing is: as it is when the lane gets there. Any loop may do so for any topic: the
 * lane is one, and the last to write takes the last that was put. */
void persist_retained(struct hub_loop *loop, int64_t space, struct str topic);
void persist_no_retained_device(struct hub_loop *loop, int64_t device_no);
void persist_no_retained_stale(struct hub_loop *loop, int64_t device_no, uint32_t epoch);
void persist_alive(struct hub_loop *loop, int64_t until_unix_ms);
/* Number, loop and sender of the row are given; the rest is the message's. */
void persist_relay(struct hub_loop *loop, const struct relay_row *row, struct message *message);
void persist_no_relay(struct hub_loop *loop, int64_t no);

/* Whether changes wait that failed once: who made them heard so, and may not be told now that they are there, as long as
 * they are not. Whatever relies on them waits with persist_wait(). */
static inline bool persist_is_late(const struct hub_loop *loop)
{
    return loop->late_batches > 0;
}
/* Whether anything at all is on its way. */
static inline bool persist_is_pending(const struct hub_loop *loop)
{
    return loop->batch || loop->flushed;
}
/* The oldest of it has waited for ten seconds (batch.c). */
bool persist_hangs(const struct hub_loop *loop);
/* So much is late, or waits for a disk that hangs, that no more may come: nothing is taken that would have to be stored. */
static inline bool persist_is_full(const struct hub_loop *loop)
{
    size_t max = loop->core->late_bytes_max;
    return loop->late_bytes > max || (loop->flushed_bytes > max && persist_hangs(loop));
}

/* Called when all changes made so far are committed, or with ERR_STORAGE when that failed and is going to be tried again, or
 * with ERR_INTERNAL that some of them were refused, ERR_STATE that the loop ends; never from within this call. */
void persist_wait(struct hub_loop *loop, struct persist_waiter *waiter);

#endif
