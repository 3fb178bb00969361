#include "hub/session.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "base/slab.h"
#include "hub/answer.h"
#include "hub/backlog.h"
#include "hub/counts.h"
#include "hub/persist.h"
#include "hub/push.h"
#include "hub/retained_read.h"
#include "hub/will.h"

static uint64_t key_hash(const struct session_key *key)
{
    return hash_u64((uint64_t)key->owner_no * 4 + (uint64_t)key->party) ^
           (key->client_id.len > 0 ? hash_str(key->client_id) : 0);
}

static bool key_eq(const struct hashmap_node *node, const void *arg)
{
    const struct session *s = (const struct session *)node;
    const struct session_key *key = arg;
    return s->owner_no == key->owner_no && s->party == key->party &&
           (s->party == PARTY_DEVICE || str_eq(session_client_id(s), key->client_id));
}

unsigned session_home_of(const struct hub_core *core, const struct session_key *key, size_t loops)
{
    if (key->party == PARTY_DEVICE) {
        return hub_home_of_bytes(core, &key->owner_no, sizeof key->owner_no, loops);
    }
    /* Client ids of several tenants on one loop are no concern. */
    return hub_home_of_bytes(core, key->client_id.ptr, key->client_id.len, loops);
}

unsigned session_home(const struct hub_core *core, const struct session_key *key)
{
    return session_home_of(core, key, core->loop_count);
}

struct session *session_find(struct hub_loop *loop, const struct session_key *key)
{
    return (struct session *)hashmap_find(&loop->sessions, key_hash(key), key_eq, key);
}

struct session *session_find_device(struct hub_loop *loop, int64_t device_no)
{
    struct session_key key = {.party = PARTY_DEVICE, .owner_no = device_no};
    return session_find(loop, &key);
}

struct str session_client_id(const struct session *session)
{
    return session->application ? str_from(session->application->client_id, session->application->client_id_len)
                                : STR("");
}

struct session_key session_key(const struct session *session)
{
    return (struct session_key){(enum party)session->party, session->owner_no, session_client_id(session)};
}

static bool tenant_eq(const struct hashmap_node *node, const void *arg)
{
    const struct tenant *t = (const struct tenant *)node;
    const struct session_key *key = arg;
    return t->no == key->owner_no && t->kind == key->party;
}

static uint64_t tenant_hash(enum party party, int64_t no)
{
    return hash_u64((uint64_t)no * 4 + (uint64_t)party);
}

struct tenant *tenant_find(struct hub_loop *loop, enum party party, int64_t no)
{
    struct session_key key = {.party = party, .owner_no = no};
    return (struct tenant *)hashmap_find(&loop->tenants, tenant_hash(party, no), tenant_eq, &key);
}

static struct tenant *tenant_enter(struct hub_loop *loop, enum party party, int64_t no)
{
    struct tenant *tenant = tenant_find(loop, party, no);
    if (!tenant) {
        tenant = mem_new(struct tenant);
        tenant->kind = (uint8_t)party;
        tenant->no = no;
        topic_tree_init(&tenant->tree);
        hashmap_insert(&loop->tenants, &tenant->map, tenant_hash(party, no));
    }
    tenant->sessions++;
    session_counts_change(loop->core->counts, party, no, 1);
    return tenant;
}

static void tenant_leave(struct hub_loop *loop, struct tenant *tenant)
{
    session_counts_change(loop->core->counts, (enum party)tenant->kind, tenant->no, -1);
    if (--tenant->sessions == 0) {
        hashmap_remove(&loop->tenants, &tenant->map);
        topic_tree_deinit(&tenant->tree);
        mem_free(tenant);
    }
}

struct session *session_new(struct hub_loop *loop, const struct session_key *key)
{
    struct session *s = slab_new(struct session);
    s->loop = loop;
    s->owner_no = key->owner_no;
    s->party = (uint8_t)key->party;
    s->refs = 1;
    s->serial = ++loop->next_serial * loop->core->loop_count + loop->index;
    if (key->party != PARTY_DEVICE) {
        size_t bytes = offsetof(struct application, client_id) + key->client_id.len;
        struct application *a = slab_zeroed(bytes > sizeof *a ? bytes : sizeof *a);
        a->tenant = tenant_enter(loop, key->party, key->owner_no);
        a->client_id_len = (uint16_t)key->client_id.len;
        if (key->client_id.len > 0) {
            memcpy(a->client_id, key->client_id.ptr, key->client_id.len);
        }
        s->application = a;
    }
    hashmap_insert(&loop->sessions, &s->map, key_hash(key));
    metric_add(METRIC_MQTT_SESSIONS, 1);
    return s;
}

