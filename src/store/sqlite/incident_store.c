#include "model/ports/incident_store.h"

#include "store/sqlite/incident_columns.h"

#define COLUMNS INCIDENT_COLUMNS("")

void incident_columns_read(struct query *q, struct arena *arena, struct incident_row *ret_row)
{
    *ret_row = (struct incident_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .device_no = query_i64(q, 2),
        .organization_no = query_i64(q, 3),
        .origin = (int)query_i64(q, 4),
        .priority = (int)query_i64(q, 5),
        .title = query_str_copy(q, 6, arena),
        .description = query_str_copy(q, 7, arena),
        .issue = query_str_copy(q, 8, arena),
        .created_at = query_time(q, 9),
        .updated_at = query_time(q, 10),
        .closed_at = query_time(q, 11),
        .partner_no = query_i64(q, 12),
        .acknowledged_by = query_str_copy(q, 13, arena),
        .rule_no = query_i64(q, 14),
        .position = {(int32_t)query_i64(q, 15), query_i64(q, 16)},
    };
}

enum err incident_store_insert(struct store_tx *tx, struct incident_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO incident (id, device_no, organization_no, origin, priority, title, description, issue, "
                "created_at, updated_at, partner_no, rule_no, day, seq) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, nullif(?11, 0), ?12, ?13)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->device_no);
    query_bind_i64(&q, 3, row->organization_no);
    query_bind_i64(&q, 4, row->origin);
    query_bind_i64(&q, 5, row->priority);
    query_bind_str(&q, 6, row->title);
    query_bind_str(&q, 7, row->description);
    query_bind_str(&q, 8, row->issue);
    query_bind_time(&q, 9, row->created_at);
    query_bind_i64(&q, 10, row->partner_no);
    query_bind_i64(&q, 11, row->rule_no);
    query_bind_i64(&q, 12, row->position.day);
    query_bind_i64(&q, 13, row->position.seq);
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err incident_store_close(struct store_tx *tx, const struct incident_row *row)
{
    struct query q;
    query_begin(&q, tx, "UPDATE incident SET closed_at = ?2, updated_at = ?2, day = ?3, seq = ?4 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_time(&q, 2, row->closed_at);
    query_bind_i64(&q, 3, row->position.day);
    query_bind_i64(&q, 4, row->position.seq);
    return query_finish(&q);
}

enum err incident_store_acknowledge(struct store_tx *tx, int64_t no, struct str by, int64_t at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE incident SET acknowledged_by = ?2, acknowledged_at = ?3, updated_at = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, by);
    query_bind_time(&q, 3, at);
    return query_finish(&q);
}

static enum err read_one(struct query *q, struct arena *arena, struct incident_row *ret_row)
{
    bool row = query_next(q);
    if (row) {
        incident_columns_read(q, arena, ret_row);
    }
    enum err err = query_finish(q);
    return err != ERR_OK ? err : row ? ERR_OK : ERR_NOT_FOUND;
}

enum err incident_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct incident_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM incident WHERE id = ?1");
    query_bind_uuid(&q, 1, id);
    return read_one(&q, arena, ret_row);
}

enum err incident_store_active(struct store_tx *tx, int64_t device_no, int origin, struct str issue, struct arena *arena,
                               struct incident_row *ret_row)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM incident WHERE device_no = ?1 AND issue = ?2 AND origin = ?3 "
                "AND closed_at IS NULL");
    query_bind_i64(&q, 1, device_no);
    query_bind_str(&q, 2, issue);
    query_bind_i64(&q, 3, origin);
    return read_one(&q, arena, ret_row);
}

enum err incident_store_last_of_rule(struct store_tx *tx, int64_t device_no, int64_t rule_no, struct arena *arena,
                                     struct incident_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM incident WHERE device_no = ?1 AND rule_no = ?2 ORDER BY no DESC LIMIT 1");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, rule_no);
    return read_one(&q, arena, ret_row);
}

enum err incident_store_active_of_rule(struct store_tx *tx, int64_t rule_no, int64_t max, struct arena *arena,
                                       struct incident_row **ret_rows, size_t *ret_count)
{
    struct incident_row *rows = arena_alloc(arena, (size_t)max * sizeof *rows);
    size_t count = 0;
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM incident WHERE rule_no = ?1 AND closed_at IS NULL LIMIT ?2");
    query_bind_i64(&q, 1, rule_no);
    query_bind_i64(&q, 2, max);
    while ((int64_t)count < max && query_next(&q)) {
        incident_columns_read(&q, arena, &rows[count++]);
    }
    *ret_rows = rows;
    *ret_count = count;
    return query_finish(&q);
}

