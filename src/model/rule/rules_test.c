/* Rules from the sample to the incident, with a registry that refuses to write, and a program that ends in between. */
#include "model/testing/device_test_support.h"

#include "model/claim/claim.h"
#include "model/device/device_edit.h"
#include "model/device/presence.h"
#include "model/incident/incident.h"
#include "model/incident/incident_admin.h"
#include "model/rule/rule_admin.h"
#include "model/rule/rules_internal.h"
#include "model/telemetry/telemetry_internal.h"

#define MODEL STR("03000000-0000-0000-0000-000000000001")
#define HOT "\"definition\":{\"all\":[{\"key\":\"temp\",\"type\":\"number\",\"operator\":\"gt\",\"value\":50}]}"
#define DAY_MS INT64_C(86400000)

static char rule_id[UUID_TEXT_BYTES];

#define WRAP(name, call) \
    static void name(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body) \
    { \
        (void)device; \
        (void)body; \
        call; \
    }
WRAP(claim_run, device_claim(admin, tx, body))
WRAP(unclaim_run, device_unclaim(admin, tx, device))
WRAP(delete_run, device_delete(admin, tx, device))
WRAP(create_run, rule_create(admin, tx, MODEL, body))
WRAP(change_run, rule_update(admin, tx, MODEL, str_from_cstr(rule_id), body))
WRAP(drop_run, rule_delete(admin, tx, MODEL, str_from_cstr(rule_id)))
WRAP(errors_run, rule_errors(admin, tx, MODEL, str_from_cstr(rule_id), (struct page){1, 100}))

static void make_rule(struct fixture *f, const char *fields)
{
    char body[16384];
    snprintf(body, sizeof body, "{\"name\":\"Hot\"," HOT "%s}", fields);
    struct answer answer = manage(f, partner_user(PARTNER), NULL, create_run, body);
    assert_int_equal(answer.status, 201);
    snprintf(rule_id, sizeof rule_id, "%.*s", STR_ARG(json_string(json_get(answer.json, "id"))));
    answer_free(&answer);
}

static void change_rule(struct fixture *f, const char *body)
{
    expect_status(manage(f, partner_user(PARTNER), NULL, change_run, body), 200);
}

static struct device_brief claimed(struct fixture *f, const char *sn)
{
    char body[256];
    snprintf(body, sizeof body, "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"%s\",\"mac\":\"%s\"}", sn, sn);
    struct device_brief device = register_device(f, body, NULL);
    snprintf(body, sizeof body, "{\"space_id\":1,\"sn\":\"%s\",\"mac\":\"%s\"}", sn, sn);
    expect_status(manage(f, organization_user(ORGANIZATION), NULL, claim_run, body), 200);
    return hot_of(f, &device);
}

static void send_temp(struct fixture *f, const struct device_brief *device, int temp)
{
    char body[64];
    snprintf(body, sizeof body, "{\"telemetries\":{\"temp\":%d}}", temp);
    expect_status(ask(f, device, DEVICE_TELEMETRY, body), 201);
}

static int64_t active(struct fixture *f, const struct device_brief *device)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM incident WHERE closed_at IS NULL AND device_no = %lld", (long long)device->no);
    return test_number(f, sql);
}

static size_t known_count(const struct fixture *f)
{
    struct hashmap_iter iter = {0};
    size_t count = 0;
    while (hashmap_next(&f->domain.telemetry->rules->known, &iter)) {
        count++;
    }
    return count;
}

/* ---- an operation of the rules that is held back, as behind a long queue ---- */

static struct rules *held_rules;
static bool is_held;

static void hold(struct executor *executor, struct op *op)
{
    if (op == &held_rules->op) {
        is_held = true;
    } else {
        test_submit(executor, op);
    }
}

static void hold_effects(struct fixture *f)
{
    held_rules = f->domain.telemetry->rules;
    is_held = false;
    f->executor.submit = hold;
}

static void let_go(struct fixture *f)
{
    f->executor.submit = test_submit;
    if (is_held) {
        op_submit(&f->executor, &held_rules->op);
    }
}

/* A round of the checkpoint, and the second's tick of the rules. */
static void tick(struct fixture *f)
{
    test_now_ms += 60000;
    rules_tick(&f->domain);
    telemetry_tick(&f->domain);
}

/* What a start finds on a disk whose program ended at this moment. */
static struct fixture *crash(const struct fixture *f)
{
    char copy[] = "/tmp/muster-crashed-XXXXXX", command[160];
    assert_non_null(mkdtemp(copy));
    snprintf(command, sizeof command, "cp -r %s/. %s", f->dir, copy);
    assert_int_equal(system(command), 0);
    return fixture_open(copy);
}

