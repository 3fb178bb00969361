#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/mqtt/topic.h"
#include "hub/answer.h"
#include "hub/backlog.h"
#include "hub/counts.h"
#include "hub/failures.h"
#include "hub/persist.h"
#include "hub/push.h"
#include "hub/topic_alias.h"
#include "hub/will.h"

#define APPLICATION_CLIENT_ID_MAX 128
#define REFUSAL_DELAY_STEP_MS 50u
#define REFUSAL_DELAY_MAX_MS 1000u

/* --- refusing ----------------------------------------------------------------------------------------------------- */

static uint64_t client_hash(const struct connection *c, struct str client_id)
{
    return c->peer_hash ^ hash_str(client_id) ^ 1;
}

void connect_refuse_now(struct connection *connection)
{
    struct mqtt_packet packet = {.type = MQTT_CONNACK};
    log_event(LOG_DEBUG, "mqtt_connect_refused", log_i("reason", connection->refusal_reason),
              log_s("text", connection->refusal_text));
    if (connection->version == MQTT_V5) {
        packet.connack.reason = connection->refusal_reason;
        packet.connack.properties.reason_string = str_from_cstr(connection->refusal_text);
        mqtt_set(&packet.connack.properties, MQTT_PROP_REASON_STRING);
    } else {
        enum mqtt_v311_return code = mqtt_v311_return((enum mqtt_reason)connection->refusal_reason);
        if (code == MQTT_V311_CLOSE) {
            connection_shut(connection);
            return;
        }
        packet.connack.reason = (uint8_t)code;
    }
    connection_send(connection, &packet);
    connection_shut(connection);
}

void connect_refuse(struct connection *connection, enum mqtt_reason reason, const char *text)
{
    metric_add(METRIC_MQTT_CONNECTS_REFUSED, 1);
    connection->refusal_reason = (uint8_t)reason;
    connection->refusal_text = text;
    connect_refuse_now(connection);
}

/* Refused for what the client said, not for what the server is: counted, and answered the later the more of them come
 * from one address (mqtt.md 2.1). */
static void refuse_counted(struct connection *c, const struct mqtt_connect *connect, enum mqtt_reason reason,
                           const char *text)
{
    uint64_t now = hub_now_ms(c->loop);
    if (c->peer_exempt) {
        connect_refuse(c, reason, text);
        return;
    }
    failures_count(c->loop->core->failures, client_hash(c, connect->client_id), now);
    uint64_t delay = (uint64_t)failures_count(c->loop->core->failures, c->peer_hash, now) * REFUSAL_DELAY_STEP_MS;
    metric_add(METRIC_MQTT_CONNECTS_REFUSED, 1);
    c->refusal_reason = (uint8_t)reason;
    c->refusal_text = text;
    c->state = CONNECTION_REFUSED;
    c->paused_until_ms = now + (delay < REFUSAL_DELAY_MAX_MS ? delay : REFUSAL_DELAY_MAX_MS);
    connection_hold(c);
    connection_arm(c);
}

/* --- who is it ---------------------------------------------------------------------------------------------------- */

struct candidate {
    struct session_key key;
    struct device_brief device; /* party DEVICE */
    struct principal principal; /* others */
    char assigned[40];
};

/* Which table the user name points to. */
static enum party party_of(struct str user_name)
{
    return str_eq(user_name, STR("org"))       ? PARTY_ORGANIZATION
           : str_eq(user_name, STR("partner")) ? PARTY_PARTNER
                                               : PARTY_DEVICE;
}

static enum credential_result check_application(struct connection *c, const struct mqtt_connect *connect,
                                                struct candidate *who)
{
    enum tenant_kind wanted = who->key.party == PARTY_ORGANIZATION ? TENANT_ORGANIZATION : TENANT_PARTNER;
    enum credential_result result =
        hub_ports(c->loop)->check_api_key(c->loop->core->domain, connect->password, &who->principal);
    if (result == CREDENTIAL_UNKNOWN || who->principal.tenant_kind != wanted) {
        return CREDENTIAL_UNKNOWN;
    }
    who->key.owner_no = wanted == TENANT_ORGANIZATION ? who->principal.organization_no : who->principal.partner_no;
    who->key.client_id = connect->client_id;
    return result;
}

