#include "hub/outbox.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "hub/backlog.h"
#include "hub/connection.h"
#include "hub/message.h"
#include "hub/persist.h"
#include "hub/push.h"
#include "hub/relay.h"
#include "hub/retained_read.h"
#include "hub/session.h"
#include "hub/share.h"
#include "hub/topic_alias.h"
#include "hub/trace.h"

/* QoS 0 is dropped for a client whose output is this far behind; what waits with QoS 1 is not sent beyond it. From as much
 * on the stream tells when it has drained. */
#define OUTPUT_HIGH_BYTES ((size_t)256 * 1024)
/* What one client may have unacknowledged, whatever it says it can take: the rest waits under the queue's limit. */
#define IN_FLIGHT_MAX 1024u
#define IN_FLIGHT_BYTES_MAX ((size_t)1024 * 1024)
/* Where the queue's limit is off, these stand for it when a client is behind. */
#define BEHIND_MESSAGES 10000u
#define BEHIND_BYTES ((size_t)64 * 1024 * 1024)
/* The queue's limit so many times is more than publishers that wait leave there. */
#define OVERFULL_TIMES 8u

static struct out_entry *entry_at(const struct outbox *box, uint32_t index)
{
    return &box->ring[(box->first + index) & (box->capacity - 1)];
}

static struct outbox *outbox_of(struct session *session)
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
        ring[i] = *entry_at(box, i);
    }
    pool_free(box->ring, box->capacity * sizeof *ring);
    box->ring = ring;
    box->first = 0;
    box->capacity = capacity;
}

static bool is_hole(const struct out_entry *entry)
{
    return !entry->message && !entry->released;
}

/* Takes the holes out: where an old message stays in flight while new ones come and give way to newer ones, for days if the
 * client is away, they would be ever more behind it. */
static void close_holes(struct outbox *box)
{
    uint32_t to = 0, sent = 0, resend = 0;
    for (uint32_t i = 0; i < box->count; i++) {
        if (!is_hole(entry_at(box, i))) {
            sent += i < box->sent;
            resend += i < box->resend;
            *entry_at(box, to++) = *entry_at(box, i);
        }
    }
    box->count = to;
    box->sent = sent;
    box->resend = resend;
}

static struct out_entry *entry_push(struct outbox *box)
{
    if (box->count == box->capacity && box->count - box->in_flight - box->waiting > box->capacity / 4) {
        close_holes(box);
    }
    if (box->count == box->capacity) {
        outbox_grow(box);
    }
    struct out_entry *entry = entry_at(box, box->count++);
    *entry = (struct out_entry){.seq = box->next_seq++};
    return entry;
}

static size_t entry_size(const struct out_entry *entry)
{
    return entry->message ? message_size(entry->message) : 0;
}

static void entry_let_go(const struct out_entry *entry)
{
    message_unref(entry->message);
    mem_free(entry->subscription_ids);
    if (entry->member) {
        share_member_unref(entry->member);
    }
}

static void entry_drop_message(struct outbox *box, struct out_entry *entry)
{
    box->bytes -= entry_size(entry);
    entry_let_go(entry);
    entry->message = NULL;
    entry->subscription_ids = NULL;
    entry->member = NULL;
}

/* Drops an entry's content; it stays in the ring as a hole. */
static void entry_clear(struct session *session, struct out_entry *entry)
{
    if (entry->stored && session_is_stored(session)) {
        persist_no_queued(session, entry->seq);
    }
    entry_drop_message(session->outbox, entry);
    *entry = (struct out_entry){.packet_id = entry->packet_id};
}

/* The same for one that waits. */
static void entry_give_up(struct session *session, struct out_entry *entry)
{
    session->outbox->waiting--;
    entry_clear(session, entry);
}

static void entry_set_again(struct outbox *box, struct out_entry *entry, enum again again)
{
    box->again -= entry->again != AGAIN_NO;
    box->again += again != AGAIN_NO;
    entry->again = (uint8_t)again;
}

