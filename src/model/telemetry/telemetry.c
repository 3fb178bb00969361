/* States in memory, the append path and what follows a commit. */
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/json/json.h"
#include "model/device/effective_status.h"
#include "model/device/presence.h"
#include "model/telemetry/telemetry_internal.h"

#define EVENT_BYTES_MAX ((size_t)1 << 20)

/* ---- states in memory ---- */

static bool entry_eq(const struct hashmap_node *node, const void *key)
{
    return container_of_const(node, struct state_entry, by_no)->device_no == *(const int64_t *)key;
}

struct state_entry *entry_find(struct telemetry *t, int64_t device_no)
{
    struct hashmap_node *node = hashmap_find(&t->entries, hash_u64((uint64_t)device_no), entry_eq, &device_no);
    return node ? container_of(node, struct state_entry, by_no) : NULL;
}

static size_t entry_bytes(const struct state_entry *entry)
{
    return sizeof *entry + (entry->state ? sizeof *entry->state + entry->state->len : 0);
}

static void entry_set_state(struct telemetry *t, struct state_entry *entry, struct state *state) /* takes state */
{
    t->bytes -= entry_bytes(entry);
    state_unref(entry->state);
    entry->state = state;
    t->bytes += entry_bytes(entry);
}

void entry_mark_dirty(struct telemetry *t, struct state_entry *entry)
{
    if (!entry->dirty) {
        entry->dirty = true;
        list_remove(&entry->node);
        list_append(&t->dirty, &entry->node);
    }
}

void entry_mark_clean(struct telemetry *t, struct state_entry *entry)
{
    entry->dirty = false;
    list_remove(&entry->node);
    list_append(&t->clean, &entry->node);
}

void entry_free(struct telemetry *t, struct state_entry *entry)
{
    hashmap_remove(&t->entries, &entry->by_no);
    list_remove(&entry->node);
    t->bytes -= entry_bytes(entry);
    state_unref(entry->state);
    state_unref(entry->pending_state);
    mem_free(entry);
}

static struct state_entry *entry_new(struct telemetry *t, int64_t device_no, uint32_t epoch, struct state *state)
{
    struct state_entry *entry = mem_new(struct state_entry);
    entry->device_no = device_no;
    entry->epoch = epoch;
    entry->state = state;
    hashmap_insert(&t->entries, &entry->by_no, hash_u64((uint64_t)device_no));
    list_append(&t->clean, &entry->node);
    t->bytes += entry_bytes(entry);
    return entry;
}

static enum err state_read(struct store_tx *tx, int64_t device_no, uint32_t epoch,
                           struct state **ret_state)
{
    struct buf json;
    buf_init(&json, (size_t)64 << 20);
    enum err err = state_store_read(tx, device_no, epoch, &json);
    if (err == ERR_OK) {
        *ret_state = state_from_json(buf_str(&json));
    } else if (err == ERR_NOT_FOUND) { /* registered or un-claimed after this snapshot: nothing yet */
        *ret_state = NULL;
        err = ERR_OK;
    }
    buf_deinit(&json);
    return err;
}

static void entry_restart(struct telemetry *t, struct state_entry *entry, uint32_t epoch)
{
    entry_set_state(t, entry, NULL);
    if (entry->dirty) { /* nothing of the former epoch is written any more */
        entry_mark_clean(t, entry);
    }
    state_unref(entry->pending_state);
    entry->pending_state = NULL;
    entry->has_pending = false; /* the next row starts from the hot record */
    entry->forgotten = false;
    entry->epoch = epoch;
}

/* With the lock held. */
static void entry_hold(struct telemetry *t, struct state_entry *entry)
{
    if (!entry->held) {
        entry->held = true;
        entry->next_held = NULL;
        *t->held_last = entry;
        t->held_last = &entry->next_held;
    }
}

