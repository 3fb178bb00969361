#include "hub/hub_loop.h"

#include <assert.h>
#include <stdio.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/mqtt/topic.h"
#include "hub/batch.h"
#include "hub/connection.h"
#include "hub/counts.h"
#include "hub/interest.h"
#include "hub/publish.h"
#include "hub/push.h"
#include "hub/relay.h"
#include "hub/retained_expiry.h"
#include "hub/retained_read.h"
#include "hub/share.h"
#include "hub/will.h"
#include "model/ports/event_log_store.h"
#include "model/ports/telemetry_store.h"

#define ALIVE_MS 60000
#define LATE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define WILL_AFTER_START_MS 30000

/* --- set-up ------------------------------------------------------------------------------------------------------- */

void hub_core_init(struct hub_core *core, struct domain *domain, const struct hub_ports *ports, size_t loop_count)
{
    *core = (struct hub_core){.domain = domain, .ports = ports, .loop_count = loop_count};
    core->late_bytes_max = LATE_BYTES_MAX;
    core->failures = failures_new();
    core->counts = session_counts_new();
    core->retained = retained_new();
    core->shares = shares_new();
    core->loops = mem_aligned(_Alignof(struct hub_loop), loop_count * sizeof *core->loops);
    memset(core->loops, 0, loop_count * sizeof *core->loops);
    atomic_init(&core->next_session_no, 1);
    atomic_init(&core->next_relay_no, 1);
    uint8_t home_key[SHA256_BYTES];
    hmac_sha256(domain->keys.hash_key, sizeof domain->keys.hash_key, "mqtt home", 9, home_key);
    memcpy(core->home_key, home_key, sizeof core->home_key);
    for (unsigned i = 0; i < loop_count; i++) {
        struct hub_loop *loop = &core->loops[i];
        loop->core = core;
        loop->index = i;
        hashmap_init(&loop->sessions);
        hashmap_init(&loop->tenants);
        hashmap_init(&loop->ended_busy);
        list_init(&loop->connections);
        loop->posts = mem_calloc(loop_count, sizeof *loop->posts);
        if (loop_count > 1) {
            loop->applications = interest_new();
            loop->open = interest_new();
        }
    }
}

static void loop_deinit(struct hub_loop *loop)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&loop->sessions, &iter)) != NULL;) {
        session_forget_in_memory((struct session *)node);
    }
    assert(!loop->batch && !loop->flushed);
    uplinks_deinit(loop);
    hashmap_deinit(&loop->sessions);
    hashmap_deinit(&loop->tenants);
    hashmap_deinit(&loop->ended_busy);
    mem_free(loop->receivers);
    mem_free(loop->posts);
    interest_free(loop->applications);
    interest_free(loop->open);
}

static struct open_space *space_of_no(struct hub_core *core, int64_t no)
{
    struct open_space *space = core->spaces;
    while (space && space->no != no) {
        space = space->next;
    }
    if (!space) {
        space = mem_new(struct open_space);
        space->no = no;
        space->retained = retained_new();
        space->next = core->spaces;
        core->spaces = space;
    }
    return space;
}

struct open_space *hub_open_space(struct hub_core *core, struct str name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: it must be the same in every process */
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ (uint8_t)name.ptr[i]) * UINT64_C(0x100000001b3);
    }
    return space_of_no(core, (int64_t)(hash >> 2) + 1);
}

struct retained *hub_retained(const struct hub_core *core, int64_t no)
{
    if (no == 0) {
        return core->retained;
    }
    const struct open_space *space = core->spaces;
    while (space->no != no) {
        space = space->next;
    }
    return space->retained;
}

static void spaces_free(struct hub_core *core)
{
    for (struct open_space *space = core->spaces, *next; space; space = next) {
        next = space->next;
        retained_free(space->retained);
        mem_free(space);
    }
}

void hub_core_abandon(struct hub_core *core)
{
    for (size_t i = 0; i < core->loop_count; i++) {
        batches_abandon(&core->loops[i]);
    }
}

