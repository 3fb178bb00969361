#include "model/ports/merge_group_store.h"

#include "store/sqlite/tx.h"

static int64_t primary_of(struct store_tx *tx, int64_t device_no, enum err *ret_err)
{
    struct query q;
    query_begin(&q, tx, "SELECT primary_no FROM device_shadow WHERE device_no = ?1");
    query_bind_i64(&q, 1, device_no);
    int64_t no = query_next(&q) ? query_i64(&q, 0) : device_no;
    *ret_err = query_finish(&q);
    return no;
}

enum err merge_group_store_of(struct store_tx *tx, int64_t device_no, int64_t ret_nos[MERGE_GROUP_MAX], size_t *ret_count)
{
    enum err err = ERR_OK;
    struct query q;
    size_t count = 1;
    *ret_count = 0;
    ret_nos[0] = primary_of(tx, device_no, &err);
    if (err != ERR_OK) {
        return err;
    }
    query_begin(&q, tx, "SELECT device_no FROM device_shadow WHERE primary_no = ?1 ORDER BY device_no LIMIT 3");
    query_bind_i64(&q, 1, ret_nos[0]);
    while (query_next(&q)) {
        ret_nos[count++] = query_i64(&q, 0);
    }
    *ret_count = count > 1 ? count : 0;
    return query_finish(&q);
}

enum err merge_group_store_add(struct store_tx *tx, int64_t primary_no, int64_t shadow_no)
{
    struct query q;
    query_begin(&q, tx, "INSERT INTO device_shadow (device_no, primary_no) VALUES (?1, ?2)");
    query_bind_i64(&q, 1, shadow_no);
    query_bind_i64(&q, 2, primary_no);
    return query_finish(&q);
}

enum err merge_group_store_remove(struct store_tx *tx, int64_t shadow_no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM device_shadow WHERE device_no = ?1");
    query_bind_i64(&q, 1, shadow_no);
    return query_finish(&q);
}
