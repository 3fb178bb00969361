/* Uplinks with an HTTP twin (mqtt.md 3.2, 6): the same domain call as over HTTPS, its reply as a reason code.
 *
 * Exactly once for QoS 2. A packet id lives in muster.db; the effect may be in another file (telemetry), so one commit
 * cannot hold both. For a stored session the order is
 *
 *     1. commit the id as an intent, with a witness: what the effect is going to change, as it is now
 *     2. run the effect, which commits on its own
 *     3. PUBREC
 *
 * After a crash the witness tells on which side of step 2 it happened: unchanged, the effect is not on disk, the intent
 * is dropped and the client's repetition is new (restore.c); changed, the repetition is not carried out again. Samples and
 * events come by other doors too, so they take the intent's number with them into their rows; a configuration, which is in
 * muster.db, marks the intent itself. What follows the effect, the relay with what it retains, is committed together with
 * the id as done (relay_message_once): a repetition of an id that is not done is relayed, one that is only gets PUBREC. For
 * the witness to speak of this publish alone, nothing else of this session runs beside it: the connection is not read
 * meanwhile, one after it publishes nothing, and it waits for earlier uplinks first. Operations that change nothing when
 * repeated (a command's status) need no witness. A session that is not stored keeps its ids in memory only. */
#include "hub/uplink.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "hub/answer.h"
#include "hub/publish.h"
#include "hub/relay.h"
#include "hub/will.h"

struct uplink {
    struct persist_waiter waiter;
    struct relay relay;
    struct device_call *call;
    struct session *session;    /* held */
    struct answer *answer;      /* NULL: QoS 0, or a Will */
    struct message *message;    /* to relay; NULL: nobody listens */
    struct device_brief device;
    enum topic_id topic;
    uint32_t payload_bytes;
    uint16_t packet_id;         /* 0: a Will */
    uint8_t qos;
    bool is_will;
    char *response_topic;       /* owned; NULL: no reply wanted */
    struct buf correlation;
};

/* What each uplink asks of the domain, and what tells after a crash whether it was carried out. */
static const struct uplink_kind {
    uint8_t action; /* enum device_action */
    uint8_t intent; /* enum session_intent */
} uplink_kinds[TOPIC_ID_COUNT] = {
    [TOPIC_TELEMETRY] = {DEVICE_TELEMETRY, INTENT_TELEMETRY},
    [TOPIC_CHILDREN_TELEMETRIES] = {DEVICE_TELEMETRY_MANY, INTENT_TELEMETRIES},
    [TOPIC_COMMANDS_UPDATE] = {DEVICE_COMMAND_UPDATE, INTENT_REPEATABLE},
    [TOPIC_COMMAND_UPDATE] = {DEVICE_COMMAND_UPDATE, INTENT_REPEATABLE},
    [TOPIC_COMMAND_CHILDREN_UPDATE] = {DEVICE_COMMANDS_UPDATE, INTENT_REPEATABLE},
    [TOPIC_CONFIG_UPDATE] = {DEVICE_CONFIG_SET, INTENT_CONFIG},
    [TOPIC_LICENSE_UPDATE] = {DEVICE_LICENSE_UPDATE, INTENT_REPEATABLE},
    [TOPIC_UPDATE] = {DEVICE_UPDATE, INTENT_REPEATABLE},
    [TOPIC_EVENTS] = {DEVICE_EVENT_ADD, INTENT_EVENT},
};

static void uplink_free(struct uplink *up)
{
    session_uplink_ends(up->session);
    if (up->call) {
        hub_ports(up->session->loop)->call_free(up->call);
    }
    message_unref(up->message);
    session_unref(up->session);
    mem_free(up->response_topic);
    buf_deinit(&up->correlation);
    mem_free(up);
}

/* --- the reply ---------------------------------------------------------------------------------------------------- */

/* Where to, and what it refers to. */
struct reply_address {
    struct session *session;
    const struct device_brief *device;
    struct str topic;
    struct str correlation;
};

