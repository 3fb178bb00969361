/* Rollouts with devices, commands and a clock that the test moves. */
#include "model/testing/device_test_support.h"

#include "model/claim/claim.h"
#include "model/command/command.h"
#include "model/device/device_edit.h"
#include "model/rollout/rollout.h"

enum { DEVICES = 10 };

static struct principal key_principal(void)
{
    return (struct principal){.kind = PRINCIPAL_API_KEY, .scope = SCOPE_FULL, .tenant_kind = TENANT_ORGANIZATION,
                              .partner_no = PARTNER, .organization_no = ORGANIZATION, .api_key_no = 1};
}

static void claim_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    device_claim(admin, tx, body);
}

static void create_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    struct rollout_draft draft;
    rollout_prepare(admin, tx, body, &draft);
    if (admin->reply->status == 0) {
        rollout_create(admin, tx, &draft);
    }
}

#define STEER(name) \
    static void name##_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body) \
    { \
        (void)device; \
        rollout_##name(admin, tx, json_string(json_get(body, "id"))); \
    }
STEER(start)
STEER(pause)
STEER(resume)
STEER(abort)
STEER(retry_failed)
STEER(read)

static void delete_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    device_delete(admin, tx, device);
}

static void unclaim_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    device_unclaim(admin, tx, device);
}

static void cancel_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    command_cancel(admin, tx, device, json_string(json_get(body, "id")));
}

/* ---- the devices ---- */

static void make_devices(struct fixture *f, struct device_brief devices[DEVICES])
{
    test_exec(f, "INSERT INTO api_key (id, tenant_kind, tenant_no, name, key_hash, scope, created_at) "
                 "VALUES (x'06', 2, 1, 'Key', x'00', 1, 0)");
    for (int i = 0; i < DEVICES; i++) {
        char body[256], claim[128];
        snprintf(body, sizeof body,
                 "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.%d.0\",\"sn\":\"A-%d\",\"mac\":\"AA:BB:CC:DD:EE:%02d\"}",
                 i % 2, i, i);
        snprintf(claim, sizeof claim, "{\"space_id\":2,\"mac\":\"AABBCCDDEE%02d\",\"sn\":\"A-%d\"}", i, i);
        struct device_brief device = register_device(f, body, NULL);
        expect_status(manage(f, key_principal(), NULL, claim_run, claim), 200);
        devices[i] = hot_of(f, &device);
    }
}

static int64_t commands_of(struct fixture *f, const struct device_brief *device)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM command WHERE device_no = %lld", (long long)device->no);
    return test_number(f, sql);
}

static int64_t all_commands(struct fixture *f)
{
    return test_number(f, "SELECT count(*) FROM command");
}

static void head_of(struct fixture *f, const struct device_brief *device, char ret_id[UUID_TEXT_BYTES])
{
    struct answer answer = ask(f, device, DEVICE_COMMAND_GET, NULL);
    snprintf(ret_id, UUID_TEXT_BYTES, "%.*s", STR_ARG(json_string(json_get(answer.json, "id"))));
    answer_free(&answer);
}

/* The device reports what became of its command; then the clock ticks. */
static void report(struct fixture *f, const struct device_brief *device, const char *status)
{
    char id[UUID_TEXT_BYTES], body[160];
    head_of(f, device, id);
    assert_true(id[0] != 0);
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"status\":\"%s\",\"message\":\"because\"}", id, status);
    expect_status(ask(f, device, DEVICE_COMMAND_UPDATE, body), 200);
    rollouts_tick(&f->domain);
}

/* ---- the rollout ---- */

static void create(struct fixture *f, const char *body, char ret_id[UUID_TEXT_BYTES])
{
    struct answer answer = manage(f, key_principal(), NULL, create_run, body);
    if (answer.status != 201) {
        print_error("%s\n", answer.text);
    }
    assert_int_equal(answer.status, 201);
    snprintf(ret_id, UUID_TEXT_BYTES, "%.*s", STR_ARG(json_string(json_get(answer.json, "id"))));
    answer_free(&answer);
}

