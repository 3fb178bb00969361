#include "hub/answer.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/utf8.h"
#include "hub/push.h"
#include "hub/retained_read.h"

/* A client that asks faster than the disk answers is read again when it has fewer answers to come. */
#define ANSWERS_MAX 1024u
#define REASON_BYTES_MAX 240u

/* An older client knows no Receive Maximum: beyond it, it is not refused but read later. */
static uint32_t answers_max(const struct connection *c)
{
    uint64_t maximum = hub_settings(c->loop)->mqtt_receive_maximum;
    return c->version == MQTT_V5 || maximum == 0 || maximum > ANSWERS_MAX ? ANSWERS_MAX : (uint32_t)maximum;
}

bool answers_are_full(const struct connection *connection)
{
    return connection->answer_count >= answers_max(connection);
}

static void answer_free(struct answer *answer)
{
    list_remove(&answer->node);
    session_unref(answer->session);
    mem_free(answer->text);
    pool_free(answer, sizeof *answer);
}

void answer_drop(struct answer *answer)
{
    while (answer && answer->is_repetition && !answer->connection) {
        struct answer *earlier = answer->earlier;
        answer_free(answer);
        answer = earlier;
    }
}

void answers_drop(struct connection *connection)
{
    list_each_safe (it, &connection->answers) {
        struct answer *answer = list_entry(it, struct answer, node);
        answer->connection = NULL;
        list_remove(&answer->node);
        if (answer->ready) {
            answer_free(answer);
        }
    }
}

struct answer *answer_new(struct connection *connection, enum mqtt_type type, uint16_t packet_id)
{
    struct answer *answer = pool_new(struct answer);
    answer->type = (uint8_t)type;
    answer->packet_id = packet_id;
    answer->connection = connection;
    answer->session = connection->session;
    if (answer->session) {
        session_ref(answer->session);
    }
    list_append(&connection->answers, &answer->node);
    connection->answer_count++;
    if (answers_are_full(connection)) {
        connection_hold(connection);
    }
    return answer;
}

static void send_ack(struct connection *c, const struct answer *answer)
{
    struct str text = answer->reason >= 0x80 ? str_from(answer->text, answer->text_len) : STR("");
    if (c->version != MQTT_V5 || !c->problem_info ||
        (c->packet_bytes_max > 0 && text.len + 16 > c->packet_bytes_max)) {
        text = STR("");
    }
    connection_send_ack(c, (enum mqtt_type)answer->type, answer->packet_id, (enum mqtt_reason)answer->reason, text);
    bool ends_publish = answer->type == MQTT_PUBACK || (answer->type == MQTT_PUBCOMP && answer->reason == 0) ||
                        (answer->type == MQTT_PUBREC && answer->reason >= 0x80 && !answer->is_repetition);
    if (ends_publish && c->inbound_open > 0) {
        c->inbound_open--;
    }
}

static void send_suback(struct connection *c, const struct answer *answer)
{
    struct mqtt_packet packet = {.type = (enum mqtt_type)answer->type,
                                 .suback = {.packet_id = answer->packet_id,
                                            .reasons = str_from(answer->text, answer->text_len)}};
    connection_send(c, &packet);
    if (c->session && c->session->retained_reads) {
        retained_read_pump(c->session);
    }
    if (c->session && c->session->party == PARTY_DEVICE && answer->push) {
        push_request(c->session, answer->push, true);
    }
}

static void answer_send(struct connection *c, const struct answer *answer)
{
    switch ((enum mqtt_type)answer->type) {
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBCOMP:
        send_ack(c, answer);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        send_suback(c, answer);
        break;
    case MQTT_CONNACK:
        connect_accepted(c);
        break;
    case MQTT_DISCONNECT:
        connection_shut(c);
        break;
    case MQTT_CONNECT:
        connect_again(c);
        break;
    case MQTT_PUBLISH:
    case MQTT_PUBREL:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_AUTH:
        break;
    }
}

