#include "model/ports/registration_store.h"

#include <string.h>

#include "store/sqlite/tx.h"

enum { REPEAT_WINDOW_MS = 24 * 3600 * 1000 };

static enum err found(struct query *q, bool row)
{
    enum err err = query_finish(q);
    return err != ERR_OK ? err : row ? ERR_OK : ERR_NOT_FOUND;
}

static void bind_no(struct query *q, int index, int64_t no) /* 0 binds null */
{
    if (no) {
        query_bind_i64(q, index, no);
    } else {
        query_bind_null(q, index);
    }
}

enum err registration_key_by_hash(struct store_tx *tx, const uint8_t hash[SHA256_BYTES], struct registration_key *ret_key)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no, model_no, id, revoked_at IS NOT NULL, enforce_count, expected_count, used_count "
                "FROM hardware_key WHERE key_hash = ?1");
    query_bind_blob(&q, 1, hash, SHA256_BYTES);
    bool row = query_next(&q);
    if (row) {
        *ret_key = (struct registration_key){
            .no = query_i64(&q, 0),
            .model_no = query_i64(&q, 1),
            .id = query_uuid(&q, 2),
            .revoked = query_i64(&q, 3) != 0,
            .enforce_count = query_i64(&q, 4) != 0,
            .expected_count = query_i64(&q, 5),
            .used_count = query_i64(&q, 6),
        };
    }
    return found(&q, row);
}

enum err registration_key_used(struct store_tx *tx, int64_t key_no, int64_t now_ms)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE hardware_key SET used_count = used_count + 1, first_used_at = ifnull(first_used_at, ?2), "
                "last_used_at = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, key_no);
    query_bind_time(&q, 2, now_ms);
    return query_finish(&q);
}

static enum err read_no(struct query *q, int64_t *ret_no) /* 0: no row */
{
    int64_t no = query_next(q) ? query_i64(q, 0) : 0;
    enum err err = query_finish(q);
    if (err == ERR_OK) {
        *ret_no = no;
    }
    return err;
}

enum err registration_legacy_partner(struct store_tx *tx, const uint8_t hash[SHA256_BYTES], int64_t *ret_partner_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM partner WHERE legacy_key_hash = ?1");
    query_bind_blob(&q, 1, hash, SHA256_BYTES);
    int64_t no = 0;
    enum err err = read_no(&q, &no);
    if (err == ERR_OK) {
        *ret_partner_no = no;
    }
    return err != ERR_OK ? err : no ? ERR_OK : ERR_NOT_FOUND;
}

enum err registration_model_by_name(struct store_tx *tx, int64_t partner_no, struct str name, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM model WHERE partner_no = ?1 AND name = ?2");
    query_bind_i64(&q, 1, partner_no);
    query_bind_str(&q, 2, name);
    return read_no(&q, ret_no);
}

enum err registration_short_code_holder(struct store_tx *tx, struct str short_code, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM partner WHERE short_code = ?1");
    query_bind_str(&q, 1, short_code);
    return read_no(&q, ret_no);
}

static void bind_entry(struct query *q, const struct registration_entry *entry)
{
    query_bind_time(q, 1, entry->at);
    query_bind_str(q, 2, entry->address);
    bind_no(q, 3, entry->partner_no);
    bind_no(q, 4, entry->model_no);
    bind_no(q, 5, entry->hardware_key_no);
    query_bind_str(q, 6, entry->sn);
    query_bind_str(q, 7, entry->mac);
    query_bind_str(q, 8, entry->cloud_id);
    query_bind_i64(q, 9, entry->result);
    query_bind_str(q, 10, entry->error);
    if (uuid_is_nil(&entry->device_id)) {
        query_bind_null(q, 11);
    } else {
        query_bind_uuid(q, 11, &entry->device_id);
    }
    query_bind_i64(q, 12, entry->count);
}