/* --- operations that outlive their session ------------------------------------------------------------------------ */

static bool owner_eq(const struct hashmap_node *node, const void *owner_no)
{
    return ((const struct session *)node)->owner_no == *(const int64_t *)owner_no;
}

bool session_has_uplinks(const struct session *session)
{
    return session->uplinks_running > 0 ||
           (session->party == PARTY_DEVICE && hashmap_find(&session->loop->ended_busy, hash_u64((uint64_t)session->owner_no),
                                                           owner_eq, &session->owner_no));
}

static bool owner_alone_eq(const struct hashmap_node *node, const void *owner_no)
{
    return owner_eq(node, owner_no) && ((const struct session *)node)->runs_alone;
}

bool session_runs_alone(const struct session *session)
{
    return session->runs_alone ||
           (session->party == PARTY_DEVICE && hashmap_find(&session->loop->ended_busy, hash_u64((uint64_t)session->owner_no),
                                                           owner_alone_eq, &session->owner_no));
}

void session_uplink_begins(struct session *session)
{
    session->uplinks_running++;
}

static bool owner_will_eq(const struct hashmap_node *node, const void *owner_no)
{
    return owner_eq(node, owner_no) && ((const struct session *)node)->will_state != WILL_SET;
}

bool session_has_due_will(struct hub_loop *loop, const struct session_key *key)
{
    const struct session *session = session_find(loop, key);
    return (session && session->will_state != WILL_SET) ||
           (key->party == PARTY_DEVICE &&
            hashmap_find(&loop->ended_busy, hash_u64((uint64_t)key->owner_no), owner_will_eq, &key->owner_no));
}

void session_drop_due_wills(struct hub_loop *loop, int64_t device_no)
{
    for (struct hashmap_node *node;
         (node = hashmap_find(&loop->ended_busy, hash_u64((uint64_t)device_no), owner_will_eq, &device_no)) != NULL;) {
        session_set_will((struct session *)node, NULL);
    }
}

/* The last of its connection's uplinks has ended. */
static void publish_due_will(struct session *session)
{
    if (session->will_state == WILL_DUE) {
        will_publish(session);
        if (!session->will) {
            session_will_is_out(session);
        }
    }
}

void session_uplink_ends(struct session *session)
{
    if (--session->uplinks_running > 0) {
        return;
    }
    publish_due_will(session);
    if (session->uplinks_running > 0) {
        return; /* the Will is one, too */
    }
    session->runs_alone = false;
    if (session->is_dead) { /* perhaps one that came after it waits */
        hashmap_remove(&session->loop->ended_busy, &session->map);
        session = session_find_device(session->loop, session->owner_no);
    }
    struct connection *c = session ? session->connection : NULL;
    if (c && c->serial_uplinks && !session_has_uplinks(session)) {
        c->serial_uplinks = false;
        connection_wake(c);
    }
}

void session_ref(struct session *session)
{
    session->refs++;
}

void session_unref(struct session *session)
{
    if (session && --session->refs == 0) {
        mem_free(session->will);
        slab_free(session->application);
        slab_free(session);
    }
}

static void absence_end(struct session *session)
{
    if (session->absence) {
        timer_cancel(session->loop->timers, &session->absence->timer);
        mem_free(session->absence);
        session->absence = NULL;
    }
}

static void inbound_free(struct session *session)
{
    for (uint32_t i = 0; session->inbound && i < session->inbound->count; i++) {
        answer_drop(session->inbound->ids[i].answer);
    }
    mem_free(session->inbound);
    session->inbound = NULL;
}

/* Lets go of everything but the structure itself, which answers in progress may still hold. */
static void session_forget(struct session *session)
{
    absence_end(session);
    backlog_end(session);
    retained_read_end_all(session);
    session_drop_filters(session);
    outbox_free(session);
    inbound_free(session);
    if (session->will_state == WILL_SET) {
        session_set_will(session, NULL);
    }
    push_state_free(session);
    if (session->application) {
        tenant_leave(session->loop, session->application->tenant);
        session->application->tenant = NULL;
    }
    hashmap_remove(&session->loop->sessions, &session->map);
    session->is_dead = true;
    if (session->uplinks_running > 0) {
        hashmap_insert(&session->loop->ended_busy, &session->map, hash_u64((uint64_t)session->owner_no));
    }
    metric_add(METRIC_MQTT_SESSIONS, -1);
    session_unref(session);
}

void session_end(struct session *session)
{
    if (session->is_dead) {
        return;
    }
    if (session_is_stored(session)) {
        persist_end(session->loop, session->no);
        session->no = 0;
    }
    session_drop_filters(session);
    outbox_hand_over(session);
    session_forget(session);
}

