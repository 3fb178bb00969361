/* Samples, states and what is left of them after a kill (device-api.md 3). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store/telemetry/telemetry_fixture.h"

#define DAY_MS INT64_C(86400000)

static void a_report_becomes_state_and_row(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 2, 0);
    atomic_store(&f->domain.events.wants_messages, 1);
    assert_string_equal(fixture_state(f, 1), "{}");
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"temp\":21.5,\"on\":true,\"name\":\"a\"}}", NULL), ERR_OK);
    assert_string_equal(fixture_state(f, 1), "{\"name\":\"a\",\"on\":true,\"status\":\"online\",\"temp\":21.5}");
    assert_int_equal(f->telemetry_events, 1);
    assert_int_equal(f->status_events, 1);
    struct device_brief device = fixture_device(f, 1);
    assert_int_equal(device.status, STATUS_ONLINE);
    assert_int_equal(device.last_seen_ms, fixture_now);
    assert_int_equal(device.sample_seq, 1);
    assert_int_equal(device.sample_day, day_of(fixture_now));
    fixture_now += 1000;
    assert_int_equal(fixture_report(f, 1, "{\"status\":\"error\",\"message\":\"hot\",\"telemetries\":{\"temp\":99,\"on\":null}}", NULL), ERR_OK);
    assert_string_equal(fixture_state(f, 1), "{\"name\":\"a\",\"status\":\"error\",\"temp\":99}");
    assert_int_equal(f->status_events, 2);
    fixture_now += 1000;
    assert_int_equal(fixture_report(f, 1, "{\"override\":true,\"telemetries\":{\"x\":1,\"y\":null}}", NULL), ERR_OK);
    assert_string_equal(fixture_state(f, 1), "{\"status\":\"online\",\"x\":1}");
    assert_string_equal(fixture_state(f, 2), "{}");
    assert_string_equal(fixture_read(f, (struct read_op){.device_no = 1, .what = READ_NEWEST, .to_ms = fixture_now, .limit = 2}),
                        "[{\"created_at\":\"2026-03-01T10:15:02.000Z\",\"device_timestamp\":null,"
                        "\"telemetries\":{\"status\":\"online\",\"x\":1,\"y\":null}},"
                        "{\"created_at\":\"2026-03-01T10:15:01.000Z\",\"device_timestamp\":null,"
                        "\"telemetries\":{\"on\":null,\"status\":\"error\",\"temp\":99}}]");
}

static void a_state_keeps_its_limits(void **state)
{
    struct fixture *f = *state;
    char error[256];
    f->settings.limits_state_keys_max = 3;
    fixture_devices(f, 1, 0);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":1,\"b\":2}}", NULL), ERR_OK);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"c\":3}}", error), ERR_INVALID);
    assert_string_equal(error, "422 State has too many keys (maximum is 3)");
    assert_string_equal(fixture_state(f, 1), "{\"a\":1,\"b\":2,\"status\":\"online\"}");
    assert_int_equal(fixture_device(f, 1).sample_seq, 1);
    f->settings.limits_state_max = 60;
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":\"0123456789012345678901234567890123456789\"}}", error), ERR_INVALID);
    assert_string_equal(error, "422 State is too long (maximum is 60 bytes)");
}

static void late_samples_are_found_in_their_place(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    static const char *const bodies[] = {
        "{\"telemetries\":{\"n\":1}}", "{\"telemetries\":{\"n\":2},\"timestamp\":\"2026-03-01T09:00:00Z\"}",
        "{\"telemetries\":{\"n\":3}}", "{\"telemetries\":{\"n\":4},\"timestamp\":\"2020-01-01\"}"};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(fixture_report(f, 1, bodies[i], NULL), ERR_OK);
        fixture_now += 1000;
    }
    const char *text = fixture_read(f, (struct read_op){.device_no = 1, .what = READ_NEWEST, .to_ms = INT64_MAX, .limit = 10});
    const char *n4 = strstr(text, "\"n\":4"), *n3 = strstr(text, "\"n\":3"), *n2 = strstr(text, "\"n\":2"), *n1 = strstr(text, "\"n\":1");
    assert_true(n4 && n3 && n2 && n1 && n4 < n3 && n3 < n1 && n1 < n2);
    assert_non_null(strstr(text, "\"device_timestamp\":\"2020-01-01T00:00:00.000Z\"")); /* implausible: kept beside our time */
    text = fixture_read(f, (struct read_op){.device_no = 1, .what = READ_NEWEST, .to_ms = START_MS - 1, .limit = 10});
    assert_non_null(strstr(text, "\"n\":2"));
    assert_null(strstr(text, "\"n\":1"));
}

