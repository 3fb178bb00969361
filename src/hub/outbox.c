#include "hub/outbox.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "hub/backlog.h"
#include "hub/message.h"
#include "hub/outbox_ring.h"
#include "hub/outbox_send.h"
#include "hub/persist.h"
#include "hub/relay.h"
#include "hub/session.h"
#include "hub/share.h"

/* Where the queue's limit is off, these stand for it when a client is behind. */
#define BEHIND_MESSAGES 10000u
#define BEHIND_BYTES ((size_t)64 * 1024 * 1024)
/* More than publishers that wait leave there: the queue's limit so many times, and what so many may have on their way. */
#define OVERFULL_TIMES 8u
#define OVERFULL_PUBLISHERS 16u
#define OVERFULL_BYTES BEHIND_BYTES
#define EXPIRY_LOOK_MS 1000u

/* One that waits stays as a hole. */
static void entry_give_up(struct session *session, struct out_entry *entry)
{
    if (entry->push && session->push) {
        session->push->given_up |= 1u << (entry->push - 1);
    }
    session->outbox->waiting--;
    out_entry_clear(session, entry);
}

struct queue_limit {
    uint64_t messages;
    size_t bytes;
};

/* 0: off. */
static struct queue_limit queue_limit_of(const struct session *session)
{
    const struct settings *s = hub_settings(session->loop);
    uint64_t messages = s->mqtt_application_queue;
    size_t bytes = s->mqtt_application_queue_bytes;
    if (session->party == PARTY_DEVICE) {
        messages = s->mqtt_device_queue;
        bytes = s->mqtt_device_queue_bytes;
    } else if (session->party == PARTY_OPEN) {
        messages = s->mqtt_open_queue;
        bytes = s->mqtt_open_queue_bytes;
    }
    return (struct queue_limit){messages, bytes};
}

static bool over_limit(const struct session *session)
{
    const struct outbox *box = session->outbox;
    struct queue_limit limit = queue_limit_of(session);
    return (limit.messages > 0 && box->waiting > limit.messages) ||
           (limit.bytes > 0 && box->bytes > limit.bytes);
}

bool outbox_is_behind(const struct session *session, unsigned part)
{
    const struct outbox *box = session->outbox;
    struct queue_limit limit = queue_limit_of(session);
    uint64_t messages = limit.messages > 0 ? limit.messages : BEHIND_MESSAGES;
    size_t waiting_bytes = box ? box->bytes - box->in_flight_bytes : 0;
    size_t bytes = limit.bytes > 0 ? limit.bytes : BEHIND_BYTES;
    return box && (box->waiting > messages / part || waiting_bytes > bytes / part);
}

bool outbox_is_overfull(const struct session *session)
{
    const struct outbox *box = session->outbox;
    struct queue_limit limit = queue_limit_of(session);
    uint64_t on_their_way = OVERFULL_PUBLISHERS * hub_settings(session->loop)->mqtt_receive_maximum;
    size_t waiting_bytes = box ? box->bytes - box->in_flight_bytes : 0;
    return box && ((limit.messages > 0 && box->waiting > limit.messages * OVERFULL_TIMES + on_their_way) ||
                   (limit.bytes > 0 && waiting_bytes > limit.bytes * OVERFULL_TIMES + OVERFULL_BYTES));
}

/* Instead of giving way to others; nobody waits for what the client publishes to itself (backlog.h). */
static bool is_waited_for(const struct session *session, const struct message *message)
{
    return session->connection && backlog_applies(message) && message->sender != session->serial;
}

static void entry_drop(struct session *session, struct out_entry *entry)
{
    entry_give_up(session, entry);
    metric_add(METRIC_MQTT_QUEUE_DROPPED, 1);
}

/* While there is a connection, those whose publishers wait do not give way, nor do downlinks: newer ones take their place,
 * so they are few, and who has been pushed to is not pushed to again. */
static bool may_give_way(const struct session *session, const struct out_entry *entry)
{
    return !is_waited_for(session, entry->message) && !(entry->push && session->connection);
}

/* The oldest that was not sent yet gives way (mqtt.md 9). False: there is none. */
static bool drop_oldest(struct session *session)
{
    struct outbox *box = session->outbox;
    while (box->sent < box->count && !outbox_at(box, box->sent)->message) {
        outbox_take_first(session);
    }
    box->firm = box->firm > box->sent ? box->firm : box->sent;
    while (box->firm < box->count) {
        struct out_entry *entry = outbox_at(box, box->firm++);
        if (entry->message && may_give_way(session, entry)) {
            entry_drop(session, entry);
            return true;
        }
    }
    return false;
}

/* What would not be sent any more gives way before what would. Not at every message of a queue that stays full: it is a
 * walk through all of it. */
static void drop_expired(struct session *session)
{
    struct outbox *box = session->outbox;
    uint64_t now_ms = hub_now_ms(session->loop);
    if (now_ms < box->expiry_look_ms) {
        return;
    }
    box->expiry_look_ms = now_ms + EXPIRY_LOOK_MS;
    for (uint32_t i = box->sent; i < box->count; i++) {
        struct out_entry *entry = outbox_at(box, i);
        if (entry->message && message_is_expired(entry->message, now_ms)) {
            entry_give_up(session, entry);
        }
    }
}

