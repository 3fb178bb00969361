#include "model/ports/telemetry_key_store.h"

#include "store/sqlite/tx.h"

/* Of the type, SQLite gives the one of the row that has the maximum. */
#define SEEN \
    "SELECT e.key AS key, CASE e.type WHEN 'text' THEN 'string' WHEN 'true' THEN 'boolean' WHEN 'false' THEN 'boolean' " \
    "ELSE 'number' END AS type, max(ifnull(d.last_seen_at, 0)) AS at, count(*) AS devices " \
    "FROM device d, json_each(d.state) e WHERE d.model_no = ?1 AND e.key <> 'status' GROUP BY e.key"

enum err telemetry_key_store_list(struct store_tx *tx, int64_t model_no,
                                  void (*visit)(const struct telemetry_key_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "WITH seen AS (" SEEN "), named AS (SELECT key FROM seen UNION "
                "SELECT key FROM telemetry_key WHERE model_no = ?1) "
                "SELECT named.key, seen.type, k.label, k.unit, k.metered, nullif(seen.at, 0), seen.devices FROM named "
                "LEFT JOIN seen ON seen.key = named.key "
                "LEFT JOIN telemetry_key k ON k.model_no = ?1 AND k.key = named.key ORDER BY named.key");
    query_bind_i64(&q, 1, model_no);
    while (query_next(&q)) {
        struct telemetry_key_row row = {
            .key = query_str(&q, 0),
            .type = query_str(&q, 1),
            .label = query_str(&q, 2),
            .unit = query_str(&q, 3),
            .metered = query_i64(&q, 4) != 0,
            .last_seen_at = query_time(&q, 5),
            .devices = query_i64(&q, 6),
        };
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err telemetry_key_store_find(struct store_tx *tx, int64_t model_no, struct str key, struct arena *arena,
                                  struct telemetry_key_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT label, unit, metered FROM telemetry_key WHERE model_no = ?1 AND key = ?2");
    query_bind_i64(&q, 1, model_no);
    query_bind_str(&q, 2, key);
    bool found = query_next(&q);
    if (found) {
        *ret_row = (struct telemetry_key_row){.key = key, .last_seen_at = TIME_NONE};
        ret_row->label = query_is_null(&q, 0) ? (struct str){NULL, 0} : query_str_copy(&q, 0, arena);
        ret_row->unit = query_is_null(&q, 1) ? (struct str){NULL, 0} : query_str_copy(&q, 1, arena);
        ret_row->metered = query_i64(&q, 2) != 0;
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err telemetry_key_store_put(struct store_tx *tx, int64_t model_no, const struct telemetry_key_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO telemetry_key (model_no, key, label, unit, metered) VALUES (?1, ?2, ?3, ?4, ?5) "
                "ON CONFLICT (model_no, key) DO UPDATE SET label = ?3, unit = ?4, metered = ?5");
    query_bind_i64(&q, 1, model_no);
    query_bind_str(&q, 2, row->key);
    query_bind_str(&q, 3, row->label);
    query_bind_str(&q, 4, row->unit);
    query_bind_i64(&q, 5, row->metered);
    return query_finish(&q);
}

enum err telemetry_key_store_copy_all(struct store_tx *tx, int64_t from_model_no, int64_t to_model_no)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO telemetry_key (model_no, key, label, unit, metered) "
                "SELECT ?2, key, label, unit, metered FROM telemetry_key WHERE model_no = ?1");
    query_bind_i64(&q, 1, from_model_no);
    query_bind_i64(&q, 2, to_model_no);
    return query_finish(&q);
}

int64_t telemetry_key_store_count(struct store_tx *tx, int64_t model_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM telemetry_key WHERE model_no = ?1");
    query_bind_i64(&q, 1, model_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}