/* The reply of the HTTP twin on the topic that the device asked for (mqtt.md 6). */
static void send_reply(const struct reply_address *to, const struct reply *reply)
{
    char status[16];
    if (to->session->is_dead) {
        return;
    }
    snprintf(status, sizeof status, "%u", reply->status);
    struct mqtt_pair user = {STR("status"), str_from_cstr(status)};
    struct mqtt_properties p = {.user = &user, .user_count = 1, .payload_format = 1, .content_type = STR("application/json")};
    mqtt_set(&p, MQTT_PROP_USER_PROPERTY);
    mqtt_set(&p, MQTT_PROP_PAYLOAD_FORMAT);
    mqtt_set(&p, MQTT_PROP_CONTENT_TYPE);
    if (to->correlation.len > 0) {
        p.correlation_data = to->correlation;
        mqtt_set(&p, MQTT_PROP_CORRELATION_DATA);
    }
    struct message_parts parts = {.topic = to->topic,
                                  .properties = &p,
                                  .payload = buf_str(&reply->body),
                                  .qos = 1,
                                  .now_ms = hub_now_ms(to->session->loop)};
    struct message *message = message_new(&parts, to->device);
    struct match match;
    session_match_rest(to->session, str_sub(parts.topic, DEVICE_PREFIX_BYTES, parts.topic.len), false, &match);
    if (match.found) {
        outbox_deliver(to->session, message, &match, 0);
    }
    message_unref(message);
}

static enum mqtt_reason reason_of(const struct reply *reply)
{
    switch (reply->status) {
    case 400:
    case 404:
    case 413:
    case 422:
        return MQTT_PAYLOAD_FORMAT_INVALID;
    case 401:
    case 403:
        return MQTT_NOT_AUTHORIZED;
    case 429:
        return MQTT_QUOTA_EXCEEDED;
    default:
        return reply->status < 300 ? MQTT_SUCCESS : MQTT_UNSPECIFIED_ERROR;
    }
}

/* Gives the answer of an uplink that the domain refused. */
static void uplink_refuse(struct session *session, struct answer *answer, struct refusal *refusal, const struct reply *reply)
{
    enum mqtt_reason reason = reason_of(reply);
    refusal->code = (uint8_t)reason;
    refusal->text = reply_error_text(reply);
    publish_refused(session, refusal);
    if (answer) {
        answer_give(answer, reason, refusal->text);
    }
}

/* A CONNECT that would have made the session end with its connection took the rows away and failed: it is stored anew. */
static bool intent_is_gone(const struct uplink *up)
{
    const struct session_intent_ref *intent = &up->call->intent;
    return intent->intent_no != 0 && session_is_stored(up->session) && intent->session_no != up->session->no;
}

static void on_relayed(struct relay *relay, enum err err)
{
    struct uplink *up = container_of(relay, struct uplink, relay);
    if (up->answer && err == ERR_OK && intent_is_gone(up)) {
        session_save_inbound(up->session, up->packet_id);
        answer_after_commit(up->answer, MQTT_SUCCESS);
    } else if (up->answer && err == ERR_OK) {
        answer_give(up->answer, MQTT_SUCCESS, STR(""));
    } else if (up->answer) {
        up->answer->effect_stays = true;
        answer_fail(up->answer);
    }
    uplink_free(up);
}

static void uplink_relay(struct uplink *up)
{
    struct session *session = up->session;
    bool once = up->is_will ? up->qos > 0 : up->qos == 2 && up->answer;
    relay_begin(&up->relay, session->loop, on_relayed);
    if (up->message && once && session_is_stored(session)) {
        relay_message_once(session, up->message, up->packet_id, &up->relay);
    } else if (up->message) {
        relay_message(session->loop, up->message, up->answer ? &up->relay : NULL);
    }
    if (up->is_will) {
        will_succeeded(session);
    }
    relay_finish(&up->relay);
}

static bool storage_failed(const struct op *op, const struct reply *reply)
{
    return op->err == ERR_STORAGE || op->err == ERR_BUSY || reply->status == 503 || reply->status == 0;
}

static void on_call_done(struct op *op)
{
    struct device_call *call = container_of(op, struct device_call, op);
    struct uplink *up = call->user;
    if (storage_failed(op, &call->reply)) {
        if (up->answer) {
            answer_fail(up->answer);
        } else if (up->is_will) {
            will_failed(up->session);
        }
        uplink_free(up);
        return;
    }
    if (up->response_topic) {
        struct reply_address to = {up->session, &up->device, str_from_cstr(up->response_topic), buf_str(&up->correlation)};
        send_reply(&to, &call->reply);
    }
    if (reason_of(&call->reply) != MQTT_SUCCESS) {
        struct refusal refusal = {.topic = topic_name(up->topic)->name, .bytes = up->payload_bytes, .qos = up->qos};
        uplink_refuse(up->session, up->answer, &refusal, &call->reply);
        if (up->is_will) {
            will_succeeded(up->session);
        }
        uplink_free(up);
        return;
    }
    uplink_relay(up);
}

static void uplink_submit(struct uplink *up)
{
    hub_ports(up->session->loop)->call_submit(up->call, up->session->loop->mailbox, on_call_done);
}

/* --- the way in --------------------------------------------------------------------------------------------------- */