/* The first that waits, or a hole there, counts as sent. */
static struct out_entry *take_first_waiting(struct session *session)
{
    struct outbox *box = session->outbox;
    struct out_entry *entry = entry_at(box, box->sent++);
    if (entry->message) {
        box->waiting--;
    }
    entry->packet_id = (uint16_t)session->next_packet_id; /* until it gets its own: see entry_in_flight() */
    return entry;
}

/* The same for an entry in flight. */
static void entry_land(struct session *session, struct out_entry *entry)
{
    entry_set_again(session->outbox, entry, AGAIN_NO);
    session->outbox->in_flight--;
    session->outbox->in_flight_bytes -= (uint32_t)entry_size(entry);
    entry_clear(session, entry);
}

static void entry_takes_off(struct outbox *box, const struct out_entry *entry)
{
    box->in_flight++;
    box->in_flight_bytes += (uint32_t)entry_size(entry);
}

/* Removes holes at the front; an empty outbox gives its memory back. */
static void outbox_trim(struct session *session)
{
    struct outbox *box = session->outbox;
    while (box->count > 0 && is_hole(entry_at(box, 0))) {
        box->first = (box->first + 1) & (box->capacity - 1);
        box->count--;
        if (box->sent > 0) {
            box->sent--;
        }
        if (box->resend > 0) {
            box->resend--;
        }
    }
    if (box->count == 0) {
        pool_free(box->ring, box->capacity * sizeof *box->ring);
        pool_free(box, sizeof *box); /* row numbers start again: the lane works in order, so the old rows are gone before */
        session->outbox = NULL;
    }
}

static uint16_t packet_id_next(const struct session *session)
{
    return (uint16_t)(session->next_packet_id % 65535 + 1);
}

/* Packet ids go round in order, so those in flight lie between the oldest and the last: only the oldest can be met. */
static bool window_is_open(const struct session *session)
{
    const struct connection *c = session->connection;
    const struct outbox *box = session->outbox;
    return c && c->state == CONNECTION_OPEN && box->again == 0 && box->in_flight < c->receive_maximum &&
           box->in_flight < IN_FLIGHT_MAX && box->in_flight_bytes < IN_FLIGHT_BYTES_MAX &&
           (box->sent == 0 || entry_at(box, 0)->packet_id != packet_id_next(session)) &&
           hub_ports(session->loop)->link->output_bytes(c->link) < OUTPUT_HIGH_BYTES;
}

static struct delivery delivery_of(const struct out_entry *entry, bool dup)
{
    return (struct delivery){.packet_id = entry->packet_id,
                             .qos = entry->qos,
                             .dup = dup,
                             .retain = entry->retain,
                             .subscription_ids = entry->subscription_ids ? entry->subscription_ids + 1 : NULL,
                             .subscription_id_count = entry->subscription_ids ? entry->subscription_ids[0] : 0};
}

/* Its Maximum Packet Size decides. */
static bool client_can_take(const struct connection *c, const struct message *message, const struct delivery *delivery)
{
    size_t bytes = message_packet_bytes(c->version, message, delivery);
    return bytes > 0 && (c->packet_bytes_max == 0 || bytes <= c->packet_bytes_max);
}

/* An alias makes the first message with it longer, and all later ones shorter. */
static void add_alias(struct connection *c, const struct message *message, struct delivery *delivery)
{
    struct str topic = message_topic(message);
    delivery->topic_alias = alias_find(c->aliases_out, topic);
    delivery->topic_is_known = delivery->topic_alias != 0;
    if (delivery->topic_is_known) {
        return;
    }
    delivery->topic_alias = alias_next(c->aliases_out, c->alias_out_max);
    if (delivery->topic_alias == 0) {
        return;
    }
    if (!client_can_take(c, message, delivery)) {
        delivery->topic_alias = 0;
        return;
    }
    alias_set(&c->aliases_out, delivery->topic_alias, topic);
}

