#include "model/ports/command_definition_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS \
    "no, model_no, id, name, friendly_name, description, active, with_file, file_type, timeout_seconds, " \
    "custom_fields, created_at"

static struct command_definition_row row_read(struct query *q)
{
    return (struct command_definition_row){
        .no = query_i64(q, 0),
        .model_no = query_i64(q, 1),
        .id = query_uuid(q, 2),
        .name = query_str(q, 3),
        .friendly_name = query_str(q, 4),
        .description = query_str(q, 5),
        .active = query_i64(q, 6) != 0,
        .with_file = query_i64(q, 7) != 0,
        .file_type = query_str(q, 8),
        .timeout_seconds = query_i64(q, 9),
        .custom_fields = query_str(q, 10),
        .created_at = query_time(q, 11),
    };
}

/* ?2 to ?9: what both writes set. */
static void bind_fields(struct query *q, const struct command_definition_row *row)
{
    query_bind_str(q, 2, row->name);
    query_bind_str(q, 3, row->friendly_name);
    query_bind_str(q, 4, row->description.len ? row->description : STR(""));
    query_bind_i64(q, 5, row->active);
    query_bind_i64(q, 6, row->with_file);
    query_bind_str(q, 7, row->file_type);
    query_bind_i64(q, 8, row->timeout_seconds);
    query_bind_str(q, 9, row->custom_fields);
}

enum err command_definition_store_insert(struct store_tx *tx, struct command_definition_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO command_definition (model_no, name, friendly_name, description, active, with_file, "
                "file_type, timeout_seconds, custom_fields, id, created_at, position) "
                "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1 + ifnull(max(position), 0) "
                "FROM command_definition WHERE model_no = ?1");
    query_bind_i64(&q, 1, row->model_no);
    bind_fields(&q, row);
    query_bind_uuid(&q, 10, &row->id);
    query_bind_time(&q, 11, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err command_definition_store_update(struct store_tx *tx, const struct command_definition_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE command_definition SET name = ?2, friendly_name = ?3, description = ?4, active = ?5, "
                "with_file = ?6, file_type = ?7, timeout_seconds = ?8, custom_fields = ?9 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    bind_fields(&q, row);
    return query_finish(&q);
}

enum err command_definition_store_delete(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM command_definition WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

enum err command_definition_store_find(struct store_tx *tx, int64_t model_no, const struct uuid *id,
                                       struct arena *arena, struct command_definition_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM command_definition WHERE id = ?1 AND model_no = ?2");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, model_no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_read(&q);
        ret_row->name = arena_str(arena, ret_row->name);
        ret_row->friendly_name = arena_str(arena, ret_row->friendly_name);
        ret_row->description = arena_str(arena, ret_row->description);
        ret_row->custom_fields = arena_str(arena, ret_row->custom_fields);
        if (ret_row->file_type.ptr) {
            ret_row->file_type = arena_str(arena, ret_row->file_type);
        }
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err command_definition_store_list(struct store_tx *tx, int64_t model_no, struct page page,
                                       void (*visit)(const struct command_definition_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM command_definition WHERE model_no = ?1 ORDER BY position, no "
                "LIMIT ?2 OFFSET ?3");
    query_bind_i64(&q, 1, model_no);
    query_bind_i64(&q, 2, page.size);
    query_bind_i64(&q, 3, page_offset(page));
    while (query_next(&q)) {
        struct command_definition_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

int64_t command_definition_store_count(struct store_tx *tx, int64_t model_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM command_definition WHERE model_no = ?1");
    query_bind_i64(&q, 1, model_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}
