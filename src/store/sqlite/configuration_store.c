#include "model/ports/configuration_store.h"

#include "store/sqlite/tx.h"

enum err configuration_store_get(struct store_tx *tx, int64_t device_no, struct arena *arena,
                                 struct configuration_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT version, applied_version, config, updated_at FROM device_config WHERE device_no = ?1");
    query_bind_i64(&q, 1, device_no);
    bool row = query_next(&q);
    if (row) {
        *ret_row = (struct configuration_row){
            .version = (int32_t)query_i64(&q, 0),
            .applied_version = (int32_t)query_i64(&q, 1),
            .config = query_str_copy(&q, 2, arena),
            .updated_at = query_time(&q, 3),
        };
    }
    enum err err = query_finish(&q);
    return err != ERR_OK ? err : row ? ERR_OK : ERR_NOT_FOUND;
}

static enum err put_version(struct store_tx *tx, int64_t device_no, const struct configuration_row *row, struct str author)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT OR REPLACE INTO config_version (device_no, version, config, author, created_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5)");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, row->version);
    query_bind_str(&q, 3, row->config);
    query_bind_str(&q, 4, author);
    query_bind_time(&q, 5, row->updated_at);
    enum err err = query_finish(&q);
    if (err != ERR_OK) {
        return err;
    }
    query_begin(&q, tx,
                "DELETE FROM config_version WHERE device_no = ?1 AND version <= (SELECT version FROM config_version "
                "WHERE device_no = ?1 ORDER BY version DESC LIMIT 1 OFFSET ?2)");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, CONFIGURATION_VERSIONS_KEPT);
    return query_finish(&q);
}

enum err configuration_store_put(struct store_tx *tx, int64_t device_no, const struct configuration_row *row,
                                 struct str author)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT OR REPLACE INTO device_config (device_no, version, applied_version, config, updated_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5)");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, row->version);
    query_bind_i64(&q, 3, row->applied_version);
    query_bind_str(&q, 4, row->config);
    query_bind_time(&q, 5, row->updated_at);
    enum err err = query_finish(&q);
    return err == ERR_OK ? put_version(tx, device_no, row, author) : err;
}

enum err configuration_store_set_applied(struct store_tx *tx, int64_t device_no, int32_t applied_version)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device_config SET applied_version = ?2 WHERE device_no = ?1");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, applied_version);
    return query_finish(&q);
}

enum err configuration_store_versions(struct store_tx *tx, int64_t device_no, struct arena *arena,
                                      struct configuration_version **ret_versions, size_t *ret_count)
{
    struct configuration_version *versions =
        arena_alloc(arena, CONFIGURATION_VERSIONS_KEPT * sizeof(struct configuration_version));
    size_t count = 0;
    struct query q;
    query_begin(&q, tx,
                "SELECT version, config, author, created_at FROM config_version WHERE device_no = ?1 "
                "ORDER BY version DESC LIMIT ?2");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, CONFIGURATION_VERSIONS_KEPT);
    while (count < CONFIGURATION_VERSIONS_KEPT && query_next(&q)) {
        versions[count++] = (struct configuration_version){
            .version = (int32_t)query_i64(&q, 0),
            .config = query_str_copy(&q, 1, arena),
            .author = query_str_copy(&q, 2, arena),
            .created_at = query_time(&q, 3),
        };
    }
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        *ret_versions = versions;
        *ret_count = count;
    }
    return err;
}

enum err configuration_store_each(struct store_tx *tx,
                                  void (*visit)(int64_t device_no, int32_t version, int32_t applied_version, void *arg),
                                  void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT device_no, version, applied_version FROM device_config");
    while (query_next(&q)) {
        visit(query_i64(&q, 0), (int32_t)query_i64(&q, 1), (int32_t)query_i64(&q, 2), arg);
    }
    return query_finish(&q);
}
