/* A device with a threshold, without a session, has a timer on the wheel. Contact does not move it: when it fires, the
 * last contact is looked at, and the timer is set again for what remains. What is really overdue goes to the telemetry
 * lane, which decides again in commit order, so a contact that overtakes the sweep wins. */
#include "model/device/presence.h"

#include <pthread.h>

#include "base/hashmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timer_wheel.h"
#include "codec/json/json.h"
#include "model/device/effective_status.h"
#include "model/incident/incident.h"
#include "model/telemetry/telemetry_internal.h"

#define EVENT_BYTES_MAX 4096
#define RETRY_MS 1000
#define MINUTE_MS INT64_C(60000)

struct watch {
    struct hashmap_node by_no;
    struct timer timer;
    struct presence *presence;
    int64_t device_no;
};

struct numbers {
    int64_t *items;
    size_t count, room;
};

struct presence {
    struct domain *domain;
    pthread_mutex_t lock;
    struct hashmap watches;
    struct timer_wheel wheel;
    bool wheel_runs;           /* the first use sets it to the clock */
    struct numbers due;        /* filled while the wheel advances */
    struct numbers recoveries; /* had contact while swept */
    struct numbers incidents;  /* opening or closing failed: to be tried again */
};

static struct presence *presence_of(struct domain *domain)
{
    return domain->telemetry->presence;
}

static void numbers_add(struct numbers *numbers, int64_t number)
{
    if (numbers->count == numbers->room) {
        numbers->room = numbers->room ? numbers->room * 2 : 16;
        numbers->items = mem_realloc(numbers->items, numbers->room * sizeof *numbers->items);
    }
    numbers->items[numbers->count++] = number;
}

static struct numbers numbers_take(struct numbers *numbers)
{
    struct numbers taken = *numbers;
    *numbers = (struct numbers){0};
    return taken;
}

struct presence *presence_new(struct domain *domain)
{
    struct presence *p = mem_new(struct presence);
    p->domain = domain;
    pthread_mutex_init(&p->lock, NULL);
    hashmap_init(&p->watches);
    return p;
}

void presence_free(struct presence *p)
{
    if (!p) {
        return;
    }
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&p->watches, &iter)) != NULL;) {
        mem_free(container_of(node, struct watch, by_no));
    }
    hashmap_deinit(&p->watches);
    mem_free(p->due.items);
    mem_free(p->recoveries.items);
    mem_free(p->incidents.items);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

/* ---- rules ---- */

/* When the threshold passes if there is no further contact; counted from the server's start at the earliest (10.2.6),
 * and not before a command's timeout ends (4.4). INT64_MAX: never. */
static int64_t deadline_of(const struct domain *domain, const struct device_brief *device)
{
    if (device->offline_threshold_minutes == 0 || device->connected || device->last_seen_ms == 0) {
        return INT64_MAX;
    }
    int64_t base = device->last_seen_ms > domain->started_at_ms ? device->last_seen_ms : domain->started_at_ms;
    int64_t deadline = base + (int64_t)device->offline_threshold_minutes * MINUTE_MS;
    return deadline > device->command_hold_until_ms ? deadline : device->command_hold_until_ms;
}

bool presence_is_overdue(struct domain *domain, const struct device_brief *device)
{
    return domain->now_unix_ms() >= deadline_of(domain, device);
}

struct effective_inputs presence_inputs(struct domain *domain, const struct device_brief *device)
{
    struct device_brief parent;
    bool parent_swept = device->parent_no != 0 && device_table_find_no(domain->devices, device->parent_no, &parent) &&
                        parent.swept;
    return (struct effective_inputs){device->last_seen_ms != 0, parent_swept, device->status, device->worst_priority};
}

static void put_payload(struct domain *domain, const struct device_brief *device, int64_t since_ms, struct buf *out)
{
    struct effective_inputs inputs = presence_inputs(domain, device);
    bool reported_nothing = device->status == STATUS_NEVER_SEEN && device->last_seen_ms != 0;
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_field_uuid(&w, "device_id", &device->id);
    json_field_cstr(&w, "status", device_status_name(reported_nothing ? STATUS_ONLINE : device->status));
    json_field_cstr(&w, "effective_status", effective_status_name(effective_status(&inputs)));
    json_field_bool(&w, "connected", device->connected);
    json_field_time(&w, "last_seen_at", device->last_seen_ms ? device->last_seen_ms : INT64_MIN);
    json_field_time(&w, "since", since_ms);
    json_end_object(&w);
}

