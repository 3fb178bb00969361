#include "hub/publish.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "codec/mqtt/topic.h"
#include "hub/answer.h"
#include "hub/push.h"
#include "hub/relay.h"
#include "hub/retained.h"
#include "hub/topic_alias.h"
#include "hub/uplink.h"

void publish_refused(struct session *session, const struct refusal *refusal)
{
    struct hub_loop *loop = session->loop;
    struct device_brief device;
    metric_add(METRIC_MQTT_PUBLISH_REFUSED, 1);
    if (session->party == PARTY_DEVICE && atomic_load(&loop->core->domain->events.wants_messages) > 0 &&
        hub_ports(loop)->find_device_no(loop->core->domain, session->owner_no, &device)) {
        hub_ports(loop)->refused(loop->core->domain, &device, refusal);
    }
}

void publish_refuse(struct session *session, const struct mqtt_publish *publish, struct answer *answer,
                    enum mqtt_reason reason, const char *text)
{
    struct uuid id;
    struct refusal refusal = {.topic = publish->topic,
                              .bytes = (uint32_t)publish->payload.len,
                              .qos = publish->qos,
                              .code = (uint8_t)reason,
                              .text = str_from_cstr(text)};
    device_topic_split(publish->topic, &id, &refusal.topic);
    publish_refused(session, &refusal);
    if (answer) {
        answer_give(answer, reason, refusal.text);
    }
}

/* --- free topics -------------------------------------------------------------------------------------------------- */

struct user_publish {
    struct relay relay;
    struct answer *answer; /* NULL: a Will */
};

static void on_user_relayed(struct relay *relay, enum err err)
{
    struct user_publish *p = container_of(relay, struct user_publish, relay);
    if (p->answer && err == ERR_OK) {
        answer_give(p->answer, MQTT_SUCCESS, STR(""));
    } else if (p->answer) {
        p->answer->effect_stays = true;
        answer_fail(p->answer);
    }
    pool_free(p, sizeof *p);
}

/* `device` NULL: in the space of an open listener. */
static void publish_user(struct session *session, const struct device_brief *device, const struct mqtt_publish *publish,
                         struct answer *answer)
{
    struct message_parts parts = {.topic = publish->topic,
                                  .properties = &publish->properties,
                                  .payload = publish->payload,
                                  .qos = publish->qos,
                                  .retain = publish->retain,
                                  .space = device ? 0 : session->owner_no,
                                  .now_ms = hub_now_ms(session->loop)};
    struct message *message = message_new(&parts, device);
    message->topic_id = device ? TOPIC_USER : TOPIC_OTHER;
    message->sender = session->serial;
    bool once = session_is_stored(session) && (publish->qos == 2 || (!answer && publish->qos > 0));
    if (!answer && !once) {
        relay_message(session->loop, message, NULL);
        message_unref(message);
        return;
    }
    struct user_publish *p = pool_new(struct user_publish);
    p->answer = answer;
    relay_begin(&p->relay, session->loop, on_user_relayed);
    if (once) { /* a Will, too: its row goes in the same transaction */
        relay_message_once(session, message, answer ? publish->packet_id : 0, &p->relay);
    } else {
        relay_message(session->loop, message, &p->relay);
    }
    message_unref(message);
    relay_finish(&p->relay);
}

/* --- checks ------------------------------------------------------------------------------------------------------- */

/* User properties device_id and access_key are optional, but must be right, each of them (mqtt.md 6). */
static bool user_properties_match(const struct session *session, const struct device_brief *device,
                                  const struct mqtt_properties *properties)
{
    struct mqtt_property_iter iter = mqtt_property_iter(properties);
    struct mqtt_pair pair;
    struct str right_key = {NULL, 0}; /* a look at a key takes its time, and a packet holds thousands */
    struct uuid id;
    bool match = true;
    while (match && mqtt_user_property_next(&iter, &pair)) {
        if (str_eq(pair.name, STR("device_id"))) {
            match = uuid_parse(pair.value, &id) && uuid_eq(&id, &device->id);
        } else if (str_eq(pair.name, STR("access_key")) && !(right_key.ptr && str_eq(pair.value, right_key))) {
            match = hub_ports(session->loop)->key_matches(session->loop->core->domain, device, pair.value);
            right_key = pair.value;
        }
    }
    return match;
}

static void publish_sync(struct session *session, struct str rest, const struct mqtt_publish *publish,
                         struct answer *answer)
{
    push_sync(session, rest);
    if (answer && publish->qos == 2 && session_is_stored(session)) {
        session_save_inbound(session, publish->packet_id);
        answer_after_commit(answer, MQTT_SUCCESS);
    } else if (answer) {
        answer_give(answer, MQTT_SUCCESS, STR(""));
    }
}