static struct answer steer_as(struct fixture *f, struct principal who, test_admin_fn what, const char *id)
{
    char body[64];
    snprintf(body, sizeof body, "{\"id\":\"%s\"}", id);
    return manage(f, who, NULL, what, body);
}

static void steer(struct fixture *f, test_admin_fn what, const char *id)
{
    expect_status(steer_as(f, key_principal(), what, id), 200);
}

static void expect_rollout(struct fixture *f, const char *id, const char *state, const char *reason, int64_t wave)
{
    struct answer answer = steer_as(f, key_principal(), read_run, id);
    int64_t is_wave = -1;
    assert_int_equal(answer.status, 200);
    json_int(json_get(answer.json, "wave"), &is_wave);
    struct str is_state = json_string(json_get(answer.json, "state")), is_reason = json_string(json_get(answer.json, "reason"));
    if (!str_eq(is_state, str_from_cstr(state)) || is_wave != wave || !str_eq(is_reason, str_from_cstr(reason))) {
        print_error("wanted %s, %s, wave %lld: %s\n", state, reason, (long long)wave, answer.text);
        fail();
    }
    answer_free(&answer);
}

static int64_t count_of(struct fixture *f, const char *id, const char *state)
{
    struct answer answer = steer_as(f, key_principal(), read_run, id);
    int64_t count = -1;
    json_int(json_get(json_get(answer.json, "counts"), state), &count);
    answer_free(&answer);
    return count;
}

#define REBOOT "\"target\":{\"space_id\":2},\"command\":{\"name\":\"reboot\"}"

static void waves_follow_one_another(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES];
    make_devices(f, devices);
    create(f, "{\"name\":\"r\"," REBOOT ",\"waves\":[20,30,50],\"success_percent\":50,\"error_percent\":30}", id);
    expect_rollout(f, id, "draft", "", 0);
    rollouts_tick(&f->domain);
    assert_int_equal(all_commands(f), 0);
    steer(f, start_run, id);
    expect_rollout(f, id, "running", "", 1);
    assert_int_equal(all_commands(f), 2);
    rollouts_tick(&f->domain);
    assert_int_equal(all_commands(f), 2);
    report(f, &devices[0], "done"); /* half of the wave */
    expect_rollout(f, id, "running", "", 2);
    assert_int_equal(all_commands(f), 5);
    report(f, &devices[2], "failed"); /* 1 of 5: below 30 percent */
    report(f, &devices[3], "done");
    expect_rollout(f, id, "running", "", 2);
    report(f, &devices[4], "failed"); /* 2 of 5 */
    expect_rollout(f, id, "paused", "error_percent", 2);
    report(f, &devices[1], "done"); /* what is under way still counts */
    expect_rollout(f, id, "paused", "error_percent", 2);
    assert_int_equal(count_of(f, id, "done"), 3);
    steer(f, resume_run, id); /* in spite of them; but less than half of the wave succeeded */
    expect_rollout(f, id, "paused", "success_percent", 2);
    assert_int_equal(all_commands(f), 5);
    steer(f, resume_run, id);
    expect_rollout(f, id, "running", "", 3);
    assert_int_equal(all_commands(f), 10);
    for (int i = 5; i < DEVICES; i++) {
        report(f, &devices[i], "done");
    }
    expect_rollout(f, id, "done", "", 3);
    expect_error(steer_as(f, key_principal(), resume_run, id), 422, "Rollout cannot be resumed");
    steer(f, retry_failed_run, id);
    expect_rollout(f, id, "running", "", 3);
    assert_int_equal(commands_of(f, &devices[2]), 2);
    assert_int_equal(all_commands(f), 12);
    report(f, &devices[2], "done");
    report(f, &devices[4], "failed"); /* again: it is not tried a third time by itself */
    expect_rollout(f, id, "done", "", 3);
    assert_int_equal(count_of(f, id, "failed"), 1);
    assert_int_equal(all_commands(f), 12);
}

