/* Session and retained rows that nobody reads again: core_bench measures the hub's core, not a store. */
#include "model/ports/retained_store.h"
#include "model/ports/session_store.h"
#include "world.h"

struct world_rows {
    int unused;
};

static struct world_rows none;

struct world_rows *world_rows_new(void)
{
    return &none;
}

void world_rows_free(struct world_rows *rows)
{
    (void)rows;
}

void world_rows_use(struct world_rows *rows)
{
    (void)rows;
}

void world_rows_event(int64_t intent_no)
{
    (void)intent_no;
}

#define ACCEPTED(signature) \
    enum err signature      \
    {                       \
        return ERR_OK;      \
    }
#pragma GCC diagnostic ignored "-Wunused-parameter"
ACCEPTED(session_store_save(struct store_tx *tx, const struct session_row *row))
ACCEPTED(session_store_remove(struct store_tx *tx, int64_t no))
ACCEPTED(session_store_clear(struct store_tx *tx, int64_t no))
ACCEPTED(session_store_put_filter(struct store_tx *tx, int64_t no, const struct session_filter_row *row))
ACCEPTED(session_store_remove_filter(struct store_tx *tx, int64_t no, struct str filter))
ACCEPTED(session_store_put_inbound(struct store_tx *tx, int64_t no, const struct session_inbound_row *row))
ACCEPTED(session_store_remove_inbound(struct store_tx *tx, int64_t no, uint16_t packet_id))
ACCEPTED(session_store_carried_out(struct store_tx *tx, const struct session_intent_ref *intent))
ACCEPTED(session_store_put_queued(struct store_tx *tx, int64_t no, const struct session_queue_row *row))
ACCEPTED(session_store_set_sent(struct store_tx *tx, int64_t no, int64_t seq, uint16_t packet_id))
ACCEPTED(session_store_set_released(struct store_tx *tx, int64_t no, int64_t seq))
ACCEPTED(session_store_remove_queued(struct store_tx *tx, int64_t no, int64_t seq))
ACCEPTED(session_store_alive(struct store_tx *tx, int64_t until_unix_ms))
ACCEPTED(retained_store_put(struct store_tx *tx, const struct retained_row *row))
ACCEPTED(retained_store_remove(struct store_tx *tx, int64_t space, struct str topic))
ACCEPTED(retained_store_remove_device(struct store_tx *tx, int64_t device_no))
ACCEPTED(retained_store_remove_stale(struct store_tx *tx, int64_t device_no, uint32_t epoch))
ACCEPTED(retained_store_remove_expired(struct store_tx *tx, int64_t now_unix_ms))
ACCEPTED(retained_store_load(struct store_tx *tx, struct retained_store_visitor *visitor))
ACCEPTED(session_store_begin_absences(struct store_tx *tx, int64_t now_unix_ms, int64_t will_wait_ms, int64_t alive_ms))
ACCEPTED(session_store_load(struct store_tx *tx, struct session_store_visitor *visitor))