void hub_core_deinit(struct hub_core *core)
{
    for (size_t i = 0; i < core->loop_count; i++) {
        loop_deinit(&core->loops[i]);
    }
    mem_free(core->loops);
    failures_free(core->failures);
    session_counts_free(core->counts);
    retained_free(core->retained);
    spaces_free(core);
    shares_free(core->shares);
}

unsigned hub_home_of_bytes(const struct hub_core *core, const void *ptr, size_t len, size_t loops)
{
    return loops <= 1 ? 0 : (unsigned)(hash_siphash13(core->home_key, ptr, len) % loops);
}

unsigned hub_home_of_device(const struct hub_core *core, int64_t device_no)
{
    return hub_home_of_bytes(core, &device_no, sizeof device_no, core->loop_count);
}

/* A killed server does not know when it ended; this tells, to a minute (mqtt.md 14.3). */
static void on_alive(struct timer *timer, uint64_t now_ms)
{
    struct hub_loop *loop = container_of(timer, struct hub_loop, alive);
    if (atomic_load(&loop->core->next_session_no) > 1) {
        persist_alive(loop, hub_unix_ms(loop));
    }
    retained_expiry_begin(loop);
    timer_set(loop->timers, timer, now_ms + ALIVE_MS);
}

void hub_loop_start(struct hub_loop *loop, struct timer_wheel *timers, struct mailbox *mailbox)
{
    loop->timers = timers;
    loop->mailbox = mailbox;
    loop->alive.on_due = on_alive;
    if (loop->index == 0) {
        timer_set(timers, &loop->alive, hub_now_ms(loop) + ALIVE_MS);
    }
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

void hub_loop_drain(struct hub_loop *loop)
{
    list_each_safe (it, &loop->connections) {
        struct connection *c = list_entry(it, struct connection, node);
        connection_disconnect(c, MQTT_SERVER_SHUTTING_DOWN, "Server is shutting down");
    }
    if (persist_is_late(loop)) {
        persist_nothing(loop); /* a last try */
    }
}

bool hub_core_is_drained(const struct hub_core *core)
{
    for (size_t i = 0; i < core->loop_count; i++) {
        if (atomic_load(&core->loops[i].connection_count) > 0 || atomic_load(&core->loops[i].busy)) {
            return false;
        }
    }
    return true;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static bool is_for_applications(const struct event *event)
{
    return ((event->type == EVENT_TELEMETRY || event->type == EVENT_DEVICE_EVENT) && event->relays) ||
           event->type == EVENT_STATUS ||
           (event->type == EVENT_INCIDENT && (event->push & PUSH_INCIDENTS));
}

enum event_targets hub_event_targets(const struct hub_core *core, const struct event *event)
{
    if (event->type == EVENT_API_KEY_REVOKED || event->type == EVENT_TENANT_SUSPENDED) {
        return TARGETS_ALL;
    }
    bool ends = event->type == EVENT_DEVICE_DELETED || event->type == EVENT_DEVICE_UNCLAIMED ||
                event->type == EVENT_DEVICE_KEY_CHANGED || event->type == EVENT_DEVICE_REPLACED ||
                event->type == EVENT_DEVICE_KICK;
    bool home = event->device_no != 0 && (ends || event->push != 0 || (event->relays && event->hears_itself));
    bool applications = is_for_applications(event) && atomic_load(&core->application_filters) > 0;
    home |= applications && !shares_are_empty(core->shares); /* it chooses who gets it */
    return home && applications ? TARGETS_HOME_AND_APPLICATIONS
           : home               ? TARGETS_HOME
           : applications       ? TARGETS_APPLICATIONS
                                : TARGETS_NONE;
}

/* Ends the connection, and the session too if `remove`. */
static void end_session(struct session *session, enum mqtt_reason reason, const char *text, bool remove)
{
    struct connection *c = session->connection;
    session_ref(session);
    if (remove) {
        session_set_will(session, NULL); /* of what is removed, no Will is published (mqtt.md 13) */
    }
    if (c) {
        connection_disconnect(c, reason, text);
    }
    if (remove && !session->is_dead) {
        session_end(session);
    }
    session_unref(session);
}

static bool is_of_tenant(const struct session *session, const struct event *event)
{
    struct device_brief device;
    if (session->party == PARTY_ORGANIZATION && event->organization_no != 0) {
        return session->owner_no == event->organization_no;
    }
    if (session->party == PARTY_PARTNER && event->organization_no == 0) {
        return session->owner_no == event->partner_no;
    }
    if (session->party != PARTY_DEVICE ||
        !hub_ports(session->loop)->find_device_no(session->loop->core->domain, session->owner_no, &device)) {
        return false;
    }
    return event->organization_no != 0 ? device.organization_no == event->organization_no
                                       : device.partner_no == event->partner_no;
}

/* Rare: looks at every session of the loop. */
static void end_sessions_of_tenant(struct hub_loop *loop, const struct event *event)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&loop->sessions, &iter)) != NULL;) {
        struct session *session = (struct session *)node;
        bool revoked = event->type == EVENT_API_KEY_REVOKED && session->application &&
                       session->application->api_key_no == event->api_key_no;
        if (revoked) {
            end_session(session, MQTT_NOT_AUTHORIZED, "API key revoked", true);
        } else if (event->type == EVENT_TENANT_SUSPENDED && session->connection && is_of_tenant(session, event)) {
            end_session(session, MQTT_NOT_AUTHORIZED, "Suspended", false);
        }
    }
}