bool presence_write(struct domain *domain, const struct device_brief *device, struct buf *out)
{
    if (device->last_seen_ms == 0) {
        return false;
    }
    /* Since the start nothing may have changed: the last contact is the best that is known. */
    put_payload(domain, device, device->presence_since_ms ? device->presence_since_ms : device->last_seen_ms, out);
    return true;
}

struct event *presence_event(struct domain *domain, const struct device_brief *device, int64_t at_ms)
{
    struct event *event = event_new(EVENT_STATUS, device);
    struct buf payload;
    buf_init(&payload, EVENT_BYTES_MAX);
    put_payload(domain, device, at_ms, &payload);
    event->at_ms = at_ms;
    event_set_topic(event, STR("presence"));
    event_set_payload(event, buf_str(&payload));
    buf_deinit(&payload);
    return event;
}

/* ---- watching ---- */

static bool watch_eq(const struct hashmap_node *node, const void *key)
{
    return container_of_const(node, struct watch, by_no)->device_no == *(const int64_t *)key;
}

static void on_due(struct timer *timer, uint64_t now_ms)
{
    struct watch *watch = container_of(timer, struct watch, timer);
    (void)now_ms;
    numbers_add(&watch->presence->due, watch->device_no);
}

static void wheel_start(struct presence *p)
{
    if (!p->wheel_runs) {
        timer_wheel_init(&p->wheel, (uint64_t)p->domain->now_unix_ms());
        p->wheel_runs = true;
    }
}

static void watch_set(struct presence *p, int64_t device_no, int64_t due_ms)
{
    pthread_mutex_lock(&p->lock);
    wheel_start(p);
    uint64_t hash = hash_u64((uint64_t)device_no);
    struct hashmap_node *node = hashmap_find(&p->watches, hash, watch_eq, &device_no);
    struct watch *watch = node ? container_of(node, struct watch, by_no) : NULL;
    if (!watch) {
        watch = mem_new(struct watch);
        watch->presence = p;
        watch->device_no = device_no;
        watch->timer.on_due = on_due;
        hashmap_insert(&p->watches, &watch->by_no, hash);
    }
    timer_set(&p->wheel, &watch->timer, (uint64_t)due_ms);
    pthread_mutex_unlock(&p->lock);
}

/* Its timer has fired and is not set again. */
static void watch_end(struct presence *p, int64_t device_no)
{
    pthread_mutex_lock(&p->lock);
    struct hashmap_node *node = hashmap_find(&p->watches, hash_u64((uint64_t)device_no), watch_eq, &device_no);
    struct watch *watch = node ? container_of(node, struct watch, by_no) : NULL;
    if (watch && !timer_is_set(&watch->timer)) {
        hashmap_remove(&p->watches, node);
        mem_free(watch);
    }
    pthread_mutex_unlock(&p->lock);
}

static void mark_and_watch(struct presence *p, const struct device_brief *device, int64_t due_ms)
{
    struct contact_effect effect;
    /* no contact: only the mark, at a time that is not newer */
    device_table_contact(p->domain->devices, device->no, device->last_seen_ms, &effect);
    if (effect.recover) {
        device_table_unmark(p->domain->devices, device->no, CONTACT_RECOVERING);
    }
    if (effect.watch) {
        watch_set(p, device->no, due_ms);
    }
}

/* Its timer, wherever it stands, fires then. */
static void watch_from_now(struct presence *p, const struct device_brief *device)
{
    int64_t due = deadline_of(p->domain, device);
    if (!device->swept && due != INT64_MAX) {
        mark_and_watch(p, device, due);  /* was not watched */
        watch_set(p, device->no, due);   /* was watched, for another time */
    }
}

/* ---- sweeps, recoveries, incidents: operations without a home ---- */

struct presence_op {
    struct op op;
    struct domain *domain;
    int64_t device_no;
    bool swept;
    struct arena arena;          /* of an incident's */
    struct device_change change;
};

static void presence_op_free(struct presence_op *o)
{
    arena_deinit(&o->arena);
    mem_free(o);
}

static void op_start(struct domain *domain, int64_t device_no, bool swept, enum op_lane lane,
                     void (*run)(struct op *op, struct store_tx *tx), void (*committed)(struct op *op),
                     void (*done)(struct op *op))
{
    struct presence_op *o = mem_new(struct presence_op);
    o->domain = domain;
    o->device_no = device_no;
    o->swept = swept;
    o->op.lane = lane;
    o->op.run = run;
    o->op.committed = committed;
    o->op.done = done;
    op_submit(domain->executor, &o->op);
}

