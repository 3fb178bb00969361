#include "model/ports/event_log_store.h"

#include "store/sqlite/tx.h"

enum err event_log_store_insert(struct store_tx *tx, const struct device_event_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO device_event (id, device_no, epoch, name, category, int_key_1, int_key_2, string_key_1, "
                "string_key_2, at, received_at, intent_no) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->device_no);
    query_bind_i64(&q, 3, row->epoch);
    query_bind_str(&q, 4, row->name);
    query_bind_str(&q, 5, row->category);
    for (int i = 0; i < 2; i++) {
        if (row->has_int[i]) {
            query_bind_i64(&q, 6 + i, row->int_key[i]);
        } else {
            query_bind_null(&q, 6 + i);
        }
        query_bind_str(&q, 8 + i, row->string_key[i]);
    }
    query_bind_time(&q, 10, row->at);
    query_bind_time(&q, 11, row->received_at);
    query_bind_i64(&q, 12, row->intent_no);
    return query_finish(&q);
}

static enum err read_count(struct query *q, int64_t *ret_count)
{
    *ret_count = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q);
}

enum err event_log_store_count_since(struct store_tx *tx, int64_t device_no, int64_t since, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM device_event WHERE device_no = ?1 AND received_at >= ?2");
    query_bind_i64(&q, 1, device_no);
    query_bind_time(&q, 2, since);
    return read_count(&q, ret_count);
}

#define FILTER \
    " FROM device_event WHERE device_no = ?1 AND epoch = ?2 AND received_at BETWEEN ?3 AND ?4 " \
    "AND (?5 IS NULL OR name = ?5) AND (?6 IS NULL OR category = ?6)"
#define COLUMNS "id, name, category, int_key_1, int_key_2, string_key_1, string_key_2, at, received_at"

static void bind_filter(struct query *q, const struct device_event_filter *filter)
{
    query_bind_i64(q, 1, filter->device_no);
    query_bind_i64(q, 2, filter->epoch);
    query_bind_i64(q, 3, filter->from);
    query_bind_i64(q, 4, filter->to);
    query_bind_str(q, 5, filter->name);
    query_bind_str(q, 6, filter->category);
}

enum err event_log_store_list(struct store_tx *tx, const struct device_event_filter *filter, struct page page,
                              void (*visit)(const struct device_event_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                filter->ascending ? "SELECT " COLUMNS FILTER " ORDER BY received_at, no LIMIT ?7 OFFSET ?8"
                                  : "SELECT " COLUMNS FILTER " ORDER BY received_at DESC, no DESC LIMIT ?7 OFFSET ?8");
    bind_filter(&q, filter);
    query_bind_i64(&q, 7, page.size);
    query_bind_i64(&q, 8, page_offset(page));
    while (query_next(&q)) {
        struct device_event_row row = {
            .id = query_uuid(&q, 0),
            .device_no = filter->device_no,
            .epoch = filter->epoch,
            .name = query_str(&q, 1),
            .category = query_str(&q, 2),
            .has_int = {!query_is_null(&q, 3), !query_is_null(&q, 4)},
            .int_key = {(int32_t)query_i64(&q, 3), (int32_t)query_i64(&q, 4)},
            .string_key = {query_str(&q, 5), query_str(&q, 6)},
            .at = query_time(&q, 7),
            .received_at = query_time(&q, 8),
        };
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err event_log_store_count(struct store_tx *tx, const struct device_event_filter *filter, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" FILTER);
    bind_filter(&q, filter);
    return read_count(&q, ret_count);
}

enum err event_log_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM device_event WHERE no IN (SELECT no FROM device_event WHERE received_at < ?1 LIMIT ?2)");
    query_bind_time(&q, 1, before);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}
