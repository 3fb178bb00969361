/* A domain on a real store in a folder of its own, for the unit tests of devices. Operations run one at a time on the
 * test's thread, each as a batch with its commit; time stands still until a test moves it. */
#ifndef MUSTER_MODEL_DEVICE_TEST_SUPPORT_H
#define MUSTER_MODEL_DEVICE_TEST_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/maker/catalog.h"
#include "model/account/credentials.h"
#include "model/device/device_call.h"
#include "model/device/device_view.h"
#include "model/device/devices.h"
#include "model/domain.h"
#include "model/registration/registration.h"
#include "model/telemetry/telemetry.h"
#include "store/sqlite/tx.h"
#include "store/store.h"

enum { SEEN_MAX = 256 };

struct fixture {
    char dir[64];
    struct store *store;
    struct domain domain;
    struct settings settings;
    struct url_source urls;
    struct executor executor;
    struct op *waiting_first, **waiting_last;
    bool running;
    struct event_sink sink;
    const struct event *seen[SEEN_MAX];
    size_t seen_count;
};

static int64_t test_now_ms = INT64_C(1790000000000);

static int64_t test_now(void)
{
    return test_now_ms;
}

static void test_url(struct url_source *source, const char *local_host, struct buf *out)
{
    (void)source;
    buf_printf(out, "http://%s:8080", local_host ? local_host : "localhost");
}

static void test_mqtt_url(struct url_source *source, const char *local_host, struct buf *out)
{
    (void)source;
    buf_printf(out, "mqtt://%s:1883", local_host ? local_host : "localhost");
}

static void test_on_event(struct event_sink *sink, const struct event *event)
{
    struct fixture *f = container_of(sink, struct fixture, sink);
    if (f->seen_count < SEEN_MAX) {
        f->seen[f->seen_count++] = event_ref(event);
    }
}

/* What is submitted while another runs comes after it, as on a lane. */
static void test_drain(struct fixture *f)
{
    if (f->running) {
        return;
    }
    f->running = true;
    while (f->waiting_first) {
        struct op *op = f->waiting_first;
        f->waiting_first = (struct op *)(void *)op->task.next;
        if (!f->waiting_first) {
            f->waiting_last = &f->waiting_first;
        }
        struct executor *executor = op->executor;
        enum err err = store_run_now(f->store, op);
        (void)err; /* in op->err, for done */
        op->executor = executor;
        op->done(op);
    }
    f->running = false;
}

static void test_submit(struct executor *executor, struct op *op)
{
    struct fixture *f = container_of(executor, struct fixture, executor);
    op->task.next = NULL;
    *f->waiting_last = op;
    f->waiting_last = (struct op **)(void *)&op->task.next;
    test_drain(f);
}

/* ---- running something in a transaction ---- */

struct test_op {
    struct op op;
    struct fixture *f;
    void (*run)(struct test_op *test, struct store_tx *tx);
    void (*committed)(struct test_op *test);
    void *arg;
};

static void test_op_run(struct op *op, struct store_tx *tx)
{
    struct test_op *test = container_of(op, struct test_op, op);
    test->run(test, tx);
}

static void test_op_committed(struct op *op)
{
    struct test_op *test = container_of(op, struct test_op, op);
    if (test->committed) {
        test->committed(test);
    }
}

static void test_op_done(struct op *op)
{
    (void)op;
}

static enum err test_run(struct fixture *f, void (*run)(struct test_op *, struct store_tx *),
                         void (*committed)(struct test_op *), void *arg)
{
    struct test_op test = {.f = f, .run = run, .committed = committed, .arg = arg};
    test.op.lane = LANE_REGISTRY;
    test.op.run = test_op_run;
    test.op.committed = test_op_committed;
    test.op.done = test_op_done;
    op_submit(&f->executor, &test.op);
    return test.op.err;
}

static void test_exec_run(struct test_op *test, struct store_tx *tx)
{
    struct query q;
    query_begin_dynamic(&q, tx, str_from_cstr(test->arg));
    assert_int_equal(query_finish(&q), ERR_OK);
}

static void test_exec(struct fixture *f, const char *sql)
{
    char *copy = str_dup(str_from_cstr(sql));
    assert_int_equal(test_run(f, test_exec_run, NULL, copy), ERR_OK);
    free(copy);
}

struct test_number {
    const char *sql;
    int64_t value;
};