/* False: the client cannot take it; it then counts as delivered [MQTT-3.1.2-25]. */
static bool send_publish(struct connection *c, const struct message *message, const struct delivery *delivery)
{
    if (!client_can_take(c, message, delivery)) {
        return false;
    }
    struct delivery aliased = *delivery;
    if (c->alias_out_max > 0) {
        add_alias(c, message, &aliased);
    }
    const struct link_ops *link = hub_ports(c->loop)->link;
    struct buf *out = link->output(c->link);
    size_t from = out->len;
    message_encode(out, c->version, message, &aliased, hub_unix_ms(c->loop));
    hub_trace_out(c, out, from);
    link->commit(c->link);
    metric_add(METRIC_MQTT_PUBLISH_OUT, 1);
    metric_add(METRIC_MQTT_PACKETS_OUT, 1);
    return true;
}

static bool is_expired(const struct session *session, const struct message *message)
{
    return message->expires_at_ms != MESSAGE_NEVER_EXPIRES && message->expires_at_ms <= hub_unix_ms(session->loop);
}

/* Access is checked again for what waited: the device may have changed hands (mqtt.md 10.4). */
static bool may_still_receive(const struct session *session, const struct message *message)
{
    struct device_brief device;
    if (session->party == PARTY_DEVICE || session->party == PARTY_OPEN) {
        return true;
    }
    if (!hub_ports(session->loop)->find_device(session->loop->core->domain, &message->device_id, &device) ||
        device.epoch != message->epoch) {
        return false;
    }
    int64_t owner = session->party == PARTY_ORGANIZATION ? device.organization_no : device.partner_no;
    return owner == session->owner_no;
}

/* Of what waited, be it only for the disk: nothing of it has been sent yet. */
static bool may_be_sent(const struct session *session, const struct message *message)
{
    return !is_expired(session, message) && may_still_receive(session, message);
}

/* Ids are given in order, so those of what was sent rise from the first entry's on, in the circle of 65535. Holes have
 * ids too, so that no client makes us look through them all. */
static struct out_entry *entry_in_flight(const struct session *session, uint16_t packet_id)
{
    const struct outbox *box = session->outbox;
    if (!box || box->sent == 0) {
        return NULL;
    }
    uint32_t first_id = entry_at(box, 0)->packet_id;
    uint32_t from = 0, to = box->sent;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        if ((entry_at(box, middle)->packet_id + 65535u - first_id) % 65535 < (packet_id + 65535u - first_id) % 65535) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    struct out_entry *entry = from < box->sent ? entry_at(box, from) : NULL;
    return entry && entry->packet_id == packet_id && !is_hole(entry) ? entry : NULL;
}

/* --- what is sent after a commit ---------------------------------------------------------------------------------- */

struct commit_wait {
    struct persist_waiter waiter;
    struct session *session; /* held */
    int64_t seq;
    uint16_t packet_id;
};

static void send_pubrel(struct connection *c, uint16_t packet_id, enum mqtt_reason reason)
{
    const struct link_ops *link = hub_ports(c->loop)->link;
    struct buf *out = link->output(c->link);
    size_t from = out->len;
    mqtt_encode_puback(out, (enum mqtt_version)c->version, MQTT_PUBREL, packet_id, reason, STR(""));
    hub_trace_out(c, out, from);
    link->commit(c->link);
    metric_add(METRIC_MQTT_PACKETS_OUT, 1);
}

/* The client's next step is due: the message, or PUBREL. */
static void entry_proceed(struct session *session, struct out_entry *entry, bool dup)
{
    if (entry->released) {
        send_pubrel(session->connection, entry->packet_id, MQTT_SUCCESS);
        return;
    }
    struct delivery delivery = delivery_of(entry, dup);
    if (!send_publish(session->connection, entry->message, &delivery)) {
        entry_land(session, entry);
    }
}

