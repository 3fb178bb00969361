#include "model/ports/device_store.h"

#include <stdio.h>

#include "store/sqlite/tx.h"

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

static void read_key_hash(struct query *q, int column, uint8_t ret_hash[SHA256_BYTES])
{
    struct str hash = query_str(q, column);
    if (hash.len == SHA256_BYTES) {
        memcpy(ret_hash, hash.ptr, SHA256_BYTES);
    }
}

enum err device_store_each_hot(struct store_tx *tx, void (*visit)(const struct device_brief *device, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no, id, model_no, partner_no, organization_no, space_no, parent_no, key_hash, epoch, "
                "info_version, space_version, status, reported_status, swept, last_seen_at, sample_day, sample_seq "
                "FROM device");
    while (query_next(&q)) {
        struct device_brief device = {
            .no = query_i64(&q, 0),
            .id = query_uuid(&q, 1),
            .model_no = query_i64(&q, 2),
            .partner_no = query_i64(&q, 3),
            .organization_no = query_i64(&q, 4),
            .space_no = query_i64(&q, 5),
            .parent_no = query_i64(&q, 6),
            .epoch = (uint32_t)query_i64(&q, 8),
            .info_version = (int32_t)query_i64(&q, 9),
            .space_version = (int32_t)query_i64(&q, 10),
            .status = (enum device_status)query_i64(&q, 11),
            .reported_status = (enum device_status)query_i64(&q, 12),
            .swept = query_i64(&q, 13) != 0,
            .last_seen_ms = query_i64(&q, 14),
            .sample_day = (int32_t)query_i64(&q, 15),
            .sample_seq = query_i64(&q, 16),
        };
        read_key_hash(&q, 7, device.key_hash);
        visit(&device, arg);
    }
    return query_finish(&q);
}

#define CORE_COLUMNS \
    "no, id, model_no, partner_no, organization_no, space_no, parent_no, epoch, info_version, space_version, " \
    "space_version_last, incidents_suspended, created_at, claimed_at, virtual"
enum { CORE_COUNT = 15 };

static void read_core(struct query *q, struct device_core *ret_core)
{
    *ret_core = (struct device_core){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .model_no = query_i64(q, 2),
        .partner_no = query_i64(q, 3),
        .organization_no = query_i64(q, 4),
        .space_no = query_i64(q, 5),
        .parent_no = query_i64(q, 6),
        .epoch = (uint32_t)query_i64(q, 7),
        .info_version = (int32_t)query_i64(q, 8),
        .space_version = (int32_t)query_i64(q, 9),
        .space_version_last = (int32_t)query_i64(q, 10),
        .incidents_suspended = query_i64(q, 11) != 0,
        .created_at = query_i64(q, 12),
        .claimed_at = query_time(q, 13),
        .is_virtual = query_i64(q, 14) != 0,
    };
}

enum err device_store_core(struct store_tx *tx, int64_t no, struct device_core *ret_core)
{
    struct query q;
    query_begin(&q, tx, "SELECT " CORE_COLUMNS " FROM device WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    bool row = query_next(&q);
    if (row) {
        read_core(&q, ret_core);
    }
    return found(&q, row);
}

enum err device_store_core_by_id(struct store_tx *tx, const struct uuid *id, struct device_core *ret_core)
{
    struct query q;
    query_begin(&q, tx, "SELECT " CORE_COLUMNS " FROM device WHERE id = ?1");
    query_bind_uuid(&q, 1, id);
    bool row = query_next(&q);
    if (row) {
        read_core(&q, ret_core);
    }
    return found(&q, row);
}

enum err device_store_row(struct store_tx *tx, int64_t no, struct arena *arena, struct device_row *ret_row)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " CORE_COLUMNS ", key_hash, key_issued_at, hardware_key_no, refused_registration_at, "
                "sn, mac, mac_normal, cloud_id, name, sub_model, firmware_version, host_address, custom_partner_name, "
                "custom_model_name, hub_url, mqtt_hub_url, details, custom_parameters, replacement_sn, replacement_until, "
                "speaks_through_parent FROM device WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    bool row = query_next(&q);
    if (row) {
        *ret_row = (struct device_row){0};
        read_core(&q, &ret_row->core);
        int c = CORE_COUNT;
        read_key_hash(&q, c++, ret_row->key_hash);
        ret_row->key_issued_at = query_i64(&q, c++);
        ret_row->hardware_key_no = query_i64(&q, c++);
        ret_row->refused_registration_at = query_time(&q, c++);
        struct str *texts[] = {
            &ret_row->sn, &ret_row->mac, &ret_row->mac_normal, &ret_row->cloud_id, &ret_row->name,
            &ret_row->sub_model, &ret_row->firmware_version, &ret_row->host_address, &ret_row->custom_partner_name,
            &ret_row->custom_model_name, &ret_row->hub_url, &ret_row->mqtt_hub_url, &ret_row->details,
            &ret_row->custom_parameters, &ret_row->replacement_sn,
        };
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            *texts[i] = query_str_copy(&q, c++, arena);
        }
        ret_row->replacement_until = query_time(&q, c++);
        ret_row->speaks_through_parent = query_i64(&q, c++) != 0;
    }
    return found(&q, row);
}

