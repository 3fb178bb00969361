/* A domain on a real store in a temporary folder, with a clock the test turns, and an executor that runs operations one
 * by one on the test's thread: for the tests of this folder. */
#ifndef MUSTER_STORE_TELEMETRY_FIXTURE_H
#define MUSTER_STORE_TELEMETRY_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "model/maker/catalog.h"
#include "model/account/credentials.h"
#include "model/device/devices.h"
#include "model/device/device_table.h"
#include "model/device/presence.h"
#include "model/telemetry/telemetry.h"
#include "store/sqlite/tx.h"
#include "store/store_internal.h"

#define START_MS INT64_C(1772360100000) /* 2026-03-01T10:15:00Z */

static int64_t fixture_now = START_MS;

static int64_t fixture_clock(void)
{
    return fixture_now;
}

struct fixture {
    char dir[64];
    struct store *store;
    struct domain domain;
    struct settings settings;
    struct executor executor; /* queues; fixture_drain runs */
    struct task *first, **last;
    struct event_sink sink;
    unsigned status_events, telemetry_events, incident_events;
    char last_payload[1024];
};

static void fixture_submit(struct executor *executor, struct op *op)
{
    struct fixture *f = container_of(executor, struct fixture, executor);
    op->task.next = NULL;
    *f->last = &op->task;
    f->last = &op->task.next;
}

/* Runs what was submitted, and what that submits. */
static void fixture_drain(struct fixture *f)
{
    while (f->first) {
        struct op *op = container_of(f->first, struct op, task);
        f->first = op->task.next;
        if (!f->first) {
            f->last = &f->first;
        }
        enum err err = store_run_now(f->store, op);
        (void)err; /* done looks at it */
        op->done(op);
    }
}

static void fixture_on_event(struct event_sink *sink, const struct event *event)
{
    struct fixture *f = container_of(sink, struct fixture, sink);
    f->status_events += event->type == EVENT_STATUS;
    f->telemetry_events += event->type == EVENT_TELEMETRY;
    f->incident_events += event->type == EVENT_INCIDENT;
    snprintf(f->last_payload, sizeof f->last_payload, "%.*s", STR_ARG(event->payload));
}

static void fixture_open(struct fixture *f)
{
    struct store_config config = {.data_dir = f->dir, .reader_threads = 1, .worker_threads = 1};
    assert_int_equal(store_open(&config, &f->store), ERR_OK);
    struct domain *domain = &f->domain;
    memset(domain, 0, sizeof *domain);
    event_bus_init(&domain->events);
    f->sink.on_event = fixture_on_event;
    event_bus_add(&domain->events, &f->sink);
    domain->devices = device_table_new();
    domain->catalog = catalog_new();
    domain->credentials = credentials_new();
    domain->settings = &f->settings;
    domain->now_unix_ms = fixture_clock;
    domain->started_at_ms = fixture_now;
    domain->telemetry = telemetry_new(domain);
    store_bind(f->store, domain);
    f->first = NULL;
    f->last = &f->first;
    f->executor.submit = fixture_submit;
    domain->executor = &f->executor;
    assert_int_equal(store_load(f->store, domain), ERR_OK);
}

/* As a kill does: nothing is flushed, what was queued is lost. */
static void fixture_crash(struct fixture *f)
{
    struct fixture *lost = f;
    while (lost->first) { /* their memory only */
        struct op *op = container_of(lost->first, struct op, task);
        lost->first = op->task.next;
        op->err = ERR_BUSY;
        op->done(op);
    }
    lost->last = &lost->first;
    store_close(f->store);
    devices_unload(&f->domain);
    telemetry_free(f->domain.telemetry);
    credentials_free(f->domain.credentials);
    catalog_free(f->domain.catalog);
    device_table_free(f->domain.devices);
}

static void fixture_stop(struct fixture *f)
{
    fixture_drain(f);
    store_stop(f->store);
    fixture_crash(f);
}