/* Its row is on disk. */
static void entry_go(struct session *session, struct out_entry *entry)
{
    if (entry->message && !may_be_sent(session, entry->message)) {
        entry_land(session, entry);
    } else {
        entry_proceed(session, entry, false);
    }
}

static void on_entry_committed(struct persist_waiter *waiter, enum err err)
{
    if (err == ERR_STORAGE) {
        return; /* then it goes out later */
    }
    struct commit_wait *wait = container_of(waiter, struct commit_wait, waiter);
    struct session *session = wait->session;
    struct connection *c = session->connection;
    struct out_entry *entry = session->is_dead ? NULL : entry_in_flight(session, wait->packet_id);
    if (entry && entry->seq == wait->seq && entry->committing) {
        entry->committing = false;
        session->outbox->committing -= entry->qos == 1;
        if (!c || c->state != CONNECTION_OPEN) { /* a resumed session goes on with it */
            entry_set_again(session->outbox, entry, entry->released ? AGAIN_DUP : AGAIN_FIRST);
        } else {
            if (entry->again == AGAIN_NO) { /* else its turn comes */
                entry_go(session, entry);
                outbox_trim(session);
            }
            outbox_pump(session);
        }
    }
    session_unref(session);
    mem_free(wait);
}

static void entry_await_commit(struct session *session, struct out_entry *entry)
{
    struct commit_wait *wait = mem_new(struct commit_wait);
    wait->waiter.stays = true;
    wait->waiter.done = on_entry_committed;
    wait->session = session;
    wait->seq = entry->seq;
    wait->packet_id = entry->packet_id;
    session_ref(session);
    entry->committing = true;
    session->outbox->committing += entry->qos == 1;
    persist_wait(session->loop, &wait->waiter);
}

/* Whether its id must be on disk before it is sent: see outbox.h. None overtakes one that waits so. */
static bool must_be_stored(const struct session *session, const struct out_entry *entry)
{
    return session_is_stored(session) && (entry->qos == 2 || entry->stored || session->outbox->committing > 0);
}

/* Sends the entry for the first time, or only gives it its id: the caller writes it down and waits. */
static void entry_send(struct session *session, struct out_entry *entry)
{
    struct outbox *box = session->outbox;
    entry->packet_id = packet_id_next(session);
    session->next_packet_id = entry->packet_id;
    struct delivery delivery = delivery_of(entry, false);
    bool waits = must_be_stored(session, entry);
    bool taken = waits ? client_can_take(session->connection, entry->message, &delivery)
                       : send_publish(session->connection, entry->message, &delivery);
    if (!taken) {
        entry_clear(session, entry);
        return;
    }
    entry_takes_off(box, entry);
    if (waits) {
        entry_await_commit(session, entry);
    }
}

bool outbox_is_ready(const struct session *session)
{
    const struct outbox *box = session->outbox;
    const struct connection *c = session->connection;
    if (box) {
        return box->sent == box->count && window_is_open(session);
    }
    return c && c->state == CONNECTION_OPEN &&
           hub_ports(session->loop)->link->output_bytes(c->link) < OUTPUT_HIGH_BYTES;
}

/* In the order of the first time [MQTT-4.6.0-1], as far as the Receive Maximum of this connection allows: the quota starts
 * anew with it, and counts what is sent again (4.9, [MQTT-3.3.4-9]). */
static void resend(struct session *session)
{
    struct outbox *box = session->outbox;
    const struct connection *c = session->connection;
    while (box->again > 0 && c && c->state == CONNECTION_OPEN) {
        struct out_entry *entry = entry_at(box, box->resend);
        if (entry->committing || (entry->message && box->in_flight - box->again >= c->receive_maximum)) {
            return;
        }
        box->resend++;
        if (entry->again == AGAIN_NO) {
            continue;
        }
        bool dup = entry->again == AGAIN_DUP;
        entry_set_again(box, entry, AGAIN_NO);
        if (!dup) {
            entry_go(session, entry);
        } else if (entry->message && !may_still_receive(session, entry->message)) {
            entry_land(session, entry);
        } else {
            entry_proceed(session, entry, true);
        }
    }
}

