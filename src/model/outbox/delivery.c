#include "model/outbox/delivery.h"

#include "model/domain.h"

enum { TRIM_EVERY = 64, PAUSE_MS_MAX = 86400000 };

void outbox_wake(struct store_tx *tx)
{
    store_tx_emit(tx, event_new(EVENT_OUTBOX, NULL));
}

static enum err trim(struct domain *domain, struct store_tx *tx, const struct delivery_row *row)
{
    uint64_t kept = domain_settings(domain)->notify_deliveries_kept;
    if (!kept || row->no % TRIM_EVERY != 0) {
        return ERR_OK;
    }
    return delivery_store_trim(tx, row->no - TRIM_EVERY, (int64_t)kept);
}

static bool is_full(struct domain *domain, struct store_tx *tx, const struct delivery_row *row)
{
    uint64_t max = domain_settings(domain)->notify_webhook_queue;
    return max && (uint64_t)delivery_queue_store_count(tx, row->tenant_kind, row->tenant_no) >= max;
}

/* Sets due_at: at once, or not before what waits of the same device. */
static enum err set_first_due(struct store_tx *tx, struct delivery_row *row, int64_t now)
{
    int64_t first = 0;
    enum err err = ERR_OK;
    if (row->device_no) {
        err = delivery_store_first_waiting(tx, row->tenant_kind, row->tenant_no, row->device_no, &first);
    }
    row->due_at = first ? TIME_NONE : now;
    return err;
}

enum err delivery_queue(struct domain *domain, struct store_tx *tx, struct delivery_row *row)
{
    int64_t now = domain->now_unix_ms();
    row->id = uuid_random();
    row->created_at = now;
    row->attempts = row->status = 0;
    enum err err = ERR_OK;
    if (is_full(domain, tx, row)) {
        row->state = DELIVERY_FAILED;
        row->error = STR("Too many deliveries were waiting");
        row->due_at = TIME_NONE;
        row->finished_at = now;
    } else {
        row->state = DELIVERY_WAITING;
        row->error = (struct str){NULL, 0};
        row->finished_at = TIME_NONE;
        err = set_first_due(tx, row, now);
        if (!err) {
            err = delivery_queue_store_add(tx, row->tenant_kind, row->tenant_no, 1);
        }
        outbox_wake(tx);
    }
    if (!err) {
        err = delivery_store_insert(tx, row);
    }
    return err ? err : trim(domain, tx, row);
}

/* Before the second and the third try. */
static int64_t pause_ms(struct domain *domain, int64_t attempts)
{
    const struct settings *settings = domain_settings(domain);
    uint64_t pause = attempts == 1 ? settings->notify_first_retry : settings->notify_second_retry;
    return pause < PAUSE_MS_MAX ? (int64_t)pause : PAUSE_MS_MAX;
}

/* The next of its device may leave. */
static enum err release_next(struct store_tx *tx, const struct delivery_row *row, int64_t now)
{
    int64_t next = 0;
    enum err err = delivery_queue_store_add(tx, row->tenant_kind, row->tenant_no, -1);
    if (!err && row->device_no) {
        err = delivery_store_first_waiting(tx, row->tenant_kind, row->tenant_no, row->device_no, &next);
    }
    return err || !next ? err : delivery_store_set_due(tx, next, now);
}

enum err delivery_attempted(struct domain *domain, struct store_tx *tx, int64_t no, const struct delivery_outcome *outcome)
{
    struct arena arena;
    struct delivery_row row;
    int64_t now = domain->now_unix_ms();
    arena_init(&arena);
    enum err err = delivery_store_find(tx, no, &arena, &row);
    if (!err && row.state != DELIVERY_WAITING) {
        err = ERR_NOT_FOUND;
    }
    if (!err) {
        row.attempts++;
        row.status = outcome->status;
        bool delivered = outcome->error.len == 0;
        row.error = delivered ? (struct str){NULL, 0} : str_sub(outcome->error, 0, DELIVERY_ERROR_BYTES_MAX);
        bool is_final = delivered || outcome->is_final || row.attempts >= DELIVERY_TRIES_MAX;
        row.state = delivered ? DELIVERY_DELIVERED : is_final ? DELIVERY_FAILED : DELIVERY_WAITING;
        row.due_at = is_final ? TIME_NONE : now + pause_ms(domain, row.attempts);
        row.finished_at = is_final ? now : TIME_NONE;
        err = delivery_store_update(tx, &row);
        if (!err && is_final) {
            err = release_next(tx, &row, now);
        }
    }
    arena_deinit(&arena);
    return err;
}

enum err delivery_again(struct domain *domain, struct store_tx *tx, struct delivery_row *row)
{
    if (row->state == DELIVERY_WAITING) {
        return ERR_STATE;
    }
    if (is_full(domain, tx, row)) {
        return ERR_LIMIT;
    }
    enum err err = set_first_due(tx, row, domain->now_unix_ms());
    row->state = DELIVERY_WAITING;
    row->attempts = row->status = 0;
    row->error = (struct str){NULL, 0};
    row->finished_at = TIME_NONE;
    if (!err) {
        err = delivery_store_update(tx, row);
    }
    if (!err) {
        err = delivery_queue_store_add(tx, row->tenant_kind, row->tenant_no, 1);
    }
    outbox_wake(tx);
    return err;
}
