/* Rows of QoS 2 publishes on their way to other loops: mqtt_relay. */
#include "model/ports/relay_store.h"

#include "store/sqlite/tx.h"

enum err relay_store_put(struct store_tx *tx, const struct relay_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO mqtt_relay (no, loop, loops, sender_no, space, message, expires_at, device_no,"
                " organization_no, epoch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    query_bind_i64(&q, 1, row->no);
    query_bind_i64(&q, 2, row->loop);
    query_bind_i64(&q, 3, row->loops);
    query_bind_i64(&q, 4, row->sender_no);
    query_bind_i64(&q, 5, row->space);
    query_bind_blob(&q, 6, row->message.ptr, row->message.len);
    query_bind_time(&q, 7, row->expires_at_ms == INT64_MAX ? INT64_MIN : row->expires_at_ms);
    query_bind_i64(&q, 8, row->device_no);
    query_bind_i64(&q, 9, row->organization_no);
    query_bind_i64(&q, 10, row->epoch);
    return query_finish(&q);
}

enum err relay_store_remove(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM mqtt_relay WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

enum err relay_store_load(struct store_tx *tx, struct relay_store_visitor *visitor)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no, loop, loops, sender_no, space, message, expires_at, device_no, organization_no, epoch"
                " FROM mqtt_relay ORDER BY no");
    while (query_next(&q)) {
        int64_t expires = query_time(&q, 6);
        struct relay_row row = {.no = query_i64(&q, 0),
                                .loop = (int32_t)query_i64(&q, 1),
                                .loops = (int32_t)query_i64(&q, 2),
                                .sender_no = query_i64(&q, 3),
                                .space = query_i64(&q, 4),
                                .message = query_str(&q, 5),
                                .expires_at_ms = expires == INT64_MIN ? INT64_MAX : expires,
                                .device_no = query_i64(&q, 7),
                                .organization_no = query_i64(&q, 8),
                                .epoch = (uint32_t)query_i64(&q, 9)};
        visitor->on_relay(visitor, &row);
    }
    return query_finish(&q);
}
