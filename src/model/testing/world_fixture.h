/* A whole domain on a real store in a temporary folder, with a clock the test turns and an executor that runs operations
 * one after the other on the test's thread: for the management tests of this folder. */
#ifndef MUSTER_MODEL_WORLD_FIXTURE_H
#define MUSTER_MODEL_WORLD_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/maker/catalog.h"
#include "model/account/credentials.h"
#include "model/device/device_table.h"
#include "model/device/devices.h"
#include "model/domain.h"
#include "model/live/live.h"
#include "model/customer/organization.h"
#include "model/account/setup.h"
#include "model/telemetry/telemetry.h"
#include "model/live/trace.h"
#include "model/ports/tenant_store.h"
#include "store/store.h"

#define WORLD_PASSWORD "correct horse battery"
#define WORLD_START_MS INT64_C(1772360100000) /* 2026-03-01T10:15:00Z */

static int64_t world_now = WORLD_START_MS;

static int64_t world_clock(void)
{
    return world_now;
}

struct world {
    char dir[64];
    struct store *store;
    struct domain domain;
    struct settings settings;
    struct url_source urls;
    struct executor executor; /* queues; world_drain runs */
    struct task *first, **last;
    struct arena arena;
    struct reply reply;       /* of the last world_call */
    char text[65536];         /* its body */
    struct principal partner, organization, user; /* after world_setup: keys of the first tenants, and its person */
};

static void world_submit(struct executor *executor, struct op *op)
{
    struct world *world = container_of(executor, struct world, executor);
    op->task.next = NULL;
    *world->last = &op->task;
    world->last = &op->task.next;
}

/* Runs what was submitted, and what that submits. */
static inline void world_drain(struct world *world)
{
    while (world->first) {
        struct op *op = container_of(world->first, struct op, task);
        world->first = op->task.next;
        if (!world->first) {
            world->last = &world->first;
        }
        if (op->lane == LANE_WORK) {
            op->run(op, NULL);
        } else {
            enum err err = store_run_now(world->store, op);
            (void)err; /* done looks at it */
        }
        op->done(op);
    }
}

static void world_hub_url(struct url_source *source, const char *local_host, struct buf *out)
{
    (void)source;
    (void)local_host;
    buf_append_cstr(out, "https://muster.example:8443");
}

static void world_mqtt_url(struct url_source *source, const char *local_host, struct buf *out)
{
    (void)source;
    (void)local_host;
    buf_append_cstr(out, "mqtt://muster.example:1883");
}

static inline void world_open(struct world *world)
{
    struct store_config config = {.data_dir = world->dir, .reader_threads = 1, .worker_threads = 1};
    struct domain *domain = &world->domain;
    assert_int_equal(store_open(&config, &world->store), ERR_OK);
    memset(domain, 0, sizeof *domain);
    event_bus_init(&domain->events);
    domain->devices = device_table_new();
    domain->catalog = catalog_new();
    domain->credentials = credentials_new();
    domain->live = live_new(domain);
    domain->trace = trace_new();
    domain->settings = &world->settings;
    domain->now_unix_ms = world_clock;
    domain->started_at_ms = world_now;
    domain->urls = &world->urls;
    store_bind(world->store, domain);
    domain->telemetry = telemetry_new(domain);
    assert_int_equal(store_load(world->store, domain), ERR_OK);
    world->executor.submit = world_submit;
    world->last = &world->first;
    domain->executor = &world->executor;
}

static inline void world_close(struct world *world)
{
    world_drain(world);
    store_close(world->store);
    live_free(world->domain.live);
    trace_free(world->domain.trace);
    telemetry_free(world->domain.telemetry);
    devices_unload(&world->domain);
    credentials_free(world->domain.credentials);
    catalog_free(world->domain.catalog);
    device_table_free(world->domain.devices);
}

static inline void world_restart(struct world *world)
{
    world_close(world);
    world_open(world);
}

