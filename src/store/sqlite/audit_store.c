#include "model/ports/audit_store.h"

#include "store/sqlite/tx.h"

static void bind_optional(struct query *q, int index, struct str text)
{
    if (text.len) {
        query_bind_str(q, index, text);
    } else {
        query_bind_null(q, index);
    }
}

enum err audit_store_insert(struct store_tx *tx, int64_t at, const struct audit_entry *entry)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO audit (at, tenant_kind, tenant_no, actor_kind, actor, address, action, object_kind, "
                "object_id, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    query_bind_time(&q, 1, at);
    query_bind_i64(&q, 2, entry->actor.tenant_kind);
    query_bind_i64(&q, 3, entry->actor.tenant_no);
    query_bind_str(&q, 4, str_from_cstr(entry->actor.kind));
    bind_optional(&q, 5, entry->actor.name);
    bind_optional(&q, 6, entry->actor.address);
    query_bind_str(&q, 7, str_from_cstr(entry->action));
    bind_optional(&q, 8, str_from_cstr(entry->object_kind));
    bind_optional(&q, 9, entry->object_id);
    bind_optional(&q, 10, entry->detail);
    return query_finish(&q);
}

#define FILTER \
    " FROM audit WHERE tenant_kind = ?1 AND tenant_no = ?2 AND (?3 IS NULL OR action = ?3) " \
    "AND (?4 IS NULL OR object_kind = ?4) AND (?5 IS NULL OR object_id = ?5) " \
    "AND (?6 IS NULL OR at >= ?6) AND (?7 IS NULL OR at < ?7) "

static void bind_filter(struct query *q, enum tenant_kind kind, int64_t tenant_no, const struct audit_filter *filter)
{
    query_bind_i64(q, 1, kind);
    query_bind_i64(q, 2, tenant_no);
    bind_optional(q, 3, filter->action);
    bind_optional(q, 4, filter->object_kind);
    bind_optional(q, 5, filter->object_id);
    query_bind_time(q, 6, filter->from);
    query_bind_time(q, 7, filter->to);
}

enum err audit_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                          const struct audit_filter *filter, struct page page,
                          void (*visit)(const struct audit_row *row, void *arg), void *arg)
{
    struct query q;
#define LIST "SELECT no, at, actor_kind, actor, address, action, object_kind, object_id, detail" FILTER
    query_begin(&q, tx, filter->ascending ? LIST "ORDER BY no LIMIT ?8 OFFSET ?9"
                                          : LIST "ORDER BY no DESC LIMIT ?8 OFFSET ?9");
#undef LIST
    bind_filter(&q, kind, tenant_no, filter);
    query_bind_i64(&q, 8, page.size);
    query_bind_i64(&q, 9, page_offset(page));
    while (query_next(&q)) {
        visit(&(struct audit_row){query_i64(&q, 0), query_time(&q, 1), query_str(&q, 2), query_str(&q, 3),
                                  query_str(&q, 4), query_str(&q, 5), query_str(&q, 6), query_str(&q, 7),
                                  query_str(&q, 8)},
              arg);
    }
    return query_finish(&q);
}

int64_t audit_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                          const struct audit_filter *filter)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" FILTER);
    bind_filter(&q, kind, tenant_no, filter);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}

enum err audit_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max)
{
    struct query q;
    /* Rows are in time order, so only the oldest ones are looked at. */
    query_begin(&q, tx,
                "DELETE FROM audit WHERE no IN "
                "(SELECT no FROM (SELECT no, at FROM audit ORDER BY no LIMIT ?2) WHERE at < ?1)");
    query_bind_time(&q, 1, before);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}
