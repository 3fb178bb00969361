#include "hub/answer.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "base/slab.h"
#include "hub/outbox.h"
#include "hub/relay.h"
#include "hub/topic_alias.h"
#include "hub/trace.h"
#include "model/device/talkers.h"

/* A publisher looks so often whether other loops have caught up. */
#define BEHIND_MS 10u
/* What one client may have done before others have their turn. */
#define PACKETS_PER_TURN 256u
/* Whatever the limit for packets is: nobody who has not said who he is makes us keep more. */
#define CONNECT_BYTES_MAX ((size_t)1024 * 1024)
/* A client that leaves so many bytes of answers unread is not read either; messages alone never come that far. */
#define UNREAD_BYTES_MAX ((size_t)768 * 1024)

static const struct link_ops *link_of(const struct connection *c)
{
    return hub_ports(c->loop)->link;
}

/* Nothing is read until something of what the client asked for is done, or the client has read its answers. */
static bool is_held(const struct connection *c)
{
    return c->serial_uplinks || c->unread || answers_are_full(c);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static uint64_t keep_alive_due(const struct connection *c)
{
    return c->keep_alive_s == 0 ? UINT64_MAX : c->last_packet_ms + (uint64_t)c->keep_alive_s * 1500;
}

static uint64_t connect_due(const struct connection *c)
{
    uint64_t timeout_ms = hub_settings(c->loop)->mqtt_connect_timeout;
    return timeout_ms == 0 ? UINT64_MAX : c->last_packet_ms + timeout_ms;
}

/* By the wall clock, which may be set while we wait: on_timer() asks it again. */
static uint64_t key_due(const struct connection *c)
{
    return c->session ? session_key_ends_ms(c->session) : UINT64_MAX;
}

static uint64_t next_due(const struct connection *c)
{
    uint64_t due = UINT64_MAX;
    switch ((enum connection_state)c->state) {
    case CONNECTION_NEW:
        due = connect_due(c);
        break;
    case CONNECTION_REFUSED:
    case CONNECTION_STARTING:
    case CONNECTION_LEAVING:
    case CONNECTION_MOVING:
        break;
    case CONNECTION_OPEN:
        due = keep_alive_due(c);
        due = key_due(c) < due ? key_due(c) : due;
        break;
    case CONNECTION_CLOSING:
        return UINT64_MAX;
    }
    return c->paused_until_ms != 0 && c->paused_until_ms < due ? c->paused_until_ms : due;
}

void connection_arm(struct connection *connection)
{
    uint64_t due = next_due(connection);
    if (due == UINT64_MAX) {
        timer_cancel(connection->loop->timers, &connection->timer);
    } else {
        timer_set(connection->loop->timers, &connection->timer, due);
    }
}

/* Packets do not re-arm the timer: it looks at the time of the last one when it fires. */
static void on_timer(struct timer *timer, uint64_t now_ms)
{
    struct connection *c = container_of(timer, struct connection, timer);
    if (c->paused_until_ms != 0 && now_ms >= c->paused_until_ms) {
        c->paused_until_ms = 0;
        if (c->state == CONNECTION_REFUSED) {
            connect_refuse_now(c);
            return;
        }
        if (c->state == CONNECTION_STARTING) { /* it waited for storage, too long */
            connect_failed(c);
            return;
        }
        /* What the client sent meanwhile was not read: it must not count as silent. */
        c->last_packet_ms = now_ms;
        connection_wake(c);
    }
    if (c->state == CONNECTION_NEW && now_ms >= next_due(c)) {
        connection_shut(c);
        return;
    }
    if (c->state == CONNECTION_OPEN && now_ms >= key_due(c)) {
        session_remove(c->session, MQTT_NOT_AUTHORIZED, "API key revoked"); /* like a revoked one (management-api.md 1.2.5) */
        return;
    }
    if (is_held(c)) { /* nor while it waits for us */
        c->last_packet_ms = now_ms;
    }
    if (c->state == CONNECTION_OPEN && now_ms >= keep_alive_due(c)) {
        connection_disconnect(c, MQTT_KEEP_ALIVE_TIMEOUT, "Keep alive timeout");
        return;
    }
    connection_arm(c);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct connection *connection_new(struct hub_loop *loop, void *link, uint64_t peer_hash, bool peer_exempt)
{
    struct connection *c = slab_new(struct connection);
    c->loop = loop;
    c->link = link;
    c->peer_hash = peer_hash;
    c->peer_exempt = peer_exempt;
    c->problem_info = true;
    c->timer.on_due = on_timer;
    c->last_packet_ms = hub_now_ms(loop);
    list_init(&c->answers);
    list_append(&loop->connections, &c->node);
    atomic_fetch_add(&loop->connection_count, 1);
    connection_arm(c);
    return c;
}

static void let_go(struct connection *c)
{
    if (c->state == CONNECTION_STARTING) {
        connect_forget_former(c);
    }
    c->state = CONNECTION_CLOSING;
    timer_cancel(c->loop->timers, &c->timer);
    connect_wait_end(c);
    answers_drop(c);
    if (c->session) {
        session_detach(c->session);
    }
}

void connection_shut(struct connection *connection)
{
    if (connection->state != CONNECTION_CLOSING) {
        let_go(connection);
        const struct link_ops *link = link_of(connection);
        (connection->said_goodbye ? link->leave : link->close)(connection->link);
    }
}

void connection_disconnect(struct connection *connection, enum mqtt_reason reason, const char *text)
{
    if (connection->state == CONNECTION_OPEN && connection->version == MQTT_V5) {
        struct mqtt_packet packet = {.type = MQTT_DISCONNECT, .disconnect = {.reason = (uint8_t)reason}};
        packet.disconnect.properties.reason_string = str_from_cstr(text);
        mqtt_set(&packet.disconnect.properties, MQTT_PROP_REASON_STRING);
        connection_send(connection, &packet);
    }
    connection_shut(connection);
}

void connection_closed(struct connection *connection)
{
    if (connection->state != CONNECTION_CLOSING) {
        let_go(connection);
    }
    if (connection->loop && list_is_linked(&connection->node)) {
        list_remove(&connection->node);
        atomic_fetch_sub(&connection->loop->connection_count, 1);
    }
    alias_table_free(connection->aliases_in);
    alias_table_free(connection->aliases_out);
    slab_free(connection);
}

void connection_move(struct connection *connection, unsigned loop_index)
{
    timer_cancel(connection->loop->timers, &connection->timer);
    list_remove(&connection->node);
    atomic_fetch_sub(&connection->loop->connection_count, 1);
    connection->state = CONNECTION_MOVING;
    connection->version = MQTT_VERSION_NONE;
    link_of(connection)->move(connection->link, loop_index);
}

void connection_arrived(struct connection *connection, struct hub_loop *loop)
{
    connection->loop = loop;
    list_append(&loop->connections, &connection->node);
    atomic_fetch_add(&loop->connection_count, 1);
    connection->state = CONNECTION_NEW;
    connection_arm(connection);
    link_of(connection)->resume(connection->link);
}

void connection_hold(struct connection *connection)
{
    link_of(connection)->pause(connection->link);
}

static bool may_read(const struct connection *c)
{
    return (c->state == CONNECTION_NEW || c->state == CONNECTION_OPEN) && c->paused_until_ms == 0 && !is_held(c);
}

void connection_wake(struct connection *connection)
{
    if (may_read(connection)) {
        link_of(connection)->resume(connection->link);
    }
}

void connection_drained(struct connection *connection)
{
    if (connection->unread) {
        connection->unread = false;
        connection_wake(connection);
    }
    if (connection->session && connection->state == CONNECTION_OPEN) {
        outbox_pump(connection->session);
    }
}

/* The packet that was appended to `out` from `from` on. */
static void packet_sent(struct connection *c, const struct buf *out, size_t from)
{
    hub_trace_out(c, out, from);
    link_of(c)->commit(c->link);
    metric_add(METRIC_MQTT_PACKETS_OUT, 1);
}

void connection_send(struct connection *connection, const struct mqtt_packet *packet)
{
    struct mqtt_packet trimmed = *packet;
    enum mqtt_version version = (enum mqtt_version)connection->version;
    mqtt_trim_diagnostics(&trimmed, version, connection->problem_info, connection->packet_bytes_max);
    struct buf *out = link_of(connection)->output(connection->link);
    size_t from = out->len;
    mqtt_encode(out, version, &trimmed);
    if (connection->packet_bytes_max > 0 && out->len - from > connection->packet_bytes_max) {
        out->len = from; /* not even without its diagnostics [MQTT-3.1.2-24] */
        connection_shut(connection);
        return;
    }
    packet_sent(connection, out, from);
}

void connection_send_ack(struct connection *connection, enum mqtt_type type, uint16_t packet_id, enum mqtt_reason reason,
                         struct str text)
{
    struct buf *out = link_of(connection)->output(connection->link);
    size_t from = out->len;
    mqtt_encode_puback(out, (enum mqtt_version)connection->version, type, packet_id, reason, text);
    packet_sent(connection, out, from);
}

/* --- packets ------------------------------------------------------------------------------------------------------ */

static void on_disconnect(struct connection *c, const struct mqtt_disconnect *packet)
{
    struct session *session = c->session;
    const struct mqtt_properties *p = &packet->properties;
    bool store = false;
    bool changes_expiry = mqtt_has(p, MQTT_PROP_SESSION_EXPIRY) && p->session_expiry_s != session->expiry_s;
    if (changes_expiry && session->expiry_s == 0) {
        connection_disconnect(c, MQTT_PROTOCOL_ERROR, "Session expiry was 0 in CONNECT");
        return;
    }
    c->said_goodbye = true;
    if (packet->reason == MQTT_SUCCESS) { /* with any other it is published [MQTT-3.1.2-8] */
        bool had_will = session->will != NULL;
        session_set_will(session, NULL);
        store = had_will && session_is_stored(session);
    }
    if (changes_expiry) {
        uint64_t cap = hub_settings(c->loop)->mqtt_session_expiry_max;
        session->expiry_s = cap > 0 && p->session_expiry_s > cap ? (uint32_t)cap : p->session_expiry_s;
        store = session_update_storage(session);
    } else if (store) {
        session_save(session);
    }
    if (!store) {
        connection_shut(c);
        return;
    }
    /* The link is closed when the change is on disk (mqtt.md 14.2). */
    struct answer *answer = answer_new(c, MQTT_DISCONNECT, 0);
    answer_after_commit(answer, MQTT_SUCCESS);
    session_set_online(session, false);
    c->state = CONNECTION_LEAVING;
    connection_hold(c);
}

/* PUBACK, PUBREC, PUBCOMP. Of an unknown id nothing follows but what the standard says: it may be a late one. */
static void on_delivery_ack(struct connection *c, enum mqtt_type type, const struct mqtt_puback *packet)
{
    enum ack_result result = type == MQTT_PUBACK   ? outbox_acknowledged(c->session, packet->packet_id)
                             : type == MQTT_PUBREC ? outbox_received(c->session, packet->packet_id, packet->reason)
                                                   : outbox_completed(c->session, packet->packet_id);
    if (result == ACK_WRONG) {
        connection_disconnect(c, MQTT_PROTOCOL_ERROR, "Acknowledgement does not fit the message");
    }
}

static void send_pingresp(struct connection *c)
{
    struct mqtt_packet packet = {.type = MQTT_PINGRESP};
    connection_send(c, &packet);
}

static void read_later(struct connection *c, uint64_t ms)
{
    c->paused_until_ms = hub_now_ms(c->loop) + ms;
    connection_hold(c);
    connection_arm(c);
}

/* Counts against a rate. False: do not go on with this packet. *ret_consumed: whether it is used up. */
static bool within_rate(struct connection *c, struct rate *rate, uint64_t limit, bool *ret_consumed, bool *ret_over)
{
    *ret_consumed = true;
    *ret_over = false;
    switch (rate_count(rate, hub_now_ms(c->loop), limit, c->version == MQTT_V5)) {
    case RATE_OK:
        return true;
    case RATE_OVER:
        *ret_over = true;
        return true;
    case RATE_SLOW:
        *ret_consumed = false;
        read_later(c, 1000);
        return false;
    case RATE_CLOSE:
        connection_disconnect(c, MQTT_MESSAGE_RATE_TOO_HIGH, "Message rate too high");
        return false;
    }
    return false;
}

static bool on_publish_packet(struct connection *c, const struct mqtt_publish *publish)
{
    const struct settings *s = hub_settings(c->loop);
    uint64_t limit = c->session->party == PARTY_DEVICE ? s->mqtt_device_publishes
                     : c->session->party == PARTY_OPEN ? 0
                                                       : s->mqtt_application_publishes;
    bool consumed, over;
    /* See uplink.c: a QoS 2 uplink of a stored session runs alone. And what only clears a retained message does not
     * overtake the one that it clears. */
    bool is_clear = publish->retain && publish->payload.len == 0;
    bool is_serial = is_clear || (publish->qos == 2 && session_is_stored(c->session));
    if ((is_serial && session_has_uplinks(c->session)) || session_runs_alone(c->session)) {
        c->serial_uplinks = true;
        connection_hold(c);
        return false;
    }
    if (c->session->party != PARTY_DEVICE && relay_is_behind(c->loop, 1)) { /* device uplinks never wait (mqtt.md 9) */
        read_later(c, BEHIND_MS);
        return false;
    }
    if (!within_rate(c, &c->publishes, limit, &consumed, &over)) {
        return consumed;
    }
    if (c->session->party == PARTY_DEVICE) {
        talkers_add(c->loop->core->domain->talkers, c->loop->index, c->session->owner_no, hub_now_ms(c->loop));
    }
    on_publish(c, publish, over);
    return true;
}

static bool subscribe_is_within_rate(struct connection *c, bool *ret_consumed, bool *ret_over)
{
    const struct settings *s = hub_settings(c->loop);
    uint64_t limit = c->session->party == PARTY_DEVICE ? s->mqtt_device_subscribes
                     : c->session->party == PARTY_OPEN ? 0
                                                       : s->mqtt_application_subscribes;
    return within_rate(c, &c->subscribes, limit, ret_consumed, ret_over);
}

/* Its effect would have to be stored, and there is no room for more that is not. */
static bool is_too_late_for(const struct connection *c, const struct mqtt_packet *packet)
{
    return persist_is_full(c->loop) && (packet->type == MQTT_PUBLISH || packet->type == MQTT_SUBSCRIBE ||
                                        packet->type == MQTT_UNSUBSCRIBE);
}

/* False: not consumed. */
static bool on_packet(struct connection *c, const struct mqtt_packet *packet)
{
    bool consumed = true, over = false;
    if (is_too_late_for(c, packet)) {
        connection_disconnect(c, MQTT_SERVER_BUSY, "Storage fault");
        return true;
    }
    switch (packet->type) {
    case MQTT_CONNECT:
        return on_connect(c, &packet->connect);
    case MQTT_PUBLISH:
        return on_publish_packet(c, &packet->publish);
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBCOMP:
        on_delivery_ack(c, packet->type, &packet->puback);
        return true;
    case MQTT_PUBREL:
        on_pubrel(c, &packet->puback);
        return true;
    case MQTT_SUBSCRIBE:
        if (subscribe_is_within_rate(c, &consumed, &over)) {
            on_subscribe(c, &packet->subscribe, over);
        }
        return consumed;
    case MQTT_UNSUBSCRIBE:
        if (subscribe_is_within_rate(c, &consumed, &over)) {
            on_unsubscribe(c, &packet->unsubscribe, over);
        }
        return consumed;
    case MQTT_PINGREQ:
        send_pingresp(c);
        return true;
    case MQTT_DISCONNECT:
        on_disconnect(c, &packet->disconnect);
        return true;
    case MQTT_AUTH:
        connection_disconnect(c, MQTT_PROTOCOL_ERROR, "No authentication in progress");
        return true;
    case MQTT_CONNACK:
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
    case MQTT_PINGRESP:
        break; /* the decoder refuses them from a client */
    }
    return true;
}

static void on_fault(struct connection *c, const struct mqtt_packet *packet, struct mqtt_fault fault)
{
    metric_add(METRIC_MQTT_PROTOCOL_ERRORS, 1);
    hub_trace_fault(c, packet, fault);
    if (c->state == CONNECTION_OPEN) {
        connection_disconnect(c, fault.reason, fault.text);
        return;
    }
    /* A CONNECT of another protocol name or level gets an answer in the oldest form; one cut short before them none. */
    bool known = packet && packet->type == MQTT_CONNECT &&
                 (packet->connect.protocol_level != 0 || fault.reason == MQTT_UNSUPPORTED_VERSION);
    if (!known) {
        connection_shut(c);
        return;
    }
    if (packet->connect.version == MQTT_V5 || (fault.reason == MQTT_UNSUPPORTED_VERSION && packet->connect.protocol_level > 5)) {
        c->version = MQTT_V5;
    } else {
        c->version = MQTT_V311;
    }
    connect_refuse(c, fault.reason, fault.text);
}

static size_t packet_bytes_max(const struct connection *c)
{
    size_t max = hub_settings(c->loop)->mqtt_packet_max;
    return c->state == CONNECTION_NEW && (max == 0 || max > CONNECT_BYTES_MAX) ? CONNECT_BYTES_MAX : max;
}

/* One packet from the front of data; returns its length, 0: not consumed. */
static size_t take_packet(struct connection *c, const uint8_t *data, size_t len)
{
    struct mqtt_frame frame;
    struct mqtt_packet packet;
    enum mqtt_version version = (enum mqtt_version)c->version;
    enum mqtt_frame_status status = mqtt_frame(data, len, packet_bytes_max(c), &frame);
    if (status == MQTT_FRAME_MALFORMED) {
        on_fault(c, NULL, (struct mqtt_fault){MQTT_MALFORMED_PACKET, frame.error});
        return 0;
    }
    if (frame.type != 0 && !mqtt_type_is_allowed(version, MQTT_FROM_CLIENT, frame.type)) {
        on_fault(c, NULL, (struct mqtt_fault){MQTT_PROTOCOL_ERROR, "Packet type not allowed"});
        return 0;
    }
    if (status == MQTT_FRAME_TOO_LARGE) {
        on_fault(c, NULL, (struct mqtt_fault){MQTT_PACKET_TOO_LARGE, "Packet too large"});
        return 0;
    }
    if (status == MQTT_FRAME_NEED_MORE) {
        return 0;
    }
    struct mqtt_fault fault = mqtt_decode(&packet, version, MQTT_FROM_CLIENT, data, frame.total_bytes);
    if (fault.reason) {
        on_fault(c, &packet, fault);
        return 0;
    }
    metric_add(METRIC_MQTT_PACKETS_IN, 1);
    hub_trace_in(c, &packet, frame.total_bytes);
    if (!on_packet(c, &packet)) {
        return 0; /* it may be on its way to another loop */
    }
    c->trace_told = false;
    return frame.total_bytes;
}

/* There are no more of these than messages in flight, and they make room for others: a turn takes all that were read. */
static bool acknowledges(uint8_t first_byte)
{
    unsigned type = first_byte >> 4;
    return type == MQTT_PUBACK || type == MQTT_PUBREC || type == MQTT_PUBCOMP;
}

size_t connection_data(struct connection *connection, const uint8_t *data, size_t len)
{
    const struct link_ops *link = link_of(connection);
    unsigned budget = PACKETS_PER_TURN;
    size_t used = 0;
    if (link->output_bytes(connection->link) > UNREAD_BYTES_MAX) {
        connection->unread = true;
        connection_hold(connection);
    }
    while (used < len && may_read(connection)) {
        if (!acknowledges(data[used]) && budget-- == 0) {
            link->again(connection->link);
            break;
        }
        size_t taken = take_packet(connection, data + used, len - used);
        if (taken == 0) {
            break;
        }
        used += taken;
    }
    if (connection->state == CONNECTION_CLOSING) {
        return len;
    }
    if (used > 0) {
        connection->last_packet_ms = hub_now_ms(connection->loop);
        if (connection->session && connection->session->party == PARTY_DEVICE) {
            hub_ports(connection->loop)->contact(connection->loop->core->domain, connection->session->owner_no);
        }
    }
    return used;
}