static void flush_answers(struct connection *c)
{
    while (c->state != CONNECTION_CLOSING && !list_is_empty(&c->answers)) {
        struct answer *answer = list_entry(c->answers.next, struct answer, node);
        if (!answer->ready) {
            return;
        }
        list_remove(&answer->node);
        bool were_full = answers_are_full(c);
        c->answer_count--;
        if (were_full) {
            connection_wake(c);
        }
        answer_send(c, answer);
        answer_free(answer);
    }
}

/* The answers to repetitions that wait, without the one to the publish itself. */
static struct answer *take_repetitions(struct inbound_id *id, struct answer *answer)
{
    struct answer *last = id->answer;
    id->answer = NULL;
    if (last == answer) {
        return NULL;
    }
    for (struct answer *it = last; it; it = it->earlier) {
        it->earlier = it->earlier == answer ? NULL : it->earlier;
    }
    return last;
}

/* The outcome of a QoS 2 publish belongs to the session: a duplicate on a later connection must find it. Returns the
 * answers to such duplicates, the last one first. */
static struct answer *settle_inbound(struct answer *answer, bool failed)
{
    struct session *session = answer->session;
    bool decides = answer->type == MQTT_PUBREC && !answer->is_said_again && !session->is_dead;
    struct inbound_id *id = decides ? session_inbound_find(session, answer->packet_id) : NULL;
    if (!id || id->received) {
        return NULL;
    }
    struct answer *later = take_repetitions(id, answer);
    if (failed ? answer->effect_stays : answer->reason < 0x80) {
        id->received = true;
        id->carried_out = false;
        return later;
    }
    session_inbound_remove(session, answer->packet_id);
    if (session_is_stored(session)) { /* with its intent, or a start would take what others changed since for its effect */
        persist_no_inbound(session, answer->packet_id);
    }
    return later;
}

/* Reason Strings may quote what the client sent; they stay short, and valid UTF-8. */
void answer_give(struct answer *answer, enum mqtt_reason reason, struct str text)
{
    struct connection *c = answer->connection;
    answer->reason = (uint8_t)reason;
    answer->ready = true;
    text = utf8_prefix(text, REASON_BYTES_MAX);
    if (text.len > 0) {
        answer->text = mem_dup(text.ptr, text.len);
        answer->text_len = (uint32_t)text.len;
    }
    struct answer *later = settle_inbound(answer, false);
    if (c) {
        flush_answers(c);
    } else {
        answer_free(answer);
    }
    for (struct answer *earlier; later; later = earlier) {
        earlier = later->earlier;
        answer_give(later, reason, text);
    }
}

void answer_fail(struct answer *answer)
{
    struct connection *c = answer->connection;
    struct answer *later = settle_inbound(answer, true);
    answer->ready = true;
    if (c) {
        bool in_connect = c->state == CONNECTION_STARTING;
        if (in_connect) {
            connect_failed(c);
        } else {
            connection_disconnect(c, MQTT_SERVER_BUSY, "Storage fault"); /* frees the answer with the others */
        }
    } else {
        answer_free(answer);
    }
    for (struct answer *earlier; later; later = earlier) {
        earlier = later->earlier;
        answer_fail(later);
    }
}

static void on_answer_committed(struct persist_waiter *waiter, enum err err)
{
    struct answer *answer = container_of(waiter, struct answer, waiter);
    if (err == ERR_OK) {
        answer_give(answer, (enum mqtt_reason)answer->reason, STR(""));
        return;
    }
    answer->effect_stays = true;
    answer_fail(answer);
}

void answer_after_commit(struct answer *answer, enum mqtt_reason reason)
{
    answer->reason = (uint8_t)reason;
    answer->waiter.done = on_answer_committed;
    persist_wait(answer->session ? answer->session->loop : answer->connection->loop, &answer->waiter);
}

void answer_when_stored(struct answer *answer, enum mqtt_reason reason)
{
    if (session_is_stored(answer->session) && persist_is_pending(answer->session->loop)) {
        answer_after_commit(answer, reason);
    } else {
        answer_give(answer, reason, STR(""));
    }
}