static void on_intent_committed(struct persist_waiter *waiter, enum err err)
{
    struct uplink *up = container_of(waiter, struct uplink, waiter);
    if (err == ERR_OK) {
        uplink_submit(up);
        return;
    }
    answer_fail(up->answer); /* the row gets there yet, and goes again */
    uplink_free(up);
}

static int64_t new_intent_no(void)
{
    int64_t no = 0;
    random_bytes(&no, sizeof no);
    return (no & INT64_MAX) | 1;
}

/* The connection is not read until the session's uplinks have ended, and on one that comes after it nothing is published. */
static void run_alone(struct session *session)
{
    session->runs_alone = true;
    if (session->connection) {
        session->connection->serial_uplinks = true;
        connection_hold(session->connection);
    }
}

/* Step 1 of the order above. */
static void store_intent(struct uplink *up, uint16_t packet_id)
{
    struct session_inbound_row row = {.packet_id = packet_id, .intent = uplink_kinds[up->topic].intent};
    if (row.intent == INTENT_TELEMETRY || row.intent == INTENT_TELEMETRIES) {
        row.witness_day = up->device.sample_day;
        row.witness_seq = up->device.sample_seq;
    }
    if (row.intent != INTENT_REPEATABLE) {
        row.intent_no = new_intent_no();
    }
    up->call->intent = (struct session_intent_ref){up->session->no, packet_id, row.intent_no};
    persist_inbound(up->session, &row);
    up->waiter.done = on_intent_committed;
    persist_wait(up->session->loop, &up->waiter);
    run_alone(up->session);
}

/* A Response Topic other than the device's own `reply` (or below it) is ignored. */
static bool wants_reply(const struct uplink_request *request)
{
    const struct mqtt_properties *p = &request->publish->properties;
    struct uuid id;
    struct str rest;
    return mqtt_has(p, MQTT_PROP_RESPONSE_TOPIC) && device_topic_split(p->response_topic, &id, &rest) &&
           uuid_eq(&id, &request->device->id) && topic_id_find(rest) == TOPIC_REPLY;
}

/* As the twin would before it looks at what the body says. */
static void refuse_body(const struct uplink_request *request, unsigned status, const char *text)
{
    const struct mqtt_properties *p = &request->publish->properties;
    if (wants_reply(request)) {
        struct reply_address to = {request->session, request->device, p->response_topic, p->correlation_data};
        struct reply reply;
        reply_init(&reply);
        reply_error(&reply, status, "%s", text);
        send_reply(&to, &reply);
        reply_deinit(&reply);
    }
    publish_refuse(request->session, request->publish, request->answer, MQTT_PAYLOAD_FORMAT_INVALID, text);
}

/* False: refused. *ret_body NULL: an empty body, which equals {} (device-api.md 1.2.6). */
static bool parse_body(const struct uplink_request *request, struct json **ret_body)
{
    const struct mqtt_publish *publish = request->publish;
    const struct settings *s = hub_settings(request->session->loop);
    size_t limit = request->topic == TOPIC_TELEMETRY              ? s->limits_telemetry_max
                   : request->topic == TOPIC_CHILDREN_TELEMETRIES ? s->http_bulk_body_max
                                                                  : s->http_body_max;
    *ret_body = NULL;
    if (limit > 0 && publish->payload.len > limit) {
        refuse_body(request, 413, "Payload too large");
        return false;
    }
    if (publish->payload.len == 0) {
        return true;
    }
    struct json_limits json_limits = {.bytes_max = publish->payload.len};
    enum err err = json_parse(publish->payload, &json_limits, ret_body);
    if (err == ERR_LIMIT) {
        refuse_body(request, 413, "Payload too large");
    } else if (err != ERR_OK) {
        refuse_body(request, 400, "Invalid JSON");
    }
    return err == ERR_OK;
}

static bool has_token(const struct json *body)
{
    bool found = json_get(body, "access_token") != NULL;
    for (const struct json *item = json_first(body); item && !found; item = json_next(item)) {
        found = json_get(item, "access_token") != NULL; /* the entries of children/telemetries, of a list of reports */
    }
    return found;
}

/* A legacy body's firmware version, or that of an entry, is looked at when the sample is on disk. */
static bool has_firmware(const struct json *body)
{
    bool found = json_get(json_get(body, "common"), "firmware_version") != NULL;
    for (const struct json *item = json_first(body); item && !found; item = json_next(item)) {
        found = json_get(json_get(item, "common"), "firmware_version") != NULL;
    }
    return found;
}

