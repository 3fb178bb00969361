#include "model/ports/idempotency_store.h"

#include "store/sqlite/tx.h"

enum err idempotency_store_find(struct store_tx *tx, struct idempotency_row *row, struct arena *arena)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT body_hash, status, reply_sealed, created_at FROM idempotency "
                "WHERE principal = ?1 AND route = ?2 AND key_hash = ?3");
    query_bind_str(&q, 1, row->principal);
    query_bind_str(&q, 2, row->route);
    query_bind_blob(&q, 3, row->key_hash, sizeof row->key_hash);
    bool found = query_next(&q);
    if (found) {
        struct str hash = query_str(&q, 0);
        if (hash.len == sizeof row->request_hash) {
            memcpy(row->request_hash, hash.ptr, hash.len);
        }
        row->status = query_i64(&q, 1);
        row->reply_sealed = query_str_copy(&q, 2, arena);
        row->created_at = query_time(&q, 3);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err idempotency_store_insert(struct store_tx *tx, const struct idempotency_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT OR REPLACE INTO idempotency (principal, route, key_hash, body_hash, status, reply_sealed, "
                "created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    query_bind_str(&q, 1, row->principal);
    query_bind_str(&q, 2, row->route);
    query_bind_blob(&q, 3, row->key_hash, sizeof row->key_hash);
    query_bind_blob(&q, 4, row->request_hash, sizeof row->request_hash);
    query_bind_i64(&q, 5, row->status);
    query_bind_blob(&q, 6, row->reply_sealed.ptr, row->reply_sealed.len);
    query_bind_time(&q, 7, row->created_at);
    return query_finish(&q);
}

enum err idempotency_store_delete_old(struct store_tx *tx, int64_t before)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM idempotency WHERE created_at < ?1");
    query_bind_time(&q, 1, before);
    return query_finish(&q);
}
