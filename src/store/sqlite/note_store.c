#include "model/ports/note_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS "n.no, n.id, n.organization_no, n.device_no, n.space_no, d.id, n.content, n.created_by, n.created_at, n.updated_at"

static struct note_row row_read(struct query *q)
{
    return (struct note_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .organization_no = query_i64(q, 2),
        .device_no = query_i64(q, 3),
        .space_no = query_i64(q, 4),
        .device_id = query_uuid(q, 5),
        .content = query_str(q, 6),
        .created_by = query_str(q, 7),
        .created_at = query_time(q, 8),
        .updated_at = query_time(q, 9),
    };
}

static void bind_no(struct query *q, int index, int64_t no)
{
    if (no) {
        query_bind_i64(q, index, no);
    } else {
        query_bind_null(q, index);
    }
}

enum err note_store_insert(struct store_tx *tx, struct note_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO note (id, organization_no, device_no, space_no, content, created_by, created_at, updated_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->organization_no);
    bind_no(&q, 3, row->device_no);
    bind_no(&q, 4, row->space_no);
    query_bind_str(&q, 5, row->content);
    query_bind_str(&q, 6, row->created_by);
    query_bind_time(&q, 7, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err note_store_set_content(struct store_tx *tx, int64_t no, struct str content, int64_t updated_at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE note SET content = ?2, updated_at = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, content);
    query_bind_time(&q, 3, updated_at);
    return query_finish(&q);
}

enum err note_store_delete(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM note WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

#define FILTERED                                                                                                    \
    " FROM note n LEFT JOIN device d ON d.no = n.device_no WHERE n.organization_no = ?1 "                           \
    "AND (n.space_no IS NOT NULL) = ?2 AND (?3 = 0 OR n.device_no = ?3) AND (?4 = 0 OR n.space_no = ?4) "           \
    "AND (?5 IS NULL OR ifnull(n.space_no, d.space_no) IN (WITH RECURSIVE seen (no) AS (SELECT value FROM "         \
    "json_each(?5) UNION SELECT s.no FROM space s JOIN seen ON s.parent_no = seen.no) SELECT no FROM seen)) "

static void bind_filter(struct query *q, const struct note_filter *filter)
{
    query_bind_i64(q, 1, filter->organization_no);
    query_bind_i64(q, 2, filter->of_spaces);
    query_bind_i64(q, 3, filter->device_no);
    query_bind_i64(q, 4, filter->space_no);
    query_bind_str(q, 5, filter->visible_spaces);
}

enum err note_store_find(struct store_tx *tx, const struct note_filter *filter, const struct uuid *id, struct arena *arena,
                         struct note_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS FILTERED "AND n.id = ?6");
    bind_filter(&q, filter);
    query_bind_uuid(&q, 6, id);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_read(&q);
        ret_row->content = arena_str(arena, ret_row->content);
        if (ret_row->created_by.ptr) {
            ret_row->created_by = arena_str(arena, ret_row->created_by);
        }
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err note_store_list(struct store_tx *tx, const struct note_filter *filter, struct page page,
                         void (*visit)(const struct note_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS FILTERED "ORDER BY n.no DESC LIMIT ?6 OFFSET ?7");
    bind_filter(&q, filter);
    query_bind_i64(&q, 6, page.size);
    query_bind_i64(&q, 7, page_offset(page));
    while (query_next(&q)) {
        struct note_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

int64_t note_store_count(struct store_tx *tx, const struct note_filter *filter)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" FILTERED);
    bind_filter(&q, filter);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}