static void a_pause_sends_nothing(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES];
    make_devices(f, devices);
    create(f, "{\"name\":\"r\"," REBOOT ",\"waves\":[10,90],\"success_percent\":100}", id);
    steer(f, start_run, id);
    steer(f, pause_run, id);
    report(f, &devices[0], "done");
    expect_rollout(f, id, "paused", "", 1);
    assert_int_equal(all_commands(f), 1);
    steer(f, resume_run, id);
    expect_rollout(f, id, "running", "", 2);
    assert_int_equal(all_commands(f), 10);
    steer(f, abort_run, id);
    report(f, &devices[1], "failed");
    expect_rollout(f, id, "aborted", "", 2);
    assert_int_equal(count_of(f, id, "failed"), 1);
    expect_error(steer_as(f, key_principal(), start_run, id), 422, "Rollout cannot be started");
    expect_error(steer_as(f, key_principal(), retry_failed_run, id), 422, "Rollout cannot be retried");
}

static void devices_that_go_hold_nothing_up(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES], command[UUID_TEXT_BYTES], body[64];
    make_devices(f, devices);
    create(f, "{\"name\":\"r\"," REBOOT ",\"waves\":[40,60],\"success_percent\":100}", id);
    steer(f, start_run, id);
    report(f, &devices[0], "done");
    expect_status(manage(f, key_principal(), &devices[1], delete_run, NULL), 200);
    expect_status(manage(f, key_principal(), &devices[2], unclaim_run, NULL), 200);
    expect_status(manage(f, key_principal(), &devices[9], delete_run, NULL), 200); /* of the wave that waits */
    expect_rollout(f, id, "running", "", 1);
    head_of(f, &devices[3], command);
    snprintf(body, sizeof body, "{\"id\":\"%s\"}", command);
    expect_status(manage(f, key_principal(), &devices[3], cancel_run, body), 200);
    expect_rollout(f, id, "running", "", 2);
    rollouts_tick(&f->domain);
    assert_int_equal(count_of(f, id, "skipped"), 4);
    assert_int_equal(count_of(f, id, "sent"), 5);
    for (int i = 4; i < 9; i++) {
        report(f, &devices[i], "done");
    }
    expect_rollout(f, id, "done", "", 2);
}

/* The body of a rollout to every device there is, by their ids. */
static void write_ids_run(struct test_op *test, struct store_tx *tx)
{
    struct json_writer w;
    struct query q;
    json_writer_init(&w, test->arg);
    json_begin_object(&w);
    json_field_cstr(&w, "name", "r");
    json_field_raw(&w, "waves", STR("[1,99]")); /* few are sent, and those are registered ones */
    json_field_raw(&w, "command", STR("{\"name\":\"reboot\"}"));
    json_name(&w, "target");
    json_begin_object(&w);
    json_name(&w, "device_ids");
    json_begin_array(&w);
    query_begin(&q, tx, "SELECT id FROM device ORDER BY no");
    while (query_next(&q)) {
        struct uuid id = query_uuid(&q, 0);
        json_put_uuid(&w, &id);
    }
    assert_int_equal(query_finish(&q), ERR_OK);
    json_end_array(&w);
    json_end_object(&w);
    json_end_object(&w);
}

static void create_of_all(struct fixture *f, char ret_id[UUID_TEXT_BYTES])
{
    struct buf body;
    buf_init(&body, (size_t)64 * 1024);
    assert_int_equal(test_run(f, write_ids_run, NULL, &body), ERR_OK);
    buf_append_u8(&body, 0);
    create(f, (const char *)body.data, ret_id);
    buf_deinit(&body);
}