enum err entry_load(struct telemetry *t, struct store_tx *tx, int64_t device_no, uint32_t epoch,
                    struct state_entry **ret_entry)
{
    pthread_mutex_lock(&t->lock);
    struct state_entry *entry = entry_find(t, device_no);
    if (entry && (entry->forgotten || entry->epoch != epoch)) {
        entry_restart(t, entry, epoch);
    } else if (entry && !entry->dirty) { /* used: the last one to be dropped */
        list_remove(&entry->node);
        list_append(&t->clean, &entry->node);
    }
    if (entry) {
        entry_hold(t, entry);
    }
    pthread_mutex_unlock(&t->lock);
    if (!entry) { /* only this thread makes entries */
        struct state *state = NULL;
        enum err err = state_read(tx, device_no, epoch, &state);
        if (err != ERR_OK) {
            return err;
        }
        pthread_mutex_lock(&t->lock);
        entry = entry_new(t, device_no, epoch, state);
        entry_hold(t, entry);
        pthread_mutex_unlock(&t->lock);
    }
    *ret_entry = entry;
    return ERR_OK;
}

/* ---- the context ---- */

struct telemetry *telemetry_new(struct domain *domain)
{
    struct telemetry *t = mem_new(struct telemetry);
    t->domain = domain;
    pthread_mutex_init(&t->lock, NULL);
    hashmap_init(&t->entries);
    list_init(&t->clean);
    list_init(&t->dirty);
    list_init(&t->flushing);
    history_list_init(&t->history);
    history_list_init(&t->batch_history);
    t->held_last = &t->held;
    t->presence = presence_new(domain);
    t->rules = rules_new(domain);
    flush_init(t);
    return t;
}

static void history_free_all(struct history_list *list)
{
    for (struct history_item *item; (item = history_pop(list)) != NULL;) {
        history_item_free(item);
    }
}

void telemetry_free(struct telemetry *t)
{
    if (!t) {
        return;
    }
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&t->entries, &iter)) != NULL;) {
        entry_free(t, container_of(node, struct state_entry, by_no));
    }
    hashmap_deinit(&t->entries);
    flush_deinit(t);
    history_free_all(&t->history);
    history_free_all(&t->batch_history);
    presence_free(t->presence);
    rules_free(t->rules);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

/* ---- history items ---- */