static enum credential_result check_credentials(struct connection *c, const struct mqtt_connect *connect,
                                                struct candidate *who)
{
    if (!connect->has_user_name || !connect->has_password) {
        return CREDENTIAL_UNKNOWN;
    }
    who->key.party = party_of(connect->user_name);
    if (who->key.party != PARTY_DEVICE) {
        return check_application(c, connect, who);
    }
    enum credential_result result = hub_ports(c->loop)->check_device(c->loop->core->domain, connect->user_name,
                                                                     connect->password, &who->device);
    who->key.owner_no = who->device.no;
    return result;
}

static bool client_id_is_valid(const struct mqtt_connect *connect, const struct candidate *who)
{
    char own[UUID_TEXT_BYTES];
    if (who->key.party != PARTY_DEVICE) {
        return connect->client_id.len <= APPLICATION_CLIENT_ID_MAX;
    }
    uuid_format(&who->device.id, own);
    return connect->client_id.len == 0 || str_eq_nocase(connect->client_id, str_from_cstr(own));
}

/* --- the Will ----------------------------------------------------------------------------------------------------- */

static bool will_topic_is_permitted(struct connection *c, const struct candidate *who, struct str topic)
{
    if (who->key.party == PARTY_OPEN) {
        return true;
    }
    struct uuid id;
    struct str rest;
    struct device_brief device;
    if (!device_topic_split(topic, &id, &rest) || !access_may_publish(who->key.party, topic_id_find(rest))) {
        return false;
    }
    if (who->key.party == PARTY_DEVICE) {
        return uuid_eq(&id, &who->device.id);
    }
    return who->principal.scope == SCOPE_FULL &&
           hub_ports(c->loop)->find_device(c->loop->core->domain, &id, &device) &&
           device.organization_no == who->key.owner_no;
}

static enum mqtt_reason check_will(struct connection *c, const struct mqtt_connect *connect,
                                   const struct candidate *who, const char **ret_text)
{
    const struct settings *s = hub_settings(c->loop);
    struct topic_limits limits = session_topic_limits(s, who->key.party);
    if (!connect->has_will) {
        return MQTT_SUCCESS;
    }
    if (!topic_name_is_valid(connect->will.topic, &limits)) {
        *ret_text = "Will topic is invalid";
        return MQTT_TOPIC_NAME_INVALID;
    }
    if (!will_topic_is_permitted(c, who, connect->will.topic)) {
        *ret_text = "Will topic not authorized";
        return MQTT_NOT_AUTHORIZED;
    }
    if (who->key.party != PARTY_OPEN && s->limits_telemetry_max > 0 && connect->will.payload.len > s->limits_telemetry_max) {
        *ret_text = "Will payload too large";
        return connect->version == MQTT_V5 ? MQTT_QUOTA_EXCEEDED : MQTT_NOT_AUTHORIZED; /* 3.1.1: not "come again" */
    }
    return MQTT_SUCCESS;
}

/* --- the checks of mqtt.md 2.1, in its order ---------------------------------------------------------------------- */

/* True: refused. */
static bool refused_by_server(struct connection *c, const struct mqtt_connect *connect)
{
    if (mqtt_has(&connect->properties, MQTT_PROP_AUTH_METHOD)) {
        connect_refuse(c, MQTT_BAD_AUTHENTICATION_METHOD, "Enhanced authentication is not offered");
        return true;
    }
    if (!hub_ports(c->loop)->is_healthy(c->loop) || persist_is_full(c->loop)) {
        connect_refuse(c, MQTT_SERVER_UNAVAILABLE, "Storage is not available");
        return true;
    }
    if (atomic_load(&c->loop->core->draining)) {
        connect_refuse(c, MQTT_SERVER_SHUTTING_DOWN, "Server is shutting down");
        return true;
    }
    return false;
}