static void ids_that_went_are_left_out(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES], none[UUID_TEXT_BYTES];
    make_devices(f, devices);
    test_exec(f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) INSERT INTO device (id, model_no, "
                 "partner_no, organization_no, space_no, key_hash, key_issued_at, created_at, name, firmware_version) "
                 "SELECT randomblob(16), 1, 1, 1, 2, randomblob(32), 0, 0, 'Many', '1.0.0' FROM n");
    create_of_all(f, id);
    expect_status(manage(f, key_principal(), &devices[8], unclaim_run, NULL), 200);
    expect_status(manage(f, key_principal(), &devices[9], delete_run, NULL), 200);
    test_exec(f, "DELETE FROM device WHERE no = (SELECT max(no) FROM device)"); /* one that a later slice would list */
    steer(f, start_run, id);
    expect_rollout(f, id, "running", "", 1);
    assert_int_equal(count_of(f, id, "sent"), 7);
    assert_int_equal(count_of(f, id, "waiting"), DEVICES + 600 - 3 - 7);
    steer(f, abort_run, id);
    create(f, "{\"name\":\"r\",\"target\":{\"space_id\":2},\"command\":{\"name\":\"reboot\"}}", none);
    test_exec(f, "UPDATE rollout SET target = '{\"device_ids\":[\"00000000-0000-4000-8000-000000000000\"]}' WHERE no = 2");
    steer(f, start_run, none); /* nobody is left, which is not everybody */
    expect_rollout(f, none, "done", "", 1);
    assert_int_equal(all_commands(f), 7);
}

static void next_run(struct test_op *test, struct store_tx *tx)
{
    assert_int_equal(rollout_store_next_running(tx, 0, test->arg), ERR_OK);
}

static void what_waits_for_devices_is_no_work(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES];
    int64_t no = -1;
    make_devices(f, devices);
    create(f, "{\"name\":\"r\"," REBOOT ",\"waves\":[50,50]}", id);
    test_exec(f, "UPDATE rollout SET state = 2, task = 1"); /* begun, and nothing done of it yet */
    assert_int_equal(test_run(f, next_run, NULL, &no), ERR_OK);
    assert_int_equal(no, 1);
    test_exec(f, "UPDATE rollout SET state = 1, task = 0");
    steer(f, start_run, id);
    assert_int_equal(count_of(f, id, "sent"), 5); /* the other five wait for these */
    assert_int_equal(test_run(f, next_run, NULL, &no), ERR_OK);
    assert_int_equal(no, 0);
    steer(f, pause_run, id);
    test_exec(f, "UPDATE rollout SET state = 2, wave = 2"); /* now they are to be sent */
    assert_int_equal(test_run(f, next_run, NULL, &no), ERR_OK);
    assert_int_equal(no, 1);
}

static void a_device_goes_from_many_rollouts(void **state)
{
    enum { MANY = 80 };
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES];
    make_devices(f, devices);
    test_exec(f, "UPDATE device SET firmware_version = '9' WHERE sn = 'A-3'");
    for (int i = 0; i < MANY; i++) {
        create(f, "{\"name\":\"r\",\"target\":{\"firmware_version\":\"9\"},\"command\":{\"name\":\"reboot\"}}", id);
        steer(f, start_run, id);
    }
    assert_int_equal(commands_of(f, &devices[3]), MANY);
    expect_status(manage(f, key_principal(), &devices[3], delete_run, NULL), 200);
    assert_int_equal(test_number(f, "SELECT count(*) FROM rollout WHERE state = 4"), MANY);
}

static void there_is_room_for_so_many(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES];
    make_devices(f, devices);
    test_exec(f, "UPDATE device SET firmware_version = '9' WHERE sn = 'A-3'");
    create(f, "{\"name\":\"r\",\"target\":{\"firmware_version\":\"9\"},\"command\":{\"name\":\"reboot\"}}", id);
    steer(f, start_run, id);
    report(f, &devices[3], "failed");
    expect_rollout(f, id, "done", "", 1);
    test_exec(f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO rollout (id, "
                 "organization_no, name, target, command, waves, success_percent, error_percent, state, created_at) "
                 "SELECT randomblob(16), 1, 'Draft', '{}', '{}', '[100]', 90, 10, 1, 0 FROM n");
    expect_error(manage(f, key_principal(), NULL, create_run, "{\"name\":\"r\"," REBOOT "}"), 422, "Too many rollouts");
    expect_error(steer_as(f, key_principal(), retry_failed_run, id), 422, "Too many rollouts");
    test_exec(f, "DELETE FROM rollout WHERE no = 2");
    steer(f, retry_failed_run, id);
    expect_rollout(f, id, "running", "", 1);
}

