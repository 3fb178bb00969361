#include "model/testing/device_test_support.h"

#include <pthread.h>
#include <semaphore.h>

#include "base/crypto.h"
#include "base/metrics.h"
#include "model/claim/claim.h"
#include "model/ports/registration_store.h"
#include "model/virtual/virtual_device.h"

#define MAC_BODY(sn) "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"" sn "\",\"mac\":\"AA:BB:CC:DD:EE:01\"}"

static void test_created(void **state)
{
    struct fixture *f = *state;
    struct answer answer = register_body(f, MAC_BODY("A-1"));
    struct device_brief device;
    struct uuid id;
    uint8_t hash[SHA256_BYTES];
    assert_int_equal(answer.status, 201);
    struct str key = json_string(json_get(answer.json, "access_key"));
    assert_int_equal(key.len, 32);
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"%.*s\",\"access_key\":\"%.*s\",\"hub_url\":\"http://10.0.0.1:8080\","
             "\"hub_url_static_cert\":\"http://10.0.0.1:8080\",\"mqtt_hub_url\":\"mqtt://10.0.0.1:1883\"}",
             STR_ARG(json_string(json_get(answer.json, "id"))), STR_ARG(key));
    assert_string_equal(answer.text, wanted);
    assert_true(uuid_parse(json_string(json_get(answer.json, "id")), &id));
    assert_true(device_table_find(f->domain.devices, &id, &device));
    domain_key_hash(&f->domain, key, hash);
    assert_memory_equal(hash, device.key_hash, sizeof hash);
    assert_int_equal(device.model_no, 1);
    assert_int_equal(device.api_version, 7);
    assert_int_equal(device.protocol, PROTOCOL_MQTT);
    assert_int_equal(device.organization_no, 0);
    assert_int_equal(test_number(f, "SELECT used_count FROM hardware_key WHERE no = 1"), 1);
    assert_int_equal(test_number(f, "SELECT first_used_at FROM hardware_key WHERE no = 1"), test_now_ms);
    assert_int_equal(test_number(f, "SELECT count(*) FROM registration WHERE result = 1"), 1);
    assert_int_equal(count_events(f, EVENT_REGISTRATION), 1);
    assert_null(strstr(last_event(f, EVENT_REGISTRATION)->payload.ptr, "access_key"));
    answer_free(&answer);
}

static void test_hardware_key(void **state)
{
    struct fixture *f = *state;
    expect_error(register_body(f, "{}"), 400, "Hardware key is invalid");
    expect_error(register_body(f, "{\"hardware_key\":\"nonsense\"}"), 400, "Hardware key is invalid");
    expect_error(register_body(f, "{\"hardware_key\":null,\"firmware_version\":\"\"}"), 400, "Hardware key is invalid");
    expect_error(register_body(f, "{\"partner_key\":\"x\",\"model\":\"Panel\"}"), 400, "Hardware key is invalid");
    test_exec(f, "UPDATE hardware_key SET revoked_at = 1 WHERE no = 2");
    expect_error(register_body(f, "{\"hardware_key\":\"" KEY_CLOUD "\"}"), 400, "Hardware key is invalid");
    test_exec(f, "UPDATE hardware_key SET expected_count = 1, enforce_count = 1, used_count = 1 WHERE no = 1");
    expect_error(register_body(f, "{\"hardware_key\":\"" KEY_MAC "\"}"), 422, "Hardware key limit reached");
    assert_int_equal(test_number(f, "SELECT count(*) FROM device"), 0);
}

static void seed_legacy_key(struct test_op *test, struct store_tx *tx)
{
    uint8_t hash[32];
    struct query q;
    domain_key_hash(&test->f->domain, STR("legacy"), hash);
    query_begin(&q, tx, "UPDATE partner SET legacy_key_hash = ?1 WHERE no = 1");
    query_bind_blob(&q, 1, hash, sizeof hash);
    assert_int_equal(query_finish(&q), ERR_OK);
}

