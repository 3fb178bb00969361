#include "model/ports/tenant_store.h"

#include "base/crypto.h"
#include "store/sqlite/tx.h"

enum err partner_store_insert(struct store_tx *tx, struct partner_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO partner (id, name, short_code, license_private_key_sealed, license_public_key, created_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_str(&q, 2, row->name);
    query_bind_str(&q, 3, row->short_code);
    query_bind_blob(&q, 4, row->license_private_key_sealed.ptr, row->license_private_key_sealed.len);
    query_bind_str(&q, 5, row->license_public_key);
    query_bind_time(&q, 6, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err partner_store_find(struct store_tx *tx, int64_t no, struct arena *arena, struct partner_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT no, id, name, short_code, suspended, created_at FROM partner WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = (struct partner_row){
            .no = query_i64(&q, 0),
            .id = query_uuid(&q, 1),
            .name = query_str_copy(&q, 2, arena),
            .short_code = query_str_copy(&q, 3, arena),
            .suspended = query_i64(&q, 4) != 0,
            .created_at = query_time(&q, 5),
        };
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err partner_store_update(struct store_tx *tx, const struct partner_row *row)
{
    struct query q;
    query_begin(&q, tx, "UPDATE partner SET name = ?2, short_code = ?3, suspended = ?4 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_str(&q, 2, row->name);
    query_bind_str(&q, 3, row->short_code);
    query_bind_i64(&q, 4, row->suspended);
    return query_finish(&q);
}

enum err partner_store_legacy_key(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_sealed, bool *ret_on)
{
    struct query q;
    query_begin(&q, tx, "SELECT legacy_key_sealed, legacy_key_hash IS NOT NULL FROM partner WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    *ret_sealed = (struct str){NULL, 0};
    *ret_on = false;
    if (query_next(&q) && !query_is_null(&q, 0)) {
        *ret_sealed = query_str_copy(&q, 0, arena);
        *ret_on = query_i64(&q, 1) != 0;
    }
    return query_finish(&q);
}

enum err partner_store_set_legacy_key(struct store_tx *tx, int64_t no, struct str sealed, const uint8_t *hash)
{
    struct query q;
    query_begin(&q, tx, "UPDATE partner SET legacy_key_sealed = ?2, legacy_key_hash = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_blob(&q, 2, sealed.ptr, sealed.len);
    if (hash) {
        query_bind_blob(&q, 3, hash, SHA256_BYTES);
    } else {
        query_bind_null(&q, 3);
    }
    return query_finish(&q);
}

enum err partner_store_each_domain(struct store_tx *tx, void (*visit)(const struct partner_domains *domains, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT * FROM (SELECT p.no, p.suspended, t.document ->> '$.domain' AS domain, t.document ->> '$.mobile_domain' AS "
                "mobile FROM partner p JOIN tenant_settings t ON t.tenant_kind = 1 AND t.tenant_no = p.no) "
                "WHERE domain IS NOT NULL OR mobile IS NOT NULL");
    while (query_next(&q)) {
        struct partner_domains domains = {.no = query_i64(&q, 0), .suspended = query_i64(&q, 1) != 0,
                                          .domain = query_str(&q, 2), .mobile_domain = query_str(&q, 3)};
        visit(&domains, arg);
    }
    return query_finish(&q);
}

enum err partner_store_find_only(struct store_tx *tx, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT min(no), count(*) FROM partner WHERE suspended = 0");
    bool found = query_next(&q) && query_i64(&q, 1) == 1;
    if (found) {
        *ret_no = query_i64(&q, 0);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err partner_store_has_devices(struct store_tx *tx, int64_t no, bool *ret_any)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM device WHERE partner_no = ?1 LIMIT 1");
    query_bind_i64(&q, 1, no);
    *ret_any = query_next(&q);
    return query_finish(&q);
}

#define ORGANIZATION_COLUMNS \
    "no, partner_no, id, name, display_name, lab, sandbox, suspended, contacts, created_at"

static struct organization_row organization_read(struct query *q)
{
    return (struct organization_row){
        .no = query_i64(q, 0),
        .partner_no = query_i64(q, 1),
        .id = query_uuid(q, 2),
        .name = query_str(q, 3),
        .display_name = query_str(q, 4),
        .lab = query_i64(q, 5) != 0,
        .sandbox = query_i64(q, 6) != 0,
        .suspended = query_i64(q, 7) != 0,
        .contacts = query_str(q, 8),
        .created_at = query_time(q, 9),
    };
}

enum err organization_store_insert(struct store_tx *tx, struct organization_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO organization (partner_no, id, name, display_name, lab, sandbox, contacts, created_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    query_bind_i64(&q, 1, row->partner_no);
    query_bind_uuid(&q, 2, &row->id);
    query_bind_str(&q, 3, row->name);
    query_bind_str(&q, 4, row->display_name);
    query_bind_i64(&q, 5, row->lab);
    query_bind_i64(&q, 6, row->sandbox);
    query_bind_str(&q, 7, row->contacts);
    query_bind_time(&q, 8, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err organization_store_find(struct store_tx *tx, int64_t no, struct arena *arena, struct organization_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " ORGANIZATION_COLUMNS " FROM organization WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = organization_read(&q);
        ret_row->name = arena_str(arena, ret_row->name);
        ret_row->contacts = arena_str(arena, ret_row->contacts);
        if (ret_row->display_name.ptr) {
            ret_row->display_name = arena_str(arena, ret_row->display_name);
        }
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err organization_store_update(struct store_tx *tx, const struct organization_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE organization SET name = ?2, display_name = ?3, sandbox = ?4, suspended = ?5, contacts = ?6 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_str(&q, 2, row->name);
    query_bind_str(&q, 3, row->display_name);
    query_bind_i64(&q, 4, row->sandbox);
    query_bind_i64(&q, 5, row->suspended);
    query_bind_str(&q, 6, row->contacts);
    return query_finish(&q);
}

enum err tenant_settings_store_get(struct store_tx *tx, int tenant_kind, int64_t tenant_no, struct arena *arena,
                                   struct str *ret_document)
{
    struct query q;
    query_begin(&q, tx, "SELECT document FROM tenant_settings WHERE tenant_kind = ?1 AND tenant_no = ?2");
    query_bind_i64(&q, 1, tenant_kind);
    query_bind_i64(&q, 2, tenant_no);
    *ret_document = query_next(&q) ? query_str_copy(&q, 0, arena) : STR("{}");
    return query_finish(&q);
}

enum err tenant_settings_store_put(struct store_tx *tx, int tenant_kind, int64_t tenant_no, struct str document)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO tenant_settings (tenant_kind, tenant_no, document) VALUES (?1, ?2, ?3) "
                "ON CONFLICT (tenant_kind, tenant_no) DO UPDATE SET document = ?3");
    query_bind_i64(&q, 1, tenant_kind);
    query_bind_i64(&q, 2, tenant_no);
    query_bind_str(&q, 3, document);
    return query_finish(&q);
}

enum err organization_store_list(struct store_tx *tx, int64_t partner_no, struct str search, struct page page,
                                 void (*visit)(const struct organization_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " ORGANIZATION_COLUMNS " FROM organization WHERE partner_no = ?1 AND "
                "(?2 = '' OR instr(lower(name), lower(?2)) > 0) ORDER BY no LIMIT ?3 OFFSET ?4");
    query_bind_i64(&q, 1, partner_no);
    query_bind_str(&q, 2, search.len ? search : STR(""));
    query_bind_i64(&q, 3, page.size);
    query_bind_i64(&q, 4, page_offset(page));
    while (query_next(&q)) {
        struct organization_row row = organization_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

static int64_t count_finish(struct query *q)
{
    int64_t count = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q) ? 0 : count;
}

int64_t organization_store_count(struct store_tx *tx, int64_t partner_no, struct str search)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT count(*) FROM organization WHERE partner_no = ?1 AND "
                "(?2 = '' OR instr(lower(name), lower(?2)) > 0)");
    query_bind_i64(&q, 1, partner_no);
    query_bind_str(&q, 2, search.len ? search : STR(""));
    return count_finish(&q);
}

enum err organization_store_statistics(struct store_tx *tx, int64_t no, struct organization_statistics *ret)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT (SELECT count(*) FROM device WHERE organization_no = ?1), "
                "(SELECT count(*) FROM membership WHERE tenant_kind = 2 AND tenant_no = ?1 AND deactivated_at IS NULL "
                "AND role <> 'external'), (SELECT count(*) FROM user_group WHERE tenant_kind = 2 AND tenant_no = ?1), "
                "(SELECT count(*) FROM space WHERE organization_no = ?1), "
                "(SELECT count(*) FROM incident WHERE organization_no = ?1 AND closed_at IS NULL), "
                "(SELECT count(*) FROM ticket WHERE organization_no = ?1 AND resolved_at IS NULL)");
    query_bind_i64(&q, 1, no);
    if (query_next(&q)) {
        *ret = (struct organization_statistics){query_i64(&q, 0), query_i64(&q, 1), query_i64(&q, 2), query_i64(&q, 3),
                                                query_i64(&q, 4), query_i64(&q, 5)};
    }
    return query_finish(&q);
}

int64_t organization_store_device_count(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM device WHERE organization_no = ?1");
    query_bind_i64(&q, 1, no);
    return count_finish(&q);
}
