#include "model/ports/system_store.h"

#include "store/sqlite/tx.h"

#define PARTNERS \
    "SELECT id, name, short_code, suspended, (SELECT count(*) FROM organization o WHERE o.partner_no = p.no), " \
    "(SELECT count(*) FROM model m WHERE m.partner_no = p.no), (SELECT count(*) FROM device d WHERE d.partner_no = p.no), " \
    "created_at FROM partner p "

static enum err visit_all(struct query *q, void (*visit)(const struct system_partner *partner, void *arg), void *arg)
{
    while (query_next(q)) {
        struct system_partner partner = {
            .id = query_uuid(q, 0),
            .name = query_str(q, 1),
            .short_code = query_str(q, 2),
            .suspended = query_i64(q, 3) != 0,
            .organizations = query_i64(q, 4),
            .models = query_i64(q, 5),
            .devices = query_i64(q, 6),
            .created_at = query_time(q, 7),
        };
        visit(&partner, arg);
    }
    return query_finish(q);
}

enum err system_store_partners(struct store_tx *tx, struct page page,
                               void (*visit)(const struct system_partner *partner, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, PARTNERS "ORDER BY no LIMIT ?1 OFFSET ?2");
    query_bind_i64(&q, 1, page.size);
    query_bind_i64(&q, 2, page_offset(page));
    return visit_all(&q, visit, arg);
}

enum err system_store_partner(struct store_tx *tx, int64_t no, void (*visit)(const struct system_partner *partner, void *arg),
                              void *arg)
{
    struct query q;
    query_begin(&q, tx, PARTNERS "WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return visit_all(&q, visit, arg);
}

enum err system_store_partner_count(struct store_tx *tx, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM partner");
    *ret_count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}

enum err system_store_partner_by_id(struct store_tx *tx, const struct uuid *id, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM partner WHERE id = ?1");
    query_bind_uuid(&q, 1, id);
    bool found = query_next(&q);
    *ret_no = found ? query_i64(&q, 0) : 0;
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err system_store_set_api_version(struct store_tx *tx, int64_t model_no, int64_t version, int64_t updated_at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE model SET api_version = ?2, updated_at = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, model_no);
    query_bind_i64(&q, 2, version);
    query_bind_time(&q, 3, updated_at);
    return query_finish(&q);
}

enum err system_store_waiting(struct store_tx *tx, struct system_waiting *ret_waiting)
{
    struct query q;
    query_begin(&q, tx, "SELECT (SELECT ifnull(sum(waiting), 0) FROM delivery_queue WHERE waiting > 0), "
                        "(SELECT count(*) FROM mail WHERE state = 1)");
    *ret_waiting = (struct system_waiting){0};
    if (query_next(&q)) {
        *ret_waiting = (struct system_waiting){query_i64(&q, 0), query_i64(&q, 1)};
    }
    return query_finish(&q);
}