/* The newest, if the queue could not hold it even without those that wait: all of them would give way, and then it too. */
static void drop_unfit(struct session *session)
{
    const struct outbox *box = session->outbox;
    struct out_entry *newest = outbox_at(box, box->count - 1);
    size_t limit = queue_limit_of(session).bytes;
    if (box->sent < box->count && newest->message && limit > 0 &&
        box->in_flight_bytes + out_entry_size(newest) > limit && may_give_way(session, newest)) {
        entry_drop(session, newest);
    }
}

static void drop_excess(struct session *session)
{
    if (over_limit(session)) {
        drop_expired(session);
        drop_unfit(session);
    }
    while (over_limit(session) && drop_oldest(session)) {
    }
}

void outbox_shrink(struct session *session)
{
    if (session->outbox) {
        session->outbox->firm = 0;
        drop_excess(session);
        outbox_trim(session);
    }
}

static uint32_t *identifiers_copy(const struct match *match)
{
    if (match->identifier_count == 0) {
        return NULL;
    }
    uint32_t *ids = mem_calloc(match->identifier_count + 1, sizeof *ids);
    ids[0] = (uint32_t)match->identifier_count;
    memcpy(ids + 1, match->identifiers, match->identifier_count * sizeof *ids);
    return ids;
}

/* Keeps it, and sends it if nothing waits before it. */
static bool deliver_entry(struct session *session, const struct out_entry *content)
{
    struct outbox *box = outbox_make(session);
    struct out_entry *entry = outbox_push(box);
    int64_t seq = entry->seq;
    *entry = *content;
    entry->seq = seq;
    box->bytes += out_entry_size(entry);
    box->waiting++;
    outbox_send_last(session);
    bool stored = false;
    if (entry->message && session_is_stored(session)) {
        entry->stored = stored = true;
        persist_queued(session, entry);
    }
    return stored;
}

static bool deliver(struct session *session, struct message *message, const struct match *match, unsigned push,
                    struct share_member *member)
{
    unsigned qos = message->qos < match->qos ? message->qos : match->qos;
    if (message_is_expired(message, hub_now_ms(session->loop))) {
        return false;
    }
    if (qos == 0) {
        outbox_send_qos0(session, message, match);
        return false;
    }
    if (member) {
        ref_get(&member->ref);
    }
    const struct out_entry entry = {.message = message_ref(message),
                                    .subscription_ids = identifiers_copy(match),
                                    .member = member,
                                    .qos = (uint8_t)qos,
                                    .push = (uint8_t)push,
                                    .retain = match->retain && message->retain};
    bool stored = deliver_entry(session, &entry);
    if (!is_waited_for(session, message)) {
        drop_excess(session);
    }
    outbox_trim(session);
    return stored;
}

bool outbox_deliver(struct session *session, struct message *message, const struct match *match, unsigned push)
{
    return deliver(session, message, match, push, NULL);
}

bool outbox_deliver_shared(struct session *session, struct message *message, const struct match *match,
                           struct share_member *member)
{
    return deliver(session, message, match, 0, member);
}

void outbox_restore(struct session *session, const struct out_entry *restored)
{
    struct outbox *box = outbox_make(session);
    box->next_seq = restored->seq;
    struct out_entry *entry = outbox_push(box);
    *entry = *restored;
    box->bytes += out_entry_size(entry);
    if (entry->packet_id != 0) {
        /* Ids are given in order, so what was sent comes first; a hole between would only be sent anew. */
        if (box->sent + 1 == box->count) {
            box->sent++;
            out_entry_takes_off(box, entry);
            session->next_packet_id = entry->packet_id;
            return;
        }
        entry->packet_id = 0;
        entry->released = false;
    }
    box->waiting += entry->message != NULL;
}

unsigned outbox_drop_pushes(struct session *session, uint32_t kinds)
{
    struct outbox *box = session->outbox;
    unsigned dropped = 0;
    if (!box) {
        return 0;
    }
    for (uint32_t i = box->sent; i < box->count; i++) {
        struct out_entry *entry = outbox_at(box, i);
        if (entry->message && entry->push && (kinds & 1u << (entry->push - 1))) {
            entry_give_up(session, entry);
            dropped++;
        }
    }
    outbox_trim(session);
    return dropped;
}

uint32_t outbox_pushes_in_flight(const struct session *session)
{
    uint32_t kinds = 0;
    const struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->sent; i++) {
        const struct out_entry *entry = outbox_at(box, i);
        if (entry->message && entry->push) {
            kinds |= 1u << (entry->push - 1);
        }
    }
    return kinds;
}

void outbox_store_all(struct session *session)
{
    struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->count; i++) {
        struct out_entry *entry = outbox_at(box, i);
        if (!out_entry_is_hole(entry)) {
            entry->stored = true;
            persist_queued(session, entry);
        }
    }
}

/* Of QoS 2, what was sent is for nobody else [MQTT-4.8.2-5]. */
static bool is_for_others(const struct outbox *box, uint32_t index)
{
    const struct out_entry *entry = outbox_at(box, index);
    bool was_sent = index < box->sent && !entry->committing && entry->again != AGAIN_FIRST;
    return entry->member && entry->message && (entry->qos == 1 || !was_sent);
}

void outbox_hand_over(struct session *session)
{
    const struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->count; i++) {
        if (is_for_others(box, i)) {
            relay_to_other(session->loop, outbox_at(box, i)->message, outbox_at(box, i)->member);
        }
    }
}

void outbox_free(struct session *session)
{
    struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->count; i++) {
        out_entry_let_go(outbox_at(box, i));
    }
    if (box) {
        pool_free(box->ring, box->capacity * sizeof *box->ring);
        pool_free(box, sizeof *box);
    }
    session->outbox = NULL;
}
