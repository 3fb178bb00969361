#include "model/ports/rule_store.h"

#include "store/sqlite/tx.h"

enum { SLOTS = 64, TRIM_EVERY = 64 };

#define COLUMNS \
    "r.no, r.model_no, r.id, m.id, r.slot, r.name, r.description, r.priority, r.active, r.auto_close, r.definition, r.state, " \
    "r.since_day, r.since_seq, r.created_at, r.updated_at"
#define TABLES " FROM rule r JOIN model m ON m.no = r.model_no "

static struct rule_row row_read(struct query *q)
{
    return (struct rule_row){
        .no = query_i64(q, 0),
        .model_no = query_i64(q, 1),
        .id = query_uuid(q, 2),
        .model_id = query_uuid(q, 3),
        .slot = (int)query_i64(q, 4),
        .name = query_str(q, 5),
        .description = query_str(q, 6),
        .priority = (int)query_i64(q, 7),
        .active = query_i64(q, 8) != 0,
        .auto_close = query_i64(q, 9) != 0,
        .definition = query_str(q, 10),
        .state = (int)query_i64(q, 11),
        .since = {(int32_t)query_i64(q, 12), query_i64(q, 13)},
        .created_at = query_time(q, 14),
        .updated_at = query_time(q, 15),
    };
}

static enum err read_one(struct query *q, struct arena *arena, struct rule_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        *ret_row = row_read(q);
        ret_row->name = arena_str(arena, ret_row->name);
        ret_row->description = ret_row->description.ptr ? arena_str(arena, ret_row->description) : (struct str){NULL, 0};
        ret_row->definition = arena_str(arena, ret_row->definition);
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

/* The lowest bit that no rule of the model has. */
static enum err find_slot(struct store_tx *tx, int64_t model_no, int *ret_slot)
{
    struct query q;
    uint64_t taken = 0;
    query_begin(&q, tx, "SELECT slot FROM rule WHERE model_no = ?1");
    query_bind_i64(&q, 1, model_no);
    while (query_next(&q)) {
        taken |= UINT64_C(1) << (query_i64(&q, 0) & (SLOTS - 1));
    }
    enum err err = query_finish(&q);
    if (err != ERR_OK || taken == UINT64_MAX) {
        return err != ERR_OK ? err : ERR_LIMIT;
    }
    *ret_slot = __builtin_ctzll(~taken);
    return ERR_OK;
}

static void bind_fields(struct query *q, const struct rule_row *row)
{
    query_bind_str(q, 2, row->name);
    query_bind_str(q, 3, row->description);
    query_bind_i64(q, 4, row->priority);
    query_bind_i64(q, 5, row->active);
    query_bind_i64(q, 6, row->auto_close);
    query_bind_str(q, 7, row->definition);
    query_bind_i64(q, 8, row->state);
    query_bind_i64(q, 9, row->since.day);
    query_bind_i64(q, 10, row->since.seq);
    query_bind_time(q, 11, row->updated_at);
}

enum err rule_store_insert(struct store_tx *tx, struct rule_row *row)
{
    struct query q;
    enum err err = find_slot(tx, row->model_no, &row->slot);
    if (err != ERR_OK) {
        return err;
    }
    query_begin(&q, tx,
                "INSERT INTO rule (id, name, description, priority, active, auto_close, definition, state, since_day, since_seq, "
                "updated_at, created_at, model_no, slot) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    query_bind_uuid(&q, 1, &row->id);
    bind_fields(&q, row);
    query_bind_time(&q, 12, row->created_at);
    query_bind_i64(&q, 13, row->model_no);
    query_bind_i64(&q, 14, row->slot);
    err = query_finish(&q);
    if (err == ERR_OK) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err rule_store_update(struct store_tx *tx, const struct rule_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE rule SET name = ?2, description = ?3, priority = ?4, active = ?5, auto_close = ?6, definition = ?7, "
                "state = ?8, since_day = ?9, since_seq = ?10, updated_at = ?11 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    bind_fields(&q, row);
    return query_finish(&q);
}

enum err rule_store_find(struct store_tx *tx, int64_t model_no, const struct uuid *id, struct arena *arena,
                         struct rule_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS TABLES "WHERE r.id = ?1 AND r.model_no = ?2 AND r.state <> 2");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, model_no);
    return read_one(&q, arena, ret_row);
}

enum err rule_store_find_no(struct store_tx *tx, int64_t no, struct arena *arena, struct rule_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS TABLES "WHERE r.no = ?1");
    query_bind_i64(&q, 1, no);
    return read_one(&q, arena, ret_row);
}

enum err rule_store_next_sweep(struct store_tx *tx, struct arena *arena, struct rule_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS TABLES "WHERE r.state <> 0 LIMIT 1");
    return read_one(&q, arena, ret_row);
}