static void test_legacy_shapes(void **state)
{
    struct fixture *f = *state;
    register_device(f, "{\"hardware_key\":\"" KEY_OLD "\",\"firmware_version\":\"7\",\"nano_id\":\"NL01abcdefgh\","
                       "\"success\":false,\"error\":null}", NULL);
    assert_int_equal(test_number(f, "SELECT count(*) FROM device WHERE cloud_id = 'NL01abcdefgh'"), 1);
    assert_int_equal(test_run(f, seed_legacy_key, NULL, NULL), ERR_OK);
    register_device(f, "{\"partner_key\":\"legacy\",\"model\":\"Old\",\"firmware_version\":\"7\",\"cloud_id\":\"NL01zzzzzzzz\"}", NULL);
    register_device(f, "{\"partner_key\":\"legacy\",\"model_id\":\"03000000-0000-0000-0000-000000000003\",\"firmware_version\":\"7\","
                       "\"cloud_id\":\"NL01yyyyyyyy\"}", NULL);
    expect_error(register_body(f, "{\"partner_key\":\"legacy\",\"model\":\"Alien\"}"), 404, "Model not found");
    expect_error(register_body(f, "{\"partner_key\":\"wrong\",\"model\":\"Old\"}"), 400, "Hardware key is invalid");
}

#define WITH(key, rest) "{\"hardware_key\":\"" key "\"," rest "}"
#define FW "\"firmware_version\":\"1.0.0\""

static void test_required_fields(void **state)
{
    struct fixture *f = *state;
    expect_error(register_body(f, WITH(KEY_MAC, "\"sn\":\"1\"")), 422, "Firmware version can't be blank");
    expect_error(register_body(f, WITH(KEY_MAC, "\"firmware_version\":\"  \"")), 422, "Firmware version can't be blank");
    expect_error(register_body(f, WITH(KEY_MAC, FW)), 422, "Sn can't be blank");
    expect_error(register_body(f, WITH(KEY_MAC, FW ",\"sn\":null,\"mac\":\"x\"")), 422, "Sn can't be blank");
    expect_error(register_body(f, WITH(KEY_MAC, FW ",\"sn\":\"1\"")), 422, "Mac can't be blank");
    expect_error(register_body(f, WITH(KEY_CLOUD, FW)), 422, "Sn can't be blank"); /* from 1.0.2 on */
    expect_error(register_body(f, WITH(KEY_CLOUD, FW ",\"sn\":\"1\"")), 422, "Cloud id can't be blank");
    expect_error(register_body(f, WITH(KEY_OLD, FW)), 422, "Cloud id can't be blank");
    expect_error(register_body(f, WITH(KEY_APP, FW ",\"sn\":\"1\",\"cloud_id\":\"NL01abcdefgh\"")), 422, "Parent can't be blank");
}

