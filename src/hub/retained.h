/* The retained messages of one topic space (mqtt.md 3.5.4, 9; MQTT 5.0 section 3.3.1.3). Any thread: one lock, held
 * briefly. Whoever publishes puts the message here before it goes to subscribers on any loop, so that a subscription
 * made meanwhile finds it here or receives it, and never misses it.
 *
 * Each loop that changes a topic has it written (persist_retained()); all of that goes through one lane, which writes what
 * is here when it gets there: the order in which two loops change a topic and the order on disk cannot come apart. */
#ifndef MUSTER_HUB_RETAINED_H
#define MUSTER_HUB_RETAINED_H

#include "base/list.h"
#include "hub/message.h"

struct retained;
struct retained_entry;
struct retained_owner;

struct retained *retained_new(void);
void retained_free(struct retained *retained);

/* Whether a message of that size fits (0: no limit) beside the others of its owner, a device; of these only those of
 * its present epoch count. */
struct retained_limit {
    uint64_t count_max;
    size_t bytes_max;
};
bool retained_has_room(struct retained *retained, const struct message *message, const struct retained_limit *limit);
/* Beside all others of the space. */
bool retained_has_room_in_all(struct retained *retained, const struct message *message, const struct retained_limit *limit);
/* The message of its topic from now on; without payload: there is none any more. */
void retained_put(struct retained *retained, struct message *message);
struct message *retained_get(struct retained *retained, struct str topic); /* NULL: none; else unref it */
void retained_remove_device(struct retained *retained, int64_t device_no);
/* Those that a device or its owner left before an un-claim. True: there were some. */
bool retained_remove_stale(struct retained *retained, int64_t device_no, uint32_t epoch);
size_t retained_count(struct retained *retained);
/* Whether a subscription with this filter, as for a cursor, may find something: false where nothing can be there. */
bool retained_may_match(struct retained *retained, struct str filter, int64_t device_no);

/* A place in the list of all messages of a space, or of one device's. */
struct retained_link {
    struct list node;
    struct retained_entry *entry; /* NULL: the place of a cursor */
};
struct retained_cursor {
    struct retained_link link;
    struct retained_owner *owner; /* NULL: all */
    uint64_t until;               /* what was put later was received as it came */
    bool is_one_topic;            /* it needs no place in a list */
    bool is_done;
};

/* A pass over all messages that removes those that have expired, so many at a time that others get the lock in between:
 * begins zeroed but for the callback, with one retained at a time. Must be ended before retained_free(). */
struct retained_sweep {
    struct retained_link link;
    /* Of each that is removed; with the lock held. */
    void (*on_expired)(struct retained_sweep *sweep, struct str topic);
};
/* The next of them. False: that was all, the sweep has ended. */
bool retained_expire(struct retained *retained, struct retained_sweep *sweep, uint64_t now_ms);

/* Begins before the first message that matches the filter. device_no 0: all of the space. */
void retained_cursor_begin(struct retained *retained, struct retained_cursor *cursor, struct str filter, int64_t device_no);
/* The next message whose topic matches the filter, the same as before; the caller unrefs it. RETAINED_LATER: so many were
 * looked at that others get a turn first. */
enum retained_next { RETAINED_FOUND, RETAINED_LATER, RETAINED_END };
enum retained_next retained_cursor_next(struct retained *retained, struct retained_cursor *cursor, struct str filter,
                                        struct message **ret_message);
void retained_cursor_end(struct retained *retained, struct retained_cursor *cursor);

#endif