/* What must not be found any more after this. */
static void forget_retained(struct hub_loop *loop, const struct event *event)
{
    struct device_brief device;
    if (event->type == EVENT_DEVICE_DELETED) {
        retained_remove_device(loop->core->retained, event->device_no);
        persist_no_retained_device(loop, event->device_no);
    } else if (event->type == EVENT_DEVICE_UNCLAIMED &&
               hub_ports(loop)->find_device_no(loop->core->domain, event->device_no, &device) &&
               retained_remove_stale(loop->core->retained, event->device_no, device.epoch)) {
        persist_no_retained_stale(loop, event->device_no, device.epoch);
    }
}

static void device_event(struct hub_loop *loop, const struct event *event)
{
    forget_retained(loop, event);
    struct session *session = session_find_device(loop, event->device_no);
    if (!session) {
        return;
    }
    if (event->type == EVENT_DEVICE_DELETED) {
        end_session(session, MQTT_ADMINISTRATIVE_ACTION, "Device deleted", true);
    } else if (event->type == EVENT_DEVICE_KEY_CHANGED) {
        end_session(session, MQTT_NOT_AUTHORIZED, "Access key rotated", false);
    } else if (event->type == EVENT_DEVICE_REPLACED) {
        end_session(session, MQTT_NOT_AUTHORIZED, "Access key rotated", true);
    } else if (event->type == EVENT_DEVICE_KICK) {
        end_session(session, MQTT_ADMINISTRATIVE_ACTION, "Disconnected by an operator", false);
    } else {
        /* An edit of the device that was too old: it gets the current one again (mqtt.md 5.1). */
        bool again = event->type == EVENT_CONFIG && event->code == 422;
        push_request(session, event->push & ~(uint32_t)PUSH_INCIDENTS, again);
    }
}

static void publish_event(struct hub_loop *loop, const struct event *event, enum topic_id topic, struct str payload)
{
    struct device_brief device;
    if (!hub_ports(loop)->find_device_no(loop->core->domain, event->device_no, &device)) {
        return; /* it is gone */
    }
    if (persist_is_full(loop)) {
        metric_add(METRIC_MQTT_QUEUE_DROPPED, 1);
        return;
    }
    device.organization_no = event->organization_no; /* owner at the moment of the event */
    struct message *message = message_of_hub(topic, payload, &device);
    relay_deliver_here(loop, message, NULL);
    if (hub_home_of_device(loop->core, event->device_no) == loop->index) {
        relay_to_shares(loop, message, NULL);
    }
    message_unref(message);
}

