/* The numbers of QoS 2 intents with events (hub/uplink.c); a file of its own, because the hub's tests replace it. */
#include "model/ports/event_log_store.h"
#include "store/sqlite/tx.h"

enum err event_log_store_find_intent(struct store_tx *tx, int64_t intent_no, bool *ret_found)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM device_event WHERE intent_no = ?1 AND intent_no <> 0");
    query_bind_i64(&q, 1, intent_no);
    *ret_found = query_next(&q);
    return query_finish(&q);
}