enum err device_store_insert(struct store_tx *tx, const struct device_row *row, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO device (id, model_no, partner_no, organization_no, space_no, parent_no, key_hash, epoch, "
                "info_version, space_version, space_version_last, key_issued_at, hardware_key_no, created_at, claimed_at, "
                "sn, mac, mac_normal, cloud_id, name, sub_model, firmware_version, host_address, custom_partner_name, "
                "custom_model_name, hub_url, mqtt_hub_url, details, speaks_through_parent, virtual, reported_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                "?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?20)");
    const struct device_core *core = &row->core;
    query_bind_uuid(&q, 1, &core->id);
    query_bind_i64(&q, 2, core->model_no);
    query_bind_i64(&q, 3, core->partner_no);
    bind_no(&q, 4, core->organization_no);
    bind_no(&q, 5, core->space_no);
    bind_no(&q, 6, core->parent_no);
    query_bind_blob(&q, 7, row->key_hash, SHA256_BYTES);
    query_bind_i64(&q, 8, core->epoch);
    query_bind_i64(&q, 9, core->info_version);
    query_bind_i64(&q, 10, core->space_version);
    query_bind_i64(&q, 11, core->space_version_last);
    query_bind_time(&q, 12, row->key_issued_at);
    bind_no(&q, 13, row->hardware_key_no);
    query_bind_time(&q, 14, core->created_at);
    query_bind_time(&q, 15, core->claimed_at);
    const struct str texts[] = {
        row->sn, row->mac, row->mac_normal, row->cloud_id, row->name, row->sub_model, row->firmware_version,
        row->host_address, row->custom_partner_name, row->custom_model_name, row->hub_url, row->mqtt_hub_url, row->details,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        query_bind_str(&q, 16 + (int)i, texts[i]);
    }
    query_bind_i64(&q, 29, row->speaks_through_parent);
    query_bind_i64(&q, 30, core->is_virtual);
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        *ret_no = tx_last_row(tx);
    }
    return err;
}

enum err device_store_replaced_by(struct store_tx *tx, int64_t model_no, struct str sn, struct str cloud_id, int64_t now_ms,
                                  struct device_core *ret_core)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " CORE_COLUMNS " FROM device WHERE model_no = ?1 AND replacement_until > ?2 "
                "AND CASE WHEN replacement_sn IS NULL THEN cloud_id = ?4 ELSE replacement_sn = ?3 END ORDER BY no LIMIT 1");
    query_bind_i64(&q, 1, model_no);
    query_bind_i64(&q, 2, now_ms);
    query_bind_str(&q, 3, sn);
    query_bind_str(&q, 4, cloud_id);
    bool row = query_next(&q);
    if (row) {
        read_core(&q, ret_core);
    }
    return found(&q, row);
}

enum err device_store_set_replacement(struct store_tx *tx, int64_t no, int64_t until_ms, struct str sn)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET replacement_until = ?2, replacement_sn = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_time(&q, 2, until_ms);
    query_bind_str(&q, 3, sn);
    return query_finish(&q);
}

enum err device_store_replace(struct store_tx *tx, const struct device_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE device SET key_hash = ?2, key_issued_at = ?3, hardware_key_no = ?4, sn = ?5, mac = ?6, mac_normal = ?7, "
                "cloud_id = ?8, firmware_version = ?9, hub_url = ?10, mqtt_hub_url = ?11, replacement_until = NULL, "
                "replacement_sn = NULL, refused_registration_at = NULL WHERE no = ?1");
    query_bind_i64(&q, 1, row->core.no);
    query_bind_blob(&q, 2, row->key_hash, SHA256_BYTES);
    query_bind_time(&q, 3, row->key_issued_at);
    bind_no(&q, 4, row->hardware_key_no);
    const struct str texts[] = {row->sn,      row->mac, row->mac_normal, row->cloud_id, row->firmware_version,
                                row->hub_url, row->mqtt_hub_url};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        query_bind_str(&q, 5 + (int)i, texts[i]);
    }
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