enum err rule_store_each_active(struct store_tx *tx, int64_t model_no, void (*visit)(const struct rule_row *row, void *arg),
                                void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS TABLES "WHERE r.active = 1 AND r.state = 0 AND (?1 = 0 OR r.model_no = ?1) "
                        "ORDER BY r.model_no, r.slot");
    query_bind_i64(&q, 1, model_no);
    while (query_next(&q)) {
        struct rule_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

#define OF_PARTNER TABLES "WHERE m.partner_no = ?1 AND (?2 = 0 OR r.model_no = ?2) AND r.state <> 2"

enum err rule_store_list(struct store_tx *tx, int64_t partner_no, int64_t model_no, struct page page,
                         void (*visit)(const struct rule_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS ", (SELECT count(*) FROM incident i WHERE i.rule_no = r.no AND i.closed_at IS NULL), "
                "(SELECT count(*) FROM rule_error e WHERE e.rule_no = r.no)" OF_PARTNER " ORDER BY r.no LIMIT ?3 OFFSET ?4");
    query_bind_i64(&q, 1, partner_no);
    query_bind_i64(&q, 2, model_no);
    query_bind_i64(&q, 3, page.size);
    query_bind_i64(&q, 4, page_offset(page));
    while (query_next(&q)) {
        struct rule_row row = row_read(&q);
        row.open_incidents = query_i64(&q, 16);
        row.errors = query_i64(&q, 17);
        visit(&row, arg);
    }
    return query_finish(&q);
}

static enum err read_count(struct query *q, int64_t *ret_count)
{
    *ret_count = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q);
}

enum err rule_store_count(struct store_tx *tx, int64_t partner_no, int64_t model_no, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" OF_PARTNER);
    query_bind_i64(&q, 1, partner_no);
    query_bind_i64(&q, 2, model_no);
    return read_count(&q, ret_count);
}

enum err rule_store_delete(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM rule WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

/* ---- errors ---- */

/* Once in a while, all rules that have got rows since the last time: rows of several rules may alternate. */
static enum err trim_errors(struct store_tx *tx, int64_t no, int64_t max)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM rule_error WHERE no IN (SELECT e.no FROM (SELECT DISTINCT rule_no FROM rule_error WHERE no > ?1 - ?2) r "
                "CROSS JOIN rule_error e ON e.rule_no = r.rule_no AND e.no <= (SELECT o.no FROM rule_error o "
                "WHERE o.rule_no = r.rule_no ORDER BY o.no DESC LIMIT 1 OFFSET ?3))");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, TRIM_EVERY);
    query_bind_i64(&q, 3, max);
    return query_finish(&q);
}

enum err rule_store_add_error(struct store_tx *tx, const struct rule_error_row *row, int64_t max)
{
    struct query q;
    query_begin(&q, tx, "INSERT INTO rule_error (rule_no, device_no, at, key, expected, found) "
                        "VALUES (?1, ?2, ?3, ifnull(?4, ''), ?5, ?6)");
    query_bind_i64(&q, 1, row->rule_no);
    query_bind_i64(&q, 2, row->device_no);
    query_bind_time(&q, 3, row->at);
    query_bind_str(&q, 4, row->key);
    query_bind_str(&q, 5, row->expected);
    query_bind_str(&q, 6, row->found);
    enum err err = query_finish(&q);
    int64_t no = tx_last_row(tx);
    return err == ERR_OK && no % TRIM_EVERY == 0 ? trim_errors(tx, no, max) : err;
}

enum err rule_store_has_error(struct store_tx *tx, const struct rule_error_row *row, int64_t since, bool *ret_has)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM rule_error WHERE device_no = ?1 AND rule_no = ?2 AND key = ifnull(?3, '') AND at >= ?4 LIMIT 1");
    query_bind_i64(&q, 1, row->device_no);
    query_bind_i64(&q, 2, row->rule_no);
    query_bind_str(&q, 3, row->key);
    query_bind_time(&q, 4, since);
    *ret_has = query_next(&q);
    return query_finish(&q);
}

enum err rule_store_errors(struct store_tx *tx, int64_t rule_no, struct page page,
                           void (*visit)(const struct rule_error_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT e.no, e.device_no, d.id, e.at, e.key, e.expected, e.found FROM rule_error e "
                "JOIN device d ON d.no = e.device_no WHERE e.rule_no = ?1 ORDER BY e.no DESC LIMIT ?2 OFFSET ?3");
    query_bind_i64(&q, 1, rule_no);
    query_bind_i64(&q, 2, page.size);
    query_bind_i64(&q, 3, page_offset(page));
    while (query_next(&q)) {
        struct rule_error_row row = {
            .no = query_i64(&q, 0),
            .rule_no = rule_no,
            .device_no = query_i64(&q, 1),
            .device_id = query_uuid(&q, 2),
            .at = query_time(&q, 3),
            .key = query_str(&q, 4),
            .expected = query_str(&q, 5),
            .found = query_str(&q, 6),
        };
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err rule_store_error_count(struct store_tx *tx, int64_t rule_no, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM rule_error WHERE rule_no = ?1");
    query_bind_i64(&q, 1, rule_no);
    return read_count(&q, ret_count);
}
