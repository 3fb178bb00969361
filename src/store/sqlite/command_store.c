#include "model/ports/command_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS \
    "no, id, device_no, organization_no, name, friendly_name, parameters, status, message, timeout_seconds, created_by, " \
    "created_at, scheduled_at, delivered_at, finished_at, queue_no, due_at, secret_names, file_id"

static void read_row(struct query *q, struct arena *arena, struct command_row *ret_row)
{
    *ret_row = (struct command_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .device_no = query_i64(q, 2),
        .organization_no = query_i64(q, 3),
        .name = query_str_copy(q, 4, arena),
        .friendly_name = query_str_copy(q, 5, arena),
        .parameters = query_str_copy(q, 6, arena),
        .status = (enum command_status)query_i64(q, 7),
        .message = query_str_copy(q, 8, arena),
        .timeout_seconds = query_i64(q, 9),
        .created_by = query_str_copy(q, 10, arena),
        .created_at = query_time(q, 11),
        .scheduled_at = query_time(q, 12),
        .delivered_at = query_time(q, 13),
        .finished_at = query_time(q, 14),
        .queue_no = query_i64(q, 15),
        .due_at = query_time(q, 16),
        .secret_names = query_str_copy(q, 17, arena),
        .file_id = query_uuid(q, 18),
    };
}

static enum err read_one(struct query *q, struct arena *arena, struct command_row *ret_row)
{
    bool row = query_next(q);
    if (row) {
        read_row(q, arena, ret_row);
    }
    enum err err = query_finish(q);
    return err != ERR_OK ? err : row ? ERR_OK : ERR_NOT_FOUND;
}

static enum err read_all(struct query *q, struct arena *arena, struct command_row **ret_rows, size_t *ret_count)
{
    struct command_row *rows = NULL;
    size_t count = 0, cap = 0;
    while (query_next(q)) {
        if (count == cap) {
            size_t grown = cap ? cap * 2 : 16;
            struct command_row *more = arena_alloc(arena, grown * sizeof *more);
            if (count) {
                memcpy(more, rows, count * sizeof *more);
            }
            rows = more;
            cap = grown;
        }
        read_row(q, arena, &rows[count++]);
    }
    enum err err = query_finish(q);
    if (err == ERR_OK) {
        *ret_rows = rows;
        *ret_count = count;
    }
    return err;
}

static void bind_place(struct query *q, int index, int64_t queue_no)
{
    if (queue_no) {
        query_bind_i64(q, index, queue_no);
    } else {
        query_bind_null(q, index);
    }
}

enum err command_store_insert(struct store_tx *tx, const struct command_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO command (id, device_no, organization_no, name, friendly_name, parameters, status, "
                "timeout_seconds, created_by, created_at, scheduled_at, queue_no, due_at, secret_names, file_id) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->device_no);
    query_bind_i64(&q, 3, row->organization_no);
    query_bind_str(&q, 4, row->name);
    query_bind_str(&q, 5, row->friendly_name);
    query_bind_str(&q, 6, row->parameters);
    query_bind_i64(&q, 7, row->status);
    query_bind_i64(&q, 8, row->timeout_seconds);
    query_bind_str(&q, 9, row->created_by);
    query_bind_time(&q, 10, row->created_at);
    query_bind_time(&q, 11, row->scheduled_at);
    bind_place(&q, 12, row->queue_no);
    query_bind_time(&q, 13, row->due_at);
    query_bind_str(&q, 14, row->secret_names);
    if (uuid_is_nil(&row->file_id)) {
        query_bind_null(&q, 15);
    } else {
        query_bind_uuid(&q, 15, &row->file_id);
    }
    return query_finish(&q);
}

enum err command_store_update(struct store_tx *tx, const struct command_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE command SET status = ?2, message = ?3, delivered_at = ?4, finished_at = ?5, queue_no = ?6, "
                "due_at = ?7 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_i64(&q, 2, row->status);
    query_bind_str(&q, 3, row->message);
    query_bind_time(&q, 4, row->delivered_at);
    query_bind_time(&q, 5, row->finished_at);
    bind_place(&q, 6, row->queue_no);
    query_bind_time(&q, 7, row->due_at);
    return query_finish(&q);
}

enum err command_store_by_id(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct command_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM command WHERE id = ?1");
    query_bind_uuid(&q, 1, id);
    return read_one(&q, arena, ret_row);
}

enum err command_store_head(struct store_tx *tx, int64_t device_no, struct arena *arena, struct command_row *ret_row)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM command WHERE device_no = ?1 AND finished_at IS NULL AND queue_no > 0 "
                "ORDER BY queue_no LIMIT 1");
    query_bind_i64(&q, 1, device_no);
    return read_one(&q, arena, ret_row);
}

enum err command_store_family_heads(struct store_tx *tx, int64_t device_no, struct arena *arena, struct command_row **ret_rows,
                                    size_t *ret_count)
{
    struct query q;
    query_begin(&q, tx,
                "WITH family (device, place) AS (SELECT ?1, 0 UNION ALL SELECT child.no, child.no FROM device child "
                "JOIN device parent ON parent.no = child.parent_no AND parent.organization_no IS child.organization_no "
                "WHERE child.parent_no = ?1) "
                "SELECT " COLUMNS " FROM family JOIN command ON no = (SELECT head.no FROM command head "
                "WHERE head.device_no = family.device AND head.finished_at IS NULL AND head.queue_no > 0 "
                "ORDER BY head.queue_no LIMIT 1) ORDER BY place");
    query_bind_i64(&q, 1, device_no);
    return read_all(&q, arena, ret_rows, ret_count);
}

