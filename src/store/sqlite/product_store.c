#include "model/ports/license_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS "no, partner_no, id, name, kind, telemetry_key, created_at"

static struct product_row row_read(struct query *q)
{
    return (struct product_row){
        .no = query_i64(q, 0),
        .partner_no = query_i64(q, 1),
        .id = query_uuid(q, 2),
        .name = query_str(q, 3),
        .kind = (enum product_kind)query_i64(q, 4),
        .telemetry_key = query_str(q, 5),
        .created_at = query_time(q, 6),
    };
}

enum err product_store_insert(struct store_tx *tx, struct product_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO product (id, partner_no, name, kind, telemetry_key, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->partner_no);
    query_bind_str(&q, 3, row->name);
    query_bind_i64(&q, 4, row->kind);
    query_bind_str(&q, 5, row->telemetry_key);
    query_bind_time(&q, 6, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err product_store_update(struct store_tx *tx, const struct product_row *row)
{
    struct query q;
    query_begin(&q, tx, "UPDATE product SET name = ?2, kind = ?3, telemetry_key = ?4 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_str(&q, 2, row->name);
    query_bind_i64(&q, 3, row->kind);
    query_bind_str(&q, 4, row->telemetry_key);
    return query_finish(&q);
}

enum err product_store_find(struct store_tx *tx, int64_t partner_no, const struct uuid *id, struct arena *arena,
                            struct product_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM product WHERE id = ?1 AND partner_no = ?2");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, partner_no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_read(&q);
        ret_row->name = query_str_copy(&q, 3, arena);
        ret_row->telemetry_key = query_str_copy(&q, 5, arena);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err product_store_list(struct store_tx *tx, int64_t partner_no, struct page page,
                            void (*visit)(const struct product_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM product WHERE partner_no = ?1 ORDER BY no LIMIT ?2 OFFSET ?3");
    query_bind_i64(&q, 1, partner_no);
    query_bind_i64(&q, 2, page.size);
    query_bind_i64(&q, 3, page_offset(page));
    while (query_next(&q)) {
        struct product_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

int64_t product_store_count(struct store_tx *tx, int64_t partner_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM product WHERE partner_no = ?1");
    query_bind_i64(&q, 1, partner_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}

enum err product_store_clear_models(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM product_for_model WHERE product_no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

enum err product_store_add_model(struct store_tx *tx, int64_t no, int64_t model_no)
{
    struct query q;
    query_begin(&q, tx, "INSERT OR IGNORE INTO product_for_model (product_no, model_no) VALUES (?1, ?2)");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, model_no);
    return query_finish(&q);
}

enum err product_store_each_model(struct store_tx *tx, int64_t no, void (*visit)(const struct uuid *model_id, void *arg),
                                  void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT model.id FROM product_for_model JOIN model ON model.no = model_no WHERE product_no = ?1 "
                "ORDER BY model_no");
    query_bind_i64(&q, 1, no);
    while (query_next(&q)) {
        struct uuid id = query_uuid(&q, 0);
        visit(&id, arg);
    }
    return query_finish(&q);
}

enum err product_store_fits(struct store_tx *tx, int64_t no, int64_t model_no, bool *ret_fits)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT count(*) = 0 OR ifnull(sum(model_no = ?2), 0) > 0 FROM product_for_model WHERE product_no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, model_no);
    *ret_fits = query_next(&q) && query_i64(&q, 0) != 0;
    return query_finish(&q);
}
