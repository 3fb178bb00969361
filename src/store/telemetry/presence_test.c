/* Presence with a turned clock (device-api.md 10.2, 10.3; mqtt.md 12); any order of it all: presence_property_test.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/device/effective_status.h"
#include "store/telemetry/telemetry_fixture.h"

#define MINUTE_MS INT64_C(60000)
#define THRESHOLD 5

static void tick(struct fixture *f)
{
    presence_tick(&f->domain);
    fixture_drain(f);
}

/* Lets time pass with the tick of every second. */
static void pass(struct fixture *f, int64_t ms)
{
    int64_t end = fixture_now + ms;
    while (fixture_now < end) {
        fixture_now = fixture_now + 1000 < end ? fixture_now + 1000 : end;
        tick(f);
    }
}

static int64_t open_incidents(struct fixture *f)
{
    return fixture_sql(f, "SELECT count(*) FROM incident WHERE closed_at IS NULL AND issue = 'offline' AND priority = 2"
                          " AND title = 'Device offline'");
}

static void swept_to_the_second_and_recovered_by_contact(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 2, THRESHOLD);
    assert_int_equal(fixture_report(f, 1, "{\"status\":\"error\",\"telemetries\":{\"a\":1}}", NULL), ERR_OK);
    unsigned events = f->status_events;
    pass(f, THRESHOLD * MINUTE_MS - 1000);
    assert_false(fixture_device(f, 1).swept);
    pass(f, 2000);
    struct device_brief device = fixture_device(f, 1);
    assert_true(device.swept);
    assert_int_equal(device.status, STATUS_OFFLINE);
    assert_int_equal(device.reported_status, STATUS_ERROR);
    assert_string_equal(fixture_state(f, 1), "{\"a\":1,\"status\":\"offline\"}");
    assert_int_equal(open_incidents(f), 1);
    assert_int_equal(f->status_events, events + 1);
    assert_false(fixture_device(f, 2).swept); /* never seen */
    fixture_flush(f);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM history WHERE status = 2 AND state = '{\"a\":1,\"status\":\"offline\"}'"), 1);

    presence_contact(&f->domain, 1);
    pass(f, 1000);
    device = fixture_device(f, 1);
    assert_false(device.swept);
    assert_int_equal(device.status, STATUS_ERROR); /* the last reported one */
    assert_string_equal(fixture_state(f, 1), "{\"a\":1,\"status\":\"error\"}");
    assert_int_equal(open_incidents(f), 0);
    pass(f, THRESHOLD * MINUTE_MS + 1000); /* and it is watched again */
    assert_true(fixture_device(f, 1).swept);
    assert_int_equal(open_incidents(f), 1);
}

static void a_report_recovers_with_its_own_status(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, THRESHOLD);
    assert_int_equal(fixture_report(f, 1, "{\"status\":\"error\"}", NULL), ERR_OK);
    pass(f, (THRESHOLD + 1) * MINUTE_MS);
    assert_true(fixture_device(f, 1).swept);
    unsigned events = f->status_events;
    assert_int_equal(fixture_report(f, 1, "{}", NULL), ERR_OK);
    tick(f);
    assert_int_equal(fixture_device(f, 1).status, STATUS_ONLINE);
    assert_false(fixture_device(f, 1).swept);
    assert_int_equal(f->status_events, events + 1); /* no stop at "error" on the way */
    assert_int_equal(open_incidents(f), 0);
}

static void reported_offline_makes_no_incident(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, THRESHOLD);
    assert_int_equal(fixture_report(f, 1, "{\"status\":\"offline\"}", NULL), ERR_OK);
    tick(f);
    assert_int_equal(fixture_device(f, 1).status, STATUS_OFFLINE);
    assert_false(fixture_device(f, 1).swept);
    assert_int_equal(open_incidents(f), 0);
}

