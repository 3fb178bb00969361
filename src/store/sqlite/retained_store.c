/* Rows of retained messages: mqtt_retained. */
#include "model/ports/retained_store.h"

#include "store/sqlite/tx.h"

enum err retained_store_put(struct store_tx *tx, const struct retained_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT OR REPLACE INTO mqtt_retained (topic, message, expires_at, device_no, organization_no, epoch,"
                " space) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    query_bind_str(&q, 1, row->topic);
    query_bind_blob(&q, 2, row->message.ptr, row->message.len);
    query_bind_time(&q, 3, row->expires_at_ms == INT64_MAX ? INT64_MIN : row->expires_at_ms);
    query_bind_i64(&q, 4, row->device_no);
    query_bind_i64(&q, 5, row->organization_no);
    query_bind_i64(&q, 6, row->epoch);
    query_bind_i64(&q, 7, row->space);
    return query_finish(&q);
}

enum err retained_store_remove(struct store_tx *tx, int64_t space, struct str topic)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM mqtt_retained WHERE space = ?1 AND topic = ?2");
    query_bind_i64(&q, 1, space);
    query_bind_str(&q, 2, topic);
    return query_finish(&q);
}

enum err retained_store_remove_device(struct store_tx *tx, int64_t device_no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM mqtt_retained WHERE device_no = ?1");
    query_bind_i64(&q, 1, device_no);
    return query_finish(&q);
}

enum err retained_store_remove_stale(struct store_tx *tx, int64_t device_no, uint32_t epoch)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM mqtt_retained WHERE device_no = ?1 AND epoch <> ?2");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, epoch);
    return query_finish(&q);
}

enum err retained_store_remove_expired(struct store_tx *tx, int64_t now_unix_ms)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM mqtt_retained WHERE expires_at IS NOT NULL AND expires_at <= ?1");
    query_bind_i64(&q, 1, now_unix_ms);
    return query_finish(&q);
}

enum err retained_store_load(struct store_tx *tx, struct retained_store_visitor *visitor)
{
    struct query q;
    query_begin(&q, tx, "SELECT topic, message, expires_at, device_no, organization_no, epoch, space FROM mqtt_retained");
    while (query_next(&q)) {
        int64_t expires = query_time(&q, 2);
        struct retained_row row = {.topic = query_str(&q, 0),
                                   .message = query_str(&q, 1),
                                   .expires_at_ms = expires == INT64_MIN ? INT64_MAX : expires,
                                   .device_no = query_i64(&q, 3),
                                   .organization_no = query_i64(&q, 4),
                                   .epoch = (uint32_t)query_i64(&q, 5),
                                   .space = query_i64(&q, 6)};
        visitor->on_message(visitor, &row);
    }
    return query_finish(&q);
}
