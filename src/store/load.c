/* The start and the end of the store's work for a domain. Apart from store.c, so that the engine can be tested without
 * the whole domain. */
#include "base/log.h"
#include "model/telemetry/telemetry.h"
#include "store/store_internal.h"

static enum err run_in_registry(struct store *store, enum err (*run)(struct domain *domain, struct store_tx *tx))
{
    struct store_tx *tx = &store->registry.tx;
    if (tx_begin(tx) != ERR_OK) {
        return ERR_STORAGE;
    }
    tx_op_begin(tx);
    enum err err = tx_op_end(tx, run(store->domain, tx));
    if (err != ERR_OK) {
        tx_rollback(tx);
        return err;
    }
    err = tx_commit(tx);
    tx_deliver_events(tx, NULL); /* nobody listens before the start or after the end */
    return err;
}

static void flush(struct store *store)
{
    enum err err = run_in_registry(store, telemetry_flush_all);
    if (err != ERR_OK) { /* nothing is lost: the next start replays */
        log_event(LOG_WARN, "state_checkpoint_failed", log_s("error", err_name(err)));
    }
}

/* What nobody can read any more: of a deleted device, or of a former owner. */
static bool keep_row(void *arg, int64_t device_no, uint32_t epoch)
{
    const struct domain *domain = arg;
    struct device_brief device;
    return device_table_find_no(domain->devices, device_no, &device) && device.epoch <= epoch;
}

enum err store_load(struct store *store, struct domain *domain)
{
    (void)domain; /* the bound one */
    enum err err = run_in_registry(store, domain_load);
    if (err == ERR_OK) {
        store->flush = flush;
        store->batch_begin = telemetry_batch_begin;
        store->batch_end = telemetry_batch_end;
        sealer_set_keep(store->sealer, keep_row, store->domain);
    } else {
        log_event(LOG_ERROR, "store_load_failed", log_s("error", err_name(err)));
    }
    return err;
}
