#include "model/testing/device_test_support.h"

#include "model/claim/claim.h"
#include "model/configuration/configuration.h"

#define PANEL "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"A-1\",\"mac\":\"AA:BB:CC:DD:EE:01\"}"
#define OLD "{\"hardware_key\":\"" KEY_OLD "\",\"firmware_version\":\"1\",\"cloud_id\":\"NL01abcdefgh\"}"

static void claim_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    device_claim(admin, tx, body);
}

static void put_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    configuration_put(admin, tx, device, body);
}

static void get_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    configuration_get(admin, tx, device);
}

static void versions_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    configuration_versions(admin, tx, device);
}

static struct device_brief claimed_panel(struct fixture *f)
{
    struct device_brief device = register_device(f, PANEL, NULL);
    expect_status(manage(f, organization_user(ORGANIZATION), NULL, claim_run,
                         "{\"space_id\":2,\"mac\":\"AABBCCDDEE01\",\"sn\":\"A-1\"}"), 200);
    return hot_of(f, &device);
}

static struct answer set(struct fixture *f, const struct device_brief *device, const char *body)
{
    return ask(f, device, DEVICE_CONFIG_SET, body);
}

static struct answer put(struct fixture *f, const struct device_brief *device, const char *body)
{
    return manage(f, organization_user(ORGANIZATION), device, put_run, body);
}

static void expect_versions(struct fixture *f, const struct device_brief *device, int version, int applied)
{
    struct device_brief hot = hot_of(f, device);
    assert_int_equal(hot.config_version, version);
    assert_int_equal(hot.applied_version, applied);
}

static void test_never_configured(void **state)
{
    struct fixture *f = *state;
    char wanted[320], id[UUID_TEXT_BYTES], now[TIME_TEXT_BYTES];
    struct device_brief device = claimed_panel(f), old = register_device(f, OLD, NULL);
    uuid_format(&device.id, id);
    time_format(test_now_ms, now);
    test_now_ms += 1000; /* dated by the registration */
    snprintf(wanted, sizeof wanted, "{\"name\":\"Panel\",\"version\":0,\"last_updated\":\"%s\",\"config\":{},\"device_id\":\"%s\"}", now, id);
    expect(ask(f, &device, DEVICE_CONFIG_GET, NULL), 200, wanted);
    snprintf(wanted, sizeof wanted, "{\"version\":0,\"last_updated\":\"%s\"}", now);
    expect(ask(f, &old, DEVICE_CONFIG_GET, NULL), 200, wanted);
    snprintf(wanted, sizeof wanted, "{\"version\":0,\"last_updated\":\"%s\",\"config\":{},\"applied_version\":0}", now);
    expect(manage(f, partner_user(PARTNER), &device, get_run, NULL), 200, wanted);
}

static void test_set_scoped(void **state)
{
    struct fixture *f = *state;
    char wanted[320], id[UUID_TEXT_BYTES], now[TIME_TEXT_BYTES];
    struct device_brief device = claimed_panel(f);
    uuid_format(&device.id, id);
    time_format(test_now_ms, now);
    snprintf(wanted, sizeof wanted,
             "{\"success\":true,\"name\":\"Panel\",\"version\":1,\"last_updated\":\"%s\",\"config\":{\"volume\":40},\"device_id\":\"%s\"}",
             now, id);
    expect(set(f, &device, "{\"volume\":40,\"last_updated\":\"x\"}"), 200, wanted);
    expect_versions(f, &device, 1, 1);
    assert_int_equal(last_event(f, EVENT_CONFIG)->push, 0); /* its own edit does not come back */
    snprintf(wanted, sizeof wanted, "{\"name\":\"Panel\",\"version\":1,\"last_updated\":\"%s\",\"config\":{\"volume\":40},\"device_id\":\"%s\"}", now, id);
    expect(ask(f, &device, DEVICE_CONFIG_GET, NULL), 200, wanted);
    /* the reply posted back, every ten seconds: nothing grows */
    size_t events = count_events(f, EVENT_CONFIG);
    for (int i = 0; i < 5; i++) {
        test_now_ms += 10000;
        expect_status(set(f, &device, wanted), 200);
        expect_versions(f, &device, 1, 1);
    }
    expect(ask(f, &device, DEVICE_CONFIG_GET, NULL), 200, wanted);
    assert_int_equal(count_events(f, EVENT_CONFIG), events);
    assert_int_equal(test_number(f, "SELECT count(*) FROM config_version"), 1);
    /* one more field and it is a document of its own */
    expect_status(set(f, &device, "{\"config\":{\"a\":1},\"extra\":true}"), 200);
    assert_int_equal(test_number(f, "SELECT config = '{\"config\":{\"a\":1},\"extra\":true}' FROM device_config"), 1);
    expect_status(set(f, &device, "{\"config\":7}"), 200);
    assert_int_equal(test_number(f, "SELECT config = '{\"config\":7}' FROM device_config"), 1);
}