static void rows_chain_over_days_and_days_are_removed(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 2, 0);
    f->settings.retention_telemetry_days = 2;
    for (unsigned day = 0; day < 5; day++) {
        char body[64];
        snprintf(body, sizeof body, "{\"telemetries\":{\"day\":%u}}", day);
        assert_int_equal(fixture_report(f, 1, body, NULL), ERR_OK);
        assert_int_equal(fixture_report(f, 2, body, NULL), ERR_OK);
        fixture_now += DAY_MS;
    }
    struct read_op read = {.device_no = 1, .what = READ_NEWEST, .to_ms = INT64_MAX, .limit = 10};
    const char *text = fixture_read(f, read);
    for (unsigned day = 0; day < 5; day++) {
        char part[32];
        snprintf(part, sizeof part, "\"day\":%u", day);
        assert_non_null(strstr(text, part));
    }
    fixture_now -= DAY_MS;
    telemetry_tick(&f->domain); /* keeps two days before today */
    fixture_drain(f);
    text = fixture_read(f, read);
    assert_non_null(strstr(text, "\"day\":2"));
    assert_null(strstr(text, "\"day\":1"));
    char path[128];
    snprintf(path, sizeof path, "%s/telemetry/2026-03-01.db", f->dir);
    struct stat info;
    assert_int_not_equal(stat(path, &info), 0);
    fixture_crash(f);
    fixture_open(f);
    assert_string_equal(fixture_state(f, 2), "{\"day\":4,\"status\":\"online\"}");
}

static void clock_set_back_stays_in_its_day(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":1}}", NULL), ERR_OK);
    int32_t day = fixture_device(f, 1).sample_day;
    fixture_now -= 2 * DAY_MS;
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":2}}", NULL), ERR_OK);
    assert_int_equal(fixture_device(f, 1).sample_day, day);
    assert_int_equal(fixture_device(f, 1).sample_seq, 2);
}

static void another_epoch_sees_nothing_of_the_former(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"secret\":1}}", NULL), ERR_OK);
    /* as un-claiming does: the row, the hot record, then telemetry_forget */
    fixture_sql(f, "UPDATE device SET epoch = 1, state = '{}', sample_day = 0, sample_seq = 0, status = 0 WHERE no = 1");
    struct device_brief device = fixture_device(f, 1);
    device.epoch = 1;
    device.sample_day = 0;
    device.sample_seq = 0;
    device_table_put(f->domain.devices, &device);
    telemetry_forget(&f->domain, 1);
    assert_string_equal(fixture_state(f, 1), "{}");
    fixture_flush(f);
    struct read_op read = {.device_no = 1, .what = READ_NEWEST, .to_ms = INT64_MAX, .limit = 10};
    assert_string_equal(fixture_read(f, read), "[]");
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"mine\":1}}", NULL), ERR_OK);
    assert_null(strstr(fixture_read(f, read), "secret"));
    fixture_crash(f);
    fixture_open(f);
    assert_string_equal(fixture_state(f, 1), "{\"mine\":1,\"status\":\"online\"}");
    assert_null(strstr(fixture_read(f, read), "secret"));
}