/* Whether what is to be retained would exceed what a device may leave (mqtt.md 9). */
static bool exceeds_retained(const struct session *session, const struct device_brief *device, enum topic_id topic,
                             const struct mqtt_publish *publish)
{
    const struct settings *s = hub_settings(session->loop);
    struct retained_limit limit = {s->mqtt_device_retained, s->mqtt_device_retained_bytes};
    if (!publish->retain || publish->payload.len == 0 || (device && !topic_is_retained(topic))) {
        return false;
    }
    struct message_parts parts = {.topic = publish->topic, .properties = &publish->properties, .payload = publish->payload};
    struct message *message = message_new(&parts, device);
    bool fits;
    if (device) {
        fits = retained_has_room(session->loop->core->retained, message, &limit);
    } else {
        limit = (struct retained_limit){s->mqtt_open_retained, s->mqtt_open_retained_bytes};
        fits = retained_has_room_in_all(hub_retained(session->loop->core, session->owner_no), message, &limit);
    }
    message_unref(message);
    return !fits;
}

/* An empty retained telemetry is no telemetry: it only clears (mqtt.md 3.5.4). */
static void publish_clear(struct session *session, const struct device_brief *device, const struct mqtt_publish *publish,
                          struct answer *answer)
{
    struct message_parts parts = {.topic = publish->topic, .retain = true};
    struct message *message = message_new(&parts, device);
    retained_put(session->loop->core->retained, message);
    message_unref(message);
    persist_retained(session->loop, 0, publish->topic);
    if (answer && publish->qos == 2 && session_is_stored(session)) {
        session_save_inbound(session, publish->packet_id);
    }
    if (answer) {
        answer_after_commit(answer, MQTT_SUCCESS);
    }
}

static void publish_by_device(struct session *session, const struct uuid *id, struct str rest,
                              const struct mqtt_publish *publish, struct answer *answer)
{
    struct device_brief device;
    enum topic_id topic = topic_id_find(rest);
    if (!hub_ports(session->loop)->find_device_no(session->loop->core->domain, session->owner_no, &device) ||
        !uuid_eq(id, &device.id) || !access_may_publish(PARTY_DEVICE, topic)) {
        publish_refuse(session, publish, answer, MQTT_NOT_AUTHORIZED, "Topic not authorized");
    } else if (!user_properties_match(session, &device, &publish->properties)) {
        publish_refuse(session, publish, answer, MQTT_NOT_AUTHORIZED, "User property does not match the device");
    } else if (exceeds_retained(session, &device, topic, publish)) {
        publish_refuse(session, publish, answer, MQTT_QUOTA_EXCEEDED, "Too many retained messages");
    } else if (topic == TOPIC_TELEMETRY && publish->retain && publish->payload.len == 0) {
        publish_clear(session, &device, publish, answer);
    } else if (topic == TOPIC_USER) {
        publish_user(session, &device, publish, answer);
    } else if (topic == TOPIC_SYNC) {
        publish_sync(session, rest, publish, answer);
    } else { /* what a device may publish besides is an operation */
        struct uplink_request request = {session, &device, topic, publish, answer};
        uplink_start(&request);
    }
}

static void publish_by_application(struct session *session, const struct uuid *id, struct str rest,
                                   const struct mqtt_publish *publish, struct answer *answer)
{
    struct device_brief device;
    bool allowed = session->application->may_publish &&
                   access_may_publish((enum party)session->party, topic_id_find(rest)) &&
                   hub_ports(session->loop)->find_device(session->loop->core->domain, id, &device) &&
                   device.organization_no == session->owner_no;
    if (allowed && exceeds_retained(session, &device, TOPIC_USER, publish)) {
        publish_refuse(session, publish, answer, MQTT_QUOTA_EXCEEDED, "Too many retained messages");
    } else if (allowed) {
        publish_user(session, &device, publish, answer);
    } else {
        publish_refuse(session, publish, answer, MQTT_NOT_AUTHORIZED, "Topic not authorized");
    }
}

static void publish_openly(struct session *session, const struct mqtt_publish *publish, struct answer *answer)
{
    if (exceeds_retained(session, NULL, TOPIC_OTHER, publish)) {
        publish_refuse(session, publish, answer, MQTT_QUOTA_EXCEEDED, "Too many retained messages");
    } else {
        publish_user(session, NULL, publish, answer);
    }
}

void publish_for_session(struct session *session, const struct mqtt_publish *publish, struct answer *answer)
{
    const struct settings *s = hub_settings(session->loop);
    struct topic_limits limits = session_topic_limits(s, (enum party)session->party);
    struct uuid id;
    struct str rest;
    if (!topic_name_is_valid(publish->topic, &limits)) {
        publish_refuse(session, publish, answer, MQTT_TOPIC_NAME_INVALID, "Topic name is too long");
    } else if (session->party == PARTY_OPEN) {
        publish_openly(session, publish, answer);
    } else if (!device_topic_split(publish->topic, &id, &rest)) {
        publish_refuse(session, publish, answer, MQTT_NOT_AUTHORIZED, "Topic not authorized");
    } else if (session->party == PARTY_DEVICE) {
        publish_by_device(session, &id, rest, publish, answer);
    } else {
        publish_by_application(session, &id, rest, publish, answer);
    }
}

