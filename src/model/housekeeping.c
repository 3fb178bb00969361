#include "model/housekeeping.h"

#include "base/mem.h"
#include "model/account/credentials_table.h"
#include "model/domain.h"
#include "model/live/live.h"
#include "model/outbox/daily_summary.h"
#include "model/ports/audit_store.h"
#include "model/ports/command_store.h"
#include "model/ports/event_log_store.h"
#include "model/ports/file_store.h"
#include "model/ports/idempotency_store.h"
#include "model/ports/incident_store.h"
#include "model/ports/mail_store.h"
#include "model/ports/sign_up_store.h"
#include "model/ports/rollout_store.h"
#include "model/management/idempotency.h"
#include "model/account/web_session.h"

#define DAY_MS INT64_C(86400000)
#define OLD_ROWS_A_TIME 2000 /* a slice: the writer has other work */

struct use {
    bool is_session;
    int64_t api_key_no;
    uint8_t token_hash[SHA256_BYTES];
    int64_t at;
};

struct housekeeping {
    struct op op;
    struct domain *domain;
    int64_t now;
    struct use *uses;
    size_t count, cap;
};

static struct use *use_add(struct housekeeping *work)
{
    if (work->count == work->cap) {
        work->cap = work->cap ? work->cap * 2 : 16;
        work->uses = mem_realloc(work->uses, work->cap * sizeof *work->uses);
    }
    return &work->uses[work->count++];
}

/* What was used since it was last written. `stored_used_at` moves on at once: should the write fail, a later use is
 * written all the same, and a lost time of use is no harm. */
static void collect_uses(struct housekeeping *work)
{
    struct credentials *credentials = work->domain->credentials;
    pthread_rwlock_wrlock(&credentials->lock);
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&credentials->api_keys, &iter));) {
        struct api_key_entry *entry = container_of(node, struct api_key_entry, node);
        int64_t used_at = atomic_load(&entry->last_used_at);
        if (used_at != entry->stored_used_at) {
            entry->stored_used_at = used_at;
            *use_add(work) = (struct use){.api_key_no = entry->no, .at = used_at};
        }
    }
    iter = (struct hashmap_iter){0};
    for (struct hashmap_node *node; (node = hashmap_next(&credentials->sessions, &iter));) {
        struct session_entry *entry = container_of(node, struct session_entry, node);
        int64_t used_at = atomic_load(&entry->last_used_at);
        if (work->now - used_at > WEB_SESSION_IDLE_MAX_MS) {
            hashmap_remove(&credentials->sessions, node);
            mem_free(entry);
        } else if (used_at != entry->stored_used_at) {
            entry->stored_used_at = used_at;
            struct use *use = use_add(work);
            *use = (struct use){.is_session = true, .at = used_at};
            memcpy(use->token_hash, entry->row.token_hash, SHA256_BYTES);
        }
    }
    pthread_rwlock_unlock(&credentials->lock);
}

static enum err write_uses(struct housekeeping *work, struct store_tx *tx)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < work->count; i++) {
        const struct use *use = &work->uses[i];
        err = use->is_session ? web_session_store_used(tx, use->token_hash, use->at)
                              : api_key_store_used(tx, use->api_key_no, use->at);
    }
    return err;
}

/* What retention.history_days has passed (the history itself: telemetry_flush.c). */
static enum err delete_old(const struct housekeeping *work, struct store_tx *tx)
{
    uint64_t days = domain_settings(work->domain)->retention_history_days;
    if (!days) {
        return ERR_OK;
    }
    int64_t before = work->now - (int64_t)days * DAY_MS;
    enum err err = audit_store_delete_old(tx, before, OLD_ROWS_A_TIME);
    if (!err) {
        err = incident_store_delete_old(tx, before, OLD_ROWS_A_TIME);
    }
    if (!err) {
        err = event_log_store_delete_old(tx, before, OLD_ROWS_A_TIME);
    }
    if (!err) {
        err = rollout_store_delete_old(tx, before, OLD_ROWS_A_TIME);
    }
    if (!err) {
        err = sign_up_store_delete_old(tx, before, OLD_ROWS_A_TIME);
    }
    return err ? err : command_store_delete_old(tx, before, OLD_ROWS_A_TIME);
}

/* Contents follow their rows (model/file/file_desk.c). */
static enum err delete_old_dumps(const struct housekeeping *work, struct store_tx *tx)
{
    uint64_t days = domain_settings(work->domain)->retention_dump_days;
    return days ? dump_store_delete_old(tx, work->now - (int64_t)days * DAY_MS, OLD_ROWS_A_TIME) : ERR_OK;
}

static void housekeeping_run(struct op *op, struct store_tx *tx)
{
    struct housekeeping *work = container_of(op, struct housekeeping, op);
    op->err = write_uses(work, tx);
    if (!op->err) {
        op->err = web_session_store_delete_idle(tx, work->now - WEB_SESSION_IDLE_MAX_MS);
    }
    if (!op->err) {
        op->err = idempotency_store_delete_old(tx, work->now - IDEMPOTENCY_LIFE_MS);
    }
    if (!op->err) {
        op->err = mail_store_forget_links(tx, work->now, OLD_ROWS_A_TIME);
    }
    if (!op->err) {
        op->err = sign_up_store_delete_expired(tx, work->now, OLD_ROWS_A_TIME);
    }
    if (!op->err) {
        op->err = delete_old(work, tx);
    }
    if (!op->err) {
        op->err = delete_old_dumps(work, tx);
    }
}

static void housekeeping_done(struct op *op)
{
    struct housekeeping *work = container_of(op, struct housekeeping, op);
    mem_free(work->uses);
    mem_free(work);
}

void housekeeping_tick(struct domain *domain)
{
    struct credentials *credentials = domain->credentials;
    int64_t now = domain->now_unix_ms();
    if (domain->live) {
        live_tick(domain->live);
    }
    int64_t since = now - credentials->housekept_at;
    if (since >= 0 && since < HOUSEKEEPING_INTERVAL_MS) { /* below 0: the clock was set back */
        return;
    }
    credentials->housekept_at = now;
    struct housekeeping *work = mem_new(struct housekeeping);
    work->domain = domain;
    work->now = now;
    collect_uses(work);
    work->op = (struct op){.lane = LANE_REGISTRY, .run = housekeeping_run, .done = housekeeping_done};
    op_submit(domain->executor, &work->op);
    daily_summaries_start(domain);
}
