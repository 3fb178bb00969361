/* The presence flag against the truth: many devices, each with its own order of contacts, reports, sessions and commands,
 * while time passes, thresholds change, and the server stops and is killed (device-api.md 4.4, 10.2; mqtt.md 12).
 * MUSTER_SEED=N repeats a run; a failure prints its seed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/test_chance.h"
#include "store/telemetry/telemetry_fixture.h"

#define DEVICES 400
#define ROUNDS 50
#define MODELS 3
#define MINUTE_MS INT64_C(60000)
#define LATE_MS 1000          /* how late a sweep may be: SHOULD, 10.2.2 */
#define STORED_WITHIN_MS 30000 /* how much of a last contact a kill may take (1.10) */

struct truth {
    int64_t last;      /* contact; 0: never */
    int64_t hold;      /* until when a command's timeout keeps it */
    int64_t changed;   /* when hold or threshold last were another */
    enum device_status reported;
    bool connected, swept, incident;
};

static struct truth truths[DEVICES + 1];
static unsigned thresholds[MODELS + 1]; /* minutes; 0: off */
static int64_t started;

static unsigned model_of(unsigned device)
{
    return 1 + device % MODELS;
}

static bool is_claimed(unsigned device)
{
    return device % 5 != 0;
}

/* ---- what happens ---- */

static void contact(struct truth *truth)
{
    truth->last = fixture_now;
    truth->swept = truth->incident = false;
}

static void report(struct fixture *f, unsigned device)
{
    static const struct {
        const char *body;
        enum device_status status;
    } reports[] = {{"{}", STATUS_ONLINE}, {"{\"status\":\"offline\"}", STATUS_OFFLINE}, {"{\"status\":\"error\"}", STATUS_ERROR}};
    unsigned which = rnd(3);
    assert_int_equal(fixture_report(f, device, reports[which].body, NULL), ERR_OK);
    truths[device].reported = reports[which].status;
    contact(&truths[device]);
}

static void hold(struct fixture *f, unsigned device)
{
    struct device_brief brief = fixture_device(f, device);
    truths[device].hold = rnd(2) ? fixture_now + (int64_t)rnd(10) * MINUTE_MS : 0; /* delivered, or final */
    truths[device].changed = fixture_now;
    bool shortened = truths[device].hold < brief.command_hold_until_ms;
    brief.command_hold_until_ms = truths[device].hold;
    device_table_put(f->domain.devices, &brief);
    if (shortened) {
        presence_hold_shortened(&f->domain, device);
    }
}

static void something(struct fixture *f, unsigned device)
{
    struct truth *truth = &truths[device];
    switch (rnd(12)) {
    case 0:
        presence_connected(&f->domain, device);
        truth->connected = true;
        contact(truth);
        break;
    case 1:
    case 2:
        presence_disconnected(&f->domain, device);
        truth->connected = false;
        contact(truth);
        break;
    case 3:
        report(f, device);
        break;
    case 4:
    case 5:
        presence_contact(&f->domain, device);
        contact(truth);
        break;
    case 6:
        hold(f, device);
        break;
    default:
        break;
    }
}

/* Its operator sets the threshold of a model: for the devices not swept it counts at once. */
static void change_threshold(struct fixture *f)
{
    unsigned model = 1 + rnd(MODELS);
    char sql[128], minutes[16] = "NULL";
    thresholds[model] = rnd(3) * 4;
    if (thresholds[model]) {
        snprintf(minutes, sizeof minutes, "%u", thresholds[model]);
    }
    snprintf(sql, sizeof sql, "UPDATE model SET offline_threshold_minutes = %s WHERE no = %u", minutes, model);
    fixture_sql(f, sql);
    for (unsigned device = 1; device <= DEVICES; device++) {
        if (model_of(device) == model) {
            struct device_brief brief = fixture_device(f, device);
            brief.offline_threshold_minutes = (uint16_t)thresholds[model];
            device_table_put(f->domain.devices, &brief);
            truths[device].changed = fixture_now;
        }
    }
    presence_model_changed(&f->domain, model);
}