static bool refused_by_credentials(struct connection *c, const struct mqtt_connect *connect, struct candidate *who)
{
    if (c->space) {
        who->key = (struct session_key){PARTY_OPEN, c->space->no, connect->client_id};
        return false;
    }
    enum credential_result result = check_credentials(c, connect, who);
    if (result == CREDENTIAL_UNKNOWN) {
        refuse_counted(c, connect, MQTT_BAD_CREDENTIALS, "Bad user name or password");
    } else if (result == CREDENTIAL_SUSPENDED) {
        refuse_counted(c, connect, MQTT_NOT_AUTHORIZED, "Suspended");
    } else if (who->key.party == PARTY_DEVICE && who->device.suspended) {
        refuse_counted(c, connect, MQTT_NOT_AUTHORIZED, "Suspended");
    } else if (who->key.party == PARTY_DEVICE && who->device.protocol != PROTOCOL_MQTT) {
        refuse_counted(c, connect, MQTT_NOT_AUTHORIZED, "Model uses HTTPS");
    } else if (!client_id_is_valid(connect, who)) {
        refuse_counted(c, connect, MQTT_CLIENT_ID_INVALID, "Client id not valid");
    } else {
        return false;
    }
    return true;
}

/* Of one tenant, connected or not; 0: no limit. On an open listener anybody may leave sessions behind: no more of them
 * than there may be connections (mqtt.md 9). */
static uint64_t sessions_max_of(const struct connection *c, enum party party)
{
    const struct settings *s = hub_settings(c->loop);
    uint64_t connections_max = c->loop->core->connections_max;
    if (party != PARTY_OPEN) {
        return party == PARTY_DEVICE ? 0 : s->mqtt_application_sessions; /* a device has one */
    }
    bool set = s->server_connections_max > 0 && (connections_max == 0 || s->server_connections_max < connections_max);
    return set ? s->server_connections_max : connections_max;
}

static bool refused_by_limits(struct connection *c, const struct mqtt_connect *connect, const struct candidate *who)
{
    const struct settings *s = hub_settings(c->loop);
    const char *text = "";
    enum mqtt_reason reason = check_will(c, connect, who, &text);
    if (reason != MQTT_SUCCESS) {
        refuse_counted(c, connect, reason, text);
        return true;
    }
    if (!c->peer_exempt && s->mqtt_failed_connects > 0 &&
        failures_get(c->loop->core->failures, client_hash(c, connect->client_id), hub_now_ms(c->loop)) >
            s->mqtt_failed_connects) {
        connect_refuse(c, MQTT_CONNECTION_RATE_EXCEEDED, "Too many failed attempts");
        return true;
    }
    uint64_t sessions_max = sessions_max_of(c, who->key.party);
    if (sessions_max > 0 && !session_find(c->loop, &who->key) &&
        session_counts_get(c->loop->core->counts, who->key.party, who->key.owner_no) >= sessions_max) {
        connect_refuse(c, MQTT_QUOTA_EXCEEDED, "Too many sessions");
        return true;
    }
    return false;
}

/* --- the session -------------------------------------------------------------------------------------------------- */

static uint32_t expiry_of(struct connection *c, const struct mqtt_connect *connect)
{
    uint64_t cap = hub_settings(c->loop)->mqtt_session_expiry_max;
    uint32_t wanted = 0;
    if (connect->version == MQTT_V5) {
        wanted = mqtt_has(&connect->properties, MQTT_PROP_SESSION_EXPIRY) ? connect->properties.session_expiry_s : 0;
    } else if (!connect->clean_start) {
        wanted = SESSION_NEVER_EXPIRES;
    }
    if (cap > 0 && wanted > cap) {
        c->expiry_reduced = true;
        return (uint32_t)cap;
    }
    return wanted;
}

/* The old connection is told and left before the new one hears CONNACK. Its Will is published unless the session goes on
 * and the Will has a delay, which this CONNECT cuts short (5.0 section 3.1.2.5). */
