#include "store/sqlite/migrate.h"

#include "base/buf.h"
#include "base/log.h"
#include "store/sqlite/db.h"

#define SCHEMA_BYTES_MAX (1 << 20)

extern const unsigned char schema_001_initial[];
extern const unsigned char schema_001_initial_end[];
extern const unsigned char schema_002_retained[];
extern const unsigned char schema_002_retained_end[];
extern const unsigned char schema_003_device_calls[];
extern const unsigned char schema_003_device_calls_end[];
extern const unsigned char schema_004_exactly_once[];
extern const unsigned char schema_004_exactly_once_end[];
extern const unsigned char schema_005_outbox[];
extern const unsigned char schema_005_outbox_end[];
extern const unsigned char schema_006_telemetry_key[];
extern const unsigned char schema_006_telemetry_key_end[];
extern const unsigned char schema_007_merge_group[];
extern const unsigned char schema_007_merge_group_end[];
extern const unsigned char schema_008_incidents[];
extern const unsigned char schema_008_incidents_end[];
extern const unsigned char schema_009_files[];
extern const unsigned char schema_009_files_end[];
extern const unsigned char schema_010_tenant_settings[];
extern const unsigned char schema_010_tenant_settings_end[];
extern const unsigned char schema_011_rules[];
extern const unsigned char schema_011_rules_end[];
extern const unsigned char schema_012_daily_summary[];
extern const unsigned char schema_012_daily_summary_end[];
extern const unsigned char schema_013_licenses[];
extern const unsigned char schema_013_licenses_end[];
extern const unsigned char schema_014_people[];
extern const unsigned char schema_014_people_end[];
extern const unsigned char schema_015_registration_key[];
extern const unsigned char schema_015_registration_key_end[];
extern const unsigned char schema_016_notes_tickets[];
extern const unsigned char schema_016_notes_tickets_end[];
extern const unsigned char schema_017_virtual_devices[];
extern const unsigned char schema_017_virtual_devices_end[];
extern const unsigned char schema_018_consent[];
extern const unsigned char schema_018_consent_end[];
extern const unsigned char schema_019_list_indexes[];
extern const unsigned char schema_019_list_indexes_end[];
extern const unsigned char schema_020_sign_up[];
extern const unsigned char schema_020_sign_up_end[];
extern const unsigned char schema_021_rollouts[];
extern const unsigned char schema_021_rollouts_end[];
extern const unsigned char schema_022_firmware_changes[];
extern const unsigned char schema_022_firmware_changes_end[];
extern const unsigned char schema_023_delivery_final[];
extern const unsigned char schema_023_delivery_final_end[];
extern const unsigned char schema_024_reported_name[];
extern const unsigned char schema_024_reported_name_end[];
extern const unsigned char schema_025_sign_up_limits[];
extern const unsigned char schema_025_sign_up_limits_end[];

static enum err apply(struct sqlite3 *db, struct str sql, unsigned version)
{
    struct buf script;
    buf_init(&script, SCHEMA_BYTES_MAX);
    buf_append_cstr(&script, "BEGIN IMMEDIATE;\n");
    buf_append_str(&script, sql);
    buf_printf(&script, "\nPRAGMA user_version=%u;\nCOMMIT;", version);
    buf_append_u8(&script, 0);
    enum err err = script.failed ? ERR_INTERNAL : db_exec(db, (const char *)script.data);
    buf_deinit(&script);
    if (err != ERR_OK) {
        enum err rollback_err = db_exec(db, "ROLLBACK");
        (void)rollback_err; /* the first failure is the one to report */
    }
    return err;
}

enum err migrate_with(struct sqlite3 *db, const struct str *migrations, unsigned count)
{
    int64_t version = 0;
    enum err err = db_read_number(db, "PRAGMA user_version", &version);
    if (err != ERR_OK) {
        return err;
    }
    if (version > count) {
        log_event(LOG_ERROR, "store_is_newer", log_i("found_version", version), log_i("known_version", count),
                  log_s("hint", "this data was written by a newer version of muster; use that one"));
        return ERR_STATE;
    }
    for (unsigned i = (unsigned)version; i < count; i++) {
        err = apply(db, migrations[i], i + 1);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

enum err migrate(struct sqlite3 *db)
{
    const struct str migrations[] = {
        str_from(schema_001_initial, (size_t)(schema_001_initial_end - schema_001_initial)),
        str_from(schema_002_retained, (size_t)(schema_002_retained_end - schema_002_retained)),
        str_from(schema_003_device_calls, (size_t)(schema_003_device_calls_end - schema_003_device_calls)),
        str_from(schema_004_exactly_once, (size_t)(schema_004_exactly_once_end - schema_004_exactly_once)),
        str_from(schema_005_outbox, (size_t)(schema_005_outbox_end - schema_005_outbox)),
        str_from(schema_006_telemetry_key, (size_t)(schema_006_telemetry_key_end - schema_006_telemetry_key)),
        str_from(schema_007_merge_group, (size_t)(schema_007_merge_group_end - schema_007_merge_group)),
        str_from(schema_008_incidents, (size_t)(schema_008_incidents_end - schema_008_incidents)),
        str_from(schema_009_files, (size_t)(schema_009_files_end - schema_009_files)),
        str_from(schema_010_tenant_settings, (size_t)(schema_010_tenant_settings_end - schema_010_tenant_settings)),
        str_from(schema_011_rules, (size_t)(schema_011_rules_end - schema_011_rules)),
        str_from(schema_012_daily_summary, (size_t)(schema_012_daily_summary_end - schema_012_daily_summary)),
        str_from(schema_013_licenses, (size_t)(schema_013_licenses_end - schema_013_licenses)),
        str_from(schema_014_people, (size_t)(schema_014_people_end - schema_014_people)),
        str_from(schema_015_registration_key, (size_t)(schema_015_registration_key_end - schema_015_registration_key)),
        str_from(schema_016_notes_tickets, (size_t)(schema_016_notes_tickets_end - schema_016_notes_tickets)),
        str_from(schema_017_virtual_devices, (size_t)(schema_017_virtual_devices_end - schema_017_virtual_devices)),
        str_from(schema_018_consent, (size_t)(schema_018_consent_end - schema_018_consent)),
        str_from(schema_019_list_indexes, (size_t)(schema_019_list_indexes_end - schema_019_list_indexes)),
        str_from(schema_020_sign_up, (size_t)(schema_020_sign_up_end - schema_020_sign_up)),
        str_from(schema_021_rollouts, (size_t)(schema_021_rollouts_end - schema_021_rollouts)),
        str_from(schema_022_firmware_changes, (size_t)(schema_022_firmware_changes_end - schema_022_firmware_changes)),
        str_from(schema_023_delivery_final, (size_t)(schema_023_delivery_final_end - schema_023_delivery_final)),
        str_from(schema_024_reported_name, (size_t)(schema_024_reported_name_end - schema_024_reported_name)),
        str_from(schema_025_sign_up_limits, (size_t)(schema_025_sign_up_limits_end - schema_025_sign_up_limits)),
    };
    return migrate_with(db, migrations, sizeof migrations / sizeof migrations[0]);
}