static void test_formats(void **state)
{
    struct fixture *f = *state;
    char body[1024], long_text[300];
    expect_error(register_body(f, WITH(KEY_MAC, "\"firmware_version\":\"1.0\",\"sn\":\"1\",\"mac\":\"x\"")), 422,
                 "Firmware version is invalid");
    expect_error(register_body(f, WITH(KEY_MAC, "\"firmware_version\":{},\"sn\":\"1\",\"mac\":\"x\"")), 422,
                 "Firmware version is invalid");
    expect_error(register_body(f, WITH(KEY_CLOUD, FW ",\"sn\":\"1\",\"cloud_id\":\"short\"")), 422, "Cloud id is invalid");
    expect_error(register_body(f, WITH(KEY_CLOUD, FW ",\"sn\":\"1\",\"cloud_id\":\"NL01 blank here\"")), 422, "Cloud id is invalid");
    expect_error(register_body(f, WITH(KEY_CLOUD, FW ",\"sn\":\"1\",\"cloud_id\":\"OT02abcdefghijklmnop\"")), 422,
                 "Cloud id is invalid"); /* another partner's short code */
    expect_error(register_body(f, WITH(KEY_CLOUD, FW ",\"sn\":\"1\",\"cloud_id\":\"NL01abcdefgh\",\"details\":[]")), 422,
                 "Details must be an object");
    expect_error(register_body(f, WITH(KEY_CLOUD, FW ",\"sn\":\"1\",\"cloud_id\":\"NL01abcdefgh\",\"parent_id\":\"x\"")), 422,
                 "Parent is invalid");
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[256] = 0;
    snprintf(body, sizeof body, WITH(KEY_MAC, FW ",\"sn\":\"%s\",\"mac\":\"x\""), long_text);
    expect_error(register_body(f, body), 422, "Sn is too long (maximum is 255 characters)");
    snprintf(body, sizeof body, WITH(KEY_MAC, FW ",\"sn\":\"1\",\"mac\":\"x\",\"name\":\"%s\""), long_text);
    expect_error(register_body(f, body), 422, "Name is too long (maximum is 255 characters)");
    f->settings.limits_details_max = 8;
    expect_error(register_body(f, WITH(KEY_MAC, FW ",\"sn\":\"1\",\"mac\":\"x\",\"details\":{\"a\":\"12345\"}")), 422,
                 "Details is too long (maximum is 8 characters)");
    f->settings.limits_details_max = 65536;
    /* unknown prefix, odd length, numbers for texts, text that is no MAC: all accepted */
    register_device(f, WITH(KEY_CLOUD, FW ",\"sn\":17,\"cloud_id\":\"zzzz1234\",\"mac\":\"no mac\",\"unknown\":[1]"), NULL);
    assert_int_equal(test_number(f, "SELECT sn = '17' AND mac_normal = 'no mac' AND name = 'Box' FROM device"), 1);
    expect_error(register_body(f, "[]"), 422, "Body must be an object");
}

static void test_counted(void **state)
{
    struct fixture *f = *state;
    int64_t registered = metric_get(METRIC_REGISTRATIONS), refused = metric_get(METRIC_REGISTRATIONS_REFUSED);
    register_device(f, WITH(KEY_MAC, FW ",\"sn\":\"S\",\"mac\":\"aabbccddeeff\""), NULL);
    assert_int_equal(metric_get(METRIC_REGISTRATIONS) - registered, 1);
    assert_int_equal(metric_get(METRIC_REGISTRATIONS_REFUSED) - refused, 0);
    expect_error(register_body(f, WITH(KEY_MAC, FW ",\"sn\":\"S\",\"mac\":\"aabbccddeeff\"")), 422,
                 "Sn has already been taken");
    assert_int_equal(metric_get(METRIC_REGISTRATIONS) - registered, 1);
    assert_int_equal(metric_get(METRIC_REGISTRATIONS_REFUSED) - refused, 1);
}

static void test_duplicates(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, WITH(KEY_CLOUD, FW ",\"sn\":\"S\",\"cloud_id\":\"NL01abcdefgh\""), NULL);
    expect_error(register_body(f, WITH(KEY_OLD, FW ",\"sn\":\"T\",\"cloud_id\":\"NL01abcdefgh\"")), 422,
                 "Cloud id has already been taken");
    expect_error(register_body(f, WITH(KEY_CLOUD, FW ",\"sn\":\"S\",\"cloud_id\":\"NL01abcdefg2\"")), 422,
                 "Sn has already been taken");
    register_device(f, WITH(KEY_MAC, FW ",\"sn\":\"S\",\"mac\":\"aabbccddeeff\""), NULL); /* another model */
    assert_int_equal(test_number(f, "SELECT count(*) FROM device"), 2);
    assert_int_equal(test_number(f, "SELECT refused_registration_at FROM device WHERE no = 1"), test_now_ms);
    assert_int_equal(device.no, 1);
    const struct event *event = last_event(f, EVENT_REGISTRATION);
    assert_non_null(event);
    assert_int_equal(test_number(f, "SELECT count(*) FROM registration WHERE result = 3"), 2);
    /* a firmware that tries again and again is one row */
    for (int i = 0; i < 20; i++) {
        expect_error(register_body(f, WITH(KEY_CLOUD, FW ",\"sn\":\"S\",\"cloud_id\":\"NL01abcdefg2\"")), 422,
                     "Sn has already been taken");
    }
    assert_int_equal(test_number(f, "SELECT count(*) FROM registration WHERE result = 3"), 2);
    assert_int_equal(test_number(f, "SELECT max(count) FROM registration"), 21);
}