void session_remove(struct session *session, enum mqtt_reason reason, const char *text)
{
    session_ref(session);
    session_set_will(session, NULL);
    if (session->connection) {
        connection_disconnect(session->connection, reason, text);
    }
    session_end(session);
    session_unref(session);
}

void session_forget_in_memory(struct session *session)
{
    session->no = 0; /* the rows stay */
    session_forget(session);
}

void session_set_will(struct session *session, const struct mqtt_will *will)
{
    mem_free(session->will);
    session->will_state = WILL_SET;
    session->will = will ? will_new(will, session->party != PARTY_OPEN) : NULL;
}

void session_save(struct session *session)
{
    const struct absence *absence = session->absence;
    const struct will *will = session->will;
    int64_t will_due_at = INT64_MIN;
    if (absence && absence->will_due_ms != UINT64_MAX) {
        will_due_at = hub_unix_ms(session->loop) + (int64_t)(absence->will_due_ms - hub_now_ms(session->loop));
    }
    struct session_row row = {.no = session->no,
                              .principal_kind = session->party,
                              .principal_no = session->owner_no,
                              .client_id = session_client_id(session),
                              .api_key_no = session->application ? session->application->api_key_no : 0,
                              .expiry_s = session->expiry_s,
                              .disconnected_at_ms = absence ? absence->since_unix_ms : INT64_MIN,
                              .will = will ? str_from(will->packet, will->len) : STR(""),
                              .will_delay_s = will ? will->delay_s : 0,
                              .will_due_at_ms = will_due_at,
                              .created_at_ms = hub_unix_ms(session->loop)};
    persist_session(session, &row);
}

/* It was not stored until now. */
static void session_save_all(struct session *session)
{
    persist_clear(session);
    session_save(session);
    session_save_filters(session);
    for (uint32_t i = 0; session->inbound && i < session->inbound->count; i++) {
        if (session->inbound->ids[i].received) {
            session_save_inbound(session, session->inbound->ids[i].packet_id);
        }
    }
    outbox_store_all(session);
}

bool session_update_storage(struct session *session)
{
    if (session->expiry_s > 0) {
        if (session_is_stored(session)) {
            session_save(session);
        } else {
            session->no = atomic_fetch_add(&session->loop->core->next_session_no, 1);
            session_save_all(session);
        }
        return true;
    }
    if (session_is_stored(session)) {
        persist_end(session->loop, session->no);
        session->no = 0;
        return true;
    }
    return false;
}

struct topic_limits session_topic_limits(const struct settings *s, enum party party)
{
    return party == PARTY_OPEN
               ? (struct topic_limits){.bytes_max = s->mqtt_open_topic_max, .levels_max = s->mqtt_open_topic_levels}
               : (struct topic_limits){.bytes_max = s->mqtt_topic_max, .levels_max = s->mqtt_topic_levels};
}

/* --- without a connection ----------------------------------------------------------------------------------------- */

uint64_t session_key_ends_ms(const struct session *session)
{
    const struct application *application = session->application;
    if (!application || application->api_key_expires_at_ms == 0) {
        return UINT64_MAX;
    }
    int64_t left_ms = application->api_key_expires_at_ms - hub_unix_ms(session->loop);
    return hub_now_ms(session->loop) + (left_ms > 0 ? (uint64_t)left_ms : 0);
}

static void absence_arm(struct absence *absence)
{
    uint64_t due = absence->ends_ms < absence->will_due_ms ? absence->ends_ms : absence->will_due_ms;
    uint64_t key_ends_ms = session_key_ends_ms(absence->session);
    due = key_ends_ms < due ? key_ends_ms : due;
    if (due != UINT64_MAX) {
        timer_set(absence->session->loop->timers, &absence->timer, due);
    }
}

/* A Will fires at the earlier of its delay and the session's end (mqtt.md 14; 5.0 section 3.1.2.5). */
static void on_absence_due(struct timer *timer, uint64_t now_ms)
{
    struct absence *absence = container_of(timer, struct absence, timer);
    struct session *session = absence->session;
    bool is_due = now_ms >= absence->will_due_ms || now_ms >= absence->ends_ms;
    if (now_ms >= session_key_ends_ms(session)) {
        session_set_will(session, NULL);
        session_end(session);
        return;
    }
    if (is_due) {
        absence->will_due_ms = UINT64_MAX;
    }
    if (is_due && session->will) {
        if (session->will_state == WILL_SET) {
            will_publish(session);
        }
        if (session_is_stored(session) && !session->will) {
            session_save(session);
        }
    }
    if (now_ms < absence->ends_ms) {
        absence_arm(absence);
    } else if (!session->will || !session_is_stored(session)) {
        session_end(session);
    } /* else its row goes when the Will, which only it holds, is out */
}