static void test_number_run(struct test_op *test, struct store_tx *tx)
{
    struct test_number *number = test->arg;
    struct query q;
    query_begin_dynamic(&q, tx, str_from_cstr(number->sql));
    number->value = query_next(&q) ? query_i64(&q, 0) : INT64_MIN;
    assert_int_equal(query_finish(&q), ERR_OK);
}

static int64_t test_number(struct fixture *f, const char *sql)
{
    struct test_number number = {.sql = sql};
    assert_int_equal(test_run(f, test_number_run, NULL, &number), ERR_OK);
    return number.value;
}

/* ---- seed: two makers, their models, an end customer and a lab ---- */

#define KEY_MAC "11111111-0000-4000-8000-000000000001"   /* "Panel": MAC & serial number, 1.0.7, MQTT, published */
#define KEY_CLOUD "11111111-0000-4000-8000-000000000002" /* "Box": Cloud ID, 1.0.7, MQTT, published */
#define KEY_OLD "11111111-0000-4000-8000-000000000003"   /* "Old": Cloud ID, 1.0.0, HTTPS, published */
#define KEY_APP "11111111-0000-4000-8000-000000000004"   /* "App": application, Cloud ID, 1.0.7 */
#define KEY_DRAFT "11111111-0000-4000-8000-000000000005" /* "Draft": Cloud ID, 1.0.7, not published */
#define KEY_OTHER "11111111-0000-4000-8000-000000000006" /* "Alien": the other maker's, MAC & serial number */
enum { PARTNER = 1, OTHER_PARTNER = 2, ORGANIZATION = 1, LAB = 2, OTHER_ORGANIZATION = 3 };
enum { ROOT_SPACE = 1, ROOM = 2, LAB_SPACE = 3, OTHER_SPACE = 4 };

static void test_seed_key(struct test_op *test, struct store_tx *tx, int model_no, const char *key)
{
    uint8_t hash[32];
    struct query q;
    struct uuid id = uuid_random();
    domain_key_hash(&test->f->domain, str_from_cstr(key), hash);
    query_begin(&q, tx, "INSERT INTO hardware_key (id, model_no, name, key_hash, key_sealed, created_at) "
                        "VALUES (?1, ?2, 'Default', ?3, x'00', 0)");
    query_bind_uuid(&q, 1, &id);
    query_bind_i64(&q, 2, model_no);
    query_bind_blob(&q, 3, hash, sizeof hash);
    assert_int_equal(query_finish(&q), ERR_OK);
}