void history_list_init(struct history_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

void history_push(struct history_list *list, struct history_item *item)
{
    item->next = NULL;
    *list->last = item;
    list->last = &item->next;
}

void history_append(struct history_list *list, struct history_list *taken)
{
    if (taken->first) {
        *list->last = taken->first;
        list->last = taken->last;
        history_list_init(taken);
    }
}

struct history_item *history_pop(struct history_list *list)
{
    struct history_item *item = list->first;
    if (item) {
        list->first = item->next;
        if (!list->first) {
            list->last = &list->first;
        }
        item->next = NULL;
    }
    return item;
}

void history_item_free(struct history_item *item)
{
    state_unref(item->state);
    mem_free(item);
}

/* ---- a batch of the telemetry lane ---- */

void telemetry_batch_begin(struct domain *domain)
{
    struct telemetry *t = domain->telemetry;
    rules_batch_begin(t->rules);
    pthread_mutex_lock(&t->lock);
    while (t->bytes > STATE_CACHE_BYTES_MAX && !list_is_empty(&t->clean)) {
        entry_free(t, list_entry(t->clean.next, struct state_entry, node));
    }
    pthread_mutex_unlock(&t->lock);
}

struct publication {
    uint32_t epoch;
    struct live live;
    int64_t at_ms;
    bool was_swept;
    bool changed;
};

static void publish_live(struct device_brief *device, void *arg)
{
    struct publication *p = arg;
    if (device->epoch != p->epoch) {
        return; /* un-claimed meanwhile: nothing of the former owner's */
    }
    p->changed = true;
    p->was_swept = device->swept;
    if (device->status != p->live.status || device->swept != p->live.swept) {
        device->presence_since_ms = p->at_ms;
    }
    device->status = p->live.status;
    device->reported_status = p->live.reported_status;
    device->swept = p->live.swept;
    device->sample_day = p->live.position.day;
    device->sample_seq = p->live.position.seq;
}

/* Lets go of an entry at the end of a batch; its pending state becomes the committed one if the batch was committed.
 * False: there is nothing to publish, and the entry may be gone. */
static bool entry_release(struct telemetry *t, struct state_entry *entry, bool committed)
{
    pthread_mutex_lock(&t->lock);
    bool publishes = committed && entry->has_pending && !entry->forgotten;
    entry->held = false;
    entry->has_pending = false;
    struct state *state = entry->pending_state;
    entry->pending_state = NULL;
    if (publishes) {
        entry_set_state(t, entry, state);
        entry->live = entry->pending_live;
        entry->version = ++t->versions;
        entry_mark_dirty(t, entry);
    } else {
        state_unref(state);
        if (entry->forgotten) {
            entry_free(t, entry);
        }
    }
    pthread_mutex_unlock(&t->lock);
    return publishes;
}

static void release(struct telemetry *t, struct state_entry *entry, bool committed)
{
    int64_t device_no = entry->device_no;
    struct publication p = {.epoch = entry->epoch, .live = entry->pending_live, .at_ms = t->domain->now_unix_ms()};
    if (!entry_release(t, entry, committed)) {
        return;
    }
    if (device_table_change(t->domain->devices, device_no, publish_live, &p) && p.changed && p.was_swept != p.live.swept) {
        presence_incident_changed(t->domain, device_no, p.live.swept);
    }
}

void telemetry_batch_end(struct domain *domain, bool committed)
{
    struct telemetry *t = domain->telemetry;
    rules_batch_end(t->rules, committed); /* before the states are seen: see flush */
    struct state_entry *entry = t->held;
    t->held = NULL;
    t->held_last = &t->held;
    while (entry) {
        struct state_entry *next = entry->next_held;
        release(t, entry, committed);
        entry = next;
    }
    if (committed) {
        pthread_mutex_lock(&t->lock);
        history_append(&t->history, &t->batch_history);
        if (sample_position_is_after(t->batch_position, t->published)) {
            t->published = t->batch_position; /* after its states were marked: see flush */
        }
        pthread_mutex_unlock(&t->lock);
        metric_add(METRIC_TELEMETRY_SAMPLES, t->batch_samples);
    } else {
        history_free_all(&t->batch_history);
        t->batch_position = t->published; /* its rows' numbers are given out again */
    }
    t->batch_samples = 0;
}

/* ---- appending ---- */

static struct live live_of(const struct device_brief *device)
{
    return (struct live){device->status, device->reported_status, device->swept, {device->sample_day, device->sample_seq}};
}

static void emit_status(struct domain *domain, struct store_tx *tx, const struct device_brief *before,
                        const struct live *after, int64_t at_ms)
{
    struct device_brief device = *before;
    device.status = after->status;
    device.reported_status = after->reported_status;
    device.swept = after->swept;
    store_tx_emit(tx, presence_event(domain, &device, at_ms));
}

static void emit_sample(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                        const struct telemetry_sample *sample)
{
    bool relays = sample->transport != TRANSPORT_MQTT || sample->from_other;
    if (atomic_load_explicit(&domain->events.wants_messages, memory_order_relaxed) == 0 &&
        !(relays && device->hears_itself)) {
        return;
    }
    struct event *event = event_new(EVENT_TELEMETRY, device);
    struct buf values;
    struct buf body;
    buf_init(&values, EVENT_BYTES_MAX);
    buf_init(&body, EVENT_BYTES_MAX);
    flat_write_json(&values, sample->values, true, STR("status"));
    struct json_writer w;
    json_writer_init(&w, &body);
    json_begin_object(&w);
    json_field_cstr(&w, "status", device_status_name(sample->status));
    json_field_raw(&w, "telemetries", buf_str(&values));
    json_field_time(&w, "timestamp", sample->at_ms);
    if (sample->override) {
        json_field_bool(&w, "override", true);
    }
    if (sample->message.ptr) {
        json_field_str(&w, "message", sample->message);
    }
    json_end_object(&w);
    event->transport = sample->transport;
    event->relays = relays;
    event->direction = DIRECTION_UP;
    event->at_ms = sample->received_ms;
    event->qos = sample->qos;
    event->size = sample->body_bytes;
    event_set_topic(event, STR("telemetry"));
    event_set_payload(event, buf_str(&body));
    buf_deinit(&values);
    buf_deinit(&body);
    store_tx_emit(tx, event);
}

static void note_history(struct telemetry *t, const struct state_entry *entry, int64_t at, enum device_status status)
{
    struct history_item *item = mem_new(struct history_item);
    item->device_no = entry->device_no;
    item->epoch = entry->epoch;
    item->at = at;
    item->status = status;
    item->state = state_ref(entry->pending_state);
    history_push(&t->batch_history, item);
}

static void set_pending(struct telemetry *t, struct state_entry *entry, struct state *state, const struct live *live)
{
    state_unref(entry->pending_state);
    entry->pending_state = state;
    entry->pending_live = *live;
    t->batch_position = live->position;
    entry->has_pending = true;
}

static struct live live_after(const struct live *before, const struct sample_row *row)
{
    struct live after = *before;
    after.status = row->status;
    after.swept = row->kind == SAMPLE_SWEPT;
    after.position = row->position;
    if (row->kind == SAMPLE_REPORTED) {
        after.reported_status = row->status;
    }
    return after;
}

static enum err refuse_state(struct reply *reply, const struct state_limits *limits, bool keys)
{
    if (reply && keys) {
        reply_error(reply, 422, "State has too many keys (maximum is %zu)", limits->keys_max);
    } else if (reply) {
        reply_error(reply, 422, "State is too long (maximum is %zu bytes)", limits->bytes_max);
    }
    return ERR_INVALID;
}

/* What the model's rules say of the state after a report (3.2.3). */
static void judge(struct telemetry *t, const struct device_brief *device, const struct sample_row *row,
                  const struct state_entry *entry)
{
    const struct rule_set *set = rules_of_model(t->rules, device->model_no);
    if (set && row->kind == SAMPLE_REPORTED && device->organization_no) {
        rules_judge(t->rules, set, device, row->position, state_flat(entry->pending_state));
    }
}

/* Merges a row into the pending state and appends it. `device` is the hot record. *ret_status_changed: what the status
 * or the sweep's flag became differs from before. */
static enum err append_row(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                           struct sample_row *row, struct reply *reply, struct live *ret_after, bool *ret_status_changed)
{
    struct telemetry *t = domain->telemetry;
    const struct settings *settings = domain_settings(domain);
    struct state_limits limits = {settings->limits_state_keys_max, settings->limits_state_max};
    if (row->kind != SAMPLE_REPORTED) {
        limits = (struct state_limits){0, 0}; /* a sweep is never refused */
    }
    struct state_entry *entry = NULL;
    enum err err = entry_load(t, tx, device->no, device->epoch, &entry);
    if (err != ERR_OK) {
        return err;
    }
    struct live before = entry->has_pending ? entry->pending_live : live_of(device);
    const struct state *base = entry->has_pending ? entry->pending_state : entry->state;
    struct state *state = NULL;
    bool keys = false;
    if (state_merge(base, row->values, row->override, &limits, &state, &keys) != ERR_OK) {
        return refuse_state(reply, &limits, keys);
    }
    row->previous = before.position;
    err = sample_store_append(tx, row);
    if (err != ERR_OK) {
        state_unref(state);
        return err;
    }
    *ret_after = live_after(&before, row);
    *ret_status_changed = before.status != ret_after->status || before.swept != ret_after->swept;
    set_pending(t, entry, state, ret_after);
    judge(t, device, row, entry);
    if (before.status != ret_after->status) {
        note_history(t, entry, row->received_ms, row->status);
    }
    t->batch_samples++;
    return ERR_OK;
}

enum err telemetry_replay_row(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                              const struct sample_row *row)
{
    static const struct state_limits none = {0, 0}; /* it was accepted once */
    struct telemetry *t = domain->telemetry;
    struct state_entry *entry = NULL;
    enum err err = entry_load(t, tx, device->no, device->epoch, &entry);
    if (err != ERR_OK) {
        return err;
    }
    struct live before = entry->has_pending ? entry->pending_live : live_of(device);
    if (!sample_position_is_after(row->position, before.position)) {
        return ERR_OK; /* the registry had it already */
    }
    struct state *state = NULL;
    bool keys = false;
    err = state_merge(entry->has_pending ? entry->pending_state : entry->state, row->values, row->override, &none, &state, &keys);
    if (err != ERR_OK) {
        return err;
    }
    struct live after = live_after(&before, row);
    set_pending(t, entry, state, &after);
    judge(t, device, row, entry);
    if (before.status != after.status) {
        note_history(t, entry, row->received_ms, row->status);
    }
    if (before.swept != after.swept) { /* the incident may not have followed; of several, the one that fits the end runs */
        presence_incident_changed(domain, device->no, after.swept);
    }
    return ERR_OK;
}

enum err telemetry_append(struct domain *domain, struct store_tx *tx, int64_t device_no,
                          const struct telemetry_sample *sample, struct reply *reply)
{
    struct device_brief now;
    if (!device_table_find_no(domain->devices, device_no, &now)) {
        return ERR_NOT_FOUND;
    }
    struct sample_row row = {
        .device_no = now.no,
        .epoch = now.epoch,
        .kind = SAMPLE_REPORTED,
        .status = sample->status,
        .override = sample->override,
        .at_ms = sample->at_ms,
        .received_ms = sample->received_ms,
        .device_timestamp_ms = sample->device_timestamp_ms,
        .message = sample->message,
        .values = sample->values,
        .intent_no = sample->intent_no,
    };
    struct live after;
    bool status_changed = false;
    enum err err = append_row(domain, tx, &now, &row, reply, &after, &status_changed);
    if (err != ERR_OK) {
        return err;
    }
    emit_sample(domain, tx, &now, sample);
    if (status_changed) {
        emit_status(domain, tx, &now, &after, sample->received_ms);
    }
    return ERR_OK;
}

static bool status_applies(struct domain *domain, const struct device_brief *device, const struct live *live,
                           enum sample_kind kind)
{
    return kind == SAMPLE_SWEPT ? !live->swept && presence_is_overdue(domain, device) : live->swept;
}

enum err telemetry_record_status(struct domain *domain, struct store_tx *tx, int64_t device_no, enum sample_kind kind)
{
    struct device_brief now;
    struct state_entry *entry = NULL;
    if (!device_table_find_no(domain->devices, device_no, &now)) {
        return ERR_OK;
    }
    enum err err = entry_load(domain->telemetry, tx, now.no, now.epoch, &entry);
    if (err != ERR_OK) {
        return err;
    }
    struct live before = entry->has_pending ? entry->pending_live : live_of(&now);
    if (!status_applies(domain, &now, &before, kind)) {
        return ERR_OK;
    }
    enum device_status restored = before.reported_status == STATUS_NEVER_SEEN ? STATUS_ONLINE : before.reported_status;
    enum device_status status = kind == SAMPLE_SWEPT ? STATUS_OFFLINE : restored;
    struct arena arena;
    arena_init(&arena);
    struct flat_entry value = {
        .key = STR("status"), .type = FLAT_STRING, .text = str_from_cstr(device_status_name(status))};
    int64_t at = domain->now_unix_ms();
    struct sample_row row = {.device_no = now.no,
                             .epoch = now.epoch,
                             .kind = kind,
                             .status = status,
                             .at_ms = at,
                             .received_ms = at,
                             .device_timestamp_ms = INT64_MIN,
                             .values = flat_encode(&value, 1, &arena)};
    struct live after;
    bool status_changed = false;
    err = append_row(domain, tx, &now, &row, NULL, &after, &status_changed);
    if (err == ERR_OK && status_changed) {
        emit_status(domain, tx, &now, &after, at);
    }
    arena_deinit(&arena);
    return err;
}

/* ---- other threads ---- */

struct sample_position telemetry_published(struct domain *domain)
{
    struct telemetry *t = domain->telemetry;
    pthread_mutex_lock(&t->lock);
    struct sample_position position = t->published;
    pthread_mutex_unlock(&t->lock);
    return position;
}

void telemetry_forget(struct domain *domain, int64_t device_no)
{
    struct telemetry *t = domain->telemetry;
    pthread_mutex_lock(&t->lock);
    struct state_entry *entry = entry_find(t, device_no);
    if (entry && entry->held) {
        entry->forgotten = true;
    } else if (entry) {
        entry_free(t, entry);
    }
    pthread_mutex_unlock(&t->lock);
}

enum err telemetry_state_json(struct domain *domain, struct store_tx *tx, int64_t device_no, struct buf *out)
{
    struct telemetry *t = domain->telemetry;
    struct device_brief device;
    if (!device_table_find_no(domain->devices, device_no, &device)) {
        return ERR_NOT_FOUND;
    }
    pthread_mutex_lock(&t->lock);
    struct state_entry *entry = entry_find(t, device_no);
    bool found = entry && !entry->forgotten && entry->epoch == device.epoch;
    struct state *state = found ? state_ref(entry->state) : NULL;
    pthread_mutex_unlock(&t->lock);
    enum err err = ERR_OK;
    if (!found && tx) {
        err = state_read(tx, device_no, device.epoch, &state);
        found = err == ERR_OK;
    }
    if (!found) {
        return err == ERR_OK ? ERR_NOT_FOUND : err;
    }
    state_write_json(out, state);
    state_unref(state);
    return ERR_OK;
}