enum err device_store_cloud_id_holder(struct store_tx *tx, struct str cloud_id, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM device WHERE cloud_id = ?1");
    query_bind_str(&q, 1, cloud_id);
    return read_no(&q, ret_no);
}

enum err device_store_sn_holder(struct store_tx *tx, int64_t model_no, struct str sn, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM device WHERE sn = ?1 AND model_no = ?2 AND speaks_through_parent = 0");
    query_bind_str(&q, 1, sn);
    query_bind_i64(&q, 2, model_no);
    return read_no(&q, ret_no);
}

enum err device_store_child_count(struct store_tx *tx, int64_t parent_no, int64_t max, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM (SELECT 1 FROM device WHERE parent_no = ?1 LIMIT ?2)");
    query_bind_i64(&q, 1, parent_no);
    query_bind_i64(&q, 2, max);
    return read_no(&q, ret_count);
}

/* Runs the query, whose columns are CORE_COLUMNS. */
static enum err collect_cores(struct query *q, struct arena *arena, struct device_core **ret_cores, size_t *ret_count)
{
    struct device_core *cores = NULL;
    size_t count = 0, cap = 0;
    while (query_next(q)) {
        if (count == cap) {
            size_t grown = cap ? cap * 2 : 16;
            struct device_core *more = arena_alloc(arena, grown * sizeof *more);
            if (count) {
                memcpy(more, cores, count * sizeof *more);
            }
            cores = more;
            cap = grown;
        }
        read_core(q, &cores[count++]);
    }
    enum err err = query_finish(q);
    if (err == ERR_OK) {
        *ret_cores = cores;
        *ret_count = count;
    }
    return err;
}

enum err device_store_children(struct store_tx *tx, int64_t parent_no, struct arena *arena, struct device_core **ret_cores,
                               size_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT " CORE_COLUMNS " FROM device WHERE parent_no = ?1 ORDER BY no");
    query_bind_i64(&q, 1, parent_no);
    return collect_cores(&q, arena, ret_cores, ret_count);
}

enum err device_store_raise_space_version(struct store_tx *tx, int64_t space_no, struct arena *arena,
                                          struct device_core **ret_cores, size_t *ret_count)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE device SET space_version = space_version_last + 1, space_version_last = space_version_last + 1 "
                "WHERE space_no = ?1 RETURNING " CORE_COLUMNS);
    query_bind_i64(&q, 1, space_no);
    return collect_cores(&q, arena, ret_cores, ret_count);
}

enum err device_store_set_owner(struct store_tx *tx, const struct device_core *core)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE device SET organization_no = ?2, space_no = ?3, epoch = ?4, info_version = ?5, space_version = ?6, "
                "space_version_last = ?7, claimed_at = ?8 WHERE no = ?1");
    query_bind_i64(&q, 1, core->no);
    bind_no(&q, 2, core->organization_no);
    bind_no(&q, 3, core->space_no);
    query_bind_i64(&q, 4, core->epoch);
    query_bind_i64(&q, 5, core->info_version);
    query_bind_i64(&q, 6, core->space_version);
    query_bind_i64(&q, 7, core->space_version_last);
    query_bind_time(&q, 8, core->claimed_at);
    return query_finish(&q);
}

enum err device_store_set_info_version(struct store_tx *tx, int64_t no, int32_t info_version)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET info_version = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, info_version);
    return query_finish(&q);
}

enum err device_store_set_name(struct store_tx *tx, int64_t no, struct str name)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET name = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, name);
    return query_finish(&q);
}

enum { FIRMWARE_CHANGES_MAX = 100 };

enum err device_store_note_firmware(struct store_tx *tx, int64_t no, struct str version, int64_t at)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO firmware_change (device_no, epoch, at, former, version) SELECT no, epoch, ?3, firmware_version, ?2 "
                "FROM device WHERE no = ?1 AND firmware_version <> ?2");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, version);
    query_bind_time(&q, 3, at);
    enum err err = query_finish(&q);
    if (err != ERR_OK || tx_changes(tx) == 0) {
        return err;
    }
    query_begin(&q, tx,
                "DELETE FROM firmware_change WHERE device_no = ?1 AND no <= "
                "(SELECT no FROM firmware_change WHERE device_no = ?1 ORDER BY no DESC LIMIT 1 OFFSET ?2)");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, FIRMWARE_CHANGES_MAX);
    return query_finish(&q);
}