static void series_are_raw_bucketed_or_changes(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    int64_t from = fixture_now;
    for (unsigned i = 0; i < 10; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"telemetries\":{\"n\":%u,\"s\":\"%s\",\"b\":%s}}", i, i < 5 ? "low" : "high", i == 7 ? "true" : "false");
        assert_int_equal(fixture_report(f, 1, body, NULL), ERR_OK);
        fixture_now += 1000;
    }
    struct read_op read = {.device_no = 1, .what = READ_SERIES, .from_ms = from, .to_ms = from + 9999, .limit = 20, .key = "n"};
    const char *text = fixture_read(f, read);
    assert_non_null(strstr(text, "{\"series\":[{\"key\":\"n\",\"unit\":null,\"points\":[[1772360100000,0,0,0],[1772360101000,1,1,1],"));
    read.limit = 2;
    text = fixture_read(f, read);
    assert_string_equal(text, "{\"series\":[{\"key\":\"n\",\"unit\":null,\"points\":[[1772360102500,0,2,4],[1772360107500,5,7,9]]}]}");
    read.key = "s";
    text = fixture_read(f, read);
    assert_string_equal(text, "{\"series\":[{\"key\":\"s\",\"unit\":null,\"points\":[[1772360100000,\"low\"],[1772360105000,\"high\"]]}]}");
    read.key = "b";
    text = fixture_read(f, read);
    assert_string_equal(text, "{\"series\":[{\"key\":\"b\",\"unit\":null,\"points\":[[1772360100000,false],[1772360107000,true],[1772360108000,false]]}]}");
    read.key = "none";
    assert_string_equal(fixture_read(f, read), "{\"series\":[{\"key\":\"none\",\"unit\":null,\"points\":[]}]}");
}

static void history_has_quarter_hours_and_changes(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    for (unsigned i = 0; i < 10; i++) { /* 50 minutes from 10:15 */
        assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":1}}", NULL), ERR_OK);
        fixture_flush(f);
        fixture_now += 5 * 60000 - 11000;
    }
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM history"), 4);
    assert_int_equal(fixture_report(f, 1, "{\"status\":\"error\"}", NULL), ERR_OK);
    assert_int_equal(fixture_report(f, 1, "{\"status\":\"error\"}", NULL), ERR_OK);
    fixture_flush(f);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM history"), 5);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM history WHERE status = 3 AND state = '{\"a\":1,\"status\":\"error\"}'"), 1);
    fixture_now += 500 * DAY_MS;
    fixture_flush(f);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM history"), 0);
}

static void contact_alone_reaches_the_registry(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    presence_contact(&f->domain, 1);
    int64_t at = fixture_now;
    fixture_flush(f);
    assert_int_equal(fixture_sql(f, "SELECT last_seen_at FROM device WHERE no = 1"), at);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM history"), 1);
}

/* The whole telemetry lane against a model of it, with kills and checkpoints at any moment: what was acknowledged is
 * there afterwards, and the registry's copy plus the replay give the same state. */
#define PROPERTY_DEVICES 6

static uint64_t seed;

static unsigned rnd(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static void nothing_acknowledged_is_lost(void **state)
{
    struct fixture *f = *state;
    int values[PROPERTY_DEVICES + 1][4];
    unsigned rows[PROPERTY_DEVICES + 1] = {0};
    memset(values, -1, sizeof values);
    seed = 42;
    fixture_devices(f, PROPERTY_DEVICES, 0);
    for (unsigned step = 0; step < 1500; step++) {
        unsigned no = 1 + rnd(PROPERTY_DEVICES);
        unsigned what = rnd(100);
        if (what < 85) {
            unsigned key = rnd(4);
            bool override = rnd(10) == 0;
            char body[128];
            snprintf(body, sizeof body, "{\"override\":%s,\"telemetries\":{\"k%u\":%u}}", override ? "true" : "false", key, step);
            assert_int_equal(fixture_report(f, no, body, NULL), ERR_OK);
            if (override) {
                memset(values[no], -1, sizeof values[no]);
            }
            values[no][key] = (int)step;
            rows[no]++;
        } else if (what < 93) {
            fixture_now += 3600000;
            telemetry_tick(&f->domain);
            if (rnd(2)) {
                fixture_drain(f);
            }
        } else if (what < 98) {
            fixture_crash(f);
            fixture_open(f);
        } else {
            fixture_stop(f);
            fixture_open(f);
        }
        for (unsigned d = 1; d <= PROPERTY_DEVICES; d++) {
            char expected[128] = "{";
            for (unsigned k = 0; k < 4; k++) {
                if (values[d][k] >= 0) {
                    size_t len = strlen(expected);
                    snprintf(expected + len, sizeof expected - len, "%s\"k%u\":%d", len > 1 ? "," : "", k, values[d][k]);
                }
            }
            strcat(expected, rows[d] ? strlen(expected) > 1 ? ",\"status\":\"online\"}" : "\"status\":\"online\"}" : "}");
            assert_string_equal(fixture_state(f, d), expected);
        }
    }
    f->settings.retention_telemetry_days = 0;
    for (unsigned d = 1; d <= PROPERTY_DEVICES; d++) {
        const char *text = fixture_read(f, (struct read_op){.device_no = d, .what = READ_NEWEST, .to_ms = INT64_MAX, .limit = 400});
        unsigned found = 0;
        while ((text = strstr(text, "created_at")) != NULL) {
            found++;
            text++;
        }
        assert_int_equal(found, rows[d]);
    }
}

/* A disk that takes nothing: the sample is refused and the state unchanged; with room again it goes on. */
static void a_full_disk_refuses_and_recovers(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    fixture_devices(f, 1, 0);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":1}}", NULL), ERR_OK);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit tight = {4096, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":2}}", NULL), ERR_STORAGE);
    assert_false(store_is_healthy(f->store));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_string_equal(fixture_state(f, 1), "{\"a\":1,\"status\":\"online\"}");
    assert_int_equal(fixture_device(f, 1).sample_seq, 1);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":3}}", NULL), ERR_OK);
    assert_true(store_is_healthy(f->store));
    assert_int_equal(fixture_device(f, 1).sample_seq, 2);
    assert_string_equal(fixture_state(f, 1), "{\"a\":3,\"status\":\"online\"}");
}

