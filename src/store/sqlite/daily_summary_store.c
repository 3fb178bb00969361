#include "model/ports/daily_summary_store.h"

#include "store/sqlite/tx.h"

static enum err delete_row(struct store_tx *tx, int64_t organization_no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM daily_summary WHERE organization_no = ?1");
    query_bind_i64(&q, 1, organization_no);
    return query_finish(&q);
}

enum err daily_summary_store_put(struct store_tx *tx, int64_t organization_no, int64_t next_at)
{
    if (next_at == TIME_NONE) {
        return delete_row(tx, organization_no);
    }
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO daily_summary (organization_no, next_at) VALUES (?1, ?2) "
                "ON CONFLICT (organization_no) DO UPDATE SET next_at = ?2");
    query_bind_i64(&q, 1, organization_no);
    query_bind_time(&q, 2, next_at);
    return query_finish(&q);
}

enum err daily_summary_store_due(struct store_tx *tx, int64_t now, int64_t *ret_nos, size_t max, size_t *ret_count)
{
    struct query q;
    *ret_count = 0;
    query_begin(&q, tx, "SELECT organization_no FROM daily_summary WHERE next_at <= ?1 ORDER BY next_at LIMIT ?2");
    query_bind_time(&q, 1, now);
    query_bind_i64(&q, 2, (int64_t)max);
    while (*ret_count < max && query_next(&q)) {
        ret_nos[(*ret_count)++] = query_i64(&q, 0);
    }
    return query_finish(&q);
}
