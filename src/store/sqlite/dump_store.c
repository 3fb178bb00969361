#include "model/ports/file_store.h"
#include "store/sqlite/tx.h"

#define COLUMNS "no, id, device_no, organization_no, length, created_at, updated_at, mime, name"

static struct dump_row row_read(struct query *q)
{
    return (struct dump_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .device_no = query_i64(q, 2),
        .organization_no = query_i64(q, 3),
        .length = query_i64(q, 4),
        .created_at = query_time(q, 5),
        .updated_at = query_time(q, 6),
        .mime = query_str(q, 7),
        .name = query_str(q, 8),
    };
}

enum err dump_store_insert(struct store_tx *tx, const struct dump_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO dump (id, device_no, organization_no, length, created_at, updated_at, mime, name) "
                "VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6, ?7, ?8)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->device_no);
    query_bind_i64(&q, 3, row->organization_no);
    query_bind_i64(&q, 4, row->length);
    query_bind_time(&q, 5, row->created_at);
    query_bind_time(&q, 6, row->updated_at);
    query_bind_str(&q, 7, row->mime);
    query_bind_str(&q, 8, row->name);
    return query_finish(&q);
}

enum err dump_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct dump_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM dump WHERE id = ?1");
    query_bind_uuid(&q, 1, id);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_read(&q);
        ret_row->mime = arena_str(arena, ret_row->mime);
        ret_row->name = arena_str(arena, ret_row->name);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err dump_store_set_length(struct store_tx *tx, int64_t no, int64_t length, int64_t updated_at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE dump SET length = ?2, updated_at = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, length);
    query_bind_time(&q, 3, updated_at);
    return query_finish(&q);
}

enum err dump_store_list(struct store_tx *tx, int64_t device_no, int64_t organization_no, int64_t limit, int64_t offset,
                         void (*visit)(const struct dump_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM dump WHERE device_no = ?1 AND (?2 = 0 OR organization_no = ?2) "
                "ORDER BY no DESC LIMIT ?3 OFFSET ?4");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, organization_no);
    query_bind_i64(&q, 3, limit);
    query_bind_i64(&q, 4, offset);
    while (query_next(&q)) {
        struct dump_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err dump_store_count(struct store_tx *tx, int64_t device_no, int64_t organization_no, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM dump WHERE device_no = ?1 AND (?2 = 0 OR organization_no = ?2)");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, organization_no);
    *ret_count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}

enum err dump_store_trim(struct store_tx *tx, int64_t device_no, int64_t count_max, int64_t bytes_max)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM dump WHERE no IN (SELECT no FROM (SELECT no, row_number() OVER newer AS place, "
                "sum(length) OVER newer AS bytes FROM dump WHERE device_no = ?1 WINDOW newer AS (ORDER BY no DESC)) "
                "WHERE place > 1 AND ((?2 > 0 AND place > ?2) OR (?3 > 0 AND bytes > ?3)))");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, count_max);
    query_bind_i64(&q, 3, bytes_max);
    return query_finish(&q);
}

enum err dump_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM dump WHERE no IN (SELECT no FROM dump WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)");
    query_bind_time(&q, 1, before);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}