/* An empty installation. */
static inline int world_start(void **state)
{
    struct world *world = mem_new(struct world);
    log_setup(LOG_ERROR, LOG_LOGFMT, 2);
    world_now = WORLD_START_MS;
    strcpy(world->dir, "/tmp/muster-world-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    settings_init(&world->settings);
    world->urls = (struct url_source){
        .hub_url = world_hub_url, .static_cert_url = world_hub_url, .mqtt_url = world_mqtt_url};
    arena_init(&world->arena);
    reply_init(&world->reply);
    world_open(world);
    *state = world;
    return 0;
}

static inline int world_end(void **state)
{
    struct world *world = *state;
    world_close(world);
    settings_deinit(&world->settings);
    arena_deinit(&world->arena);
    reply_deinit(&world->reply);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", world->dir);
    assert_int_equal(system(command), 0);
    mem_free(world);
    return 0;
}

/* One management call, as the API makes it: in a transaction, rolled back by an error reply. */
struct world_call {
    struct op op;
    struct admin admin;
    void (*run)(struct admin *admin, struct store_tx *tx, void *arg);
    void *arg;
};

static void world_call_run(struct op *op, struct store_tx *tx)
{
    struct world_call *call = container_of(op, struct world_call, op);
    call->run(&call->admin, tx, call->arg);
    if (reply_is_error(call->admin.reply)) {
        op->err = ERR_DENIED;
    }
}

static void world_call_committed(struct op *op)
{
    admin_committed(&container_of(op, struct world_call, op)->admin);
}

/* The status; world->text is the body. */
static inline unsigned world_run(struct world *world, const struct principal *who,
                                 void (*run)(struct admin *admin, struct store_tx *tx, void *arg), void *arg)
{
    struct world_call call = {.op = {.lane = LANE_REGISTRY, .run = world_call_run, .committed = world_call_committed},
                              .run = run, .arg = arg};
    buf_clear(&world->reply.body);
    world->reply.status = 0;
    admin_init(&call.admin, &world->domain, &world->arena, &world->reply, who, STR("192.0.2.7"));
    enum err err = store_run_now(world->store, &call.op);
    if (err && world->reply.status == 0) {
        reply_from_err(&world->reply, err);
    }
    snprintf(world->text, sizeof world->text, "%.*s", STR_ARG(buf_str(&world->reply.body)));
    return world->reply.status;
}

/* The functions of the domain come in a few shapes; these call them by shape. */
struct world_args {
    union {
        void (*body)(struct admin *admin, struct store_tx *tx, const struct json *body);
        void (*page)(struct admin *admin, struct store_tx *tx, struct page page);
        void (*search)(struct admin *admin, struct store_tx *tx, struct str search, struct page page);
        void (*id)(struct admin *admin, struct store_tx *tx, struct str id);
        void (*id_page)(struct admin *admin, struct store_tx *tx, struct str id, struct page page);
        void (*id_body)(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
        void (*two)(struct admin *admin, struct store_tx *tx, struct str id, struct str second);
        void (*two_body)(struct admin *admin, struct store_tx *tx, struct str id, struct str second,
                         const struct json *body);
        void (*bare)(struct admin *admin, struct store_tx *tx);
    } f;
    enum { BODY, PAGE, SEARCH, ID, ID_PAGE, ID_BODY, TWO, TWO_BODY, BARE } shape;
    struct str id, second;
    struct json *json;
    struct page paging;
};

static void world_args_run(struct admin *admin, struct store_tx *tx, void *arg)
{
    const struct world_args *a = arg;
    switch (a->shape) {
    case BODY: a->f.body(admin, tx, a->json); break;
    case PAGE: a->f.page(admin, tx, a->paging); break;
    case SEARCH: a->f.search(admin, tx, a->id, a->paging); break;
    case ID: a->f.id(admin, tx, a->id); break;
    case ID_PAGE: a->f.id_page(admin, tx, a->id, a->paging); break;
    case ID_BODY: a->f.id_body(admin, tx, a->id, a->json); break;
    case TWO: a->f.two(admin, tx, a->id, a->second); break;
    case TWO_BODY: a->f.two_body(admin, tx, a->id, a->second, a->json); break;
    case BARE: a->f.bare(admin, tx); break;
    }
}

static inline unsigned world_do(struct world *world, const struct principal *who, struct world_args args,
                                const char *body)
{
    if (body) {
        assert_int_equal(json_parse(str_from_cstr(body), &(struct json_limits){.bytes_max = 4u << 20}, &args.json),
                         ERR_OK);
    }
    if (args.paging.size == 0) {
        args.paging = (struct page){1, 100};
    }
    unsigned status = world_run(world, who, world_args_run, &args);
    json_free(args.json);
    return status;
}

#define world_body(world, who, function, text) \
    world_do((world), (who), (struct world_args){.f.body = (function), .shape = BODY}, (text))
#define world_page(world, who, function) world_do((world), (who), (struct world_args){.f.page = (function), .shape = PAGE}, NULL)
#define world_search(world, who, function, what) \
    world_do((world), (who), (struct world_args){.f.search = (function), .shape = SEARCH, .id = str_from_cstr(what)}, NULL)
#define world_id(world, who, function, the_id) \
    world_do((world), (who), (struct world_args){.f.id = (function), .shape = ID, .id = str_from_cstr(the_id)}, NULL)
#define world_id_page(world, who, function, the_id) \
    world_do((world), (who), (struct world_args){.f.id_page = (function), .shape = ID_PAGE, .id = str_from_cstr(the_id)}, NULL)
#define world_id_body(world, who, function, the_id, text) \
    world_do((world), (who), (struct world_args){.f.id_body = (function), .shape = ID_BODY, .id = str_from_cstr(the_id)}, (text))
#define world_two(world, who, function, the_id, other) \
    world_do((world), (who), (struct world_args){.f.two = (function), .shape = TWO, .id = str_from_cstr(the_id), .second = str_from_cstr(other)}, NULL)
#define world_two_body(world, who, function, the_id, other, text) \
    world_do((world), (who), (struct world_args){.f.two_body = (function), .shape = TWO_BODY, .id = str_from_cstr(the_id), .second = str_from_cstr(other)}, (text))
#define world_bare(world, who, function) world_do((world), (who), (struct world_args){.f.bare = (function), .shape = BARE}, NULL)

/* A text member of the last reply. */
static inline void world_get(struct world *world, const char *member, char *out, size_t size)
{
    struct json *json = NULL;
    assert_int_equal(json_parse(buf_str(&world->reply.body), NULL, &json), ERR_OK);
    snprintf(out, size, "%.*s", STR_ARG(json_string(json_get(json, member))));
    json_free(json);
}

#define assert_error(world, status_is, status, message) \
    do { \
        unsigned answered = (status_is); \
        assert_string_equal((world)->text, "{\"error\":\"" message "\"}"); \
        assert_int_equal(answered, (status)); \
    } while (0)

#define assert_has(world, part) assert_non_null(strstr((world)->text, (part)))
#define assert_has_not(world, part) assert_null(strstr((world)->text, (part)))

/* The first partner, its lab organization and the person who administers both; principals act by their keys. */
static inline void world_setup(struct world *world)
{
    struct setup_request request = {
        .name = STR("Ada"),
        .email = STR("ada@northlight.example"),
        .password = STR(WORLD_PASSWORD),
        .partner_name = STR("Northlight"),
        .short_code = STR("nl7Q"),
        .makes_api_keys = true,
    };
    struct setup_run *run = setup_run_new(&world->domain, &request);
    setup_run_prepare(run);
    assert_int_equal(run->reply.status, 0);
    assert_int_equal(store_run_now(world->store, &run->op), ERR_OK);
    assert_int_equal(run->reply.status, 201);
    struct domain *domain = &world->domain;
    assert_int_equal(credentials_check_api_key(domain, str_from_cstr(run->partner_key), &world->partner), CREDENTIAL_OK);
    assert_int_equal(credentials_check_api_key(domain, str_from_cstr(run->organization_key), &world->organization),
                     CREDENTIAL_OK);
    world->user = run->admin.principal;
    setup_run_free(run);
}

static inline int world_start_set_up(void **state)
{
    world_start(state);
    world_setup(*state);
    return 0;
}

/* A second partner with a lab organization, as the System area will make them. */
struct world_tenants {
    struct principal partner, organization;
};

static void world_make_tenants(struct admin *admin, struct store_tx *tx, void *arg)
{
    struct world_tenants *tenants = arg;
    struct partner_row partner = {.id = uuid_random(), .name = STR("Southlight"), .short_code = STR("SL9x"),
                                  .created_at = world_now};
    assert_int_equal(partner_store_insert(tx, &partner), ERR_OK);
    struct partner_info info = {.no = partner.no, .id = partner.id, .name = partner.name,
                                .short_code = partner.short_code};
    catalog_put_partner(admin->domain->catalog, &info);
    struct organization_row lab = {.partner_no = partner.no, .name = STR("Southlight Lab"), .lab = true,
                                   .contacts = STR("{}")};
    assert_int_equal(organization_make(admin, tx, &lab), ERR_OK);
    tenants->partner = (struct principal){.kind = PRINCIPAL_API_KEY, .scope = SCOPE_FULL,
                                          .tenant_kind = TENANT_PARTNER, .partner_no = partner.no};
    tenants->organization = (struct principal){.kind = PRINCIPAL_API_KEY, .scope = SCOPE_FULL,
                                               .tenant_kind = TENANT_ORGANIZATION, .partner_no = partner.no,
                                               .organization_no = lab.no};
    admin->reply->status = 200;
}

static inline struct world_tenants world_second_tenants(struct world *world)
{
    struct world_tenants tenants = {0};
    assert_int_equal(world_run(world, &world->partner, world_make_tenants, &tenants), 200);
    return tenants;
}

#endif
