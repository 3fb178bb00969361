#include "model/ports/space_access_store.h"

#include "store/sqlite/tx.h"

enum err space_access_store_list(struct store_tx *tx, int64_t space_no,
                                 void (*visit)(const struct space_access_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT a.subject_kind, a.subject_no, a.role, ifnull(u.id, g.id), ifnull(u.name, g.name), u.email "
                "FROM space_access a LEFT JOIN user u ON a.subject_kind = 1 AND u.no = a.subject_no "
                "LEFT JOIN user_group g ON a.subject_kind = 2 AND g.no = a.subject_no "
                "WHERE a.space_no = ?1 ORDER BY a.subject_kind, a.subject_no");
    query_bind_i64(&q, 1, space_no);
    while (query_next(&q)) {
        struct space_access_row row = {
            .grant = {(enum access_subject)query_i64(&q, 0), query_i64(&q, 1), space_no, (enum space_role)query_i64(&q, 2)},
            .id = query_uuid(&q, 3),
            .name = query_str(&q, 4),
            .email = query_str(&q, 5),
        };
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err space_access_store_clear(struct store_tx *tx, int64_t space_no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM space_access WHERE space_no = ?1");
    query_bind_i64(&q, 1, space_no);
    return query_finish(&q);
}

enum err space_access_store_put(struct store_tx *tx, const struct access_grant *grant)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO space_access (space_no, subject_kind, subject_no, role) VALUES (?1, ?2, ?3, ?4) "
                "ON CONFLICT (space_no, subject_kind, subject_no) DO UPDATE SET role = ?4");
    query_bind_i64(&q, 1, grant->space_no);
    query_bind_i64(&q, 2, grant->subject);
    query_bind_i64(&q, 3, grant->subject_no);
    query_bind_i64(&q, 4, grant->role);
    return query_finish(&q);
}

/* --- assets --- */

#define ASSET_COLUMNS "no, id, space_no, name, kind, serial, note, created_at"

static struct space_asset_row asset_read(struct query *q)
{
    return (struct space_asset_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .space_no = query_i64(q, 2),
        .name = query_str(q, 3),
        .kind = query_str(q, 4),
        .serial = query_str(q, 5),
        .note = query_str(q, 6),
        .created_at = query_time(q, 7),
    };
}

static void bind_texts(struct query *q, const struct space_asset_row *row)
{
    query_bind_str(q, 2, row->name);
    query_bind_str(q, 3, row->kind);
    query_bind_str(q, 4, row->serial);
    query_bind_str(q, 5, row->note);
}

enum err space_asset_store_insert(struct store_tx *tx, struct space_asset_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO space_asset (id, name, kind, serial, note, space_no, created_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    query_bind_uuid(&q, 1, &row->id);
    bind_texts(&q, row);
    query_bind_i64(&q, 6, row->space_no);
    query_bind_time(&q, 7, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err space_asset_store_update(struct store_tx *tx, const struct space_asset_row *row)
{
    struct query q;
    query_begin(&q, tx, "UPDATE space_asset SET name = ?2, kind = ?3, serial = ?4, note = ?5 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    bind_texts(&q, row);
    return query_finish(&q);
}

enum err space_asset_store_delete(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM space_asset WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

static struct str copy(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

enum err space_asset_store_find(struct store_tx *tx, int64_t space_no, const struct uuid *id, struct arena *arena,
                                struct space_asset_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " ASSET_COLUMNS " FROM space_asset WHERE id = ?1 AND space_no = ?2");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, space_no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = asset_read(&q);
        ret_row->name = copy(arena, ret_row->name);
        ret_row->kind = copy(arena, ret_row->kind);
        ret_row->serial = copy(arena, ret_row->serial);
        ret_row->note = copy(arena, ret_row->note);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err space_asset_store_list(struct store_tx *tx, int64_t space_no, struct page page,
                                void (*visit)(const struct space_asset_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " ASSET_COLUMNS " FROM space_asset WHERE space_no = ?1 ORDER BY no LIMIT ?2 OFFSET ?3");
    query_bind_i64(&q, 1, space_no);
    query_bind_i64(&q, 2, page.size);
    query_bind_i64(&q, 3, page_offset(page));
    while (query_next(&q)) {
        struct space_asset_row row = asset_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

int64_t space_asset_store_count(struct store_tx *tx, int64_t space_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM space_asset WHERE space_no = ?1");
    query_bind_i64(&q, 1, space_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}