static void restart(struct fixture *f)
{
    bool clean = rnd(2);
    int64_t ended = fixture_now;
    (clean ? fixture_stop : fixture_crash)(f);
    fixture_now += rnd(60) * MINUTE_MS;
    fixture_open(f);
    started = fixture_now;
    for (unsigned device = 1; device <= DEVICES; device++) {
        struct truth *truth = &truths[device];
        int64_t seen = fixture_device(f, device).last_seen_ms;
        if (!clean && seen != truth->last) {
            assert_true(seen < truth->last && truth->last + STORED_WITHIN_MS + LATE_MS >= ended);
            truth->last = seen;
        }
        truth->connected = false;
        truth->hold = 0; /* of the hot record alone here; the command's row brings it back */
    }
}

/* ---- what must be so ---- */

/* When it has to be swept; INT64_MAX: never. */
static int64_t deadline_of(unsigned device)
{
    const struct truth *truth = &truths[device];
    unsigned threshold = thresholds[model_of(device)];
    if (threshold == 0 || truth->connected || truth->last == 0) {
        return INT64_MAX;
    }
    int64_t deadline = (truth->last > started ? truth->last : started) + threshold * MINUTE_MS;
    return deadline > truth->hold ? deadline : truth->hold;
}

static void settle(struct fixture *f, unsigned device)
{
    struct truth *truth = &truths[device];
    struct device_brief brief = fixture_device(f, device);
    int64_t deadline = deadline_of(device), known = deadline > truth->changed ? deadline : truth->changed;
    if (!truth->swept && deadline <= fixture_now && (fixture_now - known >= LATE_MS || brief.swept)) {
        truth->swept = true;
        truth->incident = is_claimed(device);
    }
    if (brief.swept != truth->swept || brief.connected != truth->connected || brief.last_seen_ms != truth->last) {
        fail_msg("device %u is %sswept, %sconnected, seen %lld; the truth is %s, %s, %lld; deadline %lld, now %lld", device,
                 brief.swept ? "" : "not ", brief.connected ? "" : "not ", (long long)brief.last_seen_ms,
                 truth->swept ? "swept" : "not swept", truth->connected ? "connected" : "not connected", (long long)truth->last,
                 (long long)deadline, (long long)fixture_now);
    }
    enum device_status wanted = truth->swept ? STATUS_OFFLINE : truth->reported;
    if (wanted != STATUS_NEVER_SEEN) {
        assert_int_equal(brief.status, wanted);
    }
}

static void settle_all(struct fixture *f)
{
    int64_t incidents = 0;
    presence_tick(&f->domain);
    fixture_drain(f);
    for (unsigned device = 1; device <= DEVICES; device++) {
        settle(f, device);
        incidents += truths[device].incident;
    }
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM incident WHERE closed_at IS NULL AND issue = 'offline'"), incidents);
}

static void prepare(struct fixture *f)
{
    fixture_devices(f, DEVICES, 5);
    fixture_sql(f, "INSERT INTO model (no, id, partner_no, name, auth_cloud_id, protocol, device_type, api_version,"
                   " offline_threshold_minutes, enabled_tabs, created_at, updated_at)"
                   " SELECT 2, x'04040404040404040404040404040404', 1, 'N', 0, 2, 1, 7, 1, '[]', 0, 0 UNION ALL"
                   " SELECT 3, x'05050505050505050505050505050505', 1, 'O', 0, 1, 1, 7, NULL, '[]', 0, 0");
    fixture_sql(f, "UPDATE device SET model_no = 1 + no % 3");
    fixture_sql(f, "UPDATE device SET organization_no = NULL, space_no = NULL, space_version = 0 WHERE no % 5 = 0");
    thresholds[1] = 5;
    thresholds[2] = 1;
    fixture_crash(f);
    fixture_open(f);
    started = fixture_now;
}

static void the_flag_is_the_truth(void **context)
{
    struct fixture *f = *context;
    chance_begin();
    prepare(f);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned device = 1; device <= DEVICES; device++) {
            something(f, device);
        }
        if (rnd(8) == 0) {
            change_threshold(f);
        }
        settle_all(f);
        if (rnd(6) == 0) {
            restart(f);
            settle_all(f);
        }
        for (unsigned passing = rnd(4); passing > 0; passing--) {
            fixture_now += rnd(2) ? 1000 : (int64_t)rnd(2 * 60) * 1000;
            telemetry_tick(&f->domain);
            settle_all(f);
        }
    }
    failed = false;
}

static int teardown_and_tell(void **context)
{
    chance_tell();
    return fixture_teardown(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_flag_is_the_truth, fixture_setup_in_memory, teardown_and_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