static inline int fixture_setup_in(void **state, const char *folder)
{
    log_setup(LOG_WARN, LOG_LOGFMT, open("/dev/null", O_WRONLY | O_CLOEXEC));
    struct fixture *f = mem_new(struct fixture);
    snprintf(f->dir, sizeof f->dir, "%s/muster-telemetry-XXXXXX", folder);
    assert_non_null(mkdtemp(f->dir));
    settings_init(&f->settings);
    fixture_now = START_MS;
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_setup(void **state)
{
    return fixture_setup_in(state, "/tmp");
}

/* For thousands of commits, none of which is about the disk. */
static inline int fixture_setup_in_memory(void **state)
{
    return fixture_setup_in(state, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_stop(f);
    settings_deinit(&f->settings);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    mem_free(f);
    return 0;
}

/* ---- registry rows ---- */

struct sql_op {
    struct op op;
    const char *sql;
    int64_t number;
};

static inline void sql_run(struct op *op, struct store_tx *tx)
{
    struct sql_op *s = container_of(op, struct sql_op, op);
    struct query q;
    query_begin_dynamic(&q, tx, str_from_cstr(s->sql));
    if (query_next(&q)) {
        s->number = query_i64(&q, 0);
    }
    op->err = query_finish(&q);
}

static inline int64_t fixture_sql(struct fixture *f, const char *sql)
{
    struct sql_op s = {.op = {.run = sql_run, .lane = LANE_REGISTRY}, .sql = sql};
    assert_int_equal(store_run_now(f->store, &s.op), ERR_OK);
    return s.number;
}

/* One model with this threshold, and `count` claimed devices numbered from 1. */
static inline void fixture_devices(struct fixture *f, unsigned count, unsigned threshold_minutes)
{
    char sql[1024];
    fixture_sql(f, "INSERT INTO partner (no, id, name, short_code, created_at) VALUES (1, x'01', 'P', 'PP', 0)");
    fixture_sql(f, "INSERT INTO organization (no, id, partner_no, name, created_at) VALUES (1, x'02', 1, 'O', 0)");
    fixture_sql(f, "INSERT INTO space (no, organization_no, name, path, created_at) VALUES (1, 1, 'O', 'O', 0)");
    snprintf(sql, sizeof sql,
             "INSERT INTO model (no, id, partner_no, name, auth_cloud_id, protocol, device_type, api_version,"
             " offline_threshold_minutes, enabled_tabs, created_at, updated_at)"
             " VALUES (1, x'03030303030303030303030303030303', 1, 'M', 0, 2, 1, 7, %u, '[]', 0, 0)",
             threshold_minutes);
    fixture_sql(f, sql);
    for (unsigned i = 1; i <= count; i++) {
        snprintf(sql, sizeof sql,
                 "INSERT INTO device (no, id, model_no, partner_no, organization_no, space_no, space_version, key_hash,"
                 " key_issued_at, name, firmware_version, created_at) VALUES (%u, randomblob(16), 1, 1, 1, 1, 1,"
                 " randomblob(32), 0, 'D', '1.0.0', 0)",
                 i);
        fixture_sql(f, sql);
    }
    fixture_crash(f); /* the hot records are loaded from the rows */
    fixture_open(f);
}

static inline struct device_brief fixture_device(struct fixture *f, int64_t no)
{
    struct device_brief device;
    assert_true(device_table_find_no(f->domain.devices, no, &device));
    return device;
}

/* ---- samples ---- */

struct report_op {
    struct op op;
    struct fixture *fixture;
    int64_t device_no;
    struct telemetry_sample sample;
    struct reply reply;
};

static inline void report_run(struct op *op, struct store_tx *tx)
{
    struct report_op *r = container_of(op, struct report_op, op);
    op->err = telemetry_append(&r->fixture->domain, tx, r->device_no, &r->sample, &r->reply);
}

/* A contact with this body, through to the commit. Returns the result; an error's text goes to ret_error. */
static inline enum err fixture_report(struct fixture *f, int64_t device_no, const char *body, char ret_error[256])
{
    struct report_op r = {.op = {.run = report_run, .lane = LANE_TELEMETRY}, .fixture = f, .device_no = device_no};
    struct arena arena;
    struct json *doc = NULL;
    arena_init(&arena);
    reply_init(&r.reply);
    presence_contact(&f->domain, device_no);
    assert_int_equal(json_parse(str_from_cstr(body), NULL, &doc), ERR_OK);
    enum err err = telemetry_parse(&f->domain, doc, (uint32_t)strlen(body), TRANSPORT_HTTPS, &arena, &r.sample, &r.reply);
    json_free(doc); /* the sample keeps nothing of the tree */
    if (err == ERR_OK) {
        err = store_run_now(f->store, &r.op);
    }
    if (ret_error) {
        struct str text = reply_error_text(&r.reply);
        snprintf(ret_error, 256, "%u %.*s", r.reply.status, STR_ARG(text));
    }
    reply_deinit(&r.reply);
    arena_deinit(&arena);
    return err;
}

/* ---- reading ---- */

struct read_op {
    struct op op;
    struct fixture *fixture;
    int64_t device_no;
    enum { READ_STATE, READ_NEWEST, READ_SERIES } what;
    int64_t from_ms, to_ms;
    unsigned limit;
    const char *key;
    struct buf out;
};

static inline void read_run(struct op *op, struct store_tx *tx)
{
    struct read_op *r = container_of(op, struct read_op, op);
    struct domain *domain = &r->fixture->domain;
    struct device_brief device = fixture_device(r->fixture, r->device_no);
    struct str key = str_from_cstr(r->key), unit = {NULL, 0};
    switch (r->what) {
    case READ_STATE:
        op->err = telemetry_state_json(domain, tx, r->device_no, &r->out);
        break;
    case READ_NEWEST:
        op->err = telemetry_write_newest(domain, tx, &device, r->from_ms, r->to_ms, r->limit, &r->out);
        break;
    case READ_SERIES:
        op->err = telemetry_write_series(domain, tx, &device, &key, &unit, 1, r->from_ms, r->to_ms, r->limit, &r->out);
        break;
    }
}

/* The text is valid until the next call. */
static inline const char *fixture_read(struct fixture *f, struct read_op read)
{
    static char text[65536];
    read.op.run = read_run;
    read.op.lane = LANE_REGISTRY;
    read.fixture = f;
    buf_init(&read.out, sizeof text - 1);
    assert_int_equal(store_run_now(f->store, &read.op), ERR_OK);
    assert_false(read.out.failed);
    memcpy(text, read.out.data, read.out.len);
    text[read.out.len] = 0;
    buf_deinit(&read.out);
    return text;
}

static inline const char *fixture_state(struct fixture *f, int64_t device_no)
{
    return fixture_read(f, (struct read_op){.device_no = device_no, .what = READ_STATE});
}

/* A round of the checkpoint, now. */
static inline void fixture_flush(struct fixture *f)
{
    fixture_now += 11000;
    telemetry_tick(&f->domain);
    fixture_drain(f);
}

#endif