static void take_over(struct session *session, bool session_ends)
{
    struct connection *old = session->connection;
    if (session->will && (session_ends || session->will->delay_s == 0)) {
        will_publish(session);
    }
    session->connection = NULL;
    backlog_end(session);
    push_pause(session);
    old->session = NULL;
    metric_add(METRIC_MQTT_CONNECTED, -1);
    connection_disconnect(old, MQTT_SESSION_TAKEN_OVER, "Session taken over");
}

/* A session with expiry 0 ends with its connection, whatever the new one asks for. */
bool connect_ends_session(const struct mqtt_connect *connect, const struct session *session)
{
    return connect->clean_start || session->expiry_s == 0 || session_is_over(session);
}

/* The session to go on with, or NULL; *ret_discarded: stored rows of an old one are being removed. */
static struct session *take_existing(struct connection *c, const struct mqtt_connect *connect,
                                     const struct candidate *who, bool *ret_discarded)
{
    struct session *session = session_find(c->loop, &who->key);
    *ret_discarded = false;
    if (!session) {
        return NULL;
    }
    bool ends = connect_ends_session(connect, session);
    if (session->connection) {
        take_over(session, ends);
    }
    if (!ends) {
        return session;
    }
    if (session->will && session->absence) {
        will_publish(session); /* the session ends before the delay is over */
    }
    /* Its rows are being removed, or were by a CONNECT before this one and may still be there. */
    *ret_discarded = session_is_stored(session) || persist_is_pending(c->loop);
    session_end(session);
    return NULL;
}

static struct session *make_session(struct connection *c, const struct candidate *who)
{
    struct session *session = session_new(c->loop, &who->key);
    if (who->key.party == PARTY_DEVICE) {
        session->device_id = who->device.id;
    }
    return session;
}

static void attach(struct connection *c, const struct mqtt_connect *connect, const struct candidate *who,
                   struct session *session)
{
    session_end_absence(session);
    session->connection = c;
    c->session = session;
    metric_add(METRIC_MQTT_CONNECTED, 1);
    c->trace_device_no = who->device.no;
    if (session->application) {
        session->application->api_key_no = who->principal.api_key_no;
        session->application->api_key_expires_at_ms = who->principal.expires_at;
        session->application->may_publish = who->principal.scope == SCOPE_FULL;
    }
    session_set_will(session, connect->has_will ? &connect->will : NULL);
    session->expiry_s = expiry_of(c, connect);
    session_update_storage(session);
}

static void keep_parameters(struct connection *c, const struct mqtt_connect *connect)
{
    const struct mqtt_properties *p = &connect->properties;
    uint64_t keep_alive_max = hub_settings(c->loop)->mqtt_keep_alive_max;
    c->keep_alive_s = connect->keep_alive_s;
    if (c->version == MQTT_V5 && keep_alive_max > 0 && (c->keep_alive_s == 0 || c->keep_alive_s > keep_alive_max)) {
        c->keep_alive_s = keep_alive_max < UINT16_MAX ? (uint16_t)keep_alive_max : UINT16_MAX;
        c->server_keep_alive = true;
    }
    c->receive_maximum = mqtt_has(p, MQTT_PROP_RECEIVE_MAXIMUM) ? p->receive_maximum : UINT16_MAX;
    c->alias_out_max = mqtt_has(p, MQTT_PROP_TOPIC_ALIAS_MAXIMUM) ? p->topic_alias_maximum : 0;
    c->packet_bytes_max = mqtt_has(p, MQTT_PROP_MAXIMUM_PACKET_SIZE) ? p->maximum_packet_size : 0;
    c->problem_info = !mqtt_has(p, MQTT_PROP_REQUEST_PROBLEM_INFO) || p->request_problem_info != 0;
    c->wants_response_info = mqtt_has(p, MQTT_PROP_REQUEST_RESPONSE_INFO) && p->request_response_info != 0;
}

