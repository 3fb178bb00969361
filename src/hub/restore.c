/* Sessions, retained messages and what was on its way between loops, as the rows tell (mqtt.md 14.3): before the loops run,
 * in one transaction. */
#include "base/log.h"
#include "base/mem.h"
#include "codec/mqtt/topic.h"
#include "hub/batch.h"
#include "hub/connection.h"
#include "hub/push.h"
#include "hub/relay.h"
#include "hub/retained_read.h"
#include "hub/will.h"
#include "model/ports/event_log_store.h"
#include "model/ports/telemetry_store.h"

#define WILL_AFTER_START_MS 30000

struct restore_visit {
    struct session_store_visitor visitor;
    struct hub_core *core;
    struct store_tx *tx;
    struct hashmap by_no;
    int64_t *orphans; /* sessions of devices that are gone, and of revoked keys */
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

/* Killed between what ends a session (mqtt.md 13) and its end. */
static bool is_orphan(const struct restore_visit *v, const struct session_row *row, struct device_brief *ret_device,
                      int64_t *ret_key_expires_at_ms)
{
    const struct hub_ports *ports = v->core->ports;
    switch ((enum party)row->principal_kind) {
    case PARTY_DEVICE:
        return !ports->find_device_no(v->core->domain, row->principal_no, ret_device);
    case PARTY_ORGANIZATION:
    case PARTY_PARTNER:
        return !ports->key_stands(v->tx, row->api_key_no, ret_key_expires_at_ms);
    case PARTY_OPEN:
        break;
    }
    return false;
}

static void on_session_row(struct session_store_visitor *visitor, const struct session_row *row)
{
    struct restore_visit *v = container_of(visitor, struct restore_visit, visitor);
    struct hub_core *core = v->core;
    struct device_brief device = {0};
    int64_t key_expires_at_ms = 0;
    struct session_key key = {(enum party)row->principal_kind, row->principal_no, row->client_id};
    if (row->no >= atomic_load(&core->next_session_no)) {
        atomic_store(&core->next_session_no, row->no + 1);
    }
    if (is_orphan(v, row, &device, &key_expires_at_ms)) {
        v->orphans = mem_realloc(v->orphans, (v->orphan_count + 1) * sizeof *v->orphans);
        v->orphans[v->orphan_count++] = row->no;
        return;
    }
    if (key.party == PARTY_DEVICE) {
        key.client_id = STR("");
    }
    if (key.party == PARTY_OPEN) {
        hub_open_space_of_no(core, key.owner_no);
    }
    struct hub_loop *loop = &core->loops[session_home(core, &key)];
    struct session *session = session_new(loop, &key);
    session->no = row->no;
    session->expiry_s = row->expiry_s;
    session->device_id = device.id;
    if (session->application) {
        session->application->api_key_no = row->api_key_no;
        session->application->api_key_expires_at_ms = key_expires_at_ms;
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
    uint8_t options = row->options & (uint8_t)~FILTER_OWED_RETAINED;
    session_put_filter(r->session, row->filter, options, row->identifier);
    if (row->options & FILTER_OWED_RETAINED) { /* what is retained was loaded before */
        retained_read_again(r->session, row->filter, options, row->identifier);
    }
}

/* Which side of the effect the crash was on: see uplink.c. */
static bool intent_was_carried_out(struct store_tx *tx, const struct session *session,
                                   const struct session_inbound_row *row)
{
    struct device_brief device;
    bool found = false, sealed = false;
    const struct hub_core *core = session->loop->core;
    if (row->intent == INTENT_DONE || row->intent == INTENT_CARRIED_OUT) {
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
    return row->intent == INTENT_CONFIG && row->intent_no == 0 && device.config_version != row->witness_seq;
}

static void on_inbound_row(struct session_store_visitor *visitor, int64_t no, const struct session_inbound_row *row)
{
    struct restored *r = restored_find(container_of(visitor, struct restore_visit, visitor), no);
    struct store_tx *tx = container_of(visitor, struct restore_visit, visitor)->tx;
    if (!r) {
        return;
    }
    if (!intent_was_carried_out(tx, r->session, row)) {
        persist_no_inbound(r->session, row->packet_id); /* the next start would find that something else has changed */
        return;
    }
    struct inbound_id *id = session_inbound_add(r->session, row->packet_id);
    id->received = row->intent == INTENT_DONE;
    id->carried_out = !id->received;
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
    message_set_row_expiry(entry.message, row->expires_at_ms, hub_wall_ahead_ms(r->session->loop));
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
    } *left_over; /* of devices that are gone, or that were un-claimed; presence, which an older release has kept here */
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
    message_set_row_expiry(message, row->expires_at_ms, hub_wall_ahead_ms(&core->loops[0]));
    message->device_no = row->device_no;
    message->organization_no = row->organization_no;
    message->epoch = row->epoch;
    if (row->space == 0 && message->topic_id == TOPIC_PRESENCE) {
        add_left_over(v, (struct left_over){.device_no = row->device_no, .device_id = device.id, .has_presence = true});
    } else if (!message_is_expired(message, hub_now_ms(&core->loops[0]))) {
        retained_put(row->space == 0 ? core->retained : hub_open_space_of_no(core, row->space)->retained, message);
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
        hub_open_space_of_no(core, row->space);
    }
    struct message *message = message_from_stored(row->message, row->space, &no_identifiers);
    mem_free(no_identifiers);
    if (!message) {
        log_event(LOG_WARN, "mqtt_relay_row_unreadable", log_i("no", row->no));
        return;
    }
    message_set_row_expiry(message, row->expires_at_ms, hub_wall_ahead_ms(&core->loops[0]));
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
        err = batch_run_here(&sessions->core->loops[i], tx);
    }
    mem_free(v.nos);
    return err;
}

/* Everybody is absent now, as the rows tell; time went on while the server was down (mqtt.md 14.3, 14.4). */
static void begin_absences(struct restore_visit *v)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&v->by_no, &iter)) != NULL;) {
        struct restored *r = (struct restored *)node;
        struct hub_loop *loop = r->session->loop;
        int64_t will_wait = r->session->will ? r->will_due_at_ms - hub_unix_ms(loop) : 0;
        if (will_wait < WILL_AFTER_START_MS) {
            will_wait = WILL_AFTER_START_MS; /* its client may be about to come back */
        }
        session_begin_absence(r->session, r->disconnected_at_ms, hub_now_ms(loop) + (uint64_t)will_wait);
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
    hashmap_init(&v.by_no);
    op->err = session_store_begin_absences(tx, hub_unix_ms(&restore->core->loops[0]), WILL_AFTER_START_MS, HUB_ALIVE_MS);
    if (op->err == ERR_OK) {
        op->err = restore_retained(restore->core, tx);
    }
    if (op->err == ERR_OK) {
        op->err = session_store_load(tx, &v.visitor);
    }
    if (op->err == ERR_OK) {
        op->err = restore_relays(&v, tx);
    }
    begin_absences(&v);
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
