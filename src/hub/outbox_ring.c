#include "hub/outbox_ring.h"

#include "base/mem.h"
#include "base/pool.h"
#include "hub/message.h"
#include "hub/persist.h"
#include "hub/session.h"
#include "hub/share.h"

struct outbox *outbox_make(struct session *session)
{
    if (!session->outbox) {
        session->outbox = pool_new(struct outbox);
    }
    return session->outbox;
}

static void outbox_grow(struct outbox *box)
{
    uint32_t capacity = box->capacity ? box->capacity * 2 : 4;
    struct out_entry *ring = pool_alloc(capacity * sizeof *ring); /* an entry is set when it is pushed */
    for (uint32_t i = 0; i < box->count; i++) {
        ring[i] = *outbox_at(box, i);
    }
    pool_free(box->ring, box->capacity * sizeof *ring);
    box->ring = ring;
    box->first = 0;
    box->capacity = capacity;
}

/* Takes the holes out: where an old message stays in flight while new ones come and give way to newer ones, for days if the
 * client is away, they would be ever more behind it. */
static void close_holes(struct outbox *box)
{
    uint32_t to = 0, sent = 0, resend = 0, firm = 0;
    for (uint32_t i = 0; i < box->count; i++) {
        if (!out_entry_is_hole(outbox_at(box, i))) {
            sent += i < box->sent;
            resend += i < box->resend;
            firm += i < box->firm;
            *outbox_at(box, to++) = *outbox_at(box, i);
        }
    }
    box->count = to;
    box->sent = sent;
    box->resend = resend;
    box->firm = firm;
}

struct out_entry *outbox_push(struct outbox *box)
{
    if (box->count == box->capacity && box->count - box->in_flight - box->waiting > box->capacity / 4) {
        close_holes(box);
    }
    if (box->count == box->capacity) {
        outbox_grow(box);
    }
    struct out_entry *entry = outbox_at(box, box->count++);
    *entry = (struct out_entry){.seq = box->next_seq++};
    return entry;
}

void out_entry_let_go(const struct out_entry *entry)
{
    message_unref(entry->message);
    mem_free(entry->subscription_ids);
    if (entry->member) {
        share_member_unref(entry->member);
    }
}

void out_entry_drop_message(struct outbox *box, struct out_entry *entry)
{
    box->bytes -= out_entry_size(entry);
    out_entry_let_go(entry);
    entry->message = NULL;
    entry->subscription_ids = NULL;
    entry->member = NULL;
}

void out_entry_clear(struct session *session, struct out_entry *entry)
{
    if (entry->stored && session_is_stored(session)) {
        persist_no_queued(session, entry->seq);
    }
    out_entry_drop_message(session->outbox, entry);
    *entry = (struct out_entry){.packet_id = entry->packet_id};
}

void out_entry_set_again(struct outbox *box, struct out_entry *entry, enum again again)
{
    box->again -= entry->again != AGAIN_NO;
    box->again += again != AGAIN_NO;
    entry->again = (uint8_t)again;
}

struct out_entry *outbox_take_first(struct session *session)
{
    struct outbox *box = session->outbox;
    struct out_entry *entry = outbox_at(box, box->sent++);
    if (entry->message) {
        box->waiting--;
    }
    entry->packet_id = (uint16_t)session->next_packet_id; /* until it gets its own: see entry_in_flight() of outbox_send.c */
    return entry;
}

void out_entry_takes_off(struct outbox *box, const struct out_entry *entry)
{
    box->in_flight++;
    box->in_flight_bytes += (uint32_t)out_entry_size(entry);
}

void outbox_trim(struct session *session)
{
    struct outbox *box = session->outbox;
    while (box->count > 0 && out_entry_is_hole(outbox_at(box, 0))) {
        box->first = (box->first + 1) & (box->capacity - 1);
        box->count--;
        if (box->sent > 0) {
            box->sent--;
        }
        if (box->resend > 0) {
            box->resend--;
        }
        if (box->firm > 0) {
            box->firm--;
        }
    }
    if (box->count == 0) {
        pool_free(box->ring, box->capacity * sizeof *box->ring);
        pool_free(box, sizeof *box); /* row numbers start again: the lane works in order, so the old rows are gone before */
        session->outbox = NULL;
    }
}