static void status_run(struct op *op, struct store_tx *tx)
{
    struct presence_op *o = container_of(op, struct presence_op, op);
    op->err = telemetry_record_status(o->domain, tx, o->device_no, o->swept ? SAMPLE_SWEPT : SAMPLE_RECOVERED);
}

/* Swept, or a contact came first: then it is watched again. */
static void sweep_done(struct op *op)
{
    struct presence_op *o = container_of(op, struct presence_op, op);
    struct presence *p = presence_of(o->domain);
    struct device_brief device;
    if (device_table_find_no(o->domain->devices, o->device_no, &device) && !device.swept && !device.connected) {
        int64_t due = op->err == ERR_OK ? deadline_of(o->domain, &device) : o->domain->now_unix_ms() + RETRY_MS;
        if (due != INT64_MAX) {
            mark_and_watch(p, &device, due);
        }
    }
    presence_op_free(o);
}

static void recover_done(struct op *op)
{
    struct presence_op *o = container_of(op, struct presence_op, op);
    device_table_unmark(o->domain->devices, o->device_no, CONTACT_RECOVERING);
    presence_op_free(o); /* after a fault the next contact tries again */
}

static void incident_run(struct op *op, struct store_tx *tx)
{
    struct presence_op *o = container_of(op, struct presence_op, op);
    struct device_brief device;
    if (!device_table_find_no(o->domain->devices, o->device_no, &device) || device.swept != o->swept) {
        return; /* it has changed again, and that has an operation of its own */
    }
    arena_init(&o->arena);
    device_change_init(&o->change, o->domain, tx, &o->arena, TRANSPORT_NONE);
    op->err = o->swept ? incident_open_offline(&o->change, o->device_no) : incident_close_offline(&o->change, o->device_no);
}

static void incident_committed(struct op *op)
{
    const struct presence_op *o = container_of(op, struct presence_op, op);
    if (o->change.domain) {
        device_change_apply(&o->change);
    }
}

static void incident_done(struct op *op)
{
    struct presence_op *o = container_of(op, struct presence_op, op);
    if (op->err == ERR_STORAGE || op->err == ERR_BUSY) {
        struct presence *p = presence_of(o->domain);
        pthread_mutex_lock(&p->lock);
        numbers_add(&p->incidents, o->device_no);
        pthread_mutex_unlock(&p->lock);
    } else if (op->err != ERR_OK) {
        log_event(LOG_ERROR, "offline_incident_failed", log_i("device_no", o->device_no), log_s("error", err_name(op->err)));
    }
    presence_op_free(o);
}

void presence_incident_changed(struct domain *domain, int64_t device_no, bool swept)
{
    op_start(domain, device_no, swept, LANE_REGISTRY, incident_run, incident_committed, incident_done);
}

/* ---- contact ---- */

static void after_contact(struct domain *domain, int64_t device_no, int64_t now)
{
    struct presence *p = presence_of(domain);
    struct contact_effect effect;
    if (!device_table_contact(domain->devices, device_no, now, &effect)) {
        return;
    }
    if (effect.recover) {
        pthread_mutex_lock(&p->lock);
        numbers_add(&p->recoveries, device_no);
        pthread_mutex_unlock(&p->lock);
    }
    struct device_brief device;
    if (effect.watch && device_table_find_no(domain->devices, device_no, &device)) {
        int64_t due = deadline_of(domain, &device);
        if (due != INT64_MAX) {
            watch_set(p, device_no, due);
        } else {
            device_table_unmark(domain->devices, device_no, CONTACT_WATCHED);
        }
    }
}

void presence_contact(struct domain *domain, int64_t device_no)
{
    after_contact(domain, device_no, domain->now_unix_ms());
}

static void set_connected(struct device_brief *device, void *arg)
{
    device->connected = true;
    device->connected_since_ms = device->presence_since_ms = *(const int64_t *)arg;
}

static void set_disconnected(struct device_brief *device, void *arg)
{
    device->connected = false;
    device->connected_since_ms = 0;
    device->presence_since_ms = *(const int64_t *)arg;
}

static void session_changed(struct domain *domain, int64_t device_no,
                            void (*change)(struct device_brief *device, void *arg))
{
    int64_t now = domain->now_unix_ms();
    struct device_brief device;
    if (!device_table_change(domain->devices, device_no, change, &now)) {
        return;
    }
    after_contact(domain, device_no, now);
    if (device_table_find_no(domain->devices, device_no, &device)) {
        event_bus_emit(&domain->events, presence_event(domain, &device, now));
    }
}