static void pump_queue(struct session *session)
{
    struct outbox *box = session->outbox;
    resend(session);
    while (box->sent < box->count && window_is_open(session)) {
        struct out_entry *entry = take_first_waiting(session);
        if (!entry->message) {
            continue;
        }
        if (!may_be_sent(session, entry->message)) {
            entry_clear(session, entry);
            continue;
        }
        entry_send(session, entry);
        if (entry->message && entry->stored) {
            persist_sent(session, entry);
        }
    }
    outbox_trim(session);
}

void outbox_pump(struct session *session)
{
    if (session->outbox) {
        pump_queue(session);
    }
    if (session->retained_reads) {
        retained_read_pump(session);
    }
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
    return box && ((limit.messages > 0 && box->waiting > limit.messages * OVERFULL_TIMES) ||
                   (limit.bytes > 0 && box->bytes - box->in_flight_bytes > limit.bytes * OVERFULL_TIMES));
}

/* Instead of giving way to others; nobody waits for what the client publishes to itself (backlog.h). */
static bool is_waited_for(const struct session *session, const struct message *message)
{
    return session->connection && backlog_applies(message) && message->sender != session->serial;
}

/* The oldest that was not sent yet gives way (mqtt.md 9); while there is a connection none of those whose publishers wait
 * instead. False: there is none. */
static bool drop_oldest(struct session *session)
{
    struct outbox *box = session->outbox;
    while (box->sent < box->count && !entry_at(box, box->sent)->message) {
        take_first_waiting(session);
    }
    for (uint32_t i = box->sent; i < box->count; i++) {
        struct out_entry *entry = entry_at(box, i);
        if (entry->message && !is_waited_for(session, entry->message)) {
            entry_give_up(session, entry);
            metric_add(METRIC_MQTT_QUEUE_DROPPED, 1);
            return true;
        }
    }
    return false;
}

static void drop_excess(struct session *session)
{
    while (over_limit(session) && drop_oldest(session)) {
    }
}

