#include "model/ports/overview_store.h"

#include "store/sqlite/tx.h"

enum err overview_store_figures(struct store_tx *tx, int64_t partner_no, int64_t since,
                                struct overview_figures *ret_figures)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT (SELECT count(*) FROM model WHERE partner_no = ?1), "
                "(SELECT count(*) FROM organization WHERE partner_no = ?1), "
                "sum(CASE WHEN result = 3 THEN 0 ELSE count END), sum(CASE WHEN result = 3 THEN count ELSE 0 END) "
                "FROM registration WHERE partner_no = ?1 AND at >= ?2");
    query_bind_i64(&q, 1, partner_no);
    query_bind_time(&q, 2, since);
    if (query_next(&q)) {
        *ret_figures =
            (struct overview_figures){query_i64(&q, 0), query_i64(&q, 1), query_i64(&q, 2), query_i64(&q, 3)};
    }
    return query_finish(&q);
}

enum err overview_store_firmware(struct store_tx *tx, int64_t partner_no, int64_t limit,
                                 void (*visit)(struct str model, struct str version, int64_t devices, void *arg),
                                 void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT model.name, spread.version, spread.devices FROM "
                "(SELECT model_no, firmware_version AS version, count(*) AS devices FROM device "
                "WHERE partner_no = ?1 GROUP BY model_no, firmware_version) AS spread "
                "JOIN model ON model.no = spread.model_no ORDER BY spread.devices DESC, model.name, spread.version "
                "LIMIT ?2");
    query_bind_i64(&q, 1, partner_no);
    query_bind_i64(&q, 2, limit);
    while (query_next(&q)) {
        visit(query_str(&q, 0), query_str(&q, 1), query_i64(&q, 2), arg);
    }
    return query_finish(&q);
}

enum err overview_store_incidents(struct store_tx *tx, int64_t partner_no, int64_t ret_counts[6])
{
    struct query q;
    query_begin(&q, tx,
                "SELECT priority, count(*) FROM incident WHERE organization_no IN "
                "(SELECT no FROM organization WHERE partner_no = ?1) AND closed_at IS NULL GROUP BY priority");
    query_bind_i64(&q, 1, partner_no);
    while (query_next(&q)) {
        int64_t priority = query_i64(&q, 0);
        if (priority >= 1 && priority <= 5) {
            ret_counts[priority] = query_i64(&q, 1);
        }
    }
    return query_finish(&q);
}