/* A random id whose home is this loop, so that the connection need not move. */
static void assign_client_id(struct connection *c, struct candidate *who)
{
    do {
        memcpy(who->assigned, "muster-", 7);
        random_base62(who->assigned + 7, 22);
        who->key.client_id = str_from_cstr(who->assigned);
    } while (session_home(c->loop->core, &who->key) != c->loop->index);
}

/* What a CONNECT that waits for its commit changes of the session that it goes on with: for a refusal. */
struct former {
    uint32_t expiry_s;
    struct will *will; /* whose delay the CONNECT has ended; owned; NULL: none */
};

static struct former *former_take(struct session *session)
{
    struct former *former = mem_new(struct former);
    former->expiry_s = session->expiry_s;
    former->will = session->will;
    session->will = NULL;
    return former;
}

/* Its delay begins anew with the end of the connection. */
static void former_restore(struct session *session, struct former *former)
{
    session->expiry_s = former->expiry_s; /* what waits in it was not sent */
    session->will = former->will;
    mem_free(former);
    session_update_storage(session);
}

void connect_forget_former(struct connection *connection)
{
    struct former *former = connection->former;
    connection->former = NULL;
    if (former) {
        mem_free(former->will);
        mem_free(former);
    }
}

static void open_session(struct connection *c, const struct mqtt_connect *connect, const struct candidate *who)
{
    bool discarded;
    struct session *session = take_existing(c, connect, who, &discarded);
    c->session_present = session != NULL;
    c->assigned_client_id = connect->client_id.len == 0;
    bool forgets = session && session_is_stored(session) && expiry_of(c, connect) == 0;
    bool waits = discarded || forgets || c->loop->wills_to_post > 0;
    struct former *former = waits && session ? former_take(session) : NULL;
    attach(c, connect, who, session ? session : make_session(c, who));
    if (!waits) {
        connect_accepted(c);
        return;
    }
    /* The client must not hear of a clean session that a crash would bring back (mqtt.md 14.2). Nor must it get messages of
     * one that ends with this connection, of which a crash would bring back that they are not sent. And what it says now
     * must not overtake the Will of the connection before, which other loops get when it is on disk (relay_message_once). */
    session_set_online(c->session, false); /* it may have been taken over: see session_set_online() */
    c->former = former;
    connect_after_commit(c, MQTT_CONNACK);
}

bool on_connect(struct connection *connection, const struct mqtt_connect *connect)
{
    struct candidate who = {.key = {.party = PARTY_DEVICE}};
    connect_wait_end(connection); /* it is looked at again from the beginning, and may be refused now */
    connection->version = (uint8_t)connect->version;
    keep_parameters(connection, connect); /* a refusal must fit the client too [MQTT-3.2.2-19] */
    if (refused_by_server(connection, connect) || refused_by_credentials(connection, connect, &who)) {
        return true;
    }
    if (who.key.party != PARTY_DEVICE && connect->client_id.len == 0) {
        assign_client_id(connection, &who);
    } else if (session_home(connection->loop->core, &who.key) != connection->loop->index) {
        connection_move(connection, session_home(connection->loop->core, &who.key));
        return false;
    }
    if (refused_by_limits(connection, connect, &who)) {
        return true;
    }
    if (who.key.party == PARTY_DEVICE) { /* only their publishes, and Wills, take their time (uplink.c) */
        connect_end_older_wait(connection->loop, who.key.owner_no);
        if (connect_waits_for_will(connection, connect, &who.key)) {
            return false;
        }
    }
    /* Of what is not on disk yet though it should be, the end of this client's session may be a part, which a crash would
     * bring back. And a CONNECT that is refused must leave its session as it was, with the Will that waits. */
    if (persist_is_late(connection->loop)) {
        connect_after_commit(connection, MQTT_CONNECT);
        return false;
    }
    open_session(connection, connect, &who);
    return true;
}