static void a_session_and_a_command_hold_keep_it(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, THRESHOLD);
    presence_connected(&f->domain, 1);
    assert_non_null(strstr(f->last_payload, "\"status\":\"online\",\"effective_status\":\"ok\",\"connected\":true,"
                                            "\"last_seen_at\":\"2026-03-01T10:15:00.000Z\",\"since\":\"2026-03-01T10:15:00.000Z\"}"));
    pass(f, 20 * MINUTE_MS);
    assert_false(fixture_device(f, 1).swept);
    presence_disconnected(&f->domain, 1);
    assert_non_null(strstr(f->last_payload, "\"connected\":false"));
    pass(f, 3 * MINUTE_MS);
    presence_connected(&f->domain, 1);
    presence_disconnected(&f->domain, 1);
    pass(f, 3 * MINUTE_MS);
    assert_false(fixture_device(f, 1).swept);
    struct device_brief device = fixture_device(f, 1);
    device.command_hold_until_ms = fixture_now + 10 * MINUTE_MS;
    device_table_put(f->domain.devices, &device);
    pass(f, 9 * MINUTE_MS);
    assert_false(fixture_device(f, 1).swept);
    pass(f, MINUTE_MS + 1000);
    assert_true(fixture_device(f, 1).swept);
}

static void assert_presence(struct fixture *f, int64_t no, const char *wanted)
{
    struct device_brief device = fixture_device(f, no);
    struct buf out;
    buf_init(&out, 1024);
    assert_int_equal(presence_write(&f->domain, &device, &out), wanted != NULL);
    buf_append_u8(&out, 0);
    if (wanted && !strstr((const char *)out.data, wanted)) {
        fail_msg("presence is %s", (const char *)out.data);
    }
    buf_deinit(&out);
}

/* What a new subscription reads is what is so now, also after a start (mqtt.md 3.3). */
static void presence_is_read_from_the_record(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 2, THRESHOLD);
    assert_presence(f, 2, NULL);
    presence_connected(&f->domain, 1);
    assert_presence(f, 1, "\"status\":\"online\",\"effective_status\":\"ok\",\"connected\":true,"
                          "\"last_seen_at\":\"2026-03-01T10:15:00.000Z\",\"since\":\"2026-03-01T10:15:00.000Z\"}");
    pass(f, 2 * MINUTE_MS);
    presence_contact(&f->domain, 1);
    assert_presence(f, 1, "\"connected\":true,\"last_seen_at\":\"2026-03-01T10:17:00.000Z\",\"since\":\"2026-03-01T10:15:00.000Z\"}");
    assert_int_equal(fixture_report(f, 1, "{\"status\":\"error\"}", NULL), ERR_OK);
    assert_presence(f, 1, "\"status\":\"error\",\"effective_status\":\"error\",\"connected\":true,"
                          "\"last_seen_at\":\"2026-03-01T10:17:00.000Z\",\"since\":\"2026-03-01T10:17:00.000Z\"}");
    fixture_flush(f);
    fixture_stop(f); /* without the end of the session */
    fixture_now += MINUTE_MS;
    fixture_open(f);
    assert_presence(f, 1, "\"status\":\"error\",\"effective_status\":\"error\",\"connected\":false,"
                          "\"last_seen_at\":\"2026-03-01T10:17:00.000Z\",\"since\":\"2026-03-01T10:17:00.000Z\"}");
    pass(f, (THRESHOLD + 1) * MINUTE_MS);
    assert_presence(f, 1, "\"status\":\"offline\",\"effective_status\":\"offline\",\"connected\":false,");
    assert_presence(f, 1, "\"since\":\"2026-03-01T10:23:1");
    presence_disconnected(&f->domain, 2);
    assert_presence(f, 2, "\"connected\":false,");
}

