/* Bringing the registry up to date with the day files: states, last contacts, history, and the checkpoint.
 *
 * A round begins with the position that is published then, and with all states that are dirty then. Slice by slice they
 * are written as they are at that moment; when none is left, everything up to the round's position is in the registry,
 * and the checkpoint says so. A state may already hold rows behind the checkpoint: each device keeps its own position,
 * and the replay leaves out what is not after it. */
#include "base/mem.h"
#include "model/device/presence.h"
#include "model/telemetry/telemetry_internal.h"

#define ROUND_PAUSE_MS 3000
#define CONTACTS_PAUSE_MS 10000
#define STATES_PER_SLICE 256
#define HISTORY_PER_SLICE 256
#define SLOT_MS (INT64_C(15) * 60 * 1000)
#define RETAIN_PAUSE_MS (INT64_C(3600) * 1000)
#define RETAIN_ROWS 500
#define ROTATE_PAUSE_MS INT64_C(60000)
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define STATE_JSON_BYTES_MAX ((size_t)64 << 20)
#define REPLAY_BATCH 4096

/* ---- one slice, in a transaction of the registry ---- */

static void history_take(struct telemetry *t)
{
    struct flush *f = &t->flush;
    struct history_item **last = &f->history;
    unsigned count = 0;
    while (*last) { /* of a slice that failed */
        last = &(*last)->next;
        count++;
    }
    while (count < HISTORY_PER_SLICE && (*last = history_pop(&f->round_history)) != NULL) {
        last = &(*last)->next;
        count++;
    }
}