static void a_slice_that_fails_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES];
    make_devices(f, devices);
    create(f, "{\"name\":\"r\"," REBOOT "}", id);
    test_exec(f, "CREATE TRIGGER broken BEFORE UPDATE ON rollout_device WHEN new.seq = 7 BEGIN SELECT RAISE(ABORT, 'broken'); END");
    steer(f, start_run, id);
    assert_int_equal(all_commands(f), 0); /* neither the six before it */
    rollouts_tick(&f->domain);
    assert_int_equal(all_commands(f), 0);
    test_exec(f, "DROP TRIGGER broken");
    rollouts_tick(&f->domain);
    rollouts_tick(&f->domain);
    assert_int_equal(all_commands(f), DEVICES);
    for (int i = 0; i < DEVICES; i++) {
        assert_int_equal(commands_of(f, &devices[i]), 1);
    }
}

static void one_that_fails_stops_no_other(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char broken[UUID_TEXT_BYTES], id[UUID_TEXT_BYTES];
    make_devices(f, devices);
    create(f, "{\"name\":\"r\"," REBOOT "}", broken);
    create(f, "{\"name\":\"r\"," REBOOT ",\"waves\":[50,50],\"success_percent\":0}", id);
    test_exec(f, "CREATE TRIGGER broken BEFORE UPDATE ON rollout_device WHEN new.rollout_no = 1 BEGIN "
                 "SELECT RAISE(ABORT, 'broken'); END");
    steer(f, start_run, broken);
    steer(f, start_run, id); /* takes more than one round */
    assert_int_equal(count_of(f, id, "sent"), DEVICES);
    assert_int_equal(count_of(f, broken, "waiting"), DEVICES);
    assert_int_equal(all_commands(f), DEVICES);
    test_exec(f, "DROP TRIGGER broken");
    rollouts_tick(&f->domain);
    assert_int_equal(count_of(f, broken, "sent"), DEVICES);
}

static void who_lost_the_rights_sends_nothing(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES];
    make_devices(f, devices);
    create(f, "{\"name\":\"r\"," REBOOT "}", id);
    expect_status(steer_as(f, organization_user(ORGANIZATION), start_run, id), 200); /* is no member of it any more */
    expect_rollout(f, id, "paused", "rights", 0);
    assert_int_equal(all_commands(f), 0);
    test_exec(f, "UPDATE api_key SET revoked_at = 1");
    steer(f, resume_run, id);
    expect_rollout(f, id, "paused", "rights", 0);
    test_exec(f, "UPDATE api_key SET revoked_at = NULL");
    steer(f, resume_run, id); /* now with the key's */
    assert_int_equal(all_commands(f), DEVICES);
}

static void expect_parameter(struct fixture *f, const char *id, const char *name, const char *value)
{
    struct answer answer = steer_as(f, key_principal(), read_run, id);
    struct str is = json_string(json_get(json_get(json_get(answer.json, "command"), "extra_params"), name));
    if (!str_eq(is, str_from_cstr(value))) {
        print_error("wanted %s %s: %s\n", name, value, answer.text);
        fail();
    }
    answer_free(&answer);
}

#define LOGIN                                                                        \
    "\"target\":{\"space_id\":2},\"command\":{\"name\":\"login\",\"extra_params\":{\"pin\":\"1234\",\"user\":\"joe\"}}"