static void test_set_merged(void **state)
{
    struct fixture *f = *state;
    char wanted[256], now[TIME_TEXT_BYTES];
    struct device_brief old = register_device(f, OLD, NULL);
    time_format(test_now_ms, now);
    expect(set(f, &old, "{\"volume\":40,\"config\":{\"a\":1}}"), 200, "{\"success\":true,\"version\":1}");
    snprintf(wanted, sizeof wanted, "{\"version\":1,\"last_updated\":\"%s\",\"volume\":40,\"config\":{\"a\":1}}", now);
    expect(ask(f, &old, DEVICE_CONFIG_GET, NULL), 200, wanted);
    expect(set(f, &old, wanted), 200, "{\"success\":true,\"version\":1}");
    expect(set(f, &old, "{\"version\":\"10\",\"volume\":41}"), 200, "{\"success\":true,\"version\":10}");
    expect_versions(f, &old, 10, 10);
}

static void test_set_errors(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    expect_error(set(f, &device, "{\"version\":-1}"), 422, "Version is invalid");
    expect_error(set(f, &device, "{\"version\":2147483001}"), 422, "Version is invalid");
    expect_error(set(f, &device, "{\"version\":1.5}"), 422, "Version is invalid");
    expect_error(set(f, &device, "{\"version\":\"x\"}"), 422, "Version is invalid");
    expect_error(set(f, &device, "[]"), 422, "Body must be an object");
    expect_status(set(f, &device, "{\"version\":2147483000,\"a\":1}"), 200);
    expect_error(set(f, &device, "{\"a\":2}"), 422, "Version is invalid"); /* nothing comes after the last */
    expect_error(set(f, &device, "{\"version\":5,\"a\":1}"), 422, "Error setting config with old version, latest is 2147483000");
    const struct event *event = last_event(f, EVENT_CONFIG);
    assert_int_equal(event->push, PUSH_CONFIG); /* the device is told what is current */
    assert_int_equal(event->code, 422);
    f->settings.limits_config_max = 16;
    expect_error(set(f, &device, "{\"version\":2147483000,\"text\":\"0123456789\"}"), 413, "Payload too large");
}

static void test_equal_version_other_content(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    expect_status(set(f, &device, "{\"version\":3,\"a\":1,\"b\":2}"), 200);
    expect_status(set(f, &device, "{\"b\":2,\"version\":3,\"a\":1}"), 200); /* order does not matter */
    assert_int_equal(test_number(f, "SELECT config = '{\"a\":1,\"b\":2}' FROM device_config"), 1);
    expect_status(set(f, &device, "{\"version\":3,\"a\":2}"), 200);
    assert_int_equal(test_number(f, "SELECT config = '{\"a\":2}' AND version = 3 FROM device_config"), 1);
    assert_int_equal(test_number(f, "SELECT count(*) FROM config_version"), 1);
}

static void test_cloud_edits(void **state)
{
    struct fixture *f = *state;
    char wanted[256], now[TIME_TEXT_BYTES];
    struct device_brief device = claimed_panel(f);
    time_format(test_now_ms, now);
    expect_error(put(f, &device, "{}"), 422, "Parameter config is required");
    expect_error(put(f, &device, "{\"config\":[]}"), 422, "Configuration must be an object");
    expect_error(put(f, &device, "{\"config\":{},\"base_version\":\"x\"}"), 422, "Base version is invalid");
    snprintf(wanted, sizeof wanted, "{\"version\":1,\"last_updated\":\"%s\",\"config\":{\"a\":1},\"applied_version\":0}", now);
    expect(put(f, &device, "{\"config\":{\"a\":1},\"base_version\":0}"), 200, wanted);
    expect_versions(f, &device, 1, 0);
    assert_int_equal(last_event(f, EVENT_CONFIG)->push, PUSH_CONFIG);
    expect_error(put(f, &device, "{\"config\":{\"a\":2},\"base_version\":0}"), 422,
                 "Error setting config with old version, latest is 1");
    expect_status(set(f, &device, "{\"version\":1,\"a\":1}"), 200); /* confirmed */
    expect_versions(f, &device, 1, 1);
    expect_status(put(f, &device, "{\"config\":{\"a\":1}}"), 200); /* each save is a version */
    expect_versions(f, &device, 2, 1);
    expect_error(manage(f, organization_user(LAB), &device, put_run, "{\"config\":{}}"), 404, "Device not found");
    struct answer answer = manage(f, organization_user(ORGANIZATION), &device, versions_run, NULL);
    const struct json *items = json_get(answer.json, "items");
    assert_int_equal(json_count(items), 2);
    assert_true(str_eq(json_string(json_get(json_at(items, 0), "author")), STR("Ada")));
    assert_int_equal(json_number(json_get(json_at(items, 0), "version")), 2);
    answer_free(&answer);
}

static void test_versions_kept(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char body[64];
    for (int i = 0; i < 30; i++) {
        snprintf(body, sizeof body, "{\"config\":{\"a\":%d}}", i);
        expect_status(put(f, &device, body), 200);
    }
    assert_int_equal(test_number(f, "SELECT count(*) FROM config_version"), 20);
    assert_int_equal(test_number(f, "SELECT min(version) FROM config_version"), 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_never_configured, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_scoped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_merged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_set_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_version_other_content, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cloud_edits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_versions_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