static void test_log_is_capped(void **state)
{
    struct fixture *f = *state;
    char body[256];
    f->settings.limits_registration_log_rows = 10;
    for (int i = 0; i < 50; i++) {
        snprintf(body, sizeof body, WITH(KEY_MAC, "\"firmware_version\":\"bad\",\"mac\":\"x\",\"sn\":\"%d\""), i);
        expect_error(register_body(f, body), 422, "Firmware version is invalid");
        snprintf(body, sizeof body, "{\"hardware_key\":\"wrong\",\"sn\":\"%d\"}", i);
        expect_error(register_body(f, body), 400, "Hardware key is invalid");
    }
    assert_int_equal(test_number(f, "SELECT count(*) FROM registration"), 10);
    assert_true(test_number(f, "SELECT count(*) FROM registration WHERE partner_no IS NULL") <= 1);
}

static void test_bulk(void **state)
{
    struct fixture *f = *state;
    struct answer answer =
        register_with(f, "[" MAC_BODY("1") ",{}," MAC_BODY("1") ",7," MAC_BODY("2") "]", true, (struct str){NULL, 0});
    assert_int_equal(answer.status, 201);
    assert_int_equal(json_count(answer.json), 5);
    assert_int_equal(json_count(json_at(answer.json, 0)), 5);
    assert_true(str_eq(json_string(json_get(json_at(answer.json, 1), "error")), STR("Hardware key is invalid")));
    assert_true(str_eq(json_string(json_get(json_at(answer.json, 2), "error")), STR("Sn has already been taken")));
    assert_true(str_eq(json_string(json_get(json_at(answer.json, 3), "error")), STR("Body must be an object")));
    assert_int_equal(json_string(json_get(json_at(answer.json, 4), "access_key")).len, 32);
    assert_int_equal(device_table_count(f->domain.devices), 2);
    answer_free(&answer);
    expect_error(register_with(f, "{}", true, (struct str){NULL, 0}), 422, "Body must be an array");
    expect(register_with(f, "[]", true, (struct str){NULL, 0}), 201, "[]");
    expect_error(register_with(f, "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", true, (struct str){NULL, 0}), 422,
                 "Too many devices, maximum is 25");
}

static void claim_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    device_claim(admin, tx, body);
}

static void test_children(void **state)
{
    struct fixture *f = *state;
    char body[512], id[UUID_TEXT_BYTES], key[33];
    struct device_brief parent = register_device(f, MAC_BODY("P"), key);
    uuid_format(&parent.id, id);
    snprintf(body, sizeof body, WITH(KEY_APP, FW ",\"sn\":\"1\",\"cloud_id\":\"NL01child0001\",\"parent_id\":\"%s\""), id);
    struct device_brief child = register_device(f, body, NULL);
    assert_int_equal(child.parent_no, parent.no);
    assert_int_equal(child.organization_no, 0);
    char child_id[UUID_TEXT_BYTES];
    uuid_format(&child.id, child_id);
    snprintf(body, sizeof body, WITH(KEY_APP, FW ",\"sn\":\"2\",\"cloud_id\":\"NL01child0002\",\"parent_id\":\"%s\""), child_id);
    expect_error(register_body(f, body), 422, "Parent is invalid"); /* an application is nobody's parent */
    /* the parent is claimed: the child comes along, and later ones are claimed at once */
    expect_status(manage(f, organization_user(ORGANIZATION), NULL, claim_run,
                         "{\"space_id\":2,\"mac\":\"aa-bb-cc-dd-ee-01\",\"sn\":\"P\"}"), 200);
    assert_int_equal(hot_of(f, &child).organization_no, ORGANIZATION);
    snprintf(body, sizeof body, WITH(KEY_APP, FW ",\"sn\":\"2\",\"cloud_id\":\"NL01child0002\",\"parent_id\":\"%s\""), id);
    child = register_device(f, body, NULL);
    assert_int_equal(child.organization_no, ORGANIZATION);
    assert_int_equal(child.space_no, ROOM);
    assert_int_equal(child.space_version, 1);
    /* another maker's child: only with the parent's key */
    snprintf(body, sizeof body, WITH(KEY_OTHER, FW ",\"sn\":\"3\",\"mac\":\"x\",\"parent_id\":\"%s\""), id);
    child = register_device(f, body, NULL);
    assert_int_equal(child.organization_no, 0);
    char authorization[64];
    snprintf(authorization, sizeof authorization, "bearer %s", key);
    snprintf(body, sizeof body, WITH(KEY_OTHER, FW ",\"sn\":\"4\",\"mac\":\"x\",\"parent_id\":\"%s\""), id);
    expect_status(register_with(f, body, false, str_from_cstr(authorization)), 201);
    assert_int_equal(test_number(f, "SELECT organization_no FROM device WHERE sn = '4'"), ORGANIZATION);
}