void connect_failed(struct connection *connection)
{
    struct session *session = connection->session;
    if (session) { /* else it waited for storage before it had one */
        session_set_will(session, NULL);
    }
    if (connection->former) {
        former_restore(session, connection->former);
    } else if (session) {
        session->expiry_s = 0; /* the client must not find a session that it was not told of [MQTT-3.2.2-4] */
    }
    connection->state = CONNECTION_REFUSED; /* refusal_text takes the place of former */
    connect_refuse(connection, MQTT_SERVER_BUSY, "Storage fault");
}

/* --- CONNACK ------------------------------------------------------------------------------------------------------ */

static void add_limits(const struct connection *c, struct mqtt_properties *p)
{
    const struct settings *s = hub_settings(c->loop);
    if (s->mqtt_receive_maximum > 0 && s->mqtt_receive_maximum < UINT16_MAX) {
        p->receive_maximum = (uint16_t)s->mqtt_receive_maximum;
        mqtt_set(p, MQTT_PROP_RECEIVE_MAXIMUM);
    }
    if (s->mqtt_packet_max > 0 && s->mqtt_packet_max < UINT32_MAX) {
        p->maximum_packet_size = (uint32_t)s->mqtt_packet_max;
        mqtt_set(p, MQTT_PROP_MAXIMUM_PACKET_SIZE);
    }
    if (s->mqtt_topic_aliases > 0) {
        p->topic_alias_maximum = topic_alias_maximum(s);
        mqtt_set(p, MQTT_PROP_TOPIC_ALIAS_MAXIMUM);
    }
}

static void add_session(const struct connection *c, struct mqtt_properties *p)
{
    if (c->expiry_reduced) {
        p->session_expiry_s = c->session->expiry_s;
        mqtt_set(p, MQTT_PROP_SESSION_EXPIRY);
    }
    if (c->server_keep_alive) {
        p->server_keep_alive_s = c->keep_alive_s;
        mqtt_set(p, MQTT_PROP_SERVER_KEEP_ALIVE);
    }
}

static void send_connack(struct connection *c)
{
    char id[UUID_TEXT_BYTES], reply[DEVICE_TOPIC_BYTES_MAX];
    struct session *session = c->session;
    struct mqtt_packet packet = {.type = MQTT_CONNACK, .connack = {.session_present = c->session_present}};
    struct mqtt_properties *p = &packet.connack.properties;
    add_limits(c, p);
    add_session(c, p);
    if (c->assigned_client_id) {
        uuid_format(&session->device_id, id);
        p->assigned_client_id = session->party == PARTY_DEVICE ? str_from_cstr(id) : session_client_id(session);
        mqtt_set(p, MQTT_PROP_ASSIGNED_CLIENT_ID);
    }
    if (c->wants_response_info && session->party == PARTY_DEVICE) {
        p->response_info = device_topic_write(reply, &session->device_id, topic_name(TOPIC_REPLY)->name);
        mqtt_set(p, MQTT_PROP_RESPONSE_INFO);
    }
    connection_send(c, &packet);
}

void connect_accepted(struct connection *connection)
{
    struct session *session = connection->session;
    struct hub_loop *loop = connection->loop;
    bool was_held = connection->state == CONNECTION_STARTING;
    if (was_held) {
        connect_forget_former(connection); /* in place of the rates */
    }
    connection->state = CONNECTION_OPEN;
    connection->paused_until_ms = 0;
    connection->last_packet_ms = hub_now_ms(loop);
    metric_add(METRIC_MQTT_CONNECTS, 1);
    send_connack(connection);
    if (connection->state != CONNECTION_OPEN) {
        return; /* it could not take even that */
    }
    connection_arm(connection);
    session_set_online(session, true);
    if (session->party == PARTY_DEVICE) {
        hub_ports(loop)->connected(loop->core->domain, session->owner_no);
    }
    if (connection->session_present) {
        outbox_drop_pushes(session, PUSH_ALL & ~(uint32_t)PUSH_INCIDENTS); /* what was not sent is read again, as it is now */
        outbox_resume(session);
        if (session->party == PARTY_DEVICE) {
            push_resume(session);
        }
    }
    if (was_held) {
        connection_wake(connection);
    }
}