enum err registration_store_add(struct store_tx *tx, const struct registration_entry *entry)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO registration (at, address, partner_no, model_no, hardware_key_no, sn, mac, cloud_id, result, "
                "error, device_id, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    bind_entry(&q, entry);
    return query_finish(&q);
}

enum err registration_store_add_refusal(struct store_tx *tx, const struct registration_entry *entry)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE registration SET at = ?1, error = ?2, count = count + ?3, mac = ?4, device_id = ?5 WHERE no = ("
                "SELECT no FROM registration INDEXED BY registration_repeat WHERE result = 3 AND address IS ?6 "
                "AND partner_no IS ?7 AND cloud_id IS ?8 AND sn IS ?9 AND at > ?10 LIMIT 1)");
    query_bind_time(&q, 1, entry->at);
    query_bind_str(&q, 2, entry->error);
    query_bind_i64(&q, 3, entry->count);
    query_bind_str(&q, 4, entry->mac);
    if (uuid_is_nil(&entry->device_id)) {
        query_bind_null(&q, 5);
    } else {
        query_bind_uuid(&q, 5, &entry->device_id);
    }
    query_bind_str(&q, 6, entry->address);
    bind_no(&q, 7, entry->partner_no);
    query_bind_str(&q, 8, entry->cloud_id);
    query_bind_str(&q, 9, entry->sn);
    query_bind_i64(&q, 10, entry->at - REPEAT_WINDOW_MS);
    enum err err = query_finish(&q);
    if (err != ERR_OK || tx_changes(tx) > 0) {
        return err;
    }
    return registration_store_add(tx, entry);
}

enum err registration_store_trim(struct store_tx *tx, int64_t rows_max)
{
    if (rows_max == 0) {
        return ERR_OK;
    }
    struct query q;
    query_begin(&q, tx, "DELETE FROM registration WHERE no <= (SELECT max(no) FROM registration) - ?1");
    query_bind_i64(&q, 1, rows_max);
    return query_finish(&q);
}

#define LIST_WHERE \
    "WHERE r.partner_no = ?1 AND (?2 = 0 OR r.model_no = ?2) AND (?3 = 0 OR r.result = ?3) AND r.at >= ?4 AND r.at <= ?5 " \
    "AND (?8 IS NULL OR r.device_id = ?8)"

static void bind_list(struct query *q, const struct registration_filter *filter)
{
    query_bind_i64(q, 1, filter->partner_no);
    query_bind_i64(q, 2, filter->model_no);
    query_bind_i64(q, 3, filter->result);
    query_bind_i64(q, 4, filter->from);
    query_bind_i64(q, 5, filter->to);
    if (filter->device_id) {
        query_bind_uuid(q, 8, filter->device_id);
    } else {
        query_bind_null(q, 8);
    }
}

static void read_entry(struct query *q, struct arena *arena, struct registration_entry *ret_entry)
{
    *ret_entry = (struct registration_entry){
        .no = query_i64(q, 0),
        .at = query_time(q, 1),
        .address = query_str_copy(q, 2, arena),
        .model_id = query_uuid(q, 3),
        .hardware_key_id = query_uuid(q, 4),
        .sn = query_str_copy(q, 5, arena),
        .mac = query_str_copy(q, 6, arena),
        .cloud_id = query_str_copy(q, 7, arena),
        .result = (enum registration_result)query_i64(q, 8),
        .error = query_str_copy(q, 9, arena),
        .device_id = query_uuid(q, 10),
        .count = query_i64(q, 11),
        .hardware_key_no = query_i64(q, 12),
    };
}