/* --- packets ------------------------------------------------------------------------------------------------------ */

/* Puts the topic in place of its alias. False: the connection was ended. */
static bool resolve_alias(struct connection *c, struct mqtt_publish *publish)
{
    const struct settings *s = hub_settings(c->loop);
    uint16_t alias = publish->properties.topic_alias;
    if (!mqtt_has(&publish->properties, MQTT_PROP_TOPIC_ALIAS)) {
        return true;
    }
    if (alias > topic_alias_maximum(s)) {
        connection_disconnect(c, MQTT_TOPIC_ALIAS_INVALID, "Topic alias over Topic Alias Maximum");
        return false;
    }
    if (publish->topic.len > 0) {
        /* One that is too long is not kept. Instead of it there is a name that none can have: what comes with the alias is
         * refused, too, and does not end the connection (mqtt.md 6). */
        size_t longest = session_topic_limits(s, (enum party)c->session->party).bytes_max;
        bool keep = longest == 0 || publish->topic.len <= longest;
        alias_set(&c->aliases_in, alias, keep ? publish->topic : STR("#"));
        return true;
    }
    publish->topic = alias_topic(c->aliases_in, alias);
    if (publish->topic.len == 0) {
        connection_disconnect(c, MQTT_PROTOCOL_ERROR, "Topic alias is not known");
        return false;
    }
    return true;
}

/* A QoS 2 publish whose id is known is not processed again [MQTT-4.3.3-10]. */
static bool is_duplicate(struct connection *c, const struct mqtt_publish *publish)
{
    struct inbound_id *id = publish->qos == 2 ? session_inbound_find(c->session, publish->packet_id) : NULL;
    if (!id || (id->carried_out && !id->answer)) {
        return false;
    }
    struct answer *answer = answer_new(c, MQTT_PUBREC, publish->packet_id);
    if (id->received) {
        answer->is_said_again = true;
        answer_when_stored(answer, MQTT_SUCCESS);
    } else {
        answer->is_repetition = true;
        if (id->answer && id->answer->connection == c) { /* still being processed on this very connection */
            answer->earlier = id->answer;
        } else {
            answer_drop(id->answer);
        }
        id->answer = answer; /* gets the outcome too */
    }
    return true;
}

void on_publish(struct connection *connection, const struct mqtt_publish *packet, bool over)
{
    struct mqtt_publish resolved = *packet;
    const struct mqtt_publish *publish = &resolved;
    struct answer *answer = NULL;
    bool repeats_effect = false; /* what was on disk before a crash, which only its relay and answer are missing from */
    metric_add(METRIC_MQTT_PUBLISH_IN, 1);
    if (!resolve_alias(connection, &resolved) || is_duplicate(connection, publish)) {
        return;
    }
    if (publish->qos > 0) {
        uint64_t maximum = hub_settings(connection->loop)->mqtt_receive_maximum;
        if (maximum > 0 && connection->inbound_open >= maximum && connection->version == MQTT_V5) {
            connection_disconnect(connection, MQTT_RECEIVE_MAXIMUM_EXCEEDED, "Receive Maximum exceeded");
            return;
        }
        connection->inbound_open++;
        answer = answer_new(connection, publish->qos == 2 ? MQTT_PUBREC : MQTT_PUBACK, publish->packet_id);
    }
    if (publish->qos == 2) {
        struct inbound_id *id = session_inbound_find(connection->session, publish->packet_id);
        id = id ? id : session_inbound_add(connection->session, publish->packet_id);
        id->answer = answer;
        repeats_effect = id->carried_out;
    }
    if (over && !repeats_effect) {
        publish_refuse(connection->session, publish, answer, MQTT_QUOTA_EXCEEDED, "Message rate too high");
        return;
    }
    publish_for_session(connection->session, publish, answer);
}

void on_pubrel(struct connection *connection, const struct mqtt_puback *pubrel)
{
    struct session *session = connection->session;
    struct inbound_id *id = session_inbound_find(session, pubrel->packet_id);
    struct answer *answer = answer_new(connection, MQTT_PUBCOMP, pubrel->packet_id);
    if (!id || !(id->received || (id->carried_out && !id->answer))) {
        /* In a resumed session it was released before, and PUBCOMP did not arrive: no error [MQTT 5.0, 3.7.2.1], and
         * clients that take the code for one would report a message that was delivered as failed. */
        answer_when_stored(answer, connection->session_present ? MQTT_SUCCESS : MQTT_PACKET_ID_NOT_FOUND);
        return;
    }
    session_inbound_remove(session, pubrel->packet_id);
    if (session_is_stored(session)) {
        persist_no_inbound(session, pubrel->packet_id);
        answer_after_commit(answer, MQTT_SUCCESS);
    } else {
        answer_give(answer, MQTT_SUCCESS, STR(""));
    }
}