static void publish_incident(struct hub_loop *loop, const struct event *event)
{
    struct str incident = event->push_payload.len ? event->push_payload : event->payload;
    struct buf array;
    buf_init(&array, incident.len + 2);
    buf_append_str(&array, STR("["));
    buf_append_str(&array, incident);
    buf_append_str(&array, STR("]"));
    publish_event(loop, event, TOPIC_INCIDENTS, buf_str(&array));
    buf_deinit(&array);
}

void hub_loop_event(struct hub_loop *loop, const struct event *event)
{
    if (event->type == EVENT_API_KEY_REVOKED || event->type == EVENT_TENANT_SUSPENDED) {
        end_sessions_of_tenant(loop, event);
        return;
    }
    if (event->device_no == 0) {
        return;
    }
    if (event->type == EVENT_INCIDENT && (event->push & PUSH_INCIDENTS)) {
        publish_incident(loop, event);
    } else if (event->type == EVENT_TELEMETRY && event->relays) {
        publish_event(loop, event, TOPIC_TELEMETRY, event->payload);
    } else if (event->type == EVENT_DEVICE_EVENT && event->relays) {
        publish_event(loop, event, TOPIC_EVENTS, event->payload);
    } else if (event->type == EVENT_STATUS) {
        publish_event(loop, event, TOPIC_PRESENCE, event->payload);
    }
    if (hub_home_of_device(loop->core, event->device_no) == loop->index) {
        device_event(loop, event);
    }
}

/* --- start -------------------------------------------------------------------------------------------------------- */

struct restore_visit {
    struct session_store_visitor visitor;
    struct hub_core *core;
    struct store_tx *tx;
    struct hashmap by_no;
    int64_t *orphans; /* sessions of devices that are gone */
    size_t orphan_count;
};

struct restored {
    struct hashmap_node map;
    int64_t no;
    struct session *session;
    int64_t disconnected_at_ms, will_due_at_ms;
};

static bool restored_eq(const struct hashmap_node *node, const void *key)
{
    return ((const struct restored *)node)->no == *(const int64_t *)key;
}

static struct restored *restored_find(struct restore_visit *v, int64_t no)
{
    return (struct restored *)hashmap_find(&v->by_no, hash_u64((uint64_t)no), restored_eq, &no);
}

static void on_session_row(struct session_store_visitor *visitor, const struct session_row *row)
{
    struct restore_visit *v = container_of(visitor, struct restore_visit, visitor);
    struct hub_core *core = v->core;
    struct device_brief device = {0};
    struct session_key key = {(enum party)row->principal_kind, row->principal_no, row->client_id};
    if (row->no >= atomic_load(&core->next_session_no)) {
        atomic_store(&core->next_session_no, row->no + 1);
    }
    if (key.party == PARTY_DEVICE) {
        key.client_id = STR("");
        if (!core->ports->find_device_no(core->domain, row->principal_no, &device)) {
            /* Killed between the deletion and the end of its session. */
            v->orphans = mem_realloc(v->orphans, (v->orphan_count + 1) * sizeof *v->orphans);
            v->orphans[v->orphan_count++] = row->no;
            return;
        }
    }
    if (key.party == PARTY_OPEN) {
        space_of_no(core, key.owner_no);
    }
    struct hub_loop *loop = &core->loops[session_home(core, &key)];
    struct session *session = session_new(loop, &key);
    session->no = row->no;
    session->expiry_s = row->expiry_s;
    session->device_id = device.id;
    if (session->application) {
        session->application->api_key_no = row->api_key_no;
        session->application->may_publish = row->will.len > 0; /* or its Will would not have been accepted */
    }
    if (row->will.len > 0) {
        session->will = will_from_stored(row->will, row->will_delay_s);
    }
    struct restored *r = mem_new(struct restored);
    r->no = row->no;
    r->session = session;
    r->disconnected_at_ms = row->disconnected_at_ms;
    r->will_due_at_ms = row->will_due_at_ms;
    hashmap_insert(&v->by_no, &r->map, hash_u64((uint64_t)row->no));
}