void outbox_shrink(struct session *session)
{
    if (session->outbox) {
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

static void deliver_qos0(struct session *session, const struct message *message, const struct match *match)
{
    struct connection *c = session->connection;
    if (!c || c->state != CONNECTION_OPEN) {
        return;
    }
    if (hub_ports(session->loop)->link->output_bytes(c->link) >= OUTPUT_HIGH_BYTES) {
        metric_add(METRIC_MQTT_QUEUE_DROPPED, 1);
        return;
    }
    struct delivery delivery = {.retain = match->retain && message->retain,
                                .subscription_ids = match->identifiers,
                                .subscription_id_count = match->identifier_count};
    send_publish(c, message, &delivery);
}

/* Keeps it, and sends it if nothing waits before it. */
static bool deliver_entry(struct session *session, const struct out_entry *content)
{
    struct outbox *box = outbox_of(session);
    struct out_entry *entry = entry_push(box);
    int64_t seq = entry->seq;
    *entry = *content;
    entry->seq = seq;
    box->bytes += entry_size(entry);
    box->waiting++;
    if (box->sent + 1 == box->count && window_is_open(session)) {
        entry_send(session, take_first_waiting(session));
    }
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
    if (is_expired(session, message)) {
        return false;
    }
    if (qos == 0) {
        deliver_qos0(session, message, match);
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

static enum ack_result entry_done(struct session *session, struct out_entry *entry)
{
    entry_land(session, entry);
    outbox_trim(session);
    outbox_pump(session);
    backlog_progress(session);
    return ACK_OK;
}

enum ack_result outbox_acknowledged(struct session *session, uint16_t packet_id)
{
    struct out_entry *entry = entry_in_flight(session, packet_id);
    return !entry ? ACK_UNKNOWN : entry->qos != 1 || entry->committing ? ACK_WRONG : entry_done(session, entry);
}

/* From here on only the id is kept, until PUBCOMP. */
static void entry_release(struct session *session, struct out_entry *entry)
{
    session->outbox->in_flight_bytes -= (uint32_t)entry_size(entry);
    entry_drop_message(session->outbox, entry);
    entry_set_again(session->outbox, entry, AGAIN_NO);
    entry->released = true;
    if (entry->stored && session_is_stored(session)) {
        persist_released(session, entry->seq);
        entry_await_commit(session, entry);
    } else {
        send_pubrel(session->connection, entry->packet_id, MQTT_SUCCESS);
    }
}

enum ack_result outbox_received(struct session *session, uint16_t packet_id, uint8_t reason)
{
    struct out_entry *entry = entry_in_flight(session, packet_id);
    if (!entry) {
        send_pubrel(session->connection, packet_id, MQTT_PACKET_ID_NOT_FOUND);
        return ACK_UNKNOWN;
    }
    if (entry->qos != 2 || (entry->committing && !entry->released)) {
        return ACK_WRONG;
    }
    if (entry->released) {
        if (!entry->committing) { /* said twice */
            send_pubrel(session->connection, packet_id, MQTT_SUCCESS);
        }
    } else if (reason >= 0x80) {
        return entry_done(session, entry); /* no PUBREL follows [MQTT-4.3.3-4] */
    } else {
        entry_release(session, entry);
        backlog_progress(session);
    }
    return ACK_OK;
}

enum ack_result outbox_completed(struct session *session, uint16_t packet_id)
{
    struct out_entry *entry = entry_in_flight(session, packet_id);
    return !entry ? ACK_UNKNOWN : !entry->released || entry->committing ? ACK_WRONG : entry_done(session, entry);
}

void outbox_resume(struct session *session)
{
    struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->sent; i++) {
        struct out_entry *entry = entry_at(box, i);
        if (!is_hole(entry) && entry->again != AGAIN_FIRST) {
            entry_set_again(box, entry, entry->committing && !entry->released ? AGAIN_FIRST : AGAIN_DUP);
        }
    }
    if (box) {
        box->resend = 0;
    }
    outbox_pump(session);
}

void outbox_restore(struct session *session, const struct out_entry *restored)
{
    struct outbox *box = outbox_of(session);
    box->next_seq = restored->seq;
    struct out_entry *entry = entry_push(box);
    *entry = *restored;
    box->bytes += entry_size(entry);
    if (entry->packet_id != 0) {
        /* Ids are given in order, so what was sent comes first; a hole between would only be sent anew. */
        if (box->sent + 1 == box->count) {
            box->sent++;
            entry_takes_off(box, entry);
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
        struct out_entry *entry = entry_at(box, i);
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
        const struct out_entry *entry = entry_at(box, i);
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
        struct out_entry *entry = entry_at(box, i);
        if (!is_hole(entry)) {
            entry->stored = true;
            persist_queued(session, entry);
        }
    }
}

/* Of QoS 2, what was sent is for nobody else [MQTT-4.8.2-5]. */
static bool is_for_others(const struct outbox *box, uint32_t index)
{
    const struct out_entry *entry = entry_at(box, index);
    bool was_sent = index < box->sent && !entry->committing && entry->again != AGAIN_FIRST;
    return entry->member && entry->message && (entry->qos == 1 || !was_sent);
}

void outbox_hand_over(struct session *session)
{
    const struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->count; i++) {
        if (is_for_others(box, i)) {
            relay_to_other(session->loop, entry_at(box, i)->message, entry_at(box, i)->member);
        }
    }
}

void outbox_free(struct session *session)
{
    struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->count; i++) {
        entry_let_go(entry_at(box, i));
    }
    if (box) {
        pool_free(box->ring, box->capacity * sizeof *box->ring);
        pool_free(box, sizeof *box);
    }
    session->outbox = NULL;
}