static void run_nothing(struct op *op, struct store_tx *tx)
{
    (void)op;
    (void)tx;
}

/* The rows of a batch that failed are no rows: a checkpoint behind them would leave out those that take their place. */
static void a_checkpoint_never_passes_what_failed(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    fixture_devices(f, 1, 0);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":1}}", NULL), ERR_OK);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit tight = {4096, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":2}}", NULL), ERR_STORAGE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    struct op nothing = {.lane = LANE_TELEMETRY, .run = run_nothing};
    assert_int_equal(store_run_now(f->store, &nothing), ERR_OK);
    fixture_flush(f);
    assert_int_equal(fixture_sql(f, "SELECT seq FROM checkpoint"), 1);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"a\":3}}", NULL), ERR_OK);
    fixture_crash(f);
    fixture_open(f);
    assert_string_equal(fixture_state(f, 1), "{\"a\":3,\"status\":\"online\"}");
    assert_int_equal(fixture_device(f, 1).sample_seq, 2);
}

static void segment_names(void **state)
{
    (void)state;
    char name[48];
    int32_t day = 0;
    int64_t first = 0;
    segment_name(day_of(START_MS), 1, ".db", name);
    assert_string_equal(name, "2026-03-01.db");
    assert_true(segment_parse(name, ".db", &day, &first));
    assert_int_equal(day, day_of(START_MS));
    assert_int_equal(first, 1);
    segment_name(day_of(START_MS), 81920, ".seal", name);
    assert_string_equal(name, "2026-03-01.81920.seal");
    assert_true(segment_parse(name, ".seal", &day, &first));
    assert_int_equal(first, 81920);
    assert_false(segment_parse(name, ".db", &day, &first));
    assert_false(segment_parse("2026-03-01.db-wal", ".db", &day, &first));
    assert_false(segment_parse("2026-03-01.x.db", ".db", &day, &first));
    assert_false(segment_parse("2026-03-01.99999999999999999999.db", ".db", &day, &first));
    assert_false(segment_parse("..", ".db", &day, &first));
    assert_int_equal(day_of(-1), -1);
    assert_int_equal(day_of(-86400000), -1);
    assert_int_equal(day_of(-86400001), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_report_becomes_state_and_row, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_state_keeps_its_limits, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(late_samples_are_found_in_their_place, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(rows_chain_over_days_and_days_are_removed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(clock_set_back_stays_in_its_day, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(another_epoch_sees_nothing_of_the_former, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(series_are_raw_bucketed_or_changes, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(history_has_quarter_hours_and_changes, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(contact_alone_reaches_the_registry, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(nothing_acknowledged_is_lost, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_and_recovers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_never_passes_what_failed, fixture_setup, fixture_teardown),
        cmocka_unit_test(segment_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
