#include "model/ports/simulation_store.h"

#include "store/sqlite/tx.h"

enum err simulation_store_insert(struct store_tx *tx, const struct simulation_row *row)
{
    struct query q;
    query_begin(&q, tx, "INSERT INTO simulation (device_no, started_at, access_key) VALUES (?1, ?2, ?3)");
    query_bind_i64(&q, 1, row->device_no);
    query_bind_time(&q, 2, row->started_at);
    query_bind_blob(&q, 3, row->access_key_sealed.ptr, row->access_key_sealed.len);
    return query_finish(&q);
}

enum err simulation_store_remove(struct store_tx *tx, const struct uuid *device_id)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM simulation WHERE device_no = (SELECT no FROM device WHERE id = ?1)");
    query_bind_uuid(&q, 1, device_id);
    return query_finish(&q);
}

enum err simulation_store_list(struct store_tx *tx, void (*visit)(const struct simulation_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT s.device_no, d.id, d.model_no, s.started_at, s.access_key "
                "FROM simulation s JOIN device d ON d.no = s.device_no ORDER BY s.device_no");
    while (query_next(&q)) {
        struct simulation_row row = {
            .device_no = query_i64(&q, 0),
            .device_id = query_uuid(&q, 1),
            .model_no = query_i64(&q, 2),
            .started_at = query_time(&q, 3),
            .access_key_sealed = query_str(&q, 4),
        };
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err simulation_store_count(struct store_tx *tx, int64_t partner_no, int64_t begun_after, int64_t *ret_devices,
                                int64_t *ret_running)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT (SELECT count(*) FROM device WHERE partner_no = ?1 AND virtual = 1), "
                "(SELECT count(*) FROM simulation WHERE started_at > ?2)");
    query_bind_i64(&q, 1, partner_no);
    query_bind_i64(&q, 2, begun_after);
    if (query_next(&q)) {
        *ret_devices = query_i64(&q, 0);
        *ret_running = query_i64(&q, 1);
    }
    return query_finish(&q);
}