static void on_filter_row(struct session_store_visitor *visitor, int64_t no, const struct session_filter_row *row)
{
    struct restored *r = restored_find(container_of(visitor, struct restore_visit, visitor), no);
    struct str rest;
    struct topic_filter parsed;
    if (!r || !topic_filter_parse(row->filter, NULL, &parsed) ||
        (r->session->party == PARTY_DEVICE && !access_device_filter(&r->session->device_id, parsed.filter, &rest))) {
        return;
    }
    session_put_filter(r->session, row->filter, row->options, row->identifier);
}

/* Which side of the effect the crash was on: see uplink.c. */
static bool intent_was_carried_out(struct store_tx *tx, const struct session *session,
                                   const struct session_inbound_row *row)
{
    struct device_brief device;
    bool found = false, sealed = false;
    const struct hub_core *core = session->loop->core;
    if (row->intent == INTENT_DONE) {
        return true;
    }
    if (session->party != PARTY_DEVICE || !core->ports->find_device_no(core->domain, session->owner_no, &device)) {
        return false;
    }
    if (row->intent == INTENT_TELEMETRY) {
        struct sample_position witness = {row->witness_day, row->witness_seq};
        bool changed = device.sample_day != row->witness_day || device.sample_seq != row->witness_seq;
        if (!changed || row->intent_no == 0 ||
            sample_store_find_intent(tx, witness, row->intent_no, &found, &sealed) != ERR_OK) {
            return changed;
        }
        return found || sealed; /* long ago, then: a segment is not sealed within the moment between the two commits */
    }
    if (row->intent == INTENT_TELEMETRIES) { /* they are of one commit, in a segment that cannot be sealed yet */
        struct sample_position start = {INT32_MIN, 0};
        return sample_store_find_intent(tx, start, row->intent_no, &found, &sealed) == ERR_OK && found;
    }
    if (row->intent == INTENT_EVENT) {
        return event_log_store_find_intent(tx, row->intent_no, &found) == ERR_OK && found;
    }
    return row->intent == INTENT_CONFIG && device.config_version != row->witness_seq;
}

static void on_inbound_row(struct session_store_visitor *visitor, int64_t no, const struct session_inbound_row *row)
{
    struct restored *r = restored_find(container_of(visitor, struct restore_visit, visitor), no);
    struct store_tx *tx = container_of(visitor, struct restore_visit, visitor)->tx;
    if (r && intent_was_carried_out(tx, r->session, row)) {
        struct inbound_id *id = session_inbound_add(r->session, row->packet_id);
        id->received = row->intent == INTENT_DONE;
        id->carried_out = !id->received;
    }
}

static void on_queued_row(struct session_store_visitor *visitor, int64_t no, const struct session_queue_row *row)
{
    struct restored *r = restored_find(container_of(visitor, struct restore_visit, visitor), no);
    struct out_entry entry = {.seq = row->seq, .packet_id = row->packet_id, .qos = row->qos, .stored = true};
    if (!r) {
        return;
    }
    if (row->message.len == 0) {
        entry.released = true;
        outbox_restore(r->session, &entry);
        return;
    }
    int64_t space = r->session->party == PARTY_OPEN ? r->session->owner_no : 0;
    entry.message = message_from_stored(row->message, space, &entry.subscription_ids);
    if (!entry.message) {
        log_event(LOG_WARN, "mqtt_queue_row_unreadable", log_i("session", no), log_i("seq", row->seq));
        return;
    }
    if (r->session->party == PARTY_DEVICE) {
        entry.push = (uint8_t)push_of_topic((enum topic_id)entry.message->topic_id);
    }
    entry.retain = entry.message->retain;
    entry.message->expires_at_ms = row->expires_at_ms;
    entry.message->device_no = row->device_no;
    entry.message->epoch = row->epoch;
    outbox_restore(r->session, &entry);
}