enum err device_store_set_firmware(struct store_tx *tx, int64_t no, struct str version)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET firmware_version = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, version);
    return query_finish(&q);
}

enum err device_store_set_information(struct store_tx *tx, const struct device_row *row, bool gives_name)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE device SET name = ?2, sub_model = ?3, firmware_version = ?4, host_address = ?5, details = ?6, "
                "parent_no = ?7, reported_name = CASE WHEN ?8 THEN ?2 ELSE reported_name END WHERE no = ?1");
    query_bind_i64(&q, 1, row->core.no);
    query_bind_str(&q, 2, row->name);
    query_bind_str(&q, 3, row->sub_model);
    query_bind_str(&q, 4, row->firmware_version);
    query_bind_str(&q, 5, row->host_address);
    query_bind_str(&q, 6, row->details);
    bind_no(&q, 7, row->core.parent_no);
    query_bind_i64(&q, 8, gives_name);
    return query_finish(&q);
}

enum err device_store_set_applied_space(struct store_tx *tx, int64_t no, int32_t version)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET applied_space_version = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, version);
    return query_finish(&q);
}

enum err device_store_count_update(struct store_tx *tx, int64_t no, int64_t hour, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE device SET update_count = CASE WHEN update_hour = ?2 THEN update_count + 1 ELSE 1 END, "
                "update_hour = ?2 WHERE no = ?1 RETURNING update_count");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, hour);
    return read_no(&q, ret_count);
}

enum err device_store_set_custom_parameters(struct store_tx *tx, int64_t no, struct str json)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET custom_parameters = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, json);
    return query_finish(&q);
}

enum err device_store_set_key(struct store_tx *tx, int64_t no, const uint8_t key_hash[SHA256_BYTES], int64_t issued_at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET key_hash = ?2, key_issued_at = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_blob(&q, 2, key_hash, SHA256_BYTES);
    query_bind_time(&q, 3, issued_at);
    return query_finish(&q);
}

enum err device_store_set_incidents_suspended(struct store_tx *tx, int64_t no, bool suspended)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET incidents_suspended = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, suspended);
    return query_finish(&q);
}

enum err device_store_set_refused(struct store_tx *tx, int64_t no, int64_t at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET refused_registration_at = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_time(&q, 2, at);
    return query_finish(&q);
}

enum err device_store_detach(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET parent_no = NULL WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

static enum err run_for_device(struct store_tx *tx, const char *sql_literal, int64_t no)
{
    struct query q;
    query_begin(&q, tx, sql_literal);
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

static enum err await_purge(struct store_tx *tx, int64_t no, int64_t epoch_below)
{
    struct query q;
    query_begin(&q, tx, "INSERT INTO purge (device_no, epoch_below) VALUES (?1, ?2) "
                        "ON CONFLICT (device_no) DO UPDATE SET epoch_below = excluded.epoch_below");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, epoch_below);
    return query_finish(&q);
}

enum err device_store_forget_owner(struct store_tx *tx, int64_t no, uint32_t epoch)
{
    enum err err = run_for_device(tx, "DELETE FROM incident WHERE device_no = ?1", no);
    if (err == ERR_OK) {
        err = run_for_device(tx, "DELETE FROM device_shadow WHERE device_no = ?1 OR primary_no = ?1", no);
    }
    if (err == ERR_OK) {
        err = run_for_device(tx, "DELETE FROM dump WHERE device_no = ?1", no);
    }
    if (err == ERR_OK) {
        err = run_for_device(tx, "UPDATE config_version SET author = NULL WHERE device_no = ?1", no);
    }
    if (err == ERR_OK) {
        err = run_for_device(tx, "DELETE FROM note WHERE device_no = ?1", no);
    }
    if (err == ERR_OK) {
        err = run_for_device(tx,
                             "UPDATE device SET custom_parameters = '{}', state = '{}', sample_day = 0, sample_seq = 0, "
                             "incidents_suspended = 0, replacement_until = NULL, replacement_sn = NULL, "
                             "name = coalesce(reported_name, (SELECT m.name FROM model m WHERE m.no = device.model_no)) "
                             "WHERE no = ?1",
                             no);
    }
    return err == ERR_OK ? await_purge(tx, no, epoch) : err;
}

enum err device_store_delete(struct store_tx *tx, int64_t no)
{
    enum err err = run_for_device(tx, "DELETE FROM mqtt_session WHERE principal_kind = 1 AND principal_no = ?1", no);
    if (err == ERR_OK) {
        err = run_for_device(tx, "DELETE FROM device WHERE no = ?1", no);
    }
    return err == ERR_OK ? await_purge(tx, no, INT64_C(1) << 33) : err;
}

enum err device_store_purge(struct store_tx *tx, int64_t max, bool *ret_more)
{
    struct query q;
    int64_t no = 0, epoch_below = 0;
    query_begin(&q, tx, "SELECT device_no, epoch_below FROM purge LIMIT 1");
    if (query_next(&q)) {
        no = query_i64(&q, 0);
        epoch_below = query_i64(&q, 1);
    }
    enum err err = query_finish(&q);
    if (err != ERR_OK || !no) {
        *ret_more = false;
        return err;
    }
    static const char *const statements[] = {
        "DELETE FROM history WHERE no IN (SELECT no FROM history WHERE device_no = ?1 AND epoch < ?2 LIMIT ?3)",
        "DELETE FROM device_event WHERE no IN (SELECT no FROM device_event WHERE device_no = ?1 AND epoch < ?2 LIMIT ?3)",
    };
    bool done = true;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0] && done && err == ERR_OK; i++) {
        query_begin(&q, tx, statements[i]);
        query_bind_i64(&q, 1, no);
        query_bind_i64(&q, 2, epoch_below);
        query_bind_i64(&q, 3, max);
        err = query_finish(&q);
        done = tx_changes(tx) < max;
    }
    if (err == ERR_OK && done) {
        err = run_for_device(tx, "DELETE FROM purge WHERE device_no = ?1", no);
    }
    *ret_more = err == ERR_OK;
    return err;
}

