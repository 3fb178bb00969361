#include "model/ports/api_key_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS "no, id, tenant_kind, tenant_no, name, key_hash, scope, created_at, expires_at, revoked_at, last_used_at"

static void row_read(struct query *q, struct api_key_row *row)
{
    *row = (struct api_key_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .tenant_kind = (enum tenant_kind)query_i64(q, 2),
        .tenant_no = query_i64(q, 3),
        .name = query_str(q, 4),
        .scope = (enum key_scope)query_i64(q, 6),
        .created_at = query_time(q, 7),
        .expires_at = query_time(q, 8),
        .revoked_at = query_time(q, 9),
        .last_used_at = query_time(q, 10),
    };
    struct str hash = query_str(q, 5);
    if (hash.len == sizeof row->key_hash) {
        memcpy(row->key_hash, hash.ptr, hash.len);
    }
}

enum err api_key_store_insert(struct store_tx *tx, struct api_key_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO api_key (id, tenant_kind, tenant_no, name, key_hash, scope, created_at, expires_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->tenant_kind);
    query_bind_i64(&q, 3, row->tenant_no);
    query_bind_str(&q, 4, row->name);
    query_bind_blob(&q, 5, row->key_hash, sizeof row->key_hash);
    query_bind_i64(&q, 6, row->scope);
    query_bind_time(&q, 7, row->created_at);
    query_bind_time(&q, 8, row->expires_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

static enum err visit_all(struct query *q, void (*visit)(const struct api_key_row *row, void *arg), void *arg)
{
    while (query_next(q)) {
        struct api_key_row row;
        row_read(q, &row);
        visit(&row, arg);
    }
    return query_finish(q);
}

enum err api_key_store_each(struct store_tx *tx, void (*visit)(const struct api_key_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM api_key WHERE revoked_at IS NULL");
    return visit_all(&q, visit, arg);
}

enum err api_key_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, struct page page,
                            void (*visit)(const struct api_key_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM api_key WHERE tenant_kind = ?1 AND tenant_no = ?2 AND revoked_at IS NULL "
                "ORDER BY no LIMIT ?3 OFFSET ?4");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    query_bind_i64(&q, 3, page.size);
    query_bind_i64(&q, 4, page_offset(page));
    return visit_all(&q, visit, arg);
}

int64_t api_key_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT count(*) FROM api_key WHERE tenant_kind = ?1 AND tenant_no = ?2 AND revoked_at IS NULL");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}

enum err api_key_store_find(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct uuid *id,
                            struct arena *arena, struct api_key_row *ret_row)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM api_key WHERE id = ?1 AND tenant_kind = ?2 AND tenant_no = ?3 "
                "AND revoked_at IS NULL");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, kind);
    query_bind_i64(&q, 3, tenant_no);
    bool found = query_next(&q);
    if (found) {
        row_read(&q, ret_row);
        ret_row->name = arena_str(arena, ret_row->name);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err api_key_store_find_no(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_name)
{
    struct query q;
    query_begin(&q, tx, "SELECT name FROM api_key WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    bool found = query_next(&q);
    if (found) {
        *ret_name = query_str_copy(&q, 0, arena);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err api_key_store_stands(struct store_tx *tx, int64_t no, bool *ret_stands)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM api_key WHERE no = ?1 AND revoked_at IS NULL");
    query_bind_i64(&q, 1, no);
    *ret_stands = query_next(&q);
    return query_finish(&q);
}

enum err api_key_store_expiry(struct store_tx *tx, int64_t no, int64_t *ret_expires_at)
{
    struct query q;
    query_begin(&q, tx, "SELECT expires_at FROM api_key WHERE no = ?1 AND revoked_at IS NULL");
    query_bind_i64(&q, 1, no);
    bool found = query_next(&q);
    if (found) {
        *ret_expires_at = query_time(&q, 0);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err api_key_store_revoke(struct store_tx *tx, int64_t no, int64_t now)
{
    struct query q;
    query_begin(&q, tx, "UPDATE api_key SET revoked_at = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_time(&q, 2, now);
    return query_finish(&q);
}

enum err api_key_store_used(struct store_tx *tx, int64_t no, int64_t at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE api_key SET last_used_at = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_time(&q, 2, at);
    return query_finish(&q);
}