struct restore_retained {
    struct retained_store_visitor visitor;
    struct hub_core *core;
    struct left_over {
        int64_t device_no;
        bool is_gone;
        uint32_t epoch;
        struct uuid device_id; /* has_presence: whose */
        bool has_presence;
    } *left_over; /* of devices that are gone, or that were un-claimed; presence, which was kept here once */
    size_t left_over_count;
};

static void add_left_over(struct restore_retained *v, struct left_over left_over)
{
    v->left_over = mem_realloc(v->left_over, (v->left_over_count + 1) * sizeof *v->left_over);
    v->left_over[v->left_over_count++] = left_over;
}

static void on_retained_row(struct retained_store_visitor *visitor, const struct retained_row *row)
{
    struct restore_retained *v = container_of(visitor, struct restore_retained, visitor);
    struct hub_core *core = v->core;
    struct device_brief device = {0};
    uint32_t *no_identifiers = NULL;
    bool is_gone = row->space == 0 && !core->ports->find_device_no(core->domain, row->device_no, &device);
    if (is_gone || (row->space == 0 && device.epoch != row->epoch)) { /* killed between that and its clean-up */
        add_left_over(v, (struct left_over){.device_no = row->device_no, .is_gone = is_gone, .epoch = device.epoch});
        return;
    }
    struct message *message = message_from_stored(row->message, row->space, &no_identifiers);
    mem_free(no_identifiers);
    if (!message) {
        log_event(LOG_WARN, "mqtt_retained_row_unreadable", log_i("device", row->device_no));
        return;
    }
    message->expires_at_ms = row->expires_at_ms;
    message->device_no = row->device_no;
    message->organization_no = row->organization_no;
    message->epoch = row->epoch;
    if (row->space == 0 && message->topic_id == TOPIC_PRESENCE) {
        add_left_over(v, (struct left_over){.device_no = row->device_no, .device_id = device.id, .has_presence = true});
    } else if (message->expires_at_ms == MESSAGE_NEVER_EXPIRES || message->expires_at_ms > hub_unix_ms(&core->loops[0])) {
        retained_put(row->space == 0 ? core->retained : space_of_no(core, row->space)->retained, message);
    }
    message_unref(message);
}

static enum err remove_left_over(struct store_tx *tx, const struct left_over *l)
{
    char topic[DEVICE_TOPIC_BYTES_MAX];
    if (l->has_presence) {
        return retained_store_remove(tx, 0, device_topic_write(topic, &l->device_id, topic_name(TOPIC_PRESENCE)->name));
    }
    return l->is_gone ? retained_store_remove_device(tx, l->device_no)
                      : retained_store_remove_stale(tx, l->device_no, l->epoch);
}

static enum err restore_retained(struct hub_core *core, struct store_tx *tx)
{
    struct restore_retained v = {.visitor = {on_retained_row}, .core = core};
    enum err err = retained_store_load(tx, &v.visitor);
    for (size_t i = 0; i < v.left_over_count && err == ERR_OK; i++) {
        err = remove_left_over(tx, &v.left_over[i]);
    }
    if (err == ERR_OK) {
        err = retained_store_remove_expired(tx, hub_unix_ms(&core->loops[0]));
    }
    mem_free(v.left_over);
    return err;
}

struct restore_relays {
    struct relay_store_visitor visitor;
    struct restore_visit *sessions;
    int64_t *nos; /* of the rows; they go with the transaction that holds what they brought */
    size_t count;
};