/* 5000 and no more (1.7). */
static void test_too_many_children(void **state)
{
    struct fixture *f = *state;
    char body[512], id[UUID_TEXT_BYTES];
    struct device_brief parent = register_device(f, MAC_BODY("P"), NULL);
    uuid_format(&parent.id, id);
    snprintf(body, sizeof body,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) INSERT INTO device (id, model_no,"
             " partner_no, parent_no, key_hash, key_issued_at, name, firmware_version, created_at)"
             " SELECT randomblob(16), 4, 1, %lld, randomblob(32), 0, 'Child', '1.0.0', 0 FROM n",
             (long long)parent.no);
    test_exec(f, body);
    snprintf(body, sizeof body, WITH(KEY_APP, FW ",\"sn\":\"1\",\"cloud_id\":\"NL01child0001\",\"parent_id\":\"%s\""), id);
    register_device(f, body, NULL);
    snprintf(body, sizeof body, WITH(KEY_APP, FW ",\"sn\":\"2\",\"cloud_id\":\"NL01child0002\",\"parent_id\":\"%s\""), id);
    expect_error(register_body(f, body), 422, "Too many children");
}

static void test_suspended_partner(void **state)
{
    struct fixture *f = *state;
    struct partner_info partner;
    assert_true(catalog_partner(f->domain.catalog, PARTNER, &partner));
    partner.suspended = true;
    catalog_put_partner(f->domain.catalog, &partner);
    expect_error(register_body(f, MAC_BODY("1")), 503, "Service unavailable");
}

static void test_survives_restart(void **state)
{
    struct fixture *f = *state;
    char dir[64];
    struct device_brief before = register_device(f, MAC_BODY("1"), NULL), after;
    test_exec(f, "INSERT INTO device_config (device_no, version, applied_version, config, updated_at) VALUES (1, 4, 3, '{}', 0)");
    snprintf(dir, sizeof dir, "%s", f->dir);
    fixture_close(f);
    f = *state = fixture_open(dir);
    assert_true(device_table_find(f->domain.devices, &before.id, &after));
    assert_memory_equal(before.key_hash, after.key_hash, sizeof before.key_hash);
    assert_int_equal(after.model_no, before.model_no);
    assert_int_equal(after.api_version, 7);
    assert_int_equal(after.config_version, 4);
    assert_int_equal(after.applied_version, 3);
    assert_int_equal(after.offline_threshold_minutes, 5);
}

/* ---- many threads, the real lanes ---- */

enum { RACERS = 8, RACES = 20 };

struct racer {
    struct op op;
    struct fixture *f;
    struct test_registration r;
    pthread_t thread;
    pthread_barrier_t *start;
    sem_t done;
};

static void racer_run(struct op *op, struct store_tx *tx)
{
    struct racer *racer = container_of(op, struct racer, op);
    struct test_op test = {.f = racer->f, .arg = &racer->r};
    test_registration_run(&test, tx);
    op->err = test.op.err;
}