void presence_connected(struct domain *domain, int64_t device_no)
{
    session_changed(domain, device_no, set_connected);
}

void presence_disconnected(struct domain *domain, int64_t device_no)
{
    session_changed(domain, device_no, set_disconnected);
}

static void set_hears_itself(struct device_brief *device, void *arg)
{
    device->hears_itself = *(const bool *)arg;
}

void presence_hears_itself(struct domain *domain, int64_t device_no, bool hears)
{
    device_table_change(domain->devices, device_no, set_hears_itself, &hears);
}

/* ---- the clock ---- */

static struct numbers take_due(struct presence *p, int64_t now, struct numbers *ret_recoveries, struct numbers *ret_incidents)
{
    pthread_mutex_lock(&p->lock);
    wheel_start(p);
    if (now > 0 && (uint64_t)now > p->wheel.now_ms) { /* a clock set back makes it wait, no more */
        timer_wheel_advance(&p->wheel, (uint64_t)now);
    }
    struct numbers due = numbers_take(&p->due);
    *ret_recoveries = numbers_take(&p->recoveries);
    *ret_incidents = numbers_take(&p->incidents);
    pthread_mutex_unlock(&p->lock);
    return due;
}

static void look_at(struct presence *p, int64_t device_no)
{
    struct domain *domain = p->domain;
    struct device_brief device;
    /* first unmarked, then looked at: a contact in between starts the timer itself */
    device_table_unmark(domain->devices, device_no, CONTACT_WATCHED);
    if (!device_table_find_no(domain->devices, device_no, &device) || device.swept) {
        watch_end(p, device_no);
        return;
    }
    int64_t due = deadline_of(domain, &device);
    if (due == INT64_MAX) {
        watch_end(p, device_no);
    } else if (due > domain->now_unix_ms()) {
        mark_and_watch(p, &device, due);
    } else {
        watch_end(p, device_no);
        op_start(domain, device_no, true, LANE_TELEMETRY, status_run, NULL, sweep_done);
    }
}

void presence_tick(struct domain *domain)
{
    struct presence *p = presence_of(domain);
    struct numbers recoveries;
    struct numbers incidents;
    struct numbers due = take_due(p, domain->now_unix_ms(), &recoveries, &incidents);
    for (size_t i = 0; i < recoveries.count; i++) {
        op_start(domain, recoveries.items[i], false, LANE_TELEMETRY, status_run, NULL, recover_done);
    }
    for (size_t i = 0; i < incidents.count; i++) {
        struct device_brief device;
        if (device_table_find_no(domain->devices, incidents.items[i], &device)) {
            presence_incident_changed(domain, device.no, device.swept);
        }
    }
    for (size_t i = 0; i < due.count; i++) {
        look_at(p, due.items[i]);
    }
    mem_free(recoveries.items);
    mem_free(incidents.items);
    mem_free(due.items);
}

/* ---- start, and what makes it due sooner ---- */

static bool watch_loaded(const struct device_brief *device, void *arg)
{
    struct presence *p = arg;
    if (device->swept) { /* the incident may have been lost between two commits */
        presence_incident_changed(p->domain, device->no, true);
        return true;
    }
    int64_t due = deadline_of(p->domain, device);
    if (due != INT64_MAX) {
        mark_and_watch(p, device, due);
    }
    return true;
}

/* The device is back, and its incident was to be closed when the program ended. */
static void close_late(int64_t device_no, void *arg)
{
    struct domain *domain = arg;
    struct device_brief device;
    if (device_table_find_no(domain->devices, device_no, &device) && !device.swept) {
        presence_incident_changed(domain, device_no, false);
    }
}

enum err presence_load(struct domain *domain, struct store_tx *tx)
{
    device_table_each(domain->devices, watch_loaded, presence_of(domain));
    return incident_store_each_active_of_origin(tx, INCIDENT_OFFLINE, close_late, domain);
}

struct model_change {
    struct presence *presence;
    int64_t model_no;
};

static bool watch_again(const struct device_brief *device, void *arg)
{
    const struct model_change *change = arg;
    if (device->model_no == change->model_no) {
        watch_from_now(change->presence, device);
    }
    return true;
}

void presence_model_changed(struct domain *domain, int64_t model_no)
{
    struct model_change change = {presence_of(domain), model_no};
    device_table_each(domain->devices, watch_again, &change);
}

void presence_hold_shortened(struct domain *domain, int64_t device_no)
{
    struct device_brief device;
    if (device_table_find_no(domain->devices, device_no, &device)) {
        watch_from_now(presence_of(domain), &device);
    }
}
