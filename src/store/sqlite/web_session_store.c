#include "model/ports/web_session_store.h"

#include "store/sqlite/tx.h"

static void bind_no(struct query *q, int index, int64_t no)
{
    if (no) {
        query_bind_i64(q, index, no);
    } else {
        query_bind_null(q, index);
    }
}

enum err web_session_store_insert(struct store_tx *tx, const struct web_session_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO web_session (token_hash, user_no, partner_no, organization_no, csrf_token, address, "
                "created_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    query_bind_blob(&q, 1, row->token_hash, sizeof row->token_hash);
    query_bind_i64(&q, 2, row->user_no);
    bind_no(&q, 3, row->partner_no);
    bind_no(&q, 4, row->organization_no);
    query_bind_str(&q, 5, str_from_cstr(row->csrf_token));
    query_bind_str(&q, 6, row->address);
    query_bind_time(&q, 7, row->created_at);
    query_bind_time(&q, 8, row->last_used_at);
    return query_finish(&q);
}

enum err web_session_store_each(struct store_tx *tx, void (*visit)(const struct web_session_row *row, void *arg),
                                void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT s.token_hash, s.user_no, u.id, u.system_admin, s.partner_no, s.organization_no, s.csrf_token, "
                "s.address, s.created_at, s.last_used_at FROM web_session s JOIN user u ON u.no = s.user_no "
                "WHERE u.deactivated_at IS NULL");
    while (query_next(&q)) {
        struct web_session_row row = {
            .user_no = query_i64(&q, 1),
            .user_id = query_uuid(&q, 2),
            .system_admin = query_i64(&q, 3) != 0,
            .partner_no = query_i64(&q, 4),
            .organization_no = query_i64(&q, 5),
            .address = query_str(&q, 7),
            .created_at = query_time(&q, 8),
            .last_used_at = query_time(&q, 9),
        };
        struct str hash = query_str(&q, 0), csrf = query_str(&q, 6);
        if (hash.len != sizeof row.token_hash || csrf.len != CSRF_TOKEN_CHARS) {
            continue;
        }
        memcpy(row.token_hash, hash.ptr, hash.len);
        memcpy(row.csrf_token, csrf.ptr, csrf.len);
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err web_session_store_set_tenants(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES], int64_t partner_no,
                                       int64_t organization_no)
{
    struct query q;
    query_begin(&q, tx, "UPDATE web_session SET partner_no = ?2, organization_no = ?3 WHERE token_hash = ?1");
    query_bind_blob(&q, 1, token_hash, SHA256_BYTES);
    bind_no(&q, 2, partner_no);
    bind_no(&q, 3, organization_no);
    return query_finish(&q);
}

enum err web_session_store_used(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES], int64_t at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE web_session SET last_used_at = ?2 WHERE token_hash = ?1");
    query_bind_blob(&q, 1, token_hash, SHA256_BYTES);
    query_bind_time(&q, 2, at);
    return query_finish(&q);
}

enum err web_session_store_delete(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES])
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM web_session WHERE token_hash = ?1");
    query_bind_blob(&q, 1, token_hash, SHA256_BYTES);
    return query_finish(&q);
}

enum err web_session_store_delete_of_user(struct store_tx *tx, int64_t user_no, const uint8_t except[SHA256_BYTES])
{
    static const uint8_t nobody[SHA256_BYTES];
    struct query q;
    query_begin(&q, tx, "DELETE FROM web_session WHERE user_no = ?1 AND token_hash <> ?2");
    query_bind_i64(&q, 1, user_no);
    query_bind_blob(&q, 2, except ? except : nobody, SHA256_BYTES);
    return query_finish(&q);
}

enum err web_session_store_excess(struct store_tx *tx, int64_t user_no, int64_t kept,
                                  uint8_t ret_token_hash[SHA256_BYTES])
{
    struct query q;
    query_begin(&q, tx, "SELECT token_hash FROM web_session WHERE user_no = ?1 "
                        "ORDER BY last_used_at DESC, created_at DESC LIMIT 1 OFFSET ?2");
    query_bind_i64(&q, 1, user_no);
    query_bind_i64(&q, 2, kept);
    bool found = query_next(&q) && query_str(&q, 0).len == SHA256_BYTES;
    if (found) {
        memcpy(ret_token_hash, query_str(&q, 0).ptr, SHA256_BYTES);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err web_session_store_delete_idle(struct store_tx *tx, int64_t used_before)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM web_session WHERE last_used_at < ?1");
    query_bind_time(&q, 1, used_before);
    return query_finish(&q);
}