enum err command_store_queue(struct store_tx *tx, int64_t device_no, int64_t *ret_next_no, int64_t *ret_open)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT ifnull(max(queue_no), 0) + 1, count(*) FROM command WHERE device_no = ?1 AND finished_at IS NULL");
    query_bind_i64(&q, 1, device_no);
    if (query_next(&q)) {
        *ret_next_no = query_i64(&q, 0);
        *ret_open = query_i64(&q, 1);
    }
    return query_finish(&q);
}

enum err command_store_open(struct store_tx *tx, int64_t device_no, struct arena *arena, struct command_row **ret_rows,
                            size_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM command WHERE device_no = ?1 AND finished_at IS NULL ORDER BY no");
    query_bind_i64(&q, 1, device_no);
    return read_all(&q, arena, ret_rows, ret_count);
}

enum err command_store_due(struct store_tx *tx, int64_t now_ms, size_t max, struct arena *arena,
                           struct command_row **ret_rows, size_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM command WHERE due_at <= ?1 ORDER BY due_at, no LIMIT ?2");
    query_bind_i64(&q, 1, now_ms);
    query_bind_i64(&q, 2, (int64_t)max);
    return read_all(&q, arena, ret_rows, ret_count);
}

enum err command_store_list(struct store_tx *tx, const struct command_filter *filter, int64_t limit, int64_t offset,
                            struct arena *arena, struct command_row **ret_rows, size_t *ret_count)
{
    struct query q;
#define LIST \
    "SELECT " COLUMNS " FROM command WHERE device_no = ?1 AND (?2 = 0 OR organization_no = ?2) " \
    "AND (?3 = 0 OR status = ?3) "
    query_begin(&q, tx, filter->ascending ? LIST "ORDER BY no LIMIT ?4 OFFSET ?5" : LIST "ORDER BY no DESC LIMIT ?4 OFFSET ?5");
#undef LIST
    query_bind_i64(&q, 1, filter->device_no);
    query_bind_i64(&q, 2, filter->organization_no);
    query_bind_i64(&q, 3, filter->status);
    query_bind_i64(&q, 4, limit);
    query_bind_i64(&q, 5, offset);
    return read_all(&q, arena, ret_rows, ret_count);
}

enum err command_store_count(struct store_tx *tx, const struct command_filter *filter, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT count(*) FROM command WHERE device_no = ?1 AND (?2 = 0 OR organization_no = ?2) "
                "AND (?3 = 0 OR status = ?3)");
    query_bind_i64(&q, 1, filter->device_no);
    query_bind_i64(&q, 2, filter->organization_no);
    query_bind_i64(&q, 3, filter->status);
    if (query_next(&q)) {
        *ret_count = query_i64(&q, 0);
    }
    return query_finish(&q);
}

enum err command_store_each_head(struct store_tx *tx,
                                 void (*visit)(int64_t device_no, enum command_status status, int64_t hold_until_ms,
                                               void *arg),
                                 void *arg)
{
    struct query q;
    int64_t previous = 0;
    query_begin(&q, tx,
                "SELECT device_no, status, due_at FROM command WHERE finished_at IS NULL AND queue_no > 0 "
                "ORDER BY device_no, queue_no");
    while (query_next(&q)) {
        int64_t device_no = query_i64(&q, 0);
        if (device_no != previous) { /* the first of each device is its head */
            visit(device_no, (enum command_status)query_i64(&q, 1), query_i64(&q, 2), arg);
        }
        previous = device_no;
    }
    return query_finish(&q);
}

static enum err read_rule(struct query *q, struct arena *arena, struct command_rule *ret_rule)
{
    bool row = query_next(q);
    if (row) {
        *ret_rule = (struct command_rule){
            .name = query_str_copy(q, 0, arena),
            .friendly_name = query_str_copy(q, 1, arena),
            .active = query_i64(q, 2) != 0,
            .with_file = query_i64(q, 3) != 0,
            .timeout_seconds = query_i64(q, 4),
            .custom_fields = query_str_copy(q, 5, arena),
            .file_type = query_str_copy(q, 6, arena),
        };
    }
    enum err err = query_finish(q);
    return err != ERR_OK ? err : row ? ERR_OK : ERR_NOT_FOUND;
}

enum err command_rule_by_name(struct store_tx *tx, int64_t model_no, struct str name, struct arena *arena,
                              struct command_rule *ret_rule)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT name, friendly_name, active, with_file, timeout_seconds, custom_fields, file_type FROM command_definition "
                "WHERE model_no = ?1 AND name = ?2");
    query_bind_i64(&q, 1, model_no);
    query_bind_str(&q, 2, name);
    return read_rule(&q, arena, ret_rule);
}

enum err command_rule_by_friendly_name(struct store_tx *tx, int64_t model_no, struct str name, struct arena *arena,
                                       struct command_rule *ret_rule)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT name, friendly_name, active, with_file, timeout_seconds, custom_fields, file_type FROM command_definition "
                "WHERE model_no = ?1 AND friendly_name = ?2 ORDER BY active DESC, position, no LIMIT 1");
    query_bind_i64(&q, 1, model_no);
    query_bind_str(&q, 2, name);
    return read_rule(&q, arena, ret_rule);
}

enum err command_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM command WHERE no IN (SELECT no FROM command WHERE finished_at < ?1 LIMIT ?2)");
    query_bind_time(&q, 1, before);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}