static void test_seed_run(struct test_op *test, struct store_tx *tx)
{
    static const char *const rows[] = {
        "INSERT INTO partner (id, name, short_code, created_at) VALUES (x'01000000000000000000000000000001', 'Northlight', "
        "'NL01', 0), (x'01000000000000000000000000000002', 'Other', 'OT02', 0)",
        "INSERT INTO organization (id, partner_no, name, lab, created_at) VALUES "
        "(x'02000000000000000000000000000001', 1, 'Harbour College', 0, 0), "
        "(x'02000000000000000000000000000002', 1, 'Northlight Lab', 1, 0), "
        "(x'02000000000000000000000000000003', 2, 'Elsewhere', 0, 0)",
        "INSERT INTO space (organization_no, parent_no, name, path, depth, config, created_at) VALUES "
        "(1, NULL, 'Harbour College', 'Harbour College', 0, "
        "'{\"location\":{\"coordinates\":{\"lat\":52.37,\"lng\":4.9},\"utc_offset\":60,\"name\":\"Amsterdam\"}}', 0), "
        "(1, 1, 'Lobby', 'Harbour College/Lobby', 1, '{\"temperature_units\":\"fahrenheit\"}', 0), "
        "(2, NULL, 'Lab', 'Lab', 0, '{}', 0), (3, NULL, 'Elsewhere', 'Elsewhere', 0, '{}', 0)",
        "INSERT INTO model (id, partner_no, name, auth_cloud_id, protocol, device_type, api_version, "
        "offline_threshold_minutes, enabled_tabs, published, parameters, created_at, updated_at) VALUES "
        "(x'03000000000000000000000000000001', 1, 'Panel', 0, 2, 1, 7, 5, '[]', 1, "
        "'[{\"name\":\"Community\",\"type\":\"text\",\"required\":false},{\"name\":\"Password\",\"type\":\"password\","
        "\"required\":false},{\"name\":\"Port\",\"type\":\"number\",\"required\":false}]', 0, 0), "
        "(x'03000000000000000000000000000002', 1, 'Box', 1, 2, 1, 7, 5, '[]', 1, '[]', 0, 0), "
        "(x'03000000000000000000000000000003', 1, 'Old', 1, 1, 1, 0, NULL, '[]', 1, '[]', 0, 0), "
        "(x'03000000000000000000000000000004', 1, 'App', 1, 2, 3, 7, 5, '[]', 1, '[]', 0, 0), "
        "(x'03000000000000000000000000000005', 1, 'Draft', 1, 2, 1, 7, 5, '[]', 0, '[]', 0, 0), "
        "(x'03000000000000000000000000000006', 2, 'Alien', 0, 2, 1, 7, 5, '[]', 1, '[]', 0, 0)",
        "INSERT INTO command_definition (id, model_no, name, friendly_name, active, with_file, timeout_seconds, "
        "custom_fields, created_at) VALUES "
        "(x'04000000000000000000000000000001', 1, 'reboot', 'Reboot', 1, 0, 0, '[]', 0), "
        "(x'04000000000000000000000000000002', 1, 'set_input', 'Set input', 1, 0, 60, "
        "'[{\"name\":\"input\",\"label\":\"Input\",\"type\":\"select\",\"typeName\":\"staticListSingle\",\"required\":true,"
        "\"options\":{\"33\":{\"label\":\"HDMI 1\",\"order\":2,\"value\":\"33\"}}},"
        "{\"name\":\"level\",\"label\":\"Level\",\"type\":\"integer\",\"required\":false}]', 0), "
        "(x'04000000000000000000000000000003', 1, 'old_one', 'Old one', 0, 0, 0, '[]', 0), "
        "(x'04000000000000000000000000000004', 1, 'flash', 'Flash', 1, 1, 0, '[]', 0), "
        "(x'04000000000000000000000000000005', 3, 'reboot', 'Reboot', 1, 0, 0, '[]', 0)",
        "INSERT INTO user (id, email, name, created_at) VALUES (x'05000000000000000000000000000001', 'a@b.c', 'Ada', 0)",
    };
    static const char *const keys[] = {KEY_MAC, KEY_CLOUD, KEY_OLD, KEY_APP, KEY_DRAFT, KEY_OTHER};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct query q;
        query_begin_dynamic(&q, tx, str_from_cstr(rows[i]));
        assert_int_equal(query_finish(&q), ERR_OK);
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        test_seed_key(test, tx, (int)i + 1, keys[i]);
    }
    assert_int_equal(catalog_load(&test->f->domain, tx), ERR_OK);
}

static void test_domain_init(struct fixture *f)
{
    struct domain *domain = &f->domain;
    event_bus_init(&domain->events);
    f->sink.on_event = test_on_event;
    event_bus_add(&domain->events, &f->sink);
    domain->devices = device_table_new();
    domain->catalog = catalog_new();
    domain->credentials = credentials_new();
    domain->telemetry = telemetry_new(domain);
    settings_init(&f->settings);
    domain->settings = &f->settings;
    domain->now_unix_ms = test_now;
    domain->started_at_ms = test_now_ms;
    f->urls = (struct url_source){.hub_url = test_url, .static_cert_url = test_url, .mqtt_url = test_mqtt_url};
    domain->urls = &f->urls;
}

static struct fixture *fixture_open(const char *dir)
{
    struct fixture *f = mem_new(struct fixture);
    snprintf(f->dir, sizeof f->dir, "%s", dir);
    f->waiting_last = &f->waiting_first;
    test_domain_init(f);
    assert_int_equal(store_open(&(struct store_config){.data_dir = f->dir}, &f->store), ERR_OK);
    store_bind(f->store, &f->domain);
    f->executor.submit = test_submit;
    f->domain.executor = &f->executor;
    f->running = true; /* what loading submits comes after it, as on a lane */
    assert_int_equal(store_load(f->store, &f->domain), ERR_OK);
    f->running = false;
    test_drain(f);
    return f;
}

static void fixture_close(struct fixture *f)
{
    for (size_t i = 0; i < f->seen_count; i++) {
        event_unref(f->seen[i]);
    }
    store_close(f->store);
    devices_unload(&f->domain);
    telemetry_free(f->domain.telemetry);
    device_table_free(f->domain.devices);
    catalog_free(f->domain.catalog);
    credentials_free(f->domain.credentials);
    settings_deinit(&f->settings);
    mem_free(f);
}