static void on_relay_row(struct relay_store_visitor *visitor, const struct relay_row *row)
{
    struct restore_relays *v = container_of(visitor, struct restore_relays, visitor);
    struct hub_core *core = v->sessions->core;
    const struct restored *sender = restored_find(v->sessions, row->sender_no);
    uint32_t *no_identifiers = NULL;
    v->nos = mem_realloc(v->nos, (v->count + 1) * sizeof *v->nos);
    v->nos[v->count++] = row->no;
    if (row->no >= atomic_load(&core->next_relay_no)) {
        atomic_store(&core->next_relay_no, row->no + 1);
    }
    if (row->space != 0) {
        space_of_no(core, row->space);
    }
    struct message *message = message_from_stored(row->message, row->space, &no_identifiers);
    mem_free(no_identifiers);
    if (!message) {
        log_event(LOG_WARN, "mqtt_relay_row_unreadable", log_i("no", row->no));
        return;
    }
    message->expires_at_ms = row->expires_at_ms;
    message->device_no = row->device_no;
    message->organization_no = row->organization_no;
    message->epoch = row->epoch;
    message->sender = sender ? sender->session->serial : 0;
    relay_restore(core, row, message);
    message_unref(message);
}

static enum err restore_relays(struct restore_visit *sessions, struct store_tx *tx)
{
    struct restore_relays v = {.visitor = {on_relay_row}, .sessions = sessions};
    enum err err = relay_store_load(tx, &v.visitor);
    for (size_t i = 0; i < v.count && err == ERR_OK; i++) {
        err = relay_store_remove(tx, v.nos[i]);
    }
    for (size_t i = 0; i < sessions->core->loop_count && err == ERR_OK; i++) {
        err = persist_run_here(&sessions->core->loops[i], tx);
    }
    mem_free(v.nos);
    return err;
}

/* Everybody is absent now; time went on while the server was down (mqtt.md 14.3, 14.4). */
static void begin_absences(struct restore_visit *v, int64_t alive_at_ms)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&v->by_no, &iter)) != NULL;) {
        struct restored *r = (struct restored *)node;
        struct hub_loop *loop = r->session->loop;
        int64_t now_unix = hub_unix_ms(loop);
        int64_t since = r->disconnected_at_ms != INT64_MIN ? r->disconnected_at_ms
                        : alive_at_ms != INT64_MIN         ? alive_at_ms
                                                           : now_unix;
        uint64_t will_wait = WILL_AFTER_START_MS;
        if (r->session->will && r->will_due_at_ms == INT64_MIN && r->session->will->delay_s > WILL_AFTER_START_MS / 1000) {
            will_wait = (uint64_t)r->session->will->delay_s * 1000;
        } else if (r->will_due_at_ms != INT64_MIN && r->will_due_at_ms - now_unix > WILL_AFTER_START_MS) {
            will_wait = (uint64_t)(r->will_due_at_ms - now_unix);
        }
        session_begin_absence(r->session, since, hub_now_ms(loop) + will_wait);
        hashmap_remove(&v->by_no, node);
        mem_free(r);
    }
}

static void run_restore(struct op *op, struct store_tx *tx)
{
    struct hub_restore *restore = container_of(op, struct hub_restore, op);
    struct restore_visit v = {.visitor = {on_session_row, on_filter_row, on_inbound_row, on_queued_row},
                              .core = restore->core,
                              .tx = tx};
    int64_t alive_at_ms = INT64_MIN;
    hashmap_init(&v.by_no);
    op->err = session_store_load(tx, &v.visitor, &alive_at_ms);
    if (op->err == ERR_OK) {
        op->err = restore_retained(restore->core, tx);
    }
    if (op->err == ERR_OK) {
        op->err = restore_relays(&v, tx);
    }
    begin_absences(&v, alive_at_ms);
    for (size_t i = 0; i < v.orphan_count && op->err == ERR_OK; i++) {
        op->err = session_store_remove(tx, v.orphans[i]);
    }
    mem_free(v.orphans);
    hashmap_deinit(&v.by_no);
}

void hub_restore_init(struct hub_restore *restore, struct hub_core *core)
{
    *restore = (struct hub_restore){.core = core};
    restore->op.lane = LANE_REGISTRY;
    restore->op.run = run_restore;
}
