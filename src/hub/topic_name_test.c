#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/access.h"

#define ID "7c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d0"
#define OTHER "0d0c4f6e-8a1b-4f59-b7c2-5e90d1a3c644"

static enum topic_id find(const char *rest)
{
    return topic_id_find(str_from_cstr(rest));
}

static void names_are_found(void **state)
{
    (void)state;
    assert_int_equal(find("commands"), TOPIC_COMMANDS);
    assert_int_equal(find("command"), TOPIC_COMMAND);
    assert_int_equal(find("command/children"), TOPIC_COMMAND_CHILDREN);
    assert_int_equal(find("command/children/update"), TOPIC_COMMAND_CHILDREN_UPDATE);
    assert_int_equal(find("reply/7/8"), TOPIC_REPLY);
    assert_int_equal(find("user/"), TOPIC_USER);
    assert_int_equal(find("users"), TOPIC_OTHER);
    assert_int_equal(find("commandss"), TOPIC_OTHER);
    assert_int_equal(find(""), TOPIC_OTHER);
    assert_int_equal(find("config/update/x"), TOPIC_OTHER);
}

static void sync_has_three_spellings(void **state)
{
    (void)state;
    assert_int_equal(find("sync"), TOPIC_SYNC);
    assert_int_equal(find("sync/config"), TOPIC_SYNC);
    assert_int_equal(find("config/sync"), TOPIC_SYNC);
    assert_int_equal(find("command/children/sync"), TOPIC_SYNC);
    assert_int_equal(find("telemetry/sync"), TOPIC_OTHER);
    assert_int_equal(find("user/sync"), TOPIC_USER);
    assert_int_equal(find("/sync"), TOPIC_OTHER);
    assert_int_equal(find("config/sync/sync"), TOPIC_OTHER);
}

static void a_topic_is_split(void **state)
{
    (void)state;
    struct uuid id, expected;
    struct str rest;
    uuid_parse(STR(ID), &expected);
    assert_true(device_topic_split(STR("v1/device/" ID "/config"), &id, &rest));
    assert_true(uuid_eq(&id, &expected));
    assert_true(str_eq(rest, STR("config")));
    assert_false(device_topic_split(STR("v1/device/" ID "/"), &id, &rest));
    assert_false(device_topic_split(STR("v1/device/" ID), &id, &rest));
    assert_false(device_topic_split(STR("v1/devices/" ID "/config"), &id, &rest));
    assert_false(device_topic_split(STR("v1/device/7C1DE0A4-52f1-4b0e-9a55-3f6b2e81c9d0/config"), &id, &rest));
    assert_false(device_topic_split(STR("v1/device/+/config"), &id, &rest));
    assert_false(device_topic_split(STR("v1/device/" ID "xconfig"), &id, &rest));
}

static void a_topic_is_written(void **state)
{
    (void)state;
    struct uuid id;
    char text[DEVICE_TOPIC_BYTES_MAX];
    uuid_parse(STR(ID), &id);
    assert_true(str_eq(device_topic_write(text, &id, STR("config")), STR("v1/device/" ID "/config")));
}

static bool device_may(const char *filter)
{
    struct uuid id;
    struct str rest;
    uuid_parse(STR(ID), &id);
    return access_device_filter(&id, str_from_cstr(filter), &rest);
}

static void a_device_sees_its_own_prefix(void **state)
{
    (void)state;
    assert_true(device_may("v1/device/" ID "/config"));
    assert_true(device_may("v1/device/" ID "/#"));
    assert_true(device_may("v1/device/" ID "/+"));
    assert_true(device_may("v1/device/" ID "/telemetry"));
    assert_true(device_may("v1/device/" ID "/whatever"));
    assert_false(device_may("v1/device/" ID "/presence"));
    assert_false(device_may("v1/device/" ID "/sync"));
    assert_false(device_may("v1/device/" OTHER "/config"));
    assert_false(device_may("v1/device/+/config"));
    assert_false(device_may("v1/device/#"));
    assert_false(device_may("#"));
    assert_false(device_may("+/device/" ID "/config"));
}

static bool application_may(enum party party, const char *filter)
{
    struct uuid id;
    bool names;
    return access_application_filter(party, str_from_cstr(filter), &names, &id);
}

static void an_application_sees_what_can_match(void **state)
{
    (void)state;
    static const char *const granted[] = {"#", "v1/#", "v1/device/#", "+/+/#", "v1/device/+/#", "v1/device/+/telemetry",
                                          "v1/device/" ID "/presence", "v1/device/+/user/a/b", "v1/device/+/+",
                                          "v1/device/+/+/update", "+/device/+/incidents", "v1/device/+/+/a/b/c"};
    static const char *const refused[] = {"v1", "v1/device", "v1/device/+", "v2/#", "v1/devices/#", "v1/device/+/config",
                                          "v1/device/+/commands", "v1/device/x/telemetry", "v1/device/+/reply/#",
                                          "v1/device/+/sync", "$SYS/#", "+", "v1/device/+/telemetry/x", ""};
    for (size_t i = 0; i < sizeof granted / sizeof granted[0]; i++) {
        assert_true(application_may(PARTY_ORGANIZATION, granted[i]));
        assert_true(application_may(PARTY_PARTNER, granted[i]));
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(application_may(PARTY_ORGANIZATION, refused[i]));
    }
}

static void a_named_device_is_reported(void **state)
{
    (void)state;
    struct uuid id, expected;
    bool names;
    uuid_parse(STR(ID), &expected);
    assert_true(access_application_filter(PARTY_ORGANIZATION, STR("v1/device/" ID "/telemetry"), &names, &id));
    assert_true(names);
    assert_true(uuid_eq(&id, &expected));
}

static void rights_follow_the_table(void **state)
{
    (void)state;
    assert_true(access_may_publish(PARTY_DEVICE, TOPIC_TELEMETRY));
    assert_true(access_may_publish(PARTY_DEVICE, TOPIC_SYNC));
    assert_false(access_may_publish(PARTY_DEVICE, TOPIC_CONFIG));
    assert_false(access_may_publish(PARTY_DEVICE, TOPIC_OTHER));
    assert_true(access_may_publish(PARTY_ORGANIZATION, TOPIC_USER));
    assert_false(access_may_publish(PARTY_ORGANIZATION, TOPIC_TELEMETRY));
    assert_false(access_may_publish(PARTY_PARTNER, TOPIC_USER));
    assert_true(access_may_receive(PARTY_PARTNER, TOPIC_PRESENCE));
    assert_false(access_may_receive(PARTY_DEVICE, TOPIC_PRESENCE));
    assert_false(access_may_receive(PARTY_ORGANIZATION, TOPIC_COMMAND));
    assert_false(access_may_receive(PARTY_DEVICE, TOPIC_OTHER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(sync_has_three_spellings),
        cmocka_unit_test(a_topic_is_split),
        cmocka_unit_test(a_topic_is_written),
        cmocka_unit_test(a_device_sees_its_own_prefix),
        cmocka_unit_test(an_application_sees_what_can_match),
        cmocka_unit_test(a_named_device_is_reported),
        cmocka_unit_test(rights_follow_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
