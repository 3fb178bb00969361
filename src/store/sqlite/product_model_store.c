#include "model/ports/product_model_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS \
    "no, partner_no, id, name, sku, icon_type IS NOT NULL, auth_cloud_id, protocol, device_type, api_version, " \
    "offline_threshold_minutes, enabled_tabs, published, config_schema, parameters, widgets, " \
    "(SELECT count(*) FROM device WHERE device.model_no = model.no), created_at, updated_at"

static struct product_model_row row_read(struct query *q)
{
    return (struct product_model_row){
        .no = query_i64(q, 0),
        .partner_no = query_i64(q, 1),
        .id = query_uuid(q, 2),
        .name = query_str(q, 3),
        .sku = query_str(q, 4),
        .has_icon = query_i64(q, 5) != 0,
        .auth_cloud_id = query_i64(q, 6) != 0,
        .protocol = (enum protocol)query_i64(q, 7),
        .device_type = (enum device_type)query_i64(q, 8),
        .api_version = query_i64(q, 9),
        .offline_threshold_minutes = query_i64(q, 10),
        .enabled_tabs = query_str(q, 11),
        .published = query_i64(q, 12) != 0,
        .config_schema = query_str(q, 13),
        .parameters = query_str(q, 14),
        .widgets = query_str(q, 15),
        .devices_count = query_i64(q, 16),
        .created_at = query_time(q, 17),
        .updated_at = query_time(q, 18),
    };
}

static struct str copy_optional(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

static int64_t count_finish(struct query *q)
{
    int64_t count = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q) ? 0 : count;
}

static void bind_threshold(struct query *q, int index, int64_t minutes)
{
    if (minutes) {
        query_bind_i64(q, index, minutes);
    } else {
        query_bind_null(q, index);
    }
}