void session_will_is_out(struct session *session)
{
    if (session_is_stored(session)) {
        session_save(session);
    }
    if (session->absence) {
        session->absence->will_due_ms = UINT64_MAX;
        absence_arm(session->absence);
    }
}

bool session_is_over(const struct session *session)
{
    return session->absence && hub_now_ms(session->loop) >= session->absence->ends_ms;
}

void session_begin_absence(struct session *session, int64_t since_unix_ms, uint64_t will_due_ms)
{
    struct hub_loop *loop = session->loop;
    absence_end(session);
    struct absence *absence = mem_new(struct absence);
    absence->session = session;
    absence->since_unix_ms = since_unix_ms;
    absence->timer.on_due = on_absence_due;
    absence->will_due_ms = session->will ? will_due_ms : UINT64_MAX;
    absence->ends_ms = UINT64_MAX;
    if (session->expiry_s != SESSION_NEVER_EXPIRES) {
        int64_t left = since_unix_ms + (int64_t)session->expiry_s * 1000 - hub_unix_ms(loop);
        absence->ends_ms = hub_now_ms(loop) + (left > 0 ? (uint64_t)left : 0);
    }
    session->absence = absence;
    absence_arm(absence);
}

void session_end_absence(struct session *session)
{
    absence_end(session);
}

void session_detach(struct session *session)
{
    struct hub_loop *loop = session->loop;
    session->connection->session = NULL;
    session->connection = NULL;
    session_set_online(session, false);
    backlog_end(session);
    push_pause(session);
    outbox_shrink(session);
    metric_add(METRIC_MQTT_CONNECTED, -1);
    if (session->party == PARTY_DEVICE) {
        hub_ports(loop)->disconnected(loop->core->domain, session->owner_no);
    }
    bool draining = atomic_load(&loop->core->draining);
    if (session->expiry_s == 0) {
        if (session->will && !draining) { /* Wills of such sessions do not outlive a server stop (mqtt.md 14.1) */
            will_publish(session);
        }
        session_end(session);
        return;
    }
    uint64_t now = hub_now_ms(loop);
    if (session->will && session->will->delay_s == 0 && !draining) {
        will_publish(session);
    }
    session_begin_absence(session, hub_unix_ms(loop),
                          session->will && !draining ? now + (uint64_t)session->will->delay_s * 1000 : UINT64_MAX);
    if (session_is_stored(session)) {
        session_save(session);
    }
}

/* --- inbound QoS 2 ids -------------------------------------------------------------------------------------------- */

/* They are kept in order: of a client that never releases any there may be 65535. */
static uint32_t inbound_place(const struct inbound *in, uint16_t packet_id)
{
    uint32_t from = 0, to = in ? in->count : 0;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        if (in->ids[middle].packet_id < packet_id) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

struct inbound_id *session_inbound_find(struct session *session, uint16_t packet_id)
{
    struct inbound *in = session->inbound;
    uint32_t place = inbound_place(in, packet_id);
    return in && place < in->count && in->ids[place].packet_id == packet_id ? &in->ids[place] : NULL;
}

struct inbound_id *session_inbound_add(struct session *session, uint16_t packet_id)
{
    struct inbound *in = session->inbound;
    uint32_t place = inbound_place(in, packet_id);
    if (!in || in->count == in->capacity) {
        uint32_t capacity = in ? in->capacity * 2 : 4;
        uint32_t count = in ? in->count : 0;
        in = mem_realloc(in, sizeof *in + capacity * sizeof in->ids[0]);
        in->count = count;
        in->capacity = capacity;
        session->inbound = in;
    }
    memmove(&in->ids[place + 1], &in->ids[place], (in->count - place) * sizeof in->ids[0]);
    in->ids[place] = (struct inbound_id){.packet_id = packet_id};
    in->count++;
    return &in->ids[place];
}

void session_inbound_remove(struct session *session, uint16_t packet_id)
{
    struct inbound *in = session->inbound;
    struct inbound_id *id = session_inbound_find(session, packet_id);
    if (!id) {
        return;
    }
    in->count--;
    memmove(id, id + 1, (size_t)(&in->ids[in->count] - id) * sizeof *id);
    if (in->count == 0) {
        mem_free(in);
        session->inbound = NULL;
    }
}

void session_save_inbound(struct session *session, uint16_t packet_id)
{
    struct session_inbound_row row = {.packet_id = packet_id, .intent = INTENT_DONE};
    persist_inbound(session, &row);
}