enum err incident_store_each_active_of_rule(struct store_tx *tx, int64_t rule_no, void (*visit)(int64_t device_no, void *arg),
                                            void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT device_no FROM incident WHERE rule_no = ?1 AND closed_at IS NULL");
    query_bind_i64(&q, 1, rule_no);
    while (query_next(&q)) {
        visit(query_i64(&q, 0), arg);
    }
    return query_finish(&q);
}

enum err incident_store_count_of_rule(struct store_tx *tx, int64_t device_no, int64_t rule_no, int64_t since, int64_t max,
                                      int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT count(*) FROM (SELECT created_at FROM incident WHERE device_no = ?1 AND rule_no = ?2 "
                "ORDER BY no DESC LIMIT ?4) WHERE created_at >= ?3");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, rule_no);
    query_bind_time(&q, 3, since);
    query_bind_i64(&q, 4, max);
    *ret_count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}

enum err incident_store_each_of_rules(struct store_tx *tx, struct sample_position after,
                                      void (*visit)(int64_t device_no, int64_t rule_no, bool active,
                                                    struct sample_position position, void *arg),
                                      void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT device_no, rule_no, closed_at IS NULL, day, seq FROM incident WHERE rule_no IS NOT NULL AND "
                "closed_at IS NULL UNION SELECT device_no, rule_no, closed_at IS NULL, day, seq FROM incident "
                "WHERE rule_no IS NOT NULL AND (day, seq) > (?1, ?2)");
    query_bind_i64(&q, 1, after.day);
    query_bind_i64(&q, 2, after.seq);
    while (query_next(&q)) {
        visit(query_i64(&q, 0), query_i64(&q, 1), query_i64(&q, 2) != 0,
              (struct sample_position){(int32_t)query_i64(&q, 3), query_i64(&q, 4)}, arg);
    }
    return query_finish(&q);
}

enum err incident_store_all_active(struct store_tx *tx, int64_t device_no, struct arena *arena,
                                   struct incident_row **ret_rows, size_t *ret_count)
{
    struct incident_row *rows = NULL;
    size_t count = 0, cap = 0;
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM incident WHERE device_no = ?1 AND closed_at IS NULL ORDER BY no DESC");
    query_bind_i64(&q, 1, device_no);
    while (query_next(&q)) {
        if (count == cap) {
            size_t grown = cap ? cap * 2 : 4;
            struct incident_row *more = arena_alloc(arena, grown * sizeof *more);
            if (count) {
                memcpy(more, rows, count * sizeof *more);
            }
            rows = more;
            cap = grown;
        }
        incident_columns_read(&q, arena, &rows[count++]);
    }
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        *ret_rows = rows;
        *ret_count = count;
    }
    return err;
}

enum err incident_store_each_active_of_origin(struct store_tx *tx, int origin, void (*visit)(int64_t device_no, void *arg),
                                              void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT device_no FROM incident WHERE closed_at IS NULL AND origin = ?1");
    query_bind_i64(&q, 1, origin);
    while (query_next(&q)) {
        visit(query_i64(&q, 0), arg);
    }
    return query_finish(&q);
}

enum err incident_store_worst(struct store_tx *tx, int64_t device_no, int *ret_priority)
{
    struct query q;
    query_begin(&q, tx, "SELECT min(priority) FROM incident WHERE device_no = ?1 AND closed_at IS NULL AND origin <> 4");
    query_bind_i64(&q, 1, device_no);
    if (query_next(&q)) {
        *ret_priority = (int)query_i64(&q, 0);
    }
    return query_finish(&q);
}

enum err incident_store_each_worst(struct store_tx *tx, void (*visit)(int64_t device_no, int priority, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT device_no, min(priority) FROM incident WHERE closed_at IS NULL AND origin <> 4 GROUP BY device_no");
    while (query_next(&q)) {
        visit(query_i64(&q, 0), (int)query_i64(&q, 1), arg);
    }
    return query_finish(&q);
}

enum err incident_store_count_of_device(struct store_tx *tx, int64_t device_no, int origin, int64_t since,
                                        int64_t *ret_active, int64_t *ret_since)
{
    struct query q;
    query_begin(&q, tx, "SELECT sum(closed_at IS NULL), sum(created_at >= ?3) FROM incident "
                        "WHERE device_no = ?1 AND origin = ?2 AND (closed_at IS NULL OR closed_at >= ?3)");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, origin);
    query_bind_time(&q, 3, since);
    if (query_next(&q)) {
        *ret_active = query_i64(&q, 0);
        *ret_since = query_i64(&q, 1);
    }
    return query_finish(&q);
}

enum err incident_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM incident WHERE no IN (SELECT no FROM incident WHERE closed_at < ?1 LIMIT ?2)");
    query_bind_time(&q, 1, before);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}