enum err device_store_add_claim_code(struct store_tx *tx, int64_t code, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "INSERT OR IGNORE INTO claim_code (code, device_no) VALUES (?1, ?2)");
    query_bind_i64(&q, 1, code);
    query_bind_i64(&q, 2, no);
    return query_finish(&q);
}

enum err device_store_remove_claim_code(struct store_tx *tx, int64_t code, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM claim_code WHERE code = ?1 AND device_no = ?2");
    query_bind_i64(&q, 1, code);
    query_bind_i64(&q, 2, no);
    return query_finish(&q);
}

static enum err read_nos(struct query *q, int64_t *ret_nos, size_t max, size_t *ret_count)
{
    size_t count = 0;
    while (count < max && query_next(q)) {
        ret_nos[count++] = query_i64(q, 0);
    }
    *ret_count = count;
    return query_finish(q);
}

enum err device_store_by_claim_code(struct store_tx *tx, int64_t code, int64_t *ret_nos, size_t max, size_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT device_no FROM claim_code WHERE code = ?1 ORDER BY device_no");
    query_bind_i64(&q, 1, code);
    return read_nos(&q, ret_nos, max, ret_count);
}

enum err device_store_by_mac_sn(struct store_tx *tx, struct str mac_normal, struct str sn, int64_t *ret_nos, size_t max,
                                size_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM device WHERE mac_normal = ?1 AND sn = ?2 ORDER BY no");
    query_bind_str(&q, 1, mac_normal);
    query_bind_str(&q, 2, sn);
    return read_nos(&q, ret_nos, max, ret_count);
}

enum err device_space_find(struct store_tx *tx, int64_t no, struct arena *arena, struct device_space *ret_space)
{
    struct query q;
    query_begin(&q, tx, "SELECT no, organization_no, parent_no, name, path, config FROM space WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    bool row = query_next(&q);
    if (row) {
        *ret_space = (struct device_space){
            .no = query_i64(&q, 0),
            .organization_no = query_i64(&q, 1),
            .parent_no = query_i64(&q, 2),
            .name = query_str_copy(&q, 3, arena),
            .path = query_str_copy(&q, 4, arena),
            .config = query_str_copy(&q, 5, arena),
        };
    }
    return found(&q, row);
}

enum err device_space_root(struct store_tx *tx, int64_t organization_no, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM space WHERE organization_no = ?1 AND parent_no IS NULL ORDER BY no LIMIT 1");
    query_bind_i64(&q, 1, organization_no);
    return read_no(&q, ret_no);
}

enum err device_store_parameters(struct store_tx *tx, int64_t model_no, struct arena *arena, struct str *ret_json)
{
    struct query q;
    query_begin(&q, tx, "SELECT parameters FROM model WHERE no = ?1");
    query_bind_i64(&q, 1, model_no);
    bool row = query_next(&q);
    if (row) {
        *ret_json = query_str_copy(&q, 0, arena);
    }
    return found(&q, row);
}
