#include "hub/outbox.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "hub/connection.h"
#include "hub/message.h"
#include "hub/persist.h"
#include "hub/push.h"
#include "hub/session.h"
#include "hub/trace.h"

/* QoS 0 is dropped for a client whose output is this far behind; what waits with QoS 1 is not sent beyond it. */
#define OUTPUT_HIGH_BYTES ((size_t)256 * 1024)
/* What one client may have unacknowledged, whatever it says it can take: the rest waits under the queue's limit. */
#define IN_FLIGHT_MAX 1024u
#define IN_FLIGHT_BYTES_MAX ((size_t)1024 * 1024)

static struct out_entry *entry_at(const struct outbox *box, uint32_t index)
{
    return &box->ring[(box->first + index) & (box->capacity - 1)];
}

static struct outbox *outbox_of(struct session *session)
{
    if (!session->outbox) {
        session->outbox = mem_new(struct outbox);
    }
    return session->outbox;
}

static void outbox_grow(struct outbox *box)
{
    uint32_t capacity = box->capacity ? box->capacity * 2 : 4;
    struct out_entry *ring = mem_calloc(capacity, sizeof *ring);
    for (uint32_t i = 0; i < box->count; i++) {
        ring[i] = *entry_at(box, i);
    }
    mem_free(box->ring);
    box->ring = ring;
    box->first = 0;
    box->capacity = capacity;
}

static struct out_entry *entry_push(struct outbox *box)
{
    if (box->count == box->capacity) {
        outbox_grow(box);
    }
    struct out_entry *entry = entry_at(box, box->count++);
    *entry = (struct out_entry){.seq = box->next_seq++};
    return entry;
}

/* Drops an entry's content; it stays in the ring as a hole. */
static void entry_clear(struct session *session, struct out_entry *entry)
{
    struct outbox *box = session->outbox;
    if (entry->stored && session_is_stored(session)) {
        persist_no_queued(session->loop, session->no, entry->seq);
    }
    box->bytes -= message_size(entry->message);
    message_unref(entry->message);
    mem_free(entry->subscription_ids);
    *entry = (struct out_entry){.packet_id = 0};
}

/* The same for an entry in flight. */
static void entry_land(struct session *session, struct out_entry *entry)
{
    session->outbox->in_flight--;
    session->outbox->in_flight_bytes -= (uint32_t)message_size(entry->message);
    entry_clear(session, entry);
}

static void entry_takes_off(struct outbox *box, const struct out_entry *entry)
{
    box->in_flight++;
    box->in_flight_bytes += (uint32_t)message_size(entry->message);
}