static void end(struct fixture *crashed)
{
    void *state = crashed;
    assert_int_equal(teardown(&state), 0);
}

static void full(struct fixture *f, bool is_full)
{
    test_exec(f, is_full ? "PRAGMA max_page_count = 1" : "PRAGMA max_page_count = 1073741823");
}

/* ---- switched off and on ---- */

static void closes_what_was_open_before_it_was_switched_on_again(void **state)
{
    struct fixture *f = *state;
    make_rule(f, ",\"auto_close\":false");
    struct device_brief one = claimed(f, "a"), other = claimed(f, "b");
    send_temp(f, &one, 60);
    send_temp(f, &other, 60);
    change_rule(f, "{\"active\":false}");
    tick(f);
    assert_int_equal(active(f, &one), 1); /* without auto_close it is left to people */
    change_rule(f, "{\"active\":true,\"auto_close\":true}");
    send_temp(f, &one, 20);
    send_temp(f, &other, 61);
    assert_int_equal(active(f, &one), 0);
    assert_int_equal(active(f, &other), 1);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident"), 2);
}

static void says_why_a_sweep_closed_it(void **state)
{
    struct fixture *f = *state;
    make_rule(f, "");
    struct device_brief one = claimed(f, "a");
    send_temp(f, &one, 60);
    change_rule(f, "{\"active\":false}");
    tick(f);
    assert_int_equal(active(f, &one), 0);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident_comment WHERE text = 'Closed because the rule was switched off.'"), 1);
    change_rule(f, "{\"active\":true}");
    send_temp(f, &one, 61);
    assert_int_equal(active(f, &one), 1);
    expect_status(manage(f, partner_user(PARTNER), NULL, drop_run, NULL), 200);
    tick(f);
    assert_int_equal(active(f, &one), 0);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident_comment WHERE text = 'Closed because the rule was deleted.'"), 1);
}

/* ---- limits ---- */

static void limits_incidents_of_a_day(void **state)
{
    struct fixture *f = *state;
    f->settings.limits_rule_incidents = 3;
    make_rule(f, "");
    struct device_brief one = claimed(f, "a"), other = claimed(f, "b");
    for (int i = 0; i < 10; i++) {
        send_temp(f, &one, 60);
        send_temp(f, &one, 20);
    }
    send_temp(f, &other, 60); /* counted by itself */
    assert_int_equal(active(f, &other), 1);
    send_temp(f, &one, 60);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident"), 4);
    assert_int_equal(active(f, &one), 0);
    struct answer errors = manage(f, partner_user(PARTNER), NULL, errors_run, NULL);
    assert_int_equal(json_count(json_get(errors.json, "data")), 1);
    assert_non_null(strstr(errors.text, "\"key\":null,\"expected\":\"at most 3 incidents a day\",\"found\":\"more\""));
    answer_free(&errors);
    test_now_ms += DAY_MS;
    send_temp(f, &one, 61); /* it has matched all the time */
    assert_int_equal(active(f, &one), 1);
    send_temp(f, &one, 20);
    assert_int_equal(active(f, &one), 0);
}

static void add_errors(struct test_op *test, struct store_tx *tx)
{
    const struct device_brief *device = test->arg;
    for (int i = 0; i < 2 * (ERRORS_PER_RULE_MAX + 200); i++) { /* the rows of two rules alternate */
        struct rule_error_row row = {.rule_no = 1 + i % 2, .device_no = device->no, .key = STR("temp"),
                                     .expected = STR("number"), .found = STR("string"), .at = i};
        assert_int_equal(rule_store_add_error(tx, &row, ERRORS_PER_RULE_MAX), ERR_OK);
    }
}

static void keeps_the_newest_errors(void **state)
{
    struct fixture *f = *state;
    make_rule(f, "");
    make_rule(f, "");
    struct device_brief one = claimed(f, "a");
    assert_int_equal(test_run(f, add_errors, NULL, &one), ERR_OK);
    for (int rule = 1; rule <= 2; rule++) {
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM rule_error WHERE rule_no = %d", rule);
        assert_in_range(test_number(f, sql), ERRORS_PER_RULE_MAX, ERRORS_PER_RULE_MAX + 64);
    }
}

static void forgets_devices_that_are_gone(void **state)
{
    struct fixture *f = *state;
    make_rule(f, "");
    struct device_brief one = claimed(f, "a"), other = claimed(f, "b");
    send_temp(f, &one, 60);
    send_temp(f, &other, 60);
    assert_int_equal(known_count(f), 2);
    expect_status(manage(f, organization_user(ORGANIZATION), &one, unclaim_run, NULL), 200);
    assert_int_equal(known_count(f), 1);
    expect_status(manage(f, partner_user(PARTNER), &other, delete_run, NULL), 200);
    assert_int_equal(known_count(f), 0);
}

