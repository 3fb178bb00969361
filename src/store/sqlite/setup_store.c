#include "model/ports/setup_store.h"

#include "store/sqlite/tx.h"

enum err setup_link_store_clear(struct store_tx *tx)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM setup_link");
    return query_finish(&q);
}

enum err setup_link_store_replace(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES], int64_t expires_at)
{
    enum err err = setup_link_store_clear(tx);
    if (err) {
        return err;
    }
    struct query q;
    query_begin(&q, tx, "INSERT INTO setup_link (token_hash, expires_at) VALUES (?1, ?2)");
    query_bind_blob(&q, 1, token_hash, SHA256_BYTES);
    query_bind_time(&q, 2, expires_at);
    return query_finish(&q);
}

enum err setup_link_store_find(struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES], int64_t now)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM setup_link WHERE token_hash = ?1 AND expires_at > ?2");
    query_bind_blob(&q, 1, token_hash, SHA256_BYTES);
    query_bind_time(&q, 2, now);
    bool found = query_next(&q);
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err setting_store_get(struct store_tx *tx, struct str key, struct arena *arena, struct str *ret_value)
{
    struct query q;
    query_begin(&q, tx, "SELECT value FROM setting WHERE key = ?1");
    query_bind_str(&q, 1, key);
    *ret_value = query_next(&q) ? query_str_copy(&q, 0, arena) : STR("");
    return query_finish(&q);
}

enum err setting_store_set(struct store_tx *tx, struct str key, struct str value)
{
    struct query q;
    query_begin(&q, tx, "INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2");
    query_bind_str(&q, 1, key);
    query_bind_str(&q, 2, value);
    return query_finish(&q);
}

enum err setting_store_clear(struct store_tx *tx, struct str key)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM setting WHERE key = ?1");
    query_bind_str(&q, 1, key);
    return query_finish(&q);
}

enum err setting_store_each(struct store_tx *tx, struct str prefix, void (*visit)(struct str key, struct str value, void *arg),
                            void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT substr(key, length(?1) + 1), value FROM setting WHERE substr(key, 1, length(?1)) = ?1");
    query_bind_str(&q, 1, prefix);
    while (query_next(&q)) {
        visit(query_str(&q, 0), query_str(&q, 1), arg);
    }
    return query_finish(&q);
}