/* Removes holes at the front; an empty outbox gives its memory back. */
static void outbox_trim(struct session *session)
{
    struct outbox *box = session->outbox;
    while (box->count > 0 && !entry_at(box, 0)->message) {
        box->first = (box->first + 1) & (box->capacity - 1);
        box->count--;
        if (box->sent > 0) {
            box->sent--;
        }
    }
    if (box->count == 0) {
        mem_free(box->ring);
        mem_free(box); /* row numbers start again: the lane works in order, so the old rows are gone before */
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
    return c && c->state == CONNECTION_OPEN && box->in_flight < c->receive_maximum && box->in_flight < IN_FLIGHT_MAX &&
           box->in_flight_bytes < IN_FLIGHT_BYTES_MAX &&
           (box->sent == 0 || entry_at(box, 0)->packet_id != packet_id_next(session)) &&
           hub_ports(session->loop)->link->output_bytes(c->link) < OUTPUT_HIGH_BYTES;
}

static struct delivery delivery_of(const struct out_entry *entry, bool dup)
{
    return (struct delivery){.packet_id = entry->packet_id,
                             .qos = entry->qos,
                             .dup = dup,
                             .subscription_ids = entry->subscription_ids ? entry->subscription_ids + 1 : NULL,
                             .subscription_id_count = entry->subscription_ids ? entry->subscription_ids[0] : 0};
}

/* False: the client cannot take it (its Maximum Packet Size); it then counts as delivered [MQTT-3.1.2-25]. */
static bool send_publish(struct connection *c, const struct message *message, const struct delivery *delivery)
{
    size_t bytes = message_packet_bytes(c->version, message, delivery);
    if (bytes == 0 || (c->packet_bytes_max > 0 && bytes > c->packet_bytes_max)) {
        return false;
    }
    const struct link_ops *link = hub_ports(c->loop)->link;
    struct buf *out = link->output(c->link);
    size_t from = out->len;
    message_encode(out, c->version, message, delivery, hub_unix_ms(c->loop));
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
    if (session->party == PARTY_DEVICE) {
        return true;
    }
    if (!hub_ports(session->loop)->find_device(session->loop->core->domain, &message->device_id, &device) ||
        device.epoch != message->epoch) {
        return false;
    }
    int64_t owner = session->party == PARTY_ORGANIZATION ? device.organization_no : device.partner_no;
    return owner == session->owner_no;
}

/* Sends the entry for the first time. */
static void entry_send(struct session *session, struct out_entry *entry)
{
    struct outbox *box = session->outbox;
    entry->packet_id = packet_id_next(session);
    session->next_packet_id = entry->packet_id;
    struct delivery delivery = delivery_of(entry, false);
    if (!send_publish(session->connection, entry->message, &delivery)) {
        entry_clear(session, entry);
        return;
    }
    entry_takes_off(box, entry);
}

void outbox_pump(struct session *session)
{
    struct outbox *box = session->outbox;
    if (!box) {
        return;
    }
    while (box->sent < box->count && window_is_open(session)) {
        struct out_entry *entry = entry_at(box, box->sent++);
        if (!entry->message) {
            continue;
        }
        if (is_expired(session, entry->message) || !may_still_receive(session, entry->message)) {
            entry_clear(session, entry);
            continue;
        }
        entry_send(session, entry);
        if (entry->message && entry->stored) {
            persist_sent(session->loop, session->no, entry);
        }
    }
    outbox_trim(session);
}

static bool over_limit(const struct session *session)
{
    const struct settings *s = hub_settings(session->loop);
    bool is_device = session->party == PARTY_DEVICE;
    uint64_t messages = is_device ? s->mqtt_device_queue : s->mqtt_application_queue;
    size_t bytes = is_device ? s->mqtt_device_queue_bytes : s->mqtt_application_queue_bytes;
    return (messages > 0 && session->outbox->count - session->outbox->sent > messages) ||
           (bytes > 0 && session->outbox->bytes > bytes);
}

/* The oldest that was not sent yet gives way (mqtt.md 9). */
static void drop_oldest(struct session *session)
{
    struct outbox *box = session->outbox;
    for (uint32_t i = box->sent; i < box->count; i++) {
        struct out_entry *entry = entry_at(box, i);
        if (entry->message) {
            entry_clear(session, entry);
            metric_add(METRIC_MQTT_QUEUE_DROPPED, 1);
            if (i == box->sent) {
                box->sent++; /* a hole in front counts as sent */
            }
            return;
        }
        if (i == box->sent) {
            box->sent++;
        }
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
    struct delivery delivery = {.subscription_ids = match->identifiers, .subscription_id_count = match->identifier_count};
    send_publish(c, message, &delivery);
}

bool outbox_deliver(struct session *session, struct message *message, const struct match *match, unsigned push)
{
    unsigned qos = message->qos < match->qos ? message->qos : match->qos;
    if (is_expired(session, message)) {
        return false;
    }
    if (qos == 0) {
        deliver_qos0(session, message, match);
        return false;
    }
    struct outbox *box = outbox_of(session);
    struct out_entry *entry = entry_push(box);
    entry->message = message_ref(message);
    entry->subscription_ids = identifiers_copy(match);
    entry->qos = 1; /* delivered at min(1, ...) */
    entry->push = (uint8_t)push;
    box->bytes += message_size(message);
    if (box->sent + 1 == box->count && window_is_open(session)) {
        box->sent++;
        entry_send(session, entry);
    }
    bool stored = false;
    if (entry->message && session_is_stored(session)) {
        entry->stored = stored = true;
        persist_queued(session->loop, session->no, entry);
    }
    while (over_limit(session) && box->sent < box->count) {
        drop_oldest(session);
    }
    outbox_trim(session);
    return stored;
}

bool outbox_acknowledged(struct session *session, uint16_t packet_id)
{
    struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->sent; i++) {
        struct out_entry *entry = entry_at(box, i);
        if (entry->packet_id == packet_id && entry->message) {
            entry_land(session, entry);
            outbox_trim(session);
            outbox_pump(session);
            return true;
        }
    }
    return false;
}

void outbox_resume(struct session *session)
{
    struct outbox *box = session->outbox;
    if (!box) {
        return;
    }
    for (uint32_t i = 0; i < box->sent; i++) { /* the send quota does not limit what is sent again, section 4.9 */
        struct out_entry *entry = entry_at(box, i);
        if (!entry->message) {
            continue;
        }
        struct delivery delivery = delivery_of(entry, true);
        if (!may_still_receive(session, entry->message) ||
            !send_publish(session->connection, entry->message, &delivery)) {
            entry_land(session, entry);
        }
    }
    outbox_trim(session);
    outbox_pump(session);
}

void outbox_restore(struct session *session, const struct out_entry *restored)
{
    struct outbox *box = outbox_of(session);
    box->next_seq = restored->seq;
    struct out_entry *entry = entry_push(box);
    *entry = *restored;
    box->bytes += message_size(entry->message);
    if (entry->packet_id != 0) {
        /* Ids are given in order, so what was sent comes first; a hole between would only be sent anew. */
        if (box->sent + 1 == box->count) {
            box->sent++;
            entry_takes_off(box, entry);
            session->next_packet_id = entry->packet_id;
        } else {
            entry->packet_id = 0;
        }
    }
}

void outbox_drop_pushes(struct session *session, uint32_t kinds)
{
    struct outbox *box = session->outbox;
    if (!box) {
        return;
    }
    for (uint32_t i = box->sent; i < box->count; i++) {
        struct out_entry *entry = entry_at(box, i);
        if (entry->message && entry->push && (kinds & 1u << (entry->push - 1))) {
            entry_clear(session, entry);
        }
    }
    outbox_trim(session);
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
        if (entry->message) {
            entry->stored = true;
            persist_queued(session->loop, session->no, entry);
        }
    }
}

void outbox_free(struct session *session)
{
    struct outbox *box = session->outbox;
    for (uint32_t i = 0; box && i < box->count; i++) {
        message_unref(entry_at(box, i)->message);
        mem_free(entry_at(box, i)->subscription_ids);
    }
    if (box) {
        mem_free(box->ring);
        mem_free(box);
    }
    session->outbox = NULL;
}