/* ---- writes that fail ---- */

static void one_that_fails_leaves_the_others_alone(void **state)
{
    struct fixture *f = *state;
    make_rule(f, "");
    struct device_brief devices[5];
    for (int i = 0; i < 5; i++) {
        devices[i] = claimed(f, (char[]){(char)('a' + i), 0});
    }
    char sql[160];
    snprintf(sql, sizeof sql, "CREATE TRIGGER refuse BEFORE INSERT ON incident WHEN NEW.device_no = %lld BEGIN SELECT RAISE(ABORT, 'no'); END",
             (long long)devices[2].no);
    test_exec(f, sql);
    hold_effects(f);
    for (int i = 0; i < 5; i++) {
        send_temp(f, &devices[i], 60);
    }
    let_go(f);
    tick(f);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(active(f, &devices[i]), i != 2);
    }
    test_exec(f, "DROP TRIGGER refuse");
    send_temp(f, &devices[2], 61);
    assert_int_equal(active(f, &devices[2]), 1);
    struct fixture *after = crash(f);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(active(after, &devices[i]), 1);
    }
    end(after);
}

static void no_effect_is_lost_by_a_full_disk_and_a_crash(void **state)
{
    struct fixture *f = *state;
    char fields[9200];
    snprintf(fields, sizeof fields, ",\"description\":\"%09000d\"", 0);
    make_rule(f, fields);
    struct device_brief one = claimed(f, "a"), other = claimed(f, "b");
    send_temp(f, &other, 20);
    tick(f);
    full(f, true);
    send_temp(f, &one, 60); /* acknowledged: the samples are in another file */
    send_temp(f, &other, 60);
    for (int i = 0; i < 3; i++) {
        tick(f);
    }
    full(f, false);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident"), 0);
    struct fixture *after = crash(f);
    assert_int_equal(active(after, &one), 1);
    assert_int_equal(active(after, &other), 1);
    end(after);
    tick(f); /* and without a crash, once there is room */
    assert_int_equal(active(f, &one), 1);
    assert_int_equal(active(f, &other), 1);
    after = crash(f);
    assert_int_equal(test_number(after, "SELECT count(*) FROM incident"), 2);
    end(after);
}

static void what_was_too_much_is_made_up_for(void **state)
{
    struct fixture *f = *state;
    make_rule(f, "");
    struct device_brief devices[5];
    for (int i = 0; i < 5; i++) {
        devices[i] = claimed(f, (char[]){(char)('a' + i), 0});
    }
    f->domain.telemetry->rules->effects_max = 1;
    hold_effects(f);
    for (int i = 0; i < 5; i++) {
        send_temp(f, &devices[i], 60);
    }
    send_temp(f, &devices[4], 20); /* of several decisions the last one counts */
    struct fixture *after = crash(f);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(active(after, &devices[i]), i < 4);
    }
    end(after);
    tick(f);
    after = crash(f); /* no state is in the registry without what it led to */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(active(after, &devices[i]), i < 4);
    }
    end(after);
    let_go(f);
    for (int i = 0; i < 5; i++) {
        tick(f);
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(active(f, &devices[i]), i < 4);
    }
}

/* What closes the incident of a device that is back comes after the commit that says it is: nothing may be left of it
 * when the program ends in between. */
static void a_device_that_is_back_is_no_incident_after_a_crash(void **state)
{
    struct fixture *f = *state;
    struct device_brief one = claimed(f, "a");
    send_temp(f, &one, 20);
    presence_contact(&f->domain, one.no);
    test_now_ms += 6 * 60000;
    presence_tick(&f->domain);
    assert_int_equal(active(f, &one), 1);
    test_exec(f, "CREATE TRIGGER refuse BEFORE UPDATE ON incident BEGIN SELECT RAISE(ABORT, 'no'); END");
    send_temp(f, &one, 20);
    presence_contact(&f->domain, one.no);
    assert_false(hot_of(f, &one).swept);
    tick(f); /* the checkpoint has it */
    test_exec(f, "DROP TRIGGER refuse");
    assert_int_equal(active(f, &one), 1);
    struct fixture *after = crash(f);
    assert_int_equal(active(after, &one), 0);
    end(after);
}

int main(void)
{
    test_support_used();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(closes_what_was_open_before_it_was_switched_on_again, setup, teardown),
        cmocka_unit_test_setup_teardown(says_why_a_sweep_closed_it, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_incidents_of_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_the_newest_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(forgets_devices_that_are_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_fails_leaves_the_others_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(no_effect_is_lost_by_a_full_disk_and_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_too_much_is_made_up_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_device_that_is_back_is_no_incident_after_a_crash, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