static void a_changed_threshold_counts_at_once(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 2, 60);
    presence_contact(&f->domain, 1);
    pass(f, 3 * MINUTE_MS);
    for (unsigned no = 1; no <= 2; no++) {
        struct device_brief device = fixture_device(f, no);
        device.offline_threshold_minutes = 4;
        device_table_put(f->domain.devices, &device);
    }
    presence_model_changed(&f->domain, 1);
    pass(f, MINUTE_MS + 1000);
    assert_true(fixture_device(f, 1).swept);
    assert_false(fixture_device(f, 2).swept);
}

static void a_start_is_not_an_absence(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, THRESHOLD);
    assert_int_equal(fixture_report(f, 1, "{}", NULL), ERR_OK);
    pass(f, 4 * MINUTE_MS);
    fixture_stop(f);
    fixture_now += 60 * MINUTE_MS;
    fixture_open(f);
    pass(f, 4 * MINUTE_MS);
    assert_false(fixture_device(f, 1).swept);
    pass(f, MINUTE_MS + 2000);
    assert_true(fixture_device(f, 1).swept);
    fixture_crash(f);
    fixture_open(f);
    assert_true(fixture_device(f, 1).swept); /* replayed */
    tick(f);
    assert_int_equal(open_incidents(f), 1);
}

/* A sweep was committed, the kill came before its incident: the start makes up for it, and likewise for a recovery. */
static void incidents_lost_between_two_commits(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, THRESHOLD);
    assert_int_equal(fixture_report(f, 1, "{}", NULL), ERR_OK);
    pass(f, (THRESHOLD + 1) * MINUTE_MS);
    assert_int_equal(open_incidents(f), 1);
    assert_int_equal(fixture_report(f, 1, "{}", NULL), ERR_OK); /* closing is queued, and lost */
    fixture_crash(f);
    fixture_open(f);
    assert_false(fixture_device(f, 1).swept);
    tick(f);
    assert_int_equal(open_incidents(f), 0);
    fixture_flush(f);
    fixture_sql(f, "UPDATE device SET swept = 1, status = 2 WHERE no = 1"); /* checkpointed, but no incident */
    fixture_crash(f);
    fixture_open(f);
    tick(f);
    assert_int_equal(open_incidents(f), 1);
}

static void effective_formula(void **state)
{
    (void)state;
    static const struct {
        struct effective_inputs inputs;
        const char *name;
    } rows[] = {
        {{false, true, STATUS_OFFLINE, 1}, "never_seen"}, {{true, true, STATUS_OFFLINE, 1}, "disconnected"},
        {{true, false, STATUS_OFFLINE, 1}, "offline"},    {{true, false, STATUS_ERROR, 0}, "error"},
        {{true, false, STATUS_ONLINE, 1}, "error"},       {{true, false, STATUS_ONLINE, 2}, "error"},
        {{true, false, STATUS_ONLINE, 3}, "warning"},     {{true, false, STATUS_ONLINE, 4}, "warning"},
        {{true, false, STATUS_ONLINE, 5}, "ok"},          {{true, false, STATUS_ONLINE, 0}, "ok"},
        {{true, false, STATUS_NEVER_SEEN, 0}, "ok"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(effective_status_name(effective_status(&rows[i].inputs)), rows[i].name);
    }
    static const enum effective_status worst_first[] = {EFFECTIVE_ERROR, EFFECTIVE_OFFLINE, EFFECTIVE_DISCONNECTED,
                                                        EFFECTIVE_WARNING, EFFECTIVE_OK, EFFECTIVE_NEVER_SEEN};
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned j = 0; j < 6; j++) {
            assert_int_equal(effective_status_worst(worst_first[i], worst_first[j]), worst_first[i < j ? i : j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(swept_to_the_second_and_recovered_by_contact, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_report_recovers_with_its_own_status, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(reported_offline_makes_no_incident, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_session_and_a_command_hold_keep_it, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(presence_is_read_from_the_record, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_changed_threshold_counts_at_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_start_is_not_an_absence, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(incidents_lost_between_two_commits, fixture_setup, fixture_teardown),
        cmocka_unit_test(effective_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