/* False: there was none, nothing is written. The domain still needs those of the body itself. */
static bool write_without_tokens(const struct json *body, struct buf *out)
{
    if (!has_token(body)) {
        return false;
    }
    struct json *copy = json_dup(body);
    json_remove(copy, STR("access_token"));
    for (struct json *item = json_first(copy); item; item = json_next(item)) {
        json_remove(item, STR("access_token"));
    }
    json_write(out, copy);
    json_free(copy);
    return true;
}

/* What subscribers get: no token, no way back to the device's own requests (mqtt.md 3.5.2). */
static struct message *make_relayed(const struct uplink_request *request, struct json *body)
{
    struct hub_loop *loop = request->session->loop;
    bool retain = request->publish->retain && topic_is_retained(request->topic);
    if (!retain && !relay_is_wanted(loop, request->session, request->topic)) {
        return NULL;
    }
    struct mqtt_properties properties = request->publish->properties;
    mqtt_unset(&properties, MQTT_PROP_RESPONSE_TOPIC);
    mqtt_unset(&properties, MQTT_PROP_CORRELATION_DATA);
    struct message_parts parts = {.topic = request->publish->topic,
                                  .properties = &properties,
                                  .payload = request->publish->payload,
                                  .qos = request->publish->qos,
                                  .retain = retain,
                                  .now_ms = hub_now_ms(loop)};
    struct buf cleaned;
    buf_init(&cleaned, 8 * parts.payload.len + 64); /* written out, a number may be longer than it was */
    if (write_without_tokens(body, &cleaned)) {
        parts.payload = cleaned.failed ? STR("{}") : buf_str(&cleaned);
    }
    struct message *message = message_new(&parts, request->device);
    message->topic_id = (uint8_t)request->topic;
    message->sender = request->session->serial;
    buf_deinit(&cleaned);
    return message;
}

/* --- telemetry, the short way ------------------------------------------------------------------------------------- */

/* What nearly all messages are: telemetry without anything special, whose device wants PUBACK and nothing else. One piece
 * of memory takes it through. */
struct sample_uplink {
    struct relay relay;
    struct sample_uplink *next_spare;
    size_t room;             /* of `strings` */
    struct session *session; /* held */
    struct answer *answer;   /* NULL: QoS 0, or a Will */
    struct message *message; /* to relay; NULL: nobody listens */
    bool is_will;
    struct sample_post post;
    char strings[];
};

/* Thousands are on their way at a time, and live as long as a commit takes: the allocator's caches do not see them again. */
#define SPARE_ROOM 256
#define SPARES_MAX 8192

static struct sample_uplink *sample_uplink_new(struct hub_loop *loop, size_t room)
{
    struct sample_uplink *up = loop->spare_uplinks;
    if (up && room <= SPARE_ROOM) {
        loop->spare_uplinks = up->next_spare;
        loop->spare_uplink_count--;
    } else {
        room = room < SPARE_ROOM ? SPARE_ROOM : room;
        up = mem_alloc(sizeof *up + room);
        up->room = room;
    }
    memset(&up->relay, 0, sizeof up->relay);
    return up;
}

static void sample_uplink_free(struct sample_uplink *up)
{
    struct hub_loop *loop = up->session->loop;
    session_uplink_ends(up->session);
    message_unref(up->message);
    session_unref(up->session);
    sample_post_deinit(&up->post);
    if (up->room != SPARE_ROOM || loop->spare_uplink_count == SPARES_MAX) {
        mem_free(up);
        return;
    }
    up->next_spare = loop->spare_uplinks;
    loop->spare_uplinks = up;
    loop->spare_uplink_count++;
}

void uplinks_deinit(struct hub_loop *loop)
{
    for (struct sample_uplink *up = loop->spare_uplinks, *next; up; up = next) {
        next = up->next_spare;
        mem_free(up);
    }
}

static void sample_uplink_end(struct sample_uplink *up, enum err err)
{
    if (up->answer && err == ERR_OK) {
        answer_give(up->answer, MQTT_SUCCESS, STR(""));
    } else if (up->answer) {
        answer_fail(up->answer);
    }
    sample_uplink_free(up);
}

static void on_sample_relayed(struct relay *relay, enum err err)
{
    sample_uplink_end(container_of(relay, struct sample_uplink, relay), err);
}

static void sample_relay(struct sample_uplink *up)
{
    struct session *session = up->session;
    relay_begin(&up->relay, session->loop, on_sample_relayed);
    if (up->is_will && up->post.sample.qos > 0 && session_is_stored(session)) {
        relay_message_once(session, up->message, 0, &up->relay);
    } else {
        relay_message(session->loop, up->message, up->answer ? &up->relay : NULL);
    }
    relay_finish(&up->relay);
}

