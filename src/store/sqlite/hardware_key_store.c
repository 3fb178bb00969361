#include "model/ports/hardware_key_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS \
    "no, model_no, id, name, key_sealed, expected_count, enforce_count, used_count, created_at, revoked_at, " \
    "first_used_at, last_used_at"

static struct hardware_key_row row_read(struct query *q)
{
    return (struct hardware_key_row){
        .no = query_i64(q, 0),
        .model_no = query_i64(q, 1),
        .id = query_uuid(q, 2),
        .name = query_str(q, 3),
        .key_sealed = query_str(q, 4),
        .expected_count = query_i64(q, 5),
        .enforce_count = query_i64(q, 6) != 0,
        .used_count = query_i64(q, 7),
        .created_at = query_time(q, 8),
        .revoked_at = query_time(q, 9),
        .first_used_at = query_time(q, 10),
        .last_used_at = query_time(q, 11),
    };
}

static void bind_expected(struct query *q, int index, int64_t count)
{
    if (count) {
        query_bind_i64(q, index, count);
    } else {
        query_bind_null(q, index);
    }
}

enum err hardware_key_store_insert(struct store_tx *tx, struct hardware_key_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO hardware_key (id, model_no, name, key_hash, key_sealed, expected_count, enforce_count, "
                "created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->model_no);
    query_bind_str(&q, 3, row->name);
    query_bind_blob(&q, 4, row->key_hash, sizeof row->key_hash);
    query_bind_blob(&q, 5, row->key_sealed.ptr, row->key_sealed.len);
    bind_expected(&q, 6, row->expected_count);
    query_bind_i64(&q, 7, row->enforce_count);
    query_bind_time(&q, 8, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err hardware_key_store_update(struct store_tx *tx, const struct hardware_key_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE hardware_key SET name = ?2, expected_count = ?3, enforce_count = ?4, revoked_at = ?5 "
                "WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_str(&q, 2, row->name);
    bind_expected(&q, 3, row->expected_count);
    query_bind_i64(&q, 4, row->enforce_count);
    query_bind_time(&q, 5, row->revoked_at);
    return query_finish(&q);
}

enum err hardware_key_store_find(struct store_tx *tx, int64_t model_no, const struct uuid *id, struct arena *arena,
                                 struct hardware_key_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM hardware_key WHERE id = ?1 AND model_no = ?2");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, model_no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_read(&q);
        ret_row->name = arena_str(arena, ret_row->name);
        ret_row->key_sealed = arena_str(arena, ret_row->key_sealed);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err hardware_key_store_list(struct store_tx *tx, int64_t model_no, struct page page,
                                 void (*visit)(const struct hardware_key_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM hardware_key WHERE model_no = ?1 ORDER BY no LIMIT ?2 OFFSET ?3");
    query_bind_i64(&q, 1, model_no);
    query_bind_i64(&q, 2, page.size);
    query_bind_i64(&q, 3, page_offset(page));
    while (query_next(&q)) {
        struct hardware_key_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

int64_t hardware_key_store_count(struct store_tx *tx, int64_t model_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM hardware_key WHERE model_no = ?1");
    query_bind_i64(&q, 1, model_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}
