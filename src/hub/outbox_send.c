/* What of an outbox is on its way: PUBLISH, PUBREL, what the client says to them, and sending again. */
#include "hub/outbox_send.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "hub/backlog.h"
#include "hub/connection.h"
#include "hub/message.h"
#include "hub/outbox_ring.h"
#include "hub/persist.h"
#include "hub/retained_read.h"
#include "hub/session.h"
#include "hub/topic_alias.h"
#include "hub/trace.h"

/* QoS 0 is dropped for a client whose output is this far behind; what waits with QoS 1 is not sent beyond it. From as much
 * on the stream tells when it has drained. */
#define OUTPUT_HIGH_BYTES ((size_t)256 * 1024)
/* What one client may have unacknowledged, whatever it says it can take: the rest waits under the queue's limit. */
#define IN_FLIGHT_MAX 1024u
#define IN_FLIGHT_BYTES_MAX ((size_t)1024 * 1024)

/* It is acknowledged, or will never be: it stays as a hole. */
static void entry_land(struct session *session, struct out_entry *entry)
{
    out_entry_set_again(session->outbox, entry, AGAIN_NO);
    session->outbox->in_flight--;
    session->outbox->in_flight_bytes -= (uint32_t)out_entry_size(entry);
    out_entry_clear(session, entry);
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
           (box->sent == 0 || outbox_at(box, 0)->packet_id != packet_id_next(session)) &&
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

/* An alias makes the first message with it longer, and all later ones shorter, unless the topic is shorter than the alias. */
static void add_alias(struct connection *c, const struct message *message, struct delivery *delivery)
{
    struct str topic = message_topic(message);
    struct delivery aliased = *delivery;
    aliased.topic_alias = alias_find(c->aliases_out, topic);
    aliased.topic_is_known = aliased.topic_alias != 0;
    if (!aliased.topic_is_known) {
        aliased.topic_alias = alias_next(c->aliases_out, c->alias_out_max);
    }
    if (aliased.topic_alias == 0 || !client_can_take(c, message, &aliased)) {
        return;
    }
    if (!aliased.topic_is_known) {
        alias_set(&c->aliases_out, aliased.topic_alias, topic);
    }
    *delivery = aliased;
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
    message_encode(out, c->version, message, &aliased, hub_now_ms(c->loop));
    hub_trace_out(c, out, from);
    link->commit(c->link);
    metric_add(METRIC_MQTT_PUBLISH_OUT, 1);
    metric_add(METRIC_MQTT_PACKETS_OUT, 1);
    return true;
}

/* Access is checked again for what waited: the device may have changed hands (mqtt.md 10.4). */
static bool may_still_receive(const struct session *session, const struct message *message)
{
    struct device_brief device;
    if (session->party == PARTY_DEVICE || session->party == PARTY_OPEN) {
        return true;
    }
    return hub_ports(session->loop)->find_device(session->loop->core->domain, &message->device_id, &device) &&
           device.epoch == message->epoch && access_is_tenants((enum party)session->party, session->owner_no, &device);
}

/* Of what waited, be it only for the disk: nothing of it has been sent yet. */
static bool may_be_sent(const struct session *session, const struct message *message)
{
    return !message_is_expired(message, hub_now_ms(session->loop)) && may_still_receive(session, message);
}

/* Ids are given in order, so those of what was sent rise from the first entry's on, in the circle of 65535. Holes have
 * ids too, so that no client makes us look through them all. */
static struct out_entry *entry_in_flight(const struct session *session, uint16_t packet_id)
{
    const struct outbox *box = session->outbox;
    if (!box || box->sent == 0) {
        return NULL;
    }
    uint32_t first_id = outbox_at(box, 0)->packet_id;
    uint32_t from = 0, to = box->sent;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        if ((outbox_at(box, middle)->packet_id + 65535u - first_id) % 65535 < (packet_id + 65535u - first_id) % 65535) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    struct out_entry *entry = from < box->sent ? outbox_at(box, from) : NULL;
    return entry && entry->packet_id == packet_id && !out_entry_is_hole(entry) ? entry : NULL;
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
    connection_send_ack(c, MQTT_PUBREL, packet_id, reason, STR(""));
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
            out_entry_set_again(session->outbox, entry, entry->released ? AGAIN_DUP : AGAIN_FIRST);
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
        out_entry_clear(session, entry);
        return;
    }
    out_entry_takes_off(box, entry);
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
        struct out_entry *entry = outbox_at(box, box->resend);
        if (entry->committing || (entry->message && box->in_flight - box->again >= c->receive_maximum)) {
            return;
        }
        box->resend++;
        if (entry->again == AGAIN_NO) {
            continue;
        }
        bool dup = entry->again == AGAIN_DUP;
        out_entry_set_again(box, entry, AGAIN_NO);
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
        struct out_entry *entry = outbox_take_first(session);
        if (!entry->message) {
            continue;
        }
        if (!may_be_sent(session, entry->message)) {
            out_entry_clear(session, entry);
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

void outbox_send_qos0(struct session *session, const struct message *message, const struct match *match)
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

void outbox_send_last(struct session *session)
{
    struct outbox *box = session->outbox;
    if (box->sent + 1 == box->count && window_is_open(session)) {
        entry_send(session, outbox_take_first(session));
    }
}

/* --- what the client says ----------------------------------------------------------------------------------------- */

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
    session->outbox->in_flight_bytes -= (uint32_t)out_entry_size(entry);
    out_entry_drop_message(session->outbox, entry);
    out_entry_set_again(session->outbox, entry, AGAIN_NO);
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
        struct out_entry *entry = outbox_at(box, i);
        if (!out_entry_is_hole(entry) && entry->again != AGAIN_FIRST) {
            out_entry_set_again(box, entry, entry->committing && !entry->released ? AGAIN_FIRST : AGAIN_DUP);
        }
    }
    if (box) {
        box->resend = 0;
    }
    outbox_pump(session);
}
