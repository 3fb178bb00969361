/* The ring of an outbox and its entries; for outbox*.c only. */
#ifndef MUSTER_HUB_OUTBOX_RING_H
#define MUSTER_HUB_OUTBOX_RING_H

#include "hub/message.h"
#include "hub/outbox.h"

static inline struct out_entry *outbox_at(const struct outbox *box, uint32_t index)
{
    return &box->ring[(box->first + index) & (box->capacity - 1)];
}

static inline bool out_entry_is_hole(const struct out_entry *entry)
{
    return !entry->message && !entry->released;
}

static inline size_t out_entry_size(const struct out_entry *entry)
{
    return entry->message ? message_size(entry->message) : 0;
}

struct outbox *outbox_make(struct session *session); /* the session's; makes it if there is none */
/* A new entry, the last one, with the number of its row. Entries may be somewhere else afterwards. */
struct out_entry *outbox_push(struct outbox *box);
/* The first that waits, or a hole there, counts as sent. */
struct out_entry *outbox_take_first(struct session *session);
/* Removes holes at the front; an empty outbox gives its memory back. */
void outbox_trim(struct session *session);

void out_entry_let_go(const struct out_entry *entry);                          /* of what it holds */
void out_entry_drop_message(struct outbox *box, struct out_entry *entry);
void out_entry_clear(struct session *session, struct out_entry *entry);        /* and its row; it stays as a hole */
void out_entry_set_again(struct outbox *box, struct out_entry *entry, enum again again);
void out_entry_takes_off(struct outbox *box, const struct out_entry *entry);   /* counts as in flight */

#endif