static int setup(void **state)
{
    char dir[] = "/tmp/muster-devices-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct fixture *f = fixture_open(dir);
    assert_int_equal(test_run(f, test_seed_run, NULL, NULL), ERR_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    fixture_close(f);
    return system(command);
}

/* Events of this type seen so far. */
static size_t count_events(const struct fixture *f, enum event_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < f->seen_count; i++) {
        count += f->seen[i]->type == type;
    }
    return count;
}

static const struct event *last_event(const struct fixture *f, enum event_type type)
{
    for (size_t i = f->seen_count; i > 0; i--) {
        if (f->seen[i - 1]->type == type) {
            return f->seen[i - 1];
        }
    }
    return NULL;
}

/* ---- answers ---- */

struct answer {
    unsigned status;
    char *text;
    struct json *json;
};

static void answer_free(struct answer *answer)
{
    json_free(answer->json);
    free(answer->text);
    *answer = (struct answer){0};
}

static struct answer answer_take(struct reply *reply)
{
    struct answer answer = {.status = reply->status, .text = str_dup(buf_str(&reply->body))};
    assert_int_equal(json_parse(buf_str(&reply->body), NULL, &answer.json), ERR_OK);
    reply_deinit(reply);
    return answer;
}

static struct json *parse_text(const char *text)
{
    struct json *json = NULL;
    if (text) {
        assert_int_equal(json_parse(str_from_cstr(text), NULL, &json), ERR_OK);
    }
    return json;
}

static void expect(struct answer answer, unsigned status, const char *body)
{
    if (answer.status != status || strcmp(answer.text, body) != 0) {
        print_error("got %u %s\nwanted %u %s\n", answer.status, answer.text, status, body);
    }
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.text, body);
    answer_free(&answer);
}

static void expect_error(struct answer answer, unsigned status, const char *text)
{
    char body[512];
    snprintf(body, sizeof body, "{\"error\":\"%s\"}", text);
    expect(answer, status, body);
}

static void expect_status(struct answer answer, unsigned status)
{
    if (answer.status != status) {
        print_error("got %u %s\n", answer.status, answer.text);
    }
    assert_int_equal(answer.status, status);
    answer_free(&answer);
}

/* ---- registration ---- */

struct test_registration {
    struct registration registration;
    struct arena arena;
    struct json *body;
    struct reply reply;
    struct str authorization;
    bool bulk;
};

static void test_registration_run(struct test_op *test, struct store_tx *tx)
{
    struct test_registration *r = test->arg;
    registration_init(&r->registration, &test->f->domain, &r->arena);
    r->registration.address = STR("192.0.2.7");
    r->registration.local_host = "10.0.0.1";
    r->registration.authorization = r->authorization;
    if (r->bulk) {
        registration_run_bulk(&r->registration, tx, r->body, &r->reply);
    } else {
        registration_run(&r->registration, tx, r->body, &r->reply);
    }
    if (reply_is_error(&r->reply)) {
        test->op.err = ERR_DENIED;
    }
}

static void test_registration_committed(struct test_op *test)
{
    struct test_registration *r = test->arg;
    registration_committed(&r->registration);
}

static struct answer register_with(struct fixture *f, const char *body, bool bulk, struct str authorization)
{
    struct test_registration r = {.body = parse_text(body), .bulk = bulk, .authorization = authorization};
    arena_init(&r.arena);
    reply_init(&r.reply);
    test_run(f, test_registration_run, test_registration_committed, &r);
    json_free(r.body);
    arena_deinit(&r.arena);
    return answer_take(&r.reply);
}

static struct answer register_body(struct fixture *f, const char *body)
{
    return register_with(f, body, false, (struct str){NULL, 0});
}

/* Registers and gives the hot record; `ret_key` (33 bytes) may be NULL. */
static struct device_brief register_device(struct fixture *f, const char *body, char *ret_key)
{
    struct answer answer = register_body(f, body);
    struct device_brief device;
    struct uuid id;
    if (answer.status != 201) {
        print_error("%s\n", answer.text);
    }
    assert_int_equal(answer.status, 201);
    assert_true(uuid_parse(json_string(json_get(answer.json, "id")), &id));
    assert_true(device_table_find(f->domain.devices, &id, &device));
    if (ret_key) {
        snprintf(ret_key, 33, "%.*s", STR_ARG(json_string(json_get(answer.json, "access_key"))));
    }
    answer_free(&answer);
    return device;
}

