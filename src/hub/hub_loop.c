#include "hub/hub_loop.h"

#include <assert.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "hub/batch.h"
#include "hub/connection.h"
#include "hub/counts.h"
#include "hub/deliver.h"
#include "hub/failures.h"
#include "hub/interest.h"
#include "hub/push.h"
#include "hub/relay.h"
#include "hub/retained_expiry.h"
#include "hub/retained_read.h"
#include "hub/share.h"
#include "hub/uplink.h"
#include "hub/will.h"

#define LATE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define POSTED_BYTES_MAX ((size_t)8 * 1024 * 1024)

/* --- set-up ------------------------------------------------------------------------------------------------------- */

void hub_core_init(struct hub_core *core, struct domain *domain, const struct hub_ports *ports, size_t loop_count)
{
    *core = (struct hub_core){.domain = domain, .ports = ports, .loop_count = loop_count};
    core->late_bytes_max = LATE_BYTES_MAX;
    core->posted_bytes_max = POSTED_BYTES_MAX;
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
        hashmap_init(&loop->connect_waits);
        list_init(&loop->connections);
        list_init(&loop->will_retries);
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
    wills_abandon(loop);
    for (struct hashmap_node *node; (node = hashmap_next(&loop->sessions, &iter)) != NULL;) {
        session_forget_in_memory((struct session *)node);
    }
    assert(!loop->batch && !loop->flushed && !loop->first_waiting);
    uplinks_deinit(loop);
    hashmap_deinit(&loop->sessions);
    hashmap_deinit(&loop->tenants);
    hashmap_deinit(&loop->ended_busy);
    hashmap_deinit(&loop->connect_waits);
    mem_free(loop->receivers);
    mem_free(loop->posts);
    interest_free(loop->applications);
    interest_free(loop->open);
}

struct open_space *hub_open_space_of_no(struct hub_core *core, int64_t no)
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
    return hub_open_space_of_no(core, (int64_t)(hash >> 2) + 1);
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

/* A killed server does not know when it ended; this tells, to a minute, when it had (mqtt.md 14.3). */
static void on_alive(struct timer *timer, uint64_t now_ms)
{
    struct hub_loop *loop = container_of(timer, struct hub_loop, alive);
    if (atomic_load(&loop->core->next_session_no) > 1) {
        persist_alive(loop, hub_unix_ms(loop) + HUB_ALIVE_MS);
    }
    retained_expiry_begin(loop);
    timer_set(loop->timers, timer, now_ms + HUB_ALIVE_MS);
}

void hub_loop_start(struct hub_loop *loop, struct timer_wheel *timers, struct mailbox *mailbox)
{
    loop->timers = timers;
    loop->mailbox = mailbox;
    loop->alive.on_due = on_alive;
    if (loop->index == 0) {
        timer_set(timers, &loop->alive, hub_now_ms(loop) + HUB_ALIVE_MS);
    }
}

void hub_loop_flush(struct hub_loop *loop)
{
    relay_flush(loop);
    batch_flush(loop);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

void hub_loop_drain(struct hub_loop *loop)
{
    list_each_safe (it, &loop->connections) {
        struct connection *c = list_entry(it, struct connection, node);
        connection_disconnect(c, MQTT_SERVER_SHUTTING_DOWN, "Server is shutting down");
    }
    if (persist_is_late(loop)) {
        batch_of(loop); /* with it what is late is tried a last time */
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

static bool is_for_device(const struct event *event)
{
    bool ends = event->type == EVENT_DEVICE_DELETED || event->type == EVENT_DEVICE_UNCLAIMED ||
                event->type == EVENT_DEVICE_KEY_CHANGED || event->type == EVENT_DEVICE_REPLACED ||
                event->type == EVENT_DEVICE_KICK;
    return event->device_no != 0 && (ends || event->push != 0 || (event->relays && event->hears_itself));
}

void hub_event_visit(struct hub_core *core, const struct event *event,
                     void (*visit)(struct hub_loop *loop, const struct event *event))
{
    bool to_all = event->type == EVENT_API_KEY_REVOKED || event->type == EVENT_TENANT_SUSPENDED;
    bool to_applications = is_for_applications(event) && atomic_load(&core->application_filters) > 0;
    bool to_home = is_for_device(event) || (to_applications && !shares_are_empty(core->shares)); /* it chooses who gets it */
    if (!to_all && !to_applications && !to_home) {
        return;
    }
    unsigned home = to_home ? hub_home_of_device(core, event->device_no) : 0;
    for (unsigned i = 0; i < core->loop_count; i++) {
        struct hub_loop *loop = &core->loops[i];
        if (to_all || (to_home && i == home) || (to_applications && atomic_load(&loop->application_filters) > 0)) {
            visit(loop, event);
        }
    }
}

static void disconnect(struct session *session, enum mqtt_reason reason, const char *text)
{
    if (session->connection) {
        connection_disconnect(session->connection, reason, text);
    }
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
            session_remove(session, MQTT_NOT_AUTHORIZED, "API key revoked");
        } else if (event->type == EVENT_TENANT_SUSPENDED && session->connection && is_of_tenant(session, event)) {
            disconnect(session, MQTT_NOT_AUTHORIZED, "Suspended");
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
    if (event->type == EVENT_DEVICE_DELETED || event->type == EVENT_DEVICE_REPLACED) {
        session_drop_due_wills(loop, event->device_no); /* of sessions that ended before (mqtt.md 13) */
    }
    struct session *session = session_find_device(loop, event->device_no);
    if (!session) {
        return;
    }
    if (event->type == EVENT_DEVICE_DELETED) {
        session_remove(session, MQTT_ADMINISTRATIVE_ACTION, "Device deleted");
    } else if (event->type == EVENT_DEVICE_KEY_CHANGED) {
        disconnect(session, MQTT_NOT_AUTHORIZED, "Access key rotated");
    } else if (event->type == EVENT_DEVICE_REPLACED) {
        session_remove(session, MQTT_NOT_AUTHORIZED, "Access key rotated");
    } else if (event->type == EVENT_DEVICE_KICK) {
        disconnect(session, MQTT_ADMINISTRATIVE_ACTION, "Disconnected by an operator");
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
    deliver_here(loop, message, NULL);
    if (hub_home_of_device(loop->core, event->device_no) == loop->index) {
        relay_to_shares(loop, message, NULL);
    }
    message_unref(message);
}

/* As it is now: threads that change different parts of it tell of that at the same time, and a commit later. */
static void publish_presence(struct hub_loop *loop, const struct event *event)
{
    struct device_brief device;
    struct buf payload;
    buf_init(&payload, PRESENCE_BYTES_MAX);
    bool known = hub_ports(loop)->find_device_no(loop->core->domain, event->device_no, &device) &&
                 hub_ports(loop)->presence(loop->core->domain, &device, &payload);
    publish_event(loop, event, TOPIC_PRESENCE, known ? buf_str(&payload) : event->payload);
    buf_deinit(&payload);
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
        publish_presence(loop, event);
    }
    if (hub_home_of_device(loop->core, event->device_no) == loop->index) {
        device_event(loop, event);
    }
}