static void on_sample_done(struct op *op)
{
    struct sample_uplink *up = container_of(op, struct sample_uplink, post.op);
    const struct reply *reply = &up->post.reply;
    enum mqtt_reason reason = reason_of(reply);
    bool failed = storage_failed(op, reply);
    if (up->is_will) { /* its row goes in the transaction that holds what is relayed */
        (failed ? will_failed : will_succeeded)(up->session);
    }
    if (failed) {
        sample_uplink_end(up, ERR_STORAGE);
    } else if (reason != MQTT_SUCCESS) {
        struct refusal refusal = {.topic = topic_name(TOPIC_TELEMETRY)->name,
                                  .bytes = up->post.sample.body_bytes,
                                  .qos = up->post.sample.qos};
        uplink_refuse(up->session, up->answer, &refusal, reply);
        sample_uplink_free(up);
    } else if (up->message) {
        sample_relay(up);
    } else {
        sample_uplink_end(up, ERR_OK);
    }
}

/* Before a crash: what is left to do is to relay it. A Will has no packet id. */
static bool was_carried_out(const struct uplink_request *request)
{
    const struct inbound_id *id =
        request->publish->qos == 2 && request->answer ? session_inbound_find(request->session, request->publish->packet_id) : NULL;
    return id && id->carried_out;
}

/* False: nothing was done, the message needs the long way. */
static bool sample_uplink_start(const struct uplink_request *request)
{
    struct session *session = request->session;
    struct hub_loop *loop = session->loop;
    struct domain *domain = loop->core->domain;
    bool needs_intent = request->publish->qos == 2 && (session_is_stored(session) || was_carried_out(request));
    struct telemetry_scan scan;
    if (request->topic != TOPIC_TELEMETRY || needs_intent ||
        mqtt_has(&request->publish->properties, MQTT_PROP_RESPONSE_TOPIC) ||
        !telemetry_scan(hub_settings(loop), request->publish->payload, hub_unix_ms(loop), &scan)) {
        return false;
    }
    struct sample_uplink *up = sample_uplink_new(loop, telemetry_scan_room(&scan));
    up->session = session;
    session_ref(session);
    up->answer = request->answer;
    up->is_will = session->will_state == WILL_RUNS;
    up->message = make_relayed(request, NULL);
    sample_post_init(&up->post, domain, request->device->no, &scan, up->strings);
    up->post.sample.transport = TRANSPORT_MQTT;
    up->post.sample.qos = request->publish->qos;
    session_uplink_begins(session);
    hub_ports(loop)->sample_submit(&up->post, loop->mailbox, on_sample_done);
    return true;
}

/* --- any uplink --------------------------------------------------------------------------------------------------- */

void uplink_start(const struct uplink_request *request)
{
    struct session *session = request->session;
    const struct mqtt_properties *p = &request->publish->properties;
    struct json *body;
    if (sample_uplink_start(request) || !parse_body(request, &body)) {
        return;
    }
    struct uplink *up = mem_new(struct uplink);
    up->session = session;
    session_ref(session);
    up->answer = request->answer;
    up->device = *request->device;
    up->topic = request->topic;
    up->qos = request->publish->qos;
    up->is_will = session->will_state == WILL_RUNS;
    up->packet_id = up->is_will ? 0 : request->publish->packet_id;
    up->payload_bytes = (uint32_t)request->publish->payload.len;
    up->message = make_relayed(request, body);
    up->response_topic = wants_reply(request) ? str_dup(p->response_topic) : NULL;
    buf_init(&up->correlation, MQTT_STRING_MAX);
    up->call = hub_ports(session->loop)->call_new(session->loop->core->domain, (enum device_action)uplink_kinds[request->topic].action,
                                                  request->device, TRANSPORT_MQTT);
    up->call->user = up;
    up->call->body = body;
    up->call->body_bytes = up->payload_bytes;
    up->call->qos = up->qos;
    if (mqtt_has(p, MQTT_PROP_CORRELATION_DATA)) {
        up->call->correlation = arena_str(&up->call->arena, p->correlation_data);
        buf_append_str(&up->correlation, p->correlation_data);
    }
    session_uplink_begins(session);
    if (has_firmware(body)) {
        run_alone(session); /* or the next one would reach subscribers first (mqtt.md 14.6) */
    }
    if (was_carried_out(request)) {
        session_inbound_find(session, up->packet_id)->carried_out = false;
        uplink_relay(up);
    } else if (up->qos == 2 && up->answer && session_is_stored(session)) {
        store_intent(up, up->packet_id);
    } else {
        uplink_submit(up);
    }
}