static struct device_brief hot_of(struct fixture *f, const struct device_brief *device)
{
    struct device_brief hot;
    assert_true(device_table_find_no(f->domain.devices, device->no, &hot));
    return hot;
}

/* ---- device calls ---- */

struct test_answer {
    struct answer answer;
    bool done;
};

static void test_call_done(struct op *op)
{
    struct device_call *call = container_of(op, struct device_call, op);
    struct test_answer *out = call->user;
    out->answer = answer_take(&call->reply);
    out->done = true;
    reply_init(&call->reply);
    device_call_free(call);
}

static struct answer ask_over(struct fixture *f, const struct device_brief *device, enum device_action action, const char *body,
                              enum transport transport, struct str correlation)
{
    struct device_brief now = *device;
    struct test_answer out = {.done = false};
    device_table_find_no(f->domain.devices, device->no, &now);
    struct device_call *call = device_call_new(&f->domain, action, &now, transport);
    call->body = parse_text(body);
    call->body_bytes = body ? (uint32_t)strlen(body) : 0;
    call->correlation = correlation;
    call->user = &out;
    device_call_submit(call, NULL, test_call_done);
    assert_true(out.done);
    return out.answer;
}

static struct answer ask(struct fixture *f, const struct device_brief *device, enum device_action action, const char *body)
{
    return ask_over(f, device, action, body, TRANSPORT_HTTPS, (struct str){NULL, 0});
}

/* ---- management calls ---- */

typedef void (*test_admin_fn)(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);

struct test_admin {
    struct admin admin;
    struct arena arena;
    struct reply reply;
    struct principal principal;
    const struct device_brief *device;
    struct json *body;
    test_admin_fn run;
};

static void test_admin_run(struct test_op *test, struct store_tx *tx)
{
    struct test_admin *t = test->arg;
    struct device_core core = {0};
    char id[UUID_TEXT_BYTES];
    admin_init(&t->admin, &test->f->domain, &t->arena, &t->reply, &t->principal, STR("192.0.2.9"));
    if (t->device) {
        uuid_format(&t->device->id, id);
        if (!device_find_for_tenant(&t->admin, tx, str_from_cstr(id), &core)) {
            test->op.err = ERR_DENIED;
            return;
        }
    }
    t->run(&t->admin, tx, &core, t->body);
    if (reply_is_error(&t->reply)) {
        test->op.err = ERR_DENIED;
    }
}

static void test_admin_committed(struct test_op *test)
{
    struct test_admin *t = test->arg;
    admin_committed(&t->admin);
}

static struct principal partner_user(int64_t partner_no)
{
    return (struct principal){.kind = PRINCIPAL_USER, .scope = SCOPE_FULL, .tenant_kind = TENANT_PARTNER,
                              .partner_no = partner_no, .user_no = 1, .role.tenant = ROLE_ADMINISTRATOR};
}

static struct principal organization_user(int64_t organization_no)
{
    return (struct principal){.kind = PRINCIPAL_USER, .scope = SCOPE_FULL, .tenant_kind = TENANT_ORGANIZATION,
                              .partner_no = organization_no == OTHER_ORGANIZATION ? OTHER_PARTNER : PARTNER,
                              .organization_no = organization_no, .user_no = 1, .role.tenant = ROLE_ADMINISTRATOR};
}

/* `device` NULL: the call is about none. */
static struct answer manage(struct fixture *f, struct principal principal, const struct device_brief *device, test_admin_fn run,
                            const char *body)
{
    struct test_admin t = {.principal = principal, .device = device, .body = parse_text(body), .run = run};
    arena_init(&t.arena);
    reply_init(&t.reply);
    test_run(f, test_admin_run, test_admin_committed, &t);
    json_free(t.body);
    arena_deinit(&t.arena);
    return answer_take(&t.reply);
}

/* Keeps unused helpers quiet: every test file takes what it needs. */
static inline void test_support_used(void)
{
    (void)setup;
    (void)teardown;
    (void)test_exec;
    (void)test_number;
    (void)count_events;
    (void)last_event;
    (void)expect;
    (void)expect_error;
    (void)expect_status;
    (void)register_device;
    (void)hot_of;
    (void)ask;
    (void)partner_user;
    (void)organization_user;
    (void)manage;
}

#endif
