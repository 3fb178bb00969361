#include "model/ports/timeline_store.h"

#include "store/sqlite/tx.h"

/* Kind numbers are enum timeline_kind. Status changes are where a snapshot differs from the one before it. */
#define ITEMS \
    " FROM (SELECT 1 AS kind, created_at AS at, 0 AS code, NULL AS text, NULL AS actor, NULL AS id, no FROM device WHERE no = ?1 " \
    "UNION ALL SELECT 2, claimed_at, 0, NULL, NULL, NULL, no FROM device WHERE no = ?1 " \
    "UNION ALL SELECT 3, at, 0, action, actor, NULL, no FROM audit WHERE object_kind = 'device' AND object_id = ?3 " \
    "AND tenant_kind = ?4 AND tenant_no = ?5 AND action NOT LIKE 'command.%' " \
    "UNION ALL SELECT 4, created_at, 0, friendly_name, created_by, id, no FROM command WHERE device_no = ?1 " \
    "AND (?6 = 0 OR organization_no = ?6) " \
    "UNION ALL SELECT 5, finished_at, status, friendly_name, NULL, id, no FROM command WHERE device_no = ?1 " \
    "AND (?6 = 0 OR organization_no = ?6) " \
    "UNION ALL SELECT 6, created_at, 0, title, NULL, id, no FROM incident WHERE device_no = ?1 " \
    "UNION ALL SELECT 7, closed_at, 0, title, NULL, id, no FROM incident WHERE device_no = ?1 " \
    "UNION ALL SELECT 8, at, status, NULL, NULL, NULL, no FROM (SELECT at, status, no, " \
    "lag(status) OVER (ORDER BY at, no) AS former FROM history WHERE device_no = ?1 AND epoch = ?2) " \
    "WHERE former IS NULL OR former <> status " \
    "UNION ALL SELECT 9, at, 0, former || ' \xe2\x86\x92 ' || version, NULL, NULL, no FROM firmware_change WHERE device_no = ?1 " \
    "AND (?6 = 0 OR epoch = ?2)) WHERE at BETWEEN ?7 AND ?8"

static void bind_filter(struct query *q, const struct timeline_filter *filter)
{
    query_bind_i64(q, 1, filter->device_no);
    query_bind_i64(q, 2, filter->epoch);
    query_bind_str(q, 3, filter->device_id);
    query_bind_i64(q, 4, filter->tenant_kind);
    query_bind_i64(q, 5, filter->tenant_no);
    query_bind_i64(q, 6, filter->organization_no);
    query_bind_i64(q, 7, filter->from);
    query_bind_i64(q, 8, filter->to);
}

enum err timeline_store_list(struct store_tx *tx, const struct timeline_filter *filter, struct page page,
                             void (*visit)(const struct timeline_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                filter->ascending ? "SELECT kind, at, code, text, actor, id" ITEMS " ORDER BY at, kind, no LIMIT ?9 OFFSET ?10"
                                  : "SELECT kind, at, code, text, actor, id" ITEMS
                                    " ORDER BY at DESC, kind DESC, no DESC LIMIT ?9 OFFSET ?10");
    bind_filter(&q, filter);
    query_bind_i64(&q, 9, page.size);
    query_bind_i64(&q, 10, page_offset(page));
    while (query_next(&q)) {
        struct timeline_row row = {
            .kind = (enum timeline_kind)query_i64(&q, 0),
            .at = query_time(&q, 1),
            .code = (int)query_i64(&q, 2),
            .text = query_str(&q, 3),
            .actor = query_str(&q, 4),
            .id = query_uuid(&q, 5),
        };
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err timeline_store_count(struct store_tx *tx, const struct timeline_filter *filter, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" ITEMS);
    bind_filter(&q, filter);
    *ret_count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}