enum err registration_store_list(struct store_tx *tx, const struct registration_filter *filter, int64_t limit,
                                 int64_t offset, struct arena *arena, struct registration_entry **ret_entries,
                                 size_t *ret_count)
{
    struct registration_entry *entries = arena_alloc(arena, (size_t)limit * sizeof(struct registration_entry));
    size_t count = 0;
    struct query q;
#define LIST \
    "SELECT r.no, r.at, r.address, m.id, k.id, r.sn, r.mac, r.cloud_id, r.result, r.error, r.device_id, r.count, " \
    "r.hardware_key_no " \
    "FROM (SELECT r.no AS picked FROM registration r " LIST_WHERE " ORDER BY r.no "
#define PICKED \
    " LIMIT ?6 OFFSET ?7) CROSS JOIN registration r ON r.no = picked LEFT JOIN model m ON m.no = r.model_no " \
    "LEFT JOIN hardware_key k ON k.no = r.hardware_key_no ORDER BY r.no "
    query_begin(&q, tx, filter->ascending ? LIST PICKED : LIST "DESC" PICKED "DESC");
#undef PICKED
#undef LIST
    bind_list(&q, filter);
    query_bind_i64(&q, 6, limit);
    query_bind_i64(&q, 7, offset);
    while (count < (size_t)limit && query_next(&q)) {
        read_entry(&q, arena, &entries[count++]);
    }
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        *ret_entries = entries;
        *ret_count = count;
    }
    return err;
}

/* The networks seen, as far as it matters how many there are. */
struct networks {
    char names[REGISTRATION_NETWORKS_MAX][64];
    int64_t count;
};

/* A network: the address without its last number. */
static void add_network(struct networks *networks, struct str address)
{
    while (address.len > 0 && memchr("0123456789abcdef", address.ptr[address.len - 1], 16)) {
        address.len--;
    }
    address.len = address.len < sizeof networks->names[0] ? address.len : sizeof networks->names[0] - 1;
    for (int64_t i = networks->count - 1; i >= 0; i--) {
        if (str_eq(str_from_cstr(networks->names[i]), address)) {
            return;
        }
    }
    if (networks->count < REGISTRATION_NETWORKS_MAX && address.ptr) {
        memcpy(networks->names[networks->count++], address.ptr, address.len); /* the rest is 0 */
    }
}

/* Row by row in one index: a key may have made 100,000 devices this week, and DISTINCT would keep each address. */
static enum err count_week(struct store_tx *tx, int64_t key_no, int64_t now_ms, struct registration_figures *figures)
{
    struct networks networks = {.count = 0};
    struct query q;
    query_begin(&q, tx, "SELECT at, result, address FROM registration WHERE hardware_key_no = ?1 AND at >= ?2 - 604800000");
    query_bind_i64(&q, 1, key_no);
    query_bind_i64(&q, 2, now_ms);
    while (query_next(&q)) {
        int64_t age = now_ms - query_i64(&q, 0);
        bool made = query_i64(&q, 1) != REGISTRATION_REFUSED;
        figures->week += made;
        figures->hour += made && age <= 3600000;
        if (age <= 86400000 && networks.count < REGISTRATION_NETWORKS_MAX) {
            add_network(&networks, query_str(&q, 2));
        }
    }
    figures->networks = networks.count;
    return query_finish(&q);
}

enum err registration_store_figures(struct store_tx *tx, int64_t key_no, int64_t now_ms, struct registration_figures *ret_figures)
{
    struct query q;
    *ret_figures = (struct registration_figures){0};
    query_begin(&q, tx, "SELECT expected_count, used_count FROM hardware_key WHERE no = ?1");
    query_bind_i64(&q, 1, key_no);
    bool found = query_next(&q);
    if (found) {
        ret_figures->expected = query_i64(&q, 0);
        ret_figures->used = query_i64(&q, 1);
    }
    enum err err = query_finish(&q);
    return err == ERR_OK && found ? count_week(tx, key_no, now_ms, ret_figures) : err;
}

enum err registration_store_count(struct store_tx *tx, const struct registration_filter *filter, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM registration r " LIST_WHERE);
    bind_list(&q, filter);
    return read_no(&q, ret_count);
}