static enum err history_write(struct telemetry *t, struct store_tx *tx)
{
    struct flush *f = &t->flush;
    history_take(t);
    for (const struct history_item *item = f->history; item; item = item->next) {
        buf_clear(&f->json);
        state_write_json(&f->json, item->state);
        enum err err = history_store_add(tx, item->device_no, item->epoch, item->at, item->status, buf_str(&f->json));
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err slot_write(struct store_tx *tx, int64_t device_no, uint32_t epoch, int64_t last_seen_ms)
{
    return last_seen_ms > 0
               ? history_store_add_slot(tx, device_no, epoch, last_seen_ms, last_seen_ms - last_seen_ms % SLOT_MS)
               : ERR_OK;
}

/* An entry as it is now, without its lock from here on. */
struct state_copy {
    int64_t device_no;
    uint32_t epoch, version;
    struct state *state;
    struct live live;
};

static size_t states_copy(struct telemetry *t, struct state_copy copies[STATES_PER_SLICE])
{
    size_t count = 0;
    pthread_mutex_lock(&t->lock);
    list_each(node, &t->flushing)
    {
        const struct state_entry *entry = list_entry(node, struct state_entry, node);
        if (count == STATES_PER_SLICE) {
            break;
        }
        copies[count++] =
            (struct state_copy){entry->device_no, entry->epoch, entry->version, state_ref(entry->state), entry->live};
    }
    pthread_mutex_unlock(&t->lock);
    return count;
}

static enum err state_write(struct telemetry *t, struct store_tx *tx, const struct state_copy *copy)
{
    struct flush *f = &t->flush;
    struct device_brief device;
    if (!device_table_find_no(t->domain->devices, copy->device_no, &device)) {
        return ERR_OK; /* deleted; telemetry_forget takes the entry away */
    }
    buf_clear(&f->json);
    state_write_json(&f->json, copy->state);
    struct state_row row = {
        .device_no = copy->device_no,
        .epoch = copy->epoch,
        .status = copy->live.status,
        .reported_status = copy->live.reported_status,
        .swept = copy->live.swept,
        .last_seen_ms = device.last_seen_ms,
        .position = copy->live.position,
        .state = buf_str(&f->json),
    };
    enum err err = state_store_write(tx, &row);
    return err == ERR_OK ? slot_write(tx, copy->device_no, copy->epoch, device.last_seen_ms) : err;
}

static enum err states_write(struct telemetry *t, struct store_tx *tx)
{
    struct flush *f = &t->flush;
    struct state_copy copies[STATES_PER_SLICE];
    size_t count = states_copy(t, copies);
    /* What the rules made of these states was queued before they were seen here: it is in the same commit at the latest,
     * since a replay leaves out rows whose state is in the registry. */
    bool more = false;
    enum err err = rules_apply_waiting(t->rules, tx, &more);
    f->flushed_count = more ? 0 : count;
    f->judged = !more;
    for (size_t i = 0; i < count; i++) {
        f->flushed[i] = (struct flushed){copies[i].device_no, copies[i].version};
        if (err == ERR_OK && !more) {
            err = state_write(t, tx, &copies[i]);
        }
        state_unref(copies[i].state);
    }
    return err;
}

static enum err contacts_write(struct telemetry *t, struct store_tx *tx)
{
    struct flush *f = &t->flush;
    if (f->contact_count == 0 && f->contacts_left > 0) { /* contacts go on all the time: a round takes each device once */
        f->contact_count = device_table_take_touched(t->domain->devices, f->contacts, CONTACTS_PER_SLICE);
        bool more = f->contact_count == CONTACTS_PER_SLICE && f->contacts_left > f->contact_count;
        f->contacts_left = more ? f->contacts_left - f->contact_count : 0;
    }
    for (size_t i = 0; i < f->contact_count; i++) {
        enum err err = state_store_write_contact(tx, &f->contacts[i]);
        if (err == ERR_OK) {
            err = slot_write(tx, f->contacts[i].no, f->contacts[i].epoch, f->contacts[i].last_seen_ms);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* History first: the slot's row is left out when a change of status was recorded in it. */
static enum err slice_write(struct telemetry *t, struct store_tx *tx)
{
    struct flush *f = &t->flush;
    enum err err = history_write(t, tx);
    if (err == ERR_OK) {
        err = states_write(t, tx);
    }
    if (err == ERR_OK) {
        err = contacts_write(t, tx);
    }
    f->round_ends = err == ERR_OK && f->judged && !f->history && f->flushed_count == 0 && f->contact_count == 0;
    return f->round_ends ? checkpoint_store_write(tx, f->position) : err;
}

static void slice_committed(struct telemetry *t)
{
    struct flush *f = &t->flush;
    rules_waiting_applied(t->rules, true);
    while (f->history) {
        struct history_item *item = f->history;
        f->history = item->next;
        history_item_free(item);
    }
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < f->flushed_count; i++) {
        struct state_entry *entry = entry_find(t, f->flushed[i].device_no);
        if (!entry || !entry->dirty) {
            continue;
        }
        bool same = entry->version == f->flushed[i].version;
        entry_mark_clean(t, entry);
        if (!same) { /* changed while it was written: in the next round */
            entry_mark_dirty(t, entry);
        }
    }
    pthread_mutex_unlock(&t->lock);
    f->flushed_count = 0;
    f->contact_count = 0;
}

static bool round_begin(struct telemetry *t, bool with_contacts)
{
    struct flush *f = &t->flush;
    pthread_mutex_lock(&t->lock);
    list_each_safe(node, &t->dirty)
    {
        list_remove(node);
        list_append(&t->flushing, node);
    }
    history_append(&f->round_history, &t->history);
    bool any = !list_is_empty(&t->flushing) || f->round_history.first || f->history || f->contact_count > 0;
    f->position = t->published;
    pthread_mutex_unlock(&t->lock);
    f->contacts_left = with_contacts ? device_table_count(t->domain->devices) : 0;
    return any || f->contacts_left > 0;
}

/* ---- rounds of a running server ---- */

static void flush_run(struct op *op, struct store_tx *tx)
{
    struct flush *f = container_of(op, struct flush, op);
    op->err = slice_write(f->telemetry, tx);
}

static void flush_committed(struct op *op)
{
    slice_committed(container_of(op, struct flush, op)->telemetry);
}

static void flush_done(struct op *op)
{
    struct flush *f = container_of(op, struct flush, op);
    if (op->err != ERR_OK) {
        rules_waiting_applied(f->telemetry->rules, false);
    }
    if (op->err == ERR_OK && !f->round_ends) {
        op_submit(f->telemetry->domain->executor, op);
        return;
    }
    atomic_store(&f->running, false); /* also after a fault: the next round goes on with what was taken */
}

void flush_init(struct telemetry *t)
{
    struct flush *f = &t->flush;
    f->telemetry = t;
    history_list_init(&f->round_history);
    f->op.lane = LANE_REGISTRY;
    f->op.run = flush_run;
    f->op.committed = flush_committed;
    f->op.done = flush_done;
    f->flushed = mem_calloc(STATES_PER_SLICE, sizeof *f->flushed);
    buf_init(&f->json, STATE_JSON_BYTES_MAX);
}

void flush_deinit(struct telemetry *t)
{
    struct flush *f = &t->flush;
    history_append(&t->history, &f->round_history); /* freed with it */
    while (f->history) {
        struct history_item *item = f->history;
        f->history = item->next;
        history_item_free(item);
    }
    mem_free(f->flushed);
    buf_deinit(&f->json);
}

enum err telemetry_flush_all(struct domain *domain, struct store_tx *tx)
{
    struct telemetry *t = domain->telemetry;
    rules_stopped(t->rules);
    round_begin(t, true);
    do {
        enum err err = slice_write(t, tx);
        if (err != ERR_OK) {
            rules_waiting_applied(t->rules, false);
            return err;
        }
        slice_committed(t); /* should the commit fail, the next start replays from the former checkpoint */
    } while (!t->flush.round_ends);
    return ERR_OK;
}

/* ---- retention, and the end of files that were open long enough ---- */

struct retain_op {
    struct op op;
    struct domain *domain;
    bool more;
};

static void retain_days_run(struct op *op, struct store_tx *tx)
{
    const struct domain *domain = container_of(op, struct retain_op, op)->domain;
    uint64_t days = domain_settings(domain)->retention_telemetry_days;
    if (days > 0) {
        sample_store_retain(tx, (int32_t)(domain->now_unix_ms() / DAY_MS) - (int32_t)(days > 100000 ? 100000 : days));
    }
}

static void rotate_run(struct op *op, struct store_tx *tx)
{
    sample_store_rotate(tx, container_of(op, struct retain_op, op)->domain->now_unix_ms());
}

static void retain_history_run(struct op *op, struct store_tx *tx)
{
    struct retain_op *r = container_of(op, struct retain_op, op);
    uint64_t days = domain_settings(r->domain)->retention_history_days;
    r->more = false;
    if (days > 0) {
        int64_t before = r->domain->now_unix_ms() - (int64_t)(days > 100000 ? 100000 : days) * DAY_MS;
        op->err = history_store_retain(tx, before, RETAIN_ROWS, &r->more);
    }
}

static void retain_done(struct op *op)
{
    struct retain_op *r = container_of(op, struct retain_op, op);
    if (op->err == ERR_OK && r->more) {
        op_submit(r->domain->executor, op);
        return;
    }
    mem_free(r);
}

static void retain_start(struct domain *domain, enum op_lane lane, void (*run)(struct op *op, struct store_tx *tx))
{
    struct retain_op *r = mem_new(struct retain_op);
    r->domain = domain;
    r->op.lane = lane;
    r->op.run = run;
    r->op.done = retain_done;
    op_submit(domain->executor, &r->op);
}

void telemetry_tick(struct domain *domain)
{
    struct telemetry *t = domain->telemetry;
    struct flush *f = &t->flush;
    int64_t now = domain->now_unix_ms();
    if (now >= t->next_retain_at_ms || t->next_retain_at_ms > now + 2 * RETAIN_PAUSE_MS) { /* or the clock was set back */
        t->next_retain_at_ms = now + RETAIN_PAUSE_MS;
        retain_start(domain, LANE_TELEMETRY, retain_days_run);
        retain_start(domain, LANE_REGISTRY, retain_history_run);
    }
    if (now >= t->next_rotate_at_ms || t->next_rotate_at_ms > now + 2 * ROTATE_PAUSE_MS) {
        t->next_rotate_at_ms = now + ROTATE_PAUSE_MS;
        retain_start(domain, LANE_TELEMETRY, rotate_run);
    }
    bool due = now >= f->next_at_ms || f->next_at_ms > now + 2 * ROUND_PAUSE_MS;
    if (!due || atomic_load(&f->running)) {
        return;
    }
    bool with_contacts = now >= f->next_contacts_at_ms || f->next_contacts_at_ms > now + 2 * CONTACTS_PAUSE_MS;
    f->next_at_ms = now + ROUND_PAUSE_MS;
    if (with_contacts) {
        f->next_contacts_at_ms = now + CONTACTS_PAUSE_MS;
    }
    if (round_begin(t, with_contacts)) {
        atomic_store(&f->running, true);
        op_submit(domain->executor, &f->op);
    }
}

/* ---- the start ---- */

struct replay {
    struct domain *domain;
    struct store_tx *tx;
    struct sample_position last;
    unsigned in_batch;
};

static enum err replay_row(const struct sample_row *row, void *arg)
{
    struct replay *replay = arg;
    struct domain *domain = replay->domain;
    struct device_brief device;
    if (sample_position_is_after(row->position, replay->last)) {
        replay->last = row->position;
    }
    if (!device_table_find_no(domain->devices, row->device_no, &device) || device.epoch != row->epoch) {
        return ERR_OK;
    }
    if (row->kind != SAMPLE_SWEPT) { /* which is the opposite of a contact */
        device_table_touch(domain->devices, row->device_no, row->received_ms);
    }
    enum err err = telemetry_replay_row(domain, replay->tx, &device, row);
    if (err == ERR_OK && ++replay->in_batch == REPLAY_BATCH) {
        replay->in_batch = 0;
        telemetry_batch_end(domain, true);
        telemetry_batch_begin(domain);
    }
    return err;
}

enum err telemetry_load(struct domain *domain, struct store_tx *tx)
{
    struct replay replay = {.domain = domain, .tx = tx};
    enum err err = checkpoint_store_read(tx, &replay.last);
    if (err != ERR_OK) {
        return err;
    }
    err = rules_load(domain->telemetry->rules, tx, replay.last);
    if (err != ERR_OK) {
        return err;
    }
    telemetry_batch_begin(domain);
    err = sample_store_replay(tx, replay.last, replay_row, &replay);
    domain->telemetry->batch_position = replay.last;
    telemetry_batch_end(domain, err == ERR_OK);
    rules_replayed(domain->telemetry->rules);
    if (err == ERR_OK) {
        err = presence_load(domain, tx);
    }
    return err;
}