static void passwords_are_not_read(void **state)
{
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    char id[UUID_TEXT_BYTES];
    make_devices(f, devices);
    /* Two models with that command, whose passwords together have longer names than a rollout keeps. */
    test_exec(f, "UPDATE device SET model_no = 2 WHERE sn = 'A-3'");
    test_exec(f, "INSERT INTO command_definition (id, model_no, name, friendly_name, active, with_file, timeout_seconds, "
                 "custom_fields, created_at) SELECT randomblob(16), no, 'login', 'Login', 1, 0, 0, json_array("
                 "json_object('name', 'pin', 'type', 'password'), json_object('name', 'user', 'type', 'string'), "
                 "json_object('name', no || printf('%.40000c', 'x'), 'type', 'password')), 0 FROM model WHERE no <= 2");
    create(f, "{\"name\":\"r\"," LOGIN "}", id);
    expect_parameter(f, id, "pin", "*****");
    expect_parameter(f, id, "user", "joe");
    assert_int_equal(test_number(f, "SELECT secret_names = '[\"pin\"]' FROM rollout"), 1);
    test_exec(f, "UPDATE command_definition SET custom_fields = replace(custom_fields, 'string', 'password') WHERE name = 'login'");
    steer(f, start_run, id);
    assert_int_equal(count_of(f, id, "sent"), DEVICES);
    expect_parameter(f, id, "pin", "*****");
    expect_parameter(f, id, "user", "*****");
    assert_int_equal(test_number(f, "SELECT secret_names = '[\"pin\",\"user\"]' FROM rollout"), 1);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *body, *error;
    } cases[] = {
        {"{}", "Parameter name is required"},
        {"{\"name\":\"r\"}", "Parameter target is required"},
        {"{\"name\":\"r\",\"target\":{}}", "Target is invalid"},
        {"{\"name\":\"r\",\"target\":[]}", "Target is invalid"},
        {"{\"name\":\"r\",\"target\":{\"space\":2}}", "Target is invalid"},
        {"{\"name\":\"r\",\"target\":{\"search\":\" \"}}", "Search is invalid"},
        {"{\"name\":\"r\",\"target\":{\"space_id\":null}}", "Target is invalid"},
        {"{\"name\":\"r\",\"target\":{\"space_id\":2,\"device_ids\":[\"x\"]}}", "Target is invalid"},
        {"{\"name\":\"r\",\"target\":{\"device_ids\":[]}}", "Device ids is invalid"},
        {"{\"name\":\"r\",\"target\":{\"search\":\"nobody\"},\"command\":{\"name\":\"reboot\"}}", "Target has no devices"},
        {"{\"name\":\"r\",\"target\":{\"space_id\":2}}", "Parameter command is required"},
        {"{\"name\":\"r\",\"target\":{\"space_id\":2},\"command\":\"reboot\"}", "Command is invalid"},
        {"{\"name\":\"r\",\"target\":{\"space_id\":2},\"command\":{\"name\":\"nope\"}}", "Invalid command"},
        {"{\"name\":\"r\",\"target\":{\"space_id\":2},\"command\":{\"name\":\"set_input\"}}", "Parameter input is required"},
        {"{\"name\":\"r\",\"target\":{\"space_id\":2},\"command\":{\"name\":\"flash\"}}", "Parameter file_id is required"},
        {"{\"name\":\"r\"," REBOOT ",\"waves\":[50,40]}", "Waves must add up to 100"},
        {"{\"name\":\"r\"," REBOOT ",\"waves\":[0,100]}", "Waves is invalid"},
        {"{\"name\":\"r\"," REBOOT ",\"waves\":[]}", "Waves must add up to 100"},
        {"{\"name\":\"r\"," REBOOT ",\"success_percent\":101}", "Success percent is invalid"},
        {"{\"name\":\"r\"," REBOOT ",\"error_percent\":-1}", "Error percent is invalid"},
    };
    struct fixture *f = *state;
    struct device_brief devices[DEVICES];
    make_devices(f, devices);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_error(manage(f, key_principal(), NULL, create_run, cases[i].body), 422, cases[i].error);
    }
    assert_int_equal(test_number(f, "SELECT count(*) FROM rollout"), 0);
    expect_error(manage(f, key_principal(), NULL, create_run, "{\"name\":\"r\",\"target\":{\"space_id\":3}}"), 404, "Space not found");
}

int main(void)
{
    test_support_used();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(waves_follow_one_another, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pause_sends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(devices_that_go_hold_nothing_up, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_that_went_are_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_for_devices_is_no_work, setup, teardown),
        cmocka_unit_test_setup_teardown(a_device_goes_from_many_rollouts, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_room_for_so_many, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slice_that_fails_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_fails_stops_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(who_lost_the_rights_sends_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(passwords_are_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
