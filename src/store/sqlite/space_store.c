#include "model/ports/space_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS \
    "no, organization_no, parent_no, name, space_type, path, depth, config, " \
    "(SELECT count(*) FROM device WHERE device.space_no = space.no), created_at"

static struct space_row row_read(struct query *q)
{
    return (struct space_row){
        .no = query_i64(q, 0),
        .organization_no = query_i64(q, 1),
        .parent_no = query_i64(q, 2),
        .name = query_str(q, 3),
        .space_type = query_str(q, 4),
        .path = query_str(q, 5),
        .depth = query_i64(q, 6),
        .config = query_str(q, 7),
        .devices_count = query_i64(q, 8),
        .created_at = query_time(q, 9),
    };
}

static enum err read_one(struct query *q, struct arena *arena, struct space_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        *ret_row = row_read(q);
        ret_row->name = arena_str(arena, ret_row->name);
        ret_row->space_type = arena_str(arena, ret_row->space_type);
        ret_row->path = arena_str(arena, ret_row->path);
        ret_row->config = arena_str(arena, ret_row->config);
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err space_store_insert(struct store_tx *tx, struct space_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO space (organization_no, parent_no, name, space_type, path, depth, config, created_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    query_bind_i64(&q, 1, row->organization_no);
    if (row->parent_no) {
        query_bind_i64(&q, 2, row->parent_no);
    } else {
        query_bind_null(&q, 2);
    }
    query_bind_str(&q, 3, row->name);
    query_bind_str(&q, 4, row->space_type);
    query_bind_str(&q, 5, row->path);
    query_bind_i64(&q, 6, row->depth);
    query_bind_str(&q, 7, row->config);
    query_bind_time(&q, 8, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err space_store_find(struct store_tx *tx, int64_t organization_no, int64_t no, struct arena *arena,
                          struct space_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM space WHERE no = ?1 AND organization_no = ?2");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, organization_no);
    return read_one(&q, arena, ret_row);
}

enum err space_store_find_root(struct store_tx *tx, int64_t organization_no, struct arena *arena,
                               struct space_row *ret_row)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM space WHERE organization_no = ?1 AND ifnull(parent_no, 0) = 0");
    query_bind_i64(&q, 1, organization_no);
    return read_one(&q, arena, ret_row);
}

enum err space_store_find_child(struct store_tx *tx, int64_t parent_no, struct str name, struct arena *arena,
                                struct space_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM space WHERE parent_no = ?1 AND name = ?2");
    query_bind_i64(&q, 1, parent_no);
    query_bind_str(&q, 2, name);
    return read_one(&q, arena, ret_row);
}

enum err space_store_list(struct store_tx *tx, int64_t organization_no, const struct space_filter *filter,
                          int64_t limit, int64_t offset, void (*visit)(const struct space_row *row, void *arg),
                          void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM space WHERE organization_no = ?1 AND (?2 = 0 OR no = ?2) "
                "AND (?3 = 0 OR parent_no = ?3) AND (?4 = '' OR instr(lower(name), lower(?4)) > 0) "
                "AND (?5 = '' OR instr(lower(path), lower(?5)) > 0) AND (?6 = '' OR space_type = ?6) "
                "AND (?7 IS NULL OR created_at < ?7) AND (?8 IS NULL OR created_at > ?8) "
                "AND (?11 IS NULL OR no IN (WITH RECURSIVE seen (seen_no) AS (SELECT value FROM json_each(?11) UNION "
                "SELECT s.no FROM space s JOIN seen ON s.parent_no = seen_no) SELECT seen_no FROM seen)) "
                "ORDER BY no LIMIT ?9 OFFSET ?10");
    query_bind_i64(&q, 1, organization_no);
    query_bind_i64(&q, 2, filter->id);
    query_bind_i64(&q, 3, filter->parent_no);
    query_bind_str(&q, 4, filter->name.len ? filter->name : STR(""));
    query_bind_str(&q, 5, filter->path_includes.len ? filter->path_includes : STR(""));
    query_bind_str(&q, 6, filter->space_type.len ? filter->space_type : STR(""));
    query_bind_time(&q, 7, filter->created_before);
    query_bind_time(&q, 8, filter->created_after);
    query_bind_i64(&q, 9, limit);
    query_bind_i64(&q, 10, offset);
    query_bind_str(&q, 11, filter->visible_spaces);
    while (query_next(&q)) {
        struct space_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

static enum err follow_paths(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx,
                "WITH RECURSIVE below (no, path, depth) AS (SELECT no, path, depth FROM space WHERE no = ?1 "
                "UNION ALL SELECT s.no, b.path || '/' || s.name, b.depth + 1 FROM space s JOIN below b ON s.parent_no = b.no) "
                "UPDATE space SET path = below.path, depth = below.depth FROM below WHERE space.no = below.no AND below.no <> ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

enum err space_store_update(struct store_tx *tx, const struct space_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE space SET parent_no = ?2, name = ?3, space_type = ?4, path = ?5, depth = ?6, config = ?7 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    if (row->parent_no) {
        query_bind_i64(&q, 2, row->parent_no);
    } else {
        query_bind_null(&q, 2);
    }
    query_bind_str(&q, 3, row->name);
    query_bind_str(&q, 4, row->space_type);
    query_bind_str(&q, 5, row->path);
    query_bind_i64(&q, 6, row->depth);
    query_bind_str(&q, 7, row->config);
    enum err err = query_finish(&q);
    return err ? err : follow_paths(tx, row->no);
}

enum err space_store_height(struct store_tx *tx, int64_t no, int64_t *ret_levels)
{
    struct query q;
    query_begin(&q, tx,
                "WITH RECURSIVE below (no, level) AS (SELECT ?1, 0 UNION ALL SELECT s.no, b.level + 1 FROM space s "
                "JOIN below b ON s.parent_no = b.no) SELECT max(level) FROM below");
    query_bind_i64(&q, 1, no);
    int64_t levels = query_next(&q) ? query_i64(&q, 0) : 0;
    enum err err = query_finish(&q);
    if (!err) {
        *ret_levels = levels;
    }
    return err;
}

enum err space_store_is_empty(struct store_tx *tx, int64_t no, bool *ret_empty)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT EXISTS (SELECT 1 FROM space WHERE parent_no = ?1) OR EXISTS (SELECT 1 FROM device WHERE space_no = ?1)");
    query_bind_i64(&q, 1, no);
    bool is_used = query_next(&q) && query_i64(&q, 0) != 0;
    enum err err = query_finish(&q);
    if (!err) {
        *ret_empty = !is_used;
    }
    return err;
}

enum err space_store_delete(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM space WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

static enum err visit_all(struct query *q, void (*visit)(const struct space_row *row, void *arg), void *arg)
{
    while (query_next(q)) {
        struct space_row row = row_read(q);
        visit(&row, arg);
    }
    return query_finish(q);
}

enum err space_store_above(struct store_tx *tx, int64_t no, void (*visit)(const struct space_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "WITH RECURSIVE above (up) AS (SELECT parent_no FROM space WHERE no = ?1 UNION ALL "
                "SELECT s.parent_no FROM space s JOIN above a ON s.no = a.up) "
                "SELECT " COLUMNS " FROM space WHERE no IN (SELECT up FROM above) ORDER BY depth");
    query_bind_i64(&q, 1, no);
    return visit_all(&q, visit, arg);
}

enum err space_store_below(struct store_tx *tx, int64_t no, void (*visit)(const struct space_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "WITH RECURSIVE below (below_no, level) AS (SELECT ?1, 0 UNION ALL SELECT s.no, b.level + 1 FROM space s "
                "JOIN below b ON s.parent_no = b.below_no ORDER BY 2 DESC, 1) "
                "SELECT " COLUMNS " FROM below CROSS JOIN space ON no = below_no");
    query_bind_i64(&q, 1, no);
    return visit_all(&q, visit, arg);
}
