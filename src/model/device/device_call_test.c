#include "model/testing/device_test_support.h"

#include "model/claim/claim.h"

#define PANEL "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"A-1\",\"mac\":\"AA:BB:CC:DD:EE:01\"}"

static void claim_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    device_claim(admin, tx, body);
}

static void test_telemetry_levels(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, PANEL, NULL);
    expect(ask(f, &device, DEVICE_TELEMETRY, "{\"telemetries\":{\"temp\":22}}"), 201,
           "{\"config_version\":0,\"command\":false,\"info_version\":0,\"new_licenses\":false,\"latest_fw_version\":null,"
           "\"latest_fw_file_id\":null,\"space_data_version\":0,\"success\":true}");
    expect_status(manage(f, organization_user(ORGANIZATION), NULL, claim_run,
                         "{\"space_id\":2,\"mac\":\"AABBCCDDEE01\",\"sn\":\"A-1\"}"), 200);
    test_exec(f, "INSERT INTO command (id, device_no, organization_no, name, friendly_name, status, created_at, queue_no) "
                 "VALUES (x'07000000000000000000000000000001', 1, 1, 'reboot', 'Reboot', 2, 0, 1)");
    expect_status(ask(f, &device, DEVICE_COMMAND_UPDATE,
                      "{\"id\":\"07000000-0000-0000-0000-000000000001\",\"status\":\"in_progress\"}"), 200);
    expect_status(ask(f, &device, DEVICE_CONFIG_SET, "{\"version\":3,\"a\":1}"), 200);
    expect(ask(f, &device, DEVICE_TELEMETRY, NULL), 201,
           "{\"config_version\":3,\"command\":true,\"info_version\":1,\"new_licenses\":false,\"latest_fw_version\":null,"
           "\"latest_fw_file_id\":null,\"space_data_version\":1,\"success\":true}");
}

static void test_telemetry_errors(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, PANEL, NULL);
    expect_error(ask(f, &device, DEVICE_TELEMETRY, "{\"telemetries\":7}"), 422, "Missing 'telemetries' object");
    expect_error(ask(f, &device, DEVICE_TELEMETRY, "{\"status\":\"maybe\"}"), 422, "Status must be online, offline or error");
    expect_error(ask(f, &device, DEVICE_TELEMETRY, "{\"telemetries\":{\"a\":{}}}"), 422,
                 "Common telemetries.a must be string, number or boolean");
    expect_error(ask(f, &device, DEVICE_TELEMETRY, "[]"), 422, "Body must be an object");
    assert_int_equal(hot_of(f, &device).sample_seq, 0);
}

static void test_legacy_body_updates_firmware(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, PANEL, NULL);
    expect_status(ask(f, &device, DEVICE_TELEMETRY, "{\"common\":{\"firmware_version\":\"1.3.3\",\"temp\":1}}"), 201);
    assert_int_equal(test_number(f, "SELECT firmware_version = '1.3.3' FROM device"), 1);
    size_t updates = count_events(f, EVENT_DEVICE_UPDATED);
    assert_int_equal(updates, 1);
    expect_status(ask(f, &device, DEVICE_TELEMETRY, "{\"common\":{\"firmware_version\":\"1.3.3\",\"temp\":2}}"), 201);
    expect_status(ask(f, &device, DEVICE_TELEMETRY, "{\"common\":{\"firmware_version\":\"no semver\",\"temp\":2}}"), 201);
    assert_int_equal(count_events(f, EVENT_DEVICE_UPDATED), updates);
    assert_int_equal(test_number(f, "SELECT firmware_version = '1.3.3' FROM device"), 1);
    assert_int_equal(hot_of(f, &device).info_version, 0); /* the device's own changes do not raise it */
}

static void test_info(void **state)
{
    struct fixture *f = *state;
    char wanted[1024], id[UUID_TEXT_BYTES], now[TIME_TEXT_BYTES];
    struct device_brief device = register_device(f, PANEL, NULL);
    uuid_format(&device.id, id);
    time_format(test_now_ms, now);
    expect_status(manage(f, organization_user(ORGANIZATION), NULL, claim_run,
                         "{\"space_id\":2,\"mac\":\"AABBCCDDEE01\",\"sn\":\"A-1\",\"name\":\"Lobby panel\"}"), 200);
    expect_status(ask(f, &device, DEVICE_CONFIG_SET, "{\"version\":10,\"volume\":40}"), 200);
    expect_status(ask(f, &device, DEVICE_TELEMETRY, "{}"), 201);
    device_table_touch(f->domain.devices, device.no, test_now_ms);
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"%s\",\"partner\":{\"sn\":\"A-1\",\"mac\":\"AA:BB:CC:DD:EE:01\",\"vendor\":\"Northlight\",\"model\":\"Panel\"},"
             "\"config\":{\"volume\":40,\"version\":10,\"last_updated\":\"%s\"},\"state\":{\"status\":\"online\"},"
             "\"last_seen\":\"%s\",\"custom\":{},\"name\":\"Lobby panel\",\"firmware_version\":\"1.0.0\","
             "\"claimed\":\"Harbour College\",\"version\":1}",
             id, now, now);
    expect(ask(f, &device, DEVICE_INFO_GET, NULL), 200, wanted);
}

/* Calls of a device that was deleted between its authentication and the call's turn. */
static void test_deleted_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, PANEL, NULL);
    expect_status(ask(f, &device, DEVICE_DELETE, NULL), 200);
    static const enum device_action actions[] = {DEVICE_COMMAND_UPDATE, DEVICE_CONFIG_GET, DEVICE_CONFIG_SET, DEVICE_INFO_GET,
                                                 DEVICE_DELETE, DEVICE_TELEMETRY};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        struct answer answer = ask(f, &device, actions[i], "{\"status\":\"online\"}");
        if (actions[i] == DEVICE_COMMAND_UPDATE) {
            expect_status(answer, 422);
        } else {
            expect_error(answer, 401, "Not authorized");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_telemetry_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_telemetry_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_legacy_body_updates_firmware, setup, teardown),
        cmocka_unit_test_setup_teardown(test_info, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deleted_meanwhile, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
