#include "model/registration/refusal_log.h"

#include "base/log.h"
#include "base/mem.h"
#include "model/device/device_change.h"
#include "model/device/device_desk.h"
#include "model/domain.h"

struct flush {
    struct op op;
    struct domain *domain;
    struct refusal refusals[REFUSALS_WAITING_MAX];
    unsigned count;
};

static bool same_text(struct str a, struct str b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && str_eq(a, b);
}

static bool same_identity(const struct registration_entry *a, const struct registration_entry *b)
{
    return a->partner_no == b->partner_no && same_text(a->address, b->address) && same_text(a->cloud_id, b->cloud_id) &&
           same_text(a->sn, b->sn);
}

/* What strangers send is kept to the length that an accepted registration may have, cut between characters. */
static struct str own(struct str text)
{
    enum { TEXT_BYTES_MAX = 255 };
    if (!text.ptr) {
        return text;
    }
    if (text.len > TEXT_BYTES_MAX) {
        text.len = TEXT_BYTES_MAX;
        while (text.len && ((uint8_t)text.ptr[text.len] & 0xc0) == 0x80) {
            text.len--;
        }
    }
    return str_from(mem_dup(text.ptr, text.len), text.len);
}

static void take(struct refusal *refusal, const struct registration_entry *entry, int64_t holder_no)
{
    refusal->entry = *entry;
    refusal->entry.address = own(entry->address);
    refusal->entry.sn = own(entry->sn);
    refusal->entry.mac = own(entry->mac);
    refusal->entry.cloud_id = own(entry->cloud_id);
    refusal->entry.error = own(entry->error);
    refusal->holder_no = holder_no;
}

/* Under the lock. */
static void note(struct device_desk *desk, const struct registration_entry *entry, int64_t holder_no)
{
    for (unsigned i = 0; i < desk->refusal_count; i++) {
        struct refusal *waiting = &desk->refusals[i];
        if (same_identity(&waiting->entry, entry)) {
            int64_t count = waiting->entry.count + 1;
            refusal_deinit(waiting);
            take(waiting, entry, holder_no);
            waiting->entry.count = count;
            return;
        }
    }
    if (desk->refusal_count < REFUSALS_WAITING_MAX) {
        take(&desk->refusals[desk->refusal_count++], entry, holder_no);
    }
}

static void emit(struct store_tx *tx, const struct refusal *refusal, struct json_writer *w)
{
    struct event *event = event_new(EVENT_REGISTRATION, NULL);
    event->at_ms = refusal->entry.at;
    event->transport = TRANSPORT_HTTPS;
    event->direction = DIRECTION_UP;
    event->partner_no = refusal->entry.partner_no;
    event->model_no = refusal->entry.model_no;
    event->model_id = refusal->entry.model_id;
    event->device_no = refusal->holder_no;
    event->device_id = refusal->entry.device_id;
    event->code = 422;
    buf_clear(w->out);
    json_writer_init(w, w->out);
    registration_entry_write(w, &refusal->entry);
    event_set_payload(event, buf_str(w->out));
    store_tx_emit(tx, event);
}

static void run(struct op *op, struct store_tx *tx)
{
    enum { ROW_BYTES_MAX = 65536 };
    struct flush *flush = container_of(op, struct flush, op);
    struct json_writer w;
    struct buf row;
    buf_init(&row, ROW_BYTES_MAX);
    json_writer_init(&w, &row);
    for (unsigned i = 0; i < flush->count && op->err == ERR_OK; i++) {
        const struct refusal *refusal = &flush->refusals[i];
        op->err = registration_store_add_refusal(tx, &refusal->entry);
        if (op->err == ERR_OK && refusal->holder_no) {
            op->err = device_store_set_refused(tx, refusal->holder_no, refusal->entry.at);
        }
        if (op->err == ERR_OK && refusal->entry.partner_no) {
            emit(tx, refusal, &w);
        }
    }
    if (op->err == ERR_OK) {
        op->err = registration_store_trim(tx, (int64_t)domain_settings(flush->domain)->limits_registration_log_rows);
    }
    buf_deinit(&row);
}

static void drop(struct flush *flush)
{
    for (unsigned i = 0; i < flush->count; i++) {
        refusal_deinit(&flush->refusals[i]);
    }
    flush->count = 0;
}

static bool refill(struct flush *flush)
{
    struct device_desk *desk = flush->domain->device_desk;
    pthread_mutex_lock(&desk->lock);
    flush->count = desk->refusal_count;
    memcpy(flush->refusals, desk->refusals, flush->count * sizeof flush->refusals[0]);
    desk->refusal_count = 0;
    desk->refusals_under_way = flush->count > 0;
    pthread_mutex_unlock(&desk->lock);
    return flush->count > 0;
}

static void done(struct op *op)
{
    struct flush *flush = container_of(op, struct flush, op);
    drop(flush);
    /* A lane that is full or stopping takes no more: what has gathered waits for the next refusal. */
    if (op->err == ERR_OK && refill(flush)) {
        op_submit(flush->domain->executor, op);
        return;
    }
    if (op->err != ERR_OK) {
        struct device_desk *desk = flush->domain->device_desk;
        log_event(LOG_WARN, "refusals_not_logged", log_s("error", err_name(op->err)));
        pthread_mutex_lock(&desk->lock);
        desk->refusals_under_way = false;
        pthread_mutex_unlock(&desk->lock);
    }
    mem_free(flush);
}

void refusal_log_add(struct domain *domain, const struct registration_entry *entry, int64_t holder_no)
{
    struct device_desk *desk = domain->device_desk;
    pthread_mutex_lock(&desk->lock);
    note(desk, entry, holder_no);
    bool start = !desk->refusals_under_way;
    desk->refusals_under_way = true;
    pthread_mutex_unlock(&desk->lock);
    if (!start) {
        return;
    }
    struct flush *flush = mem_new(struct flush);
    flush->domain = domain;
    flush->op.lane = LANE_REGISTRY;
    flush->op.run = run;
    flush->op.done = done;
    if (refill(flush)) {
        op_submit(domain->executor, &flush->op);
    } else {
        mem_free(flush);
    }
}
