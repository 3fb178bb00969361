#include "hub/will.h"

#include "base/mem.h"
#include "hub/publish.h"

struct will *will_from_stored(struct str packet, uint32_t delay_s)
{
    struct will *will = mem_alloc(sizeof *will + packet.len);
    will->delay_s = delay_s;
    will->len = (uint32_t)packet.len;
    memcpy(will->packet, packet.ptr, packet.len);
    return will;
}

struct will *will_new(const struct mqtt_will *will, bool drop_key)
{
    struct buf out, shared;
    /* The Will's properties on the wire hold its delay, which a PUBLISH must not: they are written anew. */
    buf_init(&shared, MQTT_PACKET_BYTES_MAX); /* it was part of a packet within its limit */
    mqtt_encode_shared_properties(&shared, &will->properties, drop_key ? STR("access_key") : str_from(NULL, 0));
    struct mqtt_publish_head head = {.topic = will->topic,
                                     .packet_id = will->qos > 0 ? 1 : 0,
                                     .qos = will->qos,
                                     .retain = will->retain,
                                     .has_message_expiry = mqtt_has(&will->properties, MQTT_PROP_MESSAGE_EXPIRY),
                                     .message_expiry_s = will->properties.message_expiry_s,
                                     .properties = buf_str(&shared),
                                     .payload_bytes = will->payload.len};
    buf_init(&out, MQTT_PACKET_BYTES_MAX);
    mqtt_encode_publish_head(&out, MQTT_V5, &head);
    buf_append_str(&out, will->payload);
    struct will *made = will_from_stored(buf_str(&out), will->properties.will_delay_s);
    buf_deinit(&out);
    buf_deinit(&shared);
    return made;
}

static bool will_decode(const struct will *will, struct mqtt_packet *packet)
{
    struct mqtt_fault fault = mqtt_decode(packet, MQTT_V5, MQTT_FROM_CLIENT, will->packet, will->len);
    return !fault.reason && packet->type == MQTT_PUBLISH;
}

void will_publish(struct session *session)
{
    struct mqtt_packet packet;
    if (session->will_state == WILL_RUNS) {
        return;
    }
    if (session->uplinks_running > 0) {
        session->will_state = WILL_DUE;
        return;
    }
    session->will_state = WILL_RUNS;
    if (will_decode(session->will, &packet)) {
        publish_for_session(session, &packet.publish, NULL);
    }
    if (session->uplinks_running == 0) {
        session_set_will(session, NULL);
    }
}

bool will_is_uplink(const struct session *session)
{
    struct mqtt_packet packet;
    struct uuid id;
    struct str rest;
    if (!session->will || session->party != PARTY_DEVICE || !will_decode(session->will, &packet) ||
        !device_topic_split(packet.publish.topic, &id, &rest)) {
        return false;
    }
    enum topic_id topic = topic_id_find(rest);
    return topic != TOPIC_USER && topic != TOPIC_SYNC;
}

void will_succeeded(struct session *session)
{
    if (session->will_state == WILL_RUNS) { /* else it was taken away */
        session_set_will(session, NULL);
        session_will_is_out(session);
    }
}

/* --- again -------------------------------------------------------------------------------------------------------- */

#define RETRY_MS 1000

/* Counts as an uplink of the session, so that what comes after the Will waits on. */
struct will_retry {
    struct timer timer;
    struct list node;        /* loop.will_retries */
    struct session *session; /* held */
};

static void retry_end(struct will_retry *retry)
{
    struct session *session = retry->session;
    list_remove(&retry->node);
    mem_free(retry);
    session_uplink_ends(session); /* the Will is published */
    session_unref(session);
}

static void on_retry(struct timer *timer, uint64_t now_ms)
{
    struct will_retry *retry = container_of(timer, struct will_retry, timer);
    struct hub_loop *loop = retry->session->loop;
    if (hub_ports(loop)->is_healthy(loop)) {
        retry_end(retry);
    } else {
        timer_set(loop->timers, timer, now_ms + RETRY_MS);
    }
}

void will_failed(struct session *session)
{
    struct hub_loop *loop = session->loop;
    if (session->will_state != WILL_RUNS) {
        return;
    }
    struct will_retry *retry = mem_new(struct will_retry);
    retry->session = session;
    retry->timer.on_due = on_retry;
    session_ref(session);
    session_uplink_begins(session);
    session->will_state = WILL_DUE;
    list_append(&loop->will_retries, &retry->node);
    timer_set(loop->timers, &retry->timer, hub_now_ms(loop) + RETRY_MS);
}

void wills_abandon(struct hub_loop *loop)
{
    list_each_safe (it, &loop->will_retries) {
        struct will_retry *retry = list_entry(it, struct will_retry, node);
        timer_cancel(loop->timers, &retry->timer);
        session_set_will(retry->session, NULL);
        retry_end(retry);
    }
}