static void racer_committed(struct op *op)
{
    registration_committed(&container_of(op, struct racer, op)->r.registration);
}

static void racer_done(struct op *op)
{
    sem_post(&container_of(op, struct racer, op)->done);
}

static void *racer_thread(void *arg)
{
    struct racer *racer = arg;
    pthread_barrier_wait(racer->start);
    op_submit(racer->f->domain.executor, &racer->op);
    sem_wait(&racer->done);
    return NULL;
}

static unsigned race(struct fixture *f, const char *body)
{
    struct racer racers[RACERS] = {0};
    pthread_barrier_t start;
    unsigned created = 0;
    pthread_barrier_init(&start, NULL, RACERS);
    for (int i = 0; i < RACERS; i++) {
        struct racer *racer = &racers[i];
        racer->f = f;
        racer->start = &start;
        racer->r.body = parse_text(body);
        racer->op = (struct op){.lane = LANE_REGISTRY, .run = racer_run, .committed = racer_committed, .done = racer_done};
        arena_init(&racer->r.arena);
        reply_init(&racer->r.reply);
        sem_init(&racer->done, 0, 0);
        assert_int_equal(pthread_create(&racer->thread, NULL, racer_thread, racer), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        pthread_join(racers[i].thread, NULL);
        created += racers[i].r.reply.status == 201;
        if (racers[i].r.reply.status != 201) {
            assert_int_equal(racers[i].r.reply.status, 422);
            assert_true(str_eq(reply_error_text(&racers[i].r.reply), STR("Sn has already been taken")));
        }
        json_free(racers[i].r.body);
        reply_deinit(&racers[i].r.reply);
        arena_deinit(&racers[i].r.arena);
        sem_destroy(&racers[i].done);
    }
    pthread_barrier_destroy(&start);
    return created;
}

static void test_simultaneous(void **state)
{
    struct fixture *f = *state;
    char body[256];
    store_bind(f->store, &f->domain); /* the lanes in place of the test's executor */
    assert_int_equal(store_start(f->store), ERR_OK);
    for (int i = 0; i < RACES; i++) {
        snprintf(body, sizeof body, WITH(KEY_MAC, FW ",\"sn\":\"%d\",\"mac\":\"AABBCCDDEE01\""), i);
        assert_int_equal(race(f, body), 1); /* exactly one wins */
    }
    store_stop(f->store);
    assert_int_equal(device_table_count(f->domain.devices), RACES);
}

static void list_registrations(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    (void)body;
    registration_list(admin, tx, &(struct registration_query){.to = TIME_NONE}, (struct page){1, 100});
}

static void test_list(void **state)
{
    struct fixture *f = *state;
    register_device(f, MAC_BODY("1"), NULL);
    expect_status(register_body(f, MAC_BODY("1")), 422);
    struct answer answer = manage(f, partner_user(PARTNER), NULL, list_registrations, NULL);
    const struct json *rows = json_get(answer.json, "data");
    assert_int_equal(json_count(rows), 2);
    assert_true(str_eq(json_string(json_get(json_at(rows, 0), "result")), STR("refused")));
    assert_true(str_eq(json_string(json_get(json_at(rows, 0), "error")), STR("Sn has already been taken")));
    assert_true(str_eq(json_string(json_get(json_at(rows, 1), "result")), STR("created")));
    assert_true(str_eq(json_string(json_get(json_at(rows, 1), "address")), STR("192.0.2.7")));
    answer_free(&answer);
    answer = manage(f, partner_user(OTHER_PARTNER), NULL, list_registrations, NULL);
    assert_int_equal(json_count(json_get(answer.json, "data")), 0);
    answer_free(&answer);
}

static void is_allowed_run(struct test_op *test, struct store_tx *tx)
{
    bool *allowed = test->arg;
    struct reply reply;
    reply_init(&reply);
    *allowed = virtual_device_is_allowed(&test->f->domain, tx, PARTNER, &reply);
    reply_deinit(&reply);
}

static bool is_allowed(struct fixture *f)
{
    bool allowed = false;
    assert_int_equal(test_run(f, is_allowed_run, NULL, &allowed), ERR_OK);
    return allowed;
}

/* management-api.md 5.7: a simulation that nobody runs holds its place until its time has passed. */
static void test_simulations_left_over(void **state)
{
    struct fixture *f = *state;
    int64_t began = test_now_ms;
    struct device_brief device = register_device(f, MAC_BODY("A-1"), NULL);
    char sql[128];
    f->settings.virtual_devices_running = 1;
    f->settings.virtual_duration = 1000;
    assert_true(is_allowed(f));
    snprintf(sql, sizeof sql, "INSERT INTO simulation VALUES (%lld, %lld, x'00')", (long long)device.no, (long long)began);
    test_exec(f, sql);
    test_now_ms = began + 1000 + VIRTUAL_GRACE_MS - 1;
    assert_false(is_allowed(f));
    test_now_ms++;
    assert_true(is_allowed(f));
    f->settings.virtual_duration = 0; /* it may run for ever */
    assert_false(is_allowed(f));
    test_now_ms = began;
}

static void test_claim_codes(void **state)
{
    (void)state;
    int64_t codes[CLAIM_CODE_SPELLINGS_MAX], other[CLAIM_CODE_SPELLINGS_MAX];
    /* SHA-256("aa:bb:cc:dd:ee:01" "A-1") */
    uint8_t hash[SHA256_BYTES];
    char digits[2 * SHA256_BYTES + 1];
    sha256("aa:bb:cc:dd:ee:01A-1", 20, hash);
    hex_encode(hash, sizeof hash, digits);
    struct str first = str_from(digits, CLAIM_CODE_DIGITS);
    assert_true(claim_code_matches(first, STR("aa:bb:cc:dd:ee:01"), STR("A-1")));
    assert_true(claim_code_matches(first, STR("AABBCCDDEE01"), STR("A-1")));
    assert_true(claim_code_matches(first, STR("AA-BB-CC-DD-EE-01"), STR("A-1")));
    assert_false(claim_code_matches(first, STR("AA-BB-CC-DD-EE-02"), STR("A-1")));
    assert_false(claim_code_matches(first, STR("aa:bb:cc:dd:ee:01"), STR("A-2")));
    assert_int_equal(claim_codes_of(STR("aa:bb:cc:dd:ee:01"), STR("A-1"), codes), 6);
    assert_int_equal(claim_codes_of(STR("aa:bb:cc:dd:ee:01 "), STR("A-1"), other), 7);
    assert_int_equal(claim_codes_of(STR("whatever"), STR("A-1"), other), 1);
    int64_t code;
    assert_true(claim_code_number(first, &code));
    assert_int_equal(code, codes[0]);
    assert_false(claim_code_number(STR("zz345678901234567890"), &code));
}

static void test_mac(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_true(str_eq(mac_normalize(STR("AA-bb-CC-dd-EE-ff"), &arena), STR("aabbccddeeff")));
    assert_true(str_eq(mac_normalize(STR("aabb.ccdd.eeff"), &arena), STR("aabbccddeeff")));
    assert_true(str_eq(mac_normalize(STR("AABBCCDDEEFF"), &arena), STR("aabbccddeeff")));
    assert_true(str_eq(mac_normalize(STR("AABBCCDDEEF"), &arena), STR("AABBCCDDEEF")));
    assert_true(str_eq(mac_normalize(STR("AA:BB:CC:DD:EE:FF:00"), &arena), STR("AA:BB:CC:DD:EE:FF:00")));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_created, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hardware_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_legacy_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_required_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_duplicates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_is_capped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bulk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_children, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_children, setup, teardown),
        cmocka_unit_test_setup_teardown(test_suspended_partner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_simultaneous, setup, teardown),
        cmocka_unit_test_setup_teardown(test_simulations_left_over, setup, teardown),
        cmocka_unit_test(test_claim_codes),
        cmocka_unit_test(test_mac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