enum err product_model_store_insert(struct store_tx *tx, struct product_model_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO model (partner_no, id, name, sku, auth_cloud_id, protocol, device_type, api_version, "
                "offline_threshold_minutes, enabled_tabs, published, config_schema, parameters, widgets, created_at, "
                "updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)");
    query_bind_i64(&q, 1, row->partner_no);
    query_bind_uuid(&q, 2, &row->id);
    query_bind_str(&q, 3, row->name);
    query_bind_str(&q, 4, row->sku);
    query_bind_i64(&q, 5, row->auth_cloud_id);
    query_bind_i64(&q, 6, row->protocol);
    query_bind_i64(&q, 7, row->device_type);
    query_bind_i64(&q, 8, row->api_version);
    bind_threshold(&q, 9, row->offline_threshold_minutes);
    query_bind_str(&q, 10, row->enabled_tabs);
    query_bind_i64(&q, 11, row->published);
    query_bind_str(&q, 12, row->config_schema);
    query_bind_str(&q, 13, row->parameters);
    query_bind_str(&q, 14, row->widgets);
    query_bind_time(&q, 15, row->created_at);
    query_bind_time(&q, 16, row->updated_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err product_model_store_update(struct store_tx *tx, const struct product_model_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE model SET name = ?2, sku = ?3, auth_cloud_id = ?4, offline_threshold_minutes = ?5, "
                "enabled_tabs = ?6, published = ?7, updated_at = ?8, config_schema = ?9, parameters = ?10, "
                "widgets = ?11 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_str(&q, 2, row->name);
    query_bind_str(&q, 3, row->sku);
    query_bind_i64(&q, 4, row->auth_cloud_id);
    bind_threshold(&q, 5, row->offline_threshold_minutes);
    query_bind_str(&q, 6, row->enabled_tabs);
    query_bind_i64(&q, 7, row->published);
    query_bind_time(&q, 8, row->updated_at);
    query_bind_str(&q, 9, row->config_schema);
    query_bind_str(&q, 10, row->parameters);
    query_bind_str(&q, 11, row->widgets);
    return query_finish(&q);
}

enum err product_model_store_delete(struct store_tx *tx, int64_t no)
{
    static const char *const statements[] = {
        "DELETE FROM model_version WHERE model_no = ?1",
        "DELETE FROM telemetry_key WHERE model_no = ?1",
        "DELETE FROM command_definition WHERE model_no = ?1",
        "DELETE FROM hardware_key WHERE model_no = ?1",
        "DELETE FROM rule WHERE model_no = ?1",
        "DELETE FROM model WHERE no = ?1",
    };
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof statements / sizeof statements[0]; i++) {
        struct query q;
        query_begin(&q, tx, statements[i]);
        query_bind_i64(&q, 1, no);
        err = query_finish(&q);
    }
    return err;
}

enum err product_model_store_find(struct store_tx *tx, int64_t partner_no, const struct uuid *id, struct arena *arena,
                                  struct product_model_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM model WHERE id = ?1 AND partner_no = ?2");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, partner_no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_read(&q);
        ret_row->name = arena_str(arena, ret_row->name);
        ret_row->sku = copy_optional(arena, ret_row->sku);
        ret_row->enabled_tabs = arena_str(arena, ret_row->enabled_tabs);
        ret_row->config_schema = copy_optional(arena, ret_row->config_schema);
        ret_row->parameters = arena_str(arena, ret_row->parameters);
        ret_row->widgets = arena_str(arena, ret_row->widgets);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

#define FILTER \
    " FROM model WHERE partner_no = ?1 AND (?2 = 0 OR published = 1) " \
    "AND (?3 = '' OR instr(lower(name), lower(?3)) > 0 OR instr(lower(ifnull(sku, '')), lower(?3)) > 0) "

static void bind_filter(struct query *q, const struct product_model_filter *filter)
{
    query_bind_i64(q, 1, filter->partner_no);
    query_bind_i64(q, 2, filter->published_only);
    query_bind_str(q, 3, filter->search.len ? filter->search : STR(""));
}

enum err product_model_store_list(struct store_tx *tx, const struct product_model_filter *filter, struct page page,
                                  void (*visit)(const struct product_model_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS FILTER "ORDER BY no LIMIT ?4 OFFSET ?5");
    bind_filter(&q, filter);
    query_bind_i64(&q, 4, page.size);
    query_bind_i64(&q, 5, page_offset(page));
    while (query_next(&q)) {
        struct product_model_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

int64_t product_model_store_count(struct store_tx *tx, const struct product_model_filter *filter)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" FILTER);
    bind_filter(&q, filter);
    return count_finish(&q);
}

enum err product_model_store_config_schema(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_schema)
{
    struct query q;
    query_begin(&q, tx, "SELECT config_schema FROM model WHERE no = ?1 AND config_schema IS NOT NULL");
    query_bind_i64(&q, 1, no);
    bool found = query_next(&q);
    *ret_schema = found ? query_str_copy(&q, 0, arena) : (struct str){NULL, 0};
    return query_finish(&q);
}

int64_t product_model_store_device_count(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM device WHERE model_no = ?1");
    query_bind_i64(&q, 1, no);
    return count_finish(&q);
}

unsigned product_model_store_versions_in_use(struct store_tx *tx, int64_t partner_no)
{
    unsigned mask = 0;
    struct query q;
    query_begin(&q, tx, "SELECT DISTINCT api_version FROM model WHERE partner_no = ?1");
    query_bind_i64(&q, 1, partner_no);
    while (query_next(&q)) {
        mask |= 1u << (query_i64(&q, 0) & 31);
    }
    return query_finish(&q) ? 0 : mask;
}

enum err product_model_store_set_icon(struct store_tx *tx, int64_t no, struct str type, struct str bytes)
{
    struct query q;
    query_begin(&q, tx, "UPDATE model SET icon_type = ?2, icon = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    if (bytes.len) {
        query_bind_str(&q, 2, type);
        query_bind_blob(&q, 3, bytes.ptr, bytes.len);
    } else {
        query_bind_null(&q, 2);
        query_bind_null(&q, 3);
    }
    return query_finish(&q);
}

enum err product_model_store_icon(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_type,
                                  struct str *ret_bytes)
{
    struct query q;
    query_begin(&q, tx, "SELECT icon_type, icon FROM model WHERE no = ?1 AND icon_type IS NOT NULL");
    query_bind_i64(&q, 1, no);
    bool found = query_next(&q);
    if (found) {
        *ret_type = query_str_copy(&q, 0, arena);
        *ret_bytes = query_str_copy(&q, 1, arena);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err model_version_store_add(struct store_tx *tx, int64_t model_no, struct str document, struct str author,
                                 int64_t now)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO model_version (model_no, n, document, author, created_at) "
                "SELECT ?1, 1 + ifnull(max(n), 0), ?2, ?3, ?4 FROM model_version WHERE model_no = ?1");
    query_bind_i64(&q, 1, model_no);
    query_bind_str(&q, 2, document);
    query_bind_str(&q, 3, author);
    query_bind_time(&q, 4, now);
    return query_finish(&q);
}

enum err model_version_store_find(struct store_tx *tx, int64_t model_no, int64_t n, struct arena *arena,
                                  struct str *ret_document)
{
    struct query q;
    query_begin(&q, tx, "SELECT document FROM model_version WHERE model_no = ?1 AND n = ?2");
    query_bind_i64(&q, 1, model_no);
    query_bind_i64(&q, 2, n);
    bool found = query_next(&q);
    if (found) {
        *ret_document = query_str_copy(&q, 0, arena);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err model_version_store_list(struct store_tx *tx, int64_t model_no, struct page page,
                                  void (*visit)(const struct model_version_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT n, document, author, created_at FROM model_version WHERE model_no = ?1 "
                "ORDER BY n DESC LIMIT ?2 OFFSET ?3");
    query_bind_i64(&q, 1, model_no);
    query_bind_i64(&q, 2, page.size);
    query_bind_i64(&q, 3, page_offset(page));
    while (query_next(&q)) {
        visit(&(struct model_version_row){query_i64(&q, 0), query_str(&q, 1), query_str(&q, 2), query_time(&q, 3)}, arg);
    }
    return query_finish(&q);
}

int64_t model_version_store_count(struct store_tx *tx, int64_t model_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM model_version WHERE model_no = ?1");
    query_bind_i64(&q, 1, model_no);
    return count_finish(&q);
}
