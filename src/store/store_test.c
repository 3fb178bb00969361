/* The engine: group commit, isolation of failing operations, failed commits, order of events, limits, opening. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/sqlite/migrate.h"
#include "store/sqlite/tx.h"
#include "store/store_internal.h"

/* ---- a home: runs what is posted when it is told to wait ---- */

struct home {
    struct mailbox mailbox;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task *first, **last;
    unsigned postings;
};

static void home_post(struct mailbox *mailbox, struct task *task)
{
    struct home *home = container_of(mailbox, struct home, mailbox);
    pthread_mutex_lock(&home->lock);
    task->next = NULL;
    *home->last = task;
    home->last = &task->next;
    home->postings++;
    pthread_cond_signal(&home->wake);
    pthread_mutex_unlock(&home->lock);
}

static void home_init(struct home *home)
{
    *home = (struct home){.mailbox = {home_post}};
    pthread_mutex_init(&home->lock, NULL);
    pthread_cond_init(&home->wake, NULL);
    home->last = &home->first;
}

/* Runs tasks until *count reaches `goal`. */
static void home_run_until(struct home *home, const unsigned *count, unsigned goal)
{
    while (*count < goal) {
        pthread_mutex_lock(&home->lock);
        while (!home->first) {
            pthread_cond_wait(&home->wake, &home->lock);
        }
        struct task *task = home->first;
        home->first = task->next;
        if (!home->first) {
            home->last = &home->first;
        }
        pthread_mutex_unlock(&home->lock);
        task->run(task);
    }
}

/* ---- the fixture ---- */

struct fixture {
    char dir[64];
    struct store *store;
    struct domain domain;
    struct home home;
    struct event_sink sink;
    unsigned events_seen;
    uint64_t last_seq;
    unsigned done_count;
};

static void on_event(struct event_sink *sink, const struct event *event)
{
    struct fixture *f = container_of(sink, struct fixture, sink);
    f->events_seen++;
    assert_true(event->seq > f->last_seq);
    f->last_seq = event->seq;
}

static void open_store(struct fixture *f, unsigned queue_max)
{
    struct store_config config = {f->dir, 0, 0, queue_max};
    assert_int_equal(store_open(&config, &f->store), ERR_OK);
    memset(&f->domain, 0, sizeof f->domain);
    event_bus_init(&f->domain.events);
    f->sink.on_event = on_event;
    event_bus_add(&f->domain.events, &f->sink);
    store_bind(f->store, &f->domain);
}

static int setup(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    strcpy(f->dir, "/tmp/muster-store-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    home_init(&f->home);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    mem_free(f);
    return 0;
}

/* ---- operations: each writes one row of `setting` ---- */

struct write_op {
    struct op op;
    struct fixture *fixture;
    char key[32];
    enum err fail_with;       /* after writing */
    bool ignores_failure;     /* of another statement */
    size_t value_bytes;
    bool emit;
    bool committed, rolled_back, done;
    unsigned events_when_committed; /* how many were seen by then */
    enum err result;
};

static enum err write_setting(struct store_tx *tx, const char *key, struct str value)
{
    struct query q;
    query_begin(&q, tx, "INSERT INTO setting (key, value) VALUES (?1, ?2)");
    query_bind_str(&q, 1, str_from_cstr(key));
    query_bind_str(&q, 2, value);
    return query_finish(&q);
}

static void write_run(struct op *op, struct store_tx *tx)
{
    struct write_op *w = container_of(op, struct write_op, op);
    char *value = mem_calloc(w->value_bytes + 1, 1);
    memset(value, 'x', w->value_bytes);
    op->err = write_setting(tx, w->key, str_from(value, w->value_bytes));
    mem_free(value);
    if (w->emit) {
        store_tx_emit(tx, event_new(EVENT_DEVICE_UPDATED, NULL));
    }
    if (op->err == ERR_OK) {
        op->err = w->fail_with;
    }
    if (w->ignores_failure) {
        struct query q;
        query_begin(&q, tx, "INSERT INTO setting (key, value) VALUES (NULL, NULL)");
        enum err ignored = query_finish(&q);
        assert_int_equal(ignored, ERR_INTERNAL);
    }
}

static void write_committed(struct op *op)
{
    struct write_op *w = container_of(op, struct write_op, op);
    assert_false(w->done);
    w->events_when_committed = w->fixture->events_seen;
    w->committed = true;
}

static void write_rolled_back(struct op *op)
{
    struct write_op *w = container_of(op, struct write_op, op);
    assert_false(w->done || w->committed);
    w->rolled_back = true;
}

static void write_done(struct op *op)
{
    struct write_op *w = container_of(op, struct write_op, op);
    w->done = true;
    w->result = op->err;
    w->fixture->done_count++;
}

static void submit_write(struct fixture *f, struct write_op *w)
{
    w->op.lane = LANE_REGISTRY;
    w->op.home = &f->home.mailbox;
    w->op.run = write_run;
    w->op.committed = write_committed;
    w->op.rolled_back = write_rolled_back;
    w->op.done = write_done;
    w->fixture = f;
    op_submit(f->domain.executor, &w->op);
}

struct count_op {
    struct op op;
    struct fixture *fixture;
    int64_t count;
};

static void count_run(struct op *op, struct store_tx *tx)
{
    struct count_op *c = container_of(op, struct count_op, op);
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM setting");
    if (query_next(&q)) {
        c->count = query_i64(&q, 0);
    }
    op->err = query_finish(&q);
}

static void count_done(struct op *op)
{
    container_of(op, struct count_op, op)->fixture->done_count++;
}

static int64_t count_settings(struct fixture *f)
{
    struct count_op c = {.op = {.lane = LANE_READ, .home = &f->home.mailbox, .run = count_run, .done = count_done}, .fixture = f};
    unsigned goal = f->done_count + 1;
    op_submit(f->domain.executor, &c.op);
    home_run_until(&f->home, &f->done_count, goal);
    assert_int_equal(c.op.err, ERR_OK);
    return c.count;
}

/* ---- tests ---- */

#define MANY 500

/* What waits is committed together. A batch ends after some milliseconds of work, so a slow machine may need a few. */
static void group_commit_is_one_transaction(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    struct write_op *ops = mem_calloc(MANY, sizeof *ops);
    for (unsigned i = 0; i < MANY; i++) { /* queued before the lane runs: they all wait */
        snprintf(ops[i].key, sizeof ops[i].key, "k%u", i);
        ops[i].emit = true;
        submit_write(f, &ops[i]);
    }
    int64_t commits = metric_get(METRIC_STORE_COMMITS);
    assert_int_equal(store_start(f->store), ERR_OK);
    home_run_until(&f->home, &f->done_count, MANY);
    assert_in_range(metric_get(METRIC_STORE_COMMITS) - commits, 1, MANY / 10);
    assert_in_range(f->home.postings, 1, metric_get(METRIC_STORE_COMMITS) - commits);
    unsigned batch_first = 0;
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(ops[i].result, ERR_OK);
        assert_true(ops[i].committed);
        if (ops[i].events_when_committed != batch_first) {
            batch_first = i;
        } /* events come after all of the batch was published: it has seen those of earlier batches, no other */
        assert_int_equal(ops[i].events_when_committed, batch_first);
    }
    assert_int_equal(f->events_seen, MANY);
    assert_int_equal(count_settings(f), MANY);
    store_stop(f->store);
    store_close(f->store);
    mem_free(ops);
}

static void a_failing_operation_is_undone_alone(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    struct write_op ops[3] = {{.key = "a", .emit = true}, {.key = "b", .fail_with = ERR_INVALID, .emit = true}, {.key = "a"}};
    for (unsigned i = 0; i < 3; i++) {
        submit_write(f, &ops[i]);
    }
    assert_int_equal(store_start(f->store), ERR_OK);
    home_run_until(&f->home, &f->done_count, 3);
    assert_int_equal(ops[0].result, ERR_OK);
    assert_int_equal(ops[1].result, ERR_INVALID);
    assert_int_equal(ops[2].result, ERR_EXISTS);
    assert_false(ops[1].committed);
    assert_int_equal(f->events_seen, 1);
    assert_int_equal(count_settings(f), 1);
    assert_true(store_is_healthy(f->store));
    store_stop(f->store);
    store_close(f->store);
}

/* Whoever counts in run() what it has done must hear that a statement's failure, which it did not notice, has undone it. */
static void an_unnoticed_failure_is_rolled_back(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    struct write_op ops[3] = {{.key = "one"}, {.key = "lost", .ignores_failure = true}, {.key = "two"}};
    for (unsigned i = 0; i < 3; i++) {
        submit_write(f, &ops[i]);
    }
    assert_int_equal(store_start(f->store), ERR_OK);
    home_run_until(&f->home, &f->done_count, 3);
    assert_int_equal(ops[0].result, ERR_OK);
    assert_int_equal(ops[1].result, ERR_INTERNAL);
    assert_true(ops[1].rolled_back);
    assert_false(ops[1].committed);
    assert_int_equal(ops[2].result, ERR_OK);
    assert_false(ops[0].rolled_back || ops[2].rolled_back);
    assert_int_equal(count_settings(f), 2);
    store_stop(f->store);
    store_close(f->store);
}

/* A file size limit makes the log's write fail inside COMMIT, as a full disk does. */
static void a_failed_commit_fails_the_batch_and_recovers(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    open_store(f, 0);
    assert_int_equal(store_start(f->store), ERR_OK);
    struct write_op first = {.key = "first"};
    submit_write(f, &first);
    home_run_until(&f->home, &f->done_count, 1);

    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit tight = {4096 * 4, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    struct write_op lost[2] = {{.key = "lost0", .emit = true, .value_bytes = 100000}, {.key = "lost1"}};
    submit_write(f, &lost[0]);
    submit_write(f, &lost[1]);
    home_run_until(&f->home, &f->done_count, 3);
    assert_int_equal(lost[0].result, ERR_STORAGE);
    assert_false(lost[0].committed);
    assert_true(lost[0].rolled_back);
    assert_false(first.rolled_back);
    assert_int_equal(f->events_seen, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    struct write_op again = {.key = "lost0", .emit = true};
    submit_write(f, &again);
    home_run_until(&f->home, &f->done_count, 4);
    assert_int_equal(again.result, ERR_OK);
    assert_false(again.rolled_back);
    assert_true(store_is_healthy(f->store));
    assert_int_equal(f->events_seen, 1);
    store_stop(f->store);
    store_close(f->store);
}

static void unhealthy_until_a_write_succeeds(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    open_store(f, 0);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit tight = {4096 * 4, before.rlim_max};
    struct write_op w = {.key = "w", .value_bytes = 100000};
    w.op.run = write_run;
    w.op.done = write_done;
    w.fixture = f;
    setrlimit(RLIMIT_FSIZE, &tight);
    assert_int_equal(store_run_now(f->store, &w.op), ERR_STORAGE);
    assert_false(store_is_healthy(f->store));
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(store_run_now(f->store, &w.op), ERR_OK);
    assert_true(store_is_healthy(f->store));
    store_close(f->store);
}

static void a_full_queue_answers_busy(void **state)
{
    struct fixture *f = *state;
    open_store(f, 2);
    struct write_op ops[3] = {{.key = "a"}, {.key = "b"}, {.key = "c"}};
    for (unsigned i = 0; i < 3; i++) {
        submit_write(f, &ops[i]);
    }
    home_run_until(&f->home, &f->done_count, 1);
    assert_true(ops[2].done);
    assert_int_equal(ops[2].result, ERR_BUSY);
    assert_int_equal(store_start(f->store), ERR_OK);
    home_run_until(&f->home, &f->done_count, 3);
    store_stop(f->store);
    struct write_op late = {.key = "late"};
    submit_write(f, &late);
    home_run_until(&f->home, &f->done_count, 4);
    assert_int_equal(late.result, ERR_BUSY);
    store_close(f->store);
}

static void stop_runs_what_is_queued(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    struct write_op ops[20];
    memset(ops, 0, sizeof ops);
    assert_int_equal(store_start(f->store), ERR_OK);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(ops[i].key, sizeof ops[i].key, "k%u", i);
        submit_write(f, &ops[i]);
    }
    store_stop(f->store);
    home_run_until(&f->home, &f->done_count, 20);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(ops[i].result, ERR_OK);
    }
    store_close(f->store);
}

static void a_second_process_is_refused(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    struct store_config config = {f->dir, 0, 0, 0};
    struct store *second = NULL;
    assert_int_equal(store_open(&config, &second), ERR_BUSY);
    assert_null(second);
    store_close(f->store);
    open_store(f, 0);
    store_close(f->store);
}

static void folder_and_keys_are_made_once(void **state)
{
    struct fixture *f = *state;
    strcat(f->dir, "/new");
    open_store(f, 0);
    struct installation_keys keys = f->domain.keys;
    assert_memory_not_equal(keys.hash_key, keys.seal_key, sizeof keys.hash_key);
    struct stat info;
    assert_int_equal(stat(f->dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    char path[128];
    snprintf(path, sizeof path, "%s/keys", f->dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, 64);
    char database[128];
    snprintf(database, sizeof database, "%s/muster.db", f->dir);
    assert_int_equal(stat(database, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    store_close(f->store);
    open_store(f, 0);
    assert_memory_equal(&keys, &f->domain.keys, sizeof keys);
    store_close(f->store);
    assert_int_equal(unlink(path), 0); /* without its keys a database is not opened: new ones would lock every device out */
    struct store_config config = {f->dir, 0, 0, 0};
    struct store *none = NULL;
    assert_int_equal(store_open(&config, &none), ERR_NOT_FOUND);
    *strrchr(f->dir, '/') = 0;
}

static void migrations_run_in_order_and_newer_data_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/m.db", f->dir);
    struct sqlite3 *db = NULL;
    assert_int_equal(db_open(path, DB_WRITER, &db), ERR_OK);
    const struct str steps[] = {STR_INIT("CREATE TABLE a (x);"), STR_INIT("ALTER TABLE a ADD COLUMN y;"),
                                STR_INIT("CREATE TABLE b (z); CREATE TABLE a (again);")};
    assert_int_equal(migrate_with(db, steps, 1), ERR_OK);
    assert_int_equal(migrate_with(db, steps, 2), ERR_OK);
    int64_t version = 0;
    assert_int_equal(db_read_number(db, "PRAGMA user_version", &version), ERR_OK);
    assert_int_equal(version, 2);
    assert_int_equal(migrate_with(db, steps, 3), ERR_STORAGE); /* the third fails: all of it is undone */
    assert_int_equal(db_read_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'", &version), ERR_OK);
    assert_int_equal(version, 0);
    assert_int_equal(migrate_with(db, steps, 1), ERR_STATE);
    db_close(db);
}

extern const unsigned char schema_024_reported_name[];
extern const unsigned char schema_024_reported_name_end[];

/* Devices of before the column: those that never had an owner were named by themselves. */
static void names_of_unclaimed_devices_are_their_own(void **state)
{
    struct fixture *f = *state;
    char path[128], sql[1024];
    snprintf(path, sizeof path, "%s/m.db", f->dir);
    struct sqlite3 *db = NULL;
    assert_int_equal(db_open(path, DB_WRITER, &db), ERR_OK);
    assert_int_equal(migrate(db), ERR_OK);
    assert_int_equal(db_exec(db, "INSERT INTO partner (no, id, name, short_code, created_at) VALUES (1, x'01', 'P', 'PP', 0);"
                                 "INSERT INTO model (no, id, partner_no, name, auth_cloud_id, protocol, device_type, api_version, "
                                 "enabled_tabs, created_at, updated_at) VALUES (1, x'01', 1, 'M', 0, 1, 1, 7, '[]', 0, 0);"
                                 "INSERT INTO device (no, id, model_no, partner_no, organization_no, claimed_at, epoch, reported_name, "
                                 "name, key_hash, key_issued_at, created_at, firmware_version) SELECT column1, randomblob(16), 1, 1, "
                                 "column2, column3, column4, column5, 'Name', x'00', 0, 0, '1' FROM (VALUES (1, NULL, NULL, 0, NULL), "
                                 "(2, NULL, NULL, 1, NULL), (3, 1, 1000, 0, NULL), (4, NULL, NULL, 0, 'Other'))"), ERR_OK);
    snprintf(sql, sizeof sql, "%.*s", (int)(schema_024_reported_name_end - schema_024_reported_name),
             (const char *)schema_024_reported_name);
    assert_int_equal(db_exec(db, sql), ERR_OK);
    int64_t count = 0;
    assert_int_equal(db_read_number(db, "SELECT count(*) FROM device WHERE reported_name IS "
                                        "CASE no WHEN 1 THEN 'Name' WHEN 4 THEN 'Other' END", &count), ERR_OK);
    assert_int_equal(count, 4);
    db_close(db);
}

struct nest_op {
    struct op op;
    unsigned rows;
};

static void nest_run(struct op *op, struct store_tx *tx)
{
    struct nest_op *n = container_of(op, struct nest_op, op);
    static const char sql[] = "SELECT key FROM setting ORDER BY key";
    assert_int_equal(write_setting(tx, "a", STR("")), ERR_OK);
    assert_int_equal(write_setting(tx, "b", STR("1")), ERR_OK);
    struct query outer;
    query_begin(&outer, tx, sql);
    while (query_next(&outer)) {
        struct query inner; /* the same statement while it is being read */
        query_begin(&inner, tx, sql);
        while (query_next(&inner)) {
            n->rows++;
        }
        assert_int_equal(query_finish(&inner), ERR_OK);
    }
    assert_int_equal(query_finish(&outer), ERR_OK);
    struct query empty;
    query_begin(&empty, tx, "SELECT value, NULL FROM setting WHERE key = 'a'");
    assert_true(query_next(&empty));
    assert_non_null(query_str(&empty, 0).ptr);
    assert_null(query_str(&empty, 1).ptr);
    assert_int_equal(query_time(&empty, 1), INT64_MIN);
    assert_int_equal(query_finish(&empty), ERR_OK);
}

static void statements_nest_and_nulls_differ_from_empty(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    struct nest_op n = {.op = {.run = nest_run}};
    assert_int_equal(store_run_now(f->store, &n.op), ERR_OK);
    assert_int_equal(n.rows, 4);
    store_close(f->store);
}

static void bad_run(struct op *op, struct store_tx *tx)
{
    assert_int_equal(write_setting(tx, "before", STR("1")), ERR_OK);
    struct query q;
    query_begin(&q, tx, "SELECT nonsense FROM nowhere");
    assert_false(query_next(&q));
    assert_int_equal(query_i64(&q, 0), 0);
    enum err err = query_finish(&q);
    (void)err; /* an operation that does not look: the engine does */
    op->err = ERR_OK;
}

static void an_unnoticed_fault_fails_its_operation(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    struct op op = {.run = bad_run};
    assert_int_equal(store_run_now(f->store, &op), ERR_INTERNAL);
    assert_int_equal(store_start(f->store), ERR_OK);
    assert_int_equal(count_settings(f), 0);
    store_stop(f->store);
    store_close(f->store);
}

static void reader_write_run(struct op *op, struct store_tx *tx)
{
    op->err = write_setting(tx, "from a reader", STR("1"));
}

static void readers_cannot_write(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    assert_int_equal(store_start(f->store), ERR_OK);
    struct count_op c = {.op = {.lane = LANE_READ, .home = &f->home.mailbox, .run = reader_write_run, .done = count_done}, .fixture = f};
    op_submit(f->domain.executor, &c.op);
    home_run_until(&f->home, &f->done_count, 1);
    assert_int_not_equal(c.op.err, ERR_OK);
    assert_int_equal(count_settings(f), 0);
    store_stop(f->store);
    store_close(f->store);
}

static void work_run(struct op *op, struct store_tx *tx)
{
    assert_null(tx);
    container_of(op, struct count_op, op)->count = 42;
}

static void workers_have_no_store(void **state)
{
    struct fixture *f = *state;
    open_store(f, 0);
    assert_int_equal(store_start(f->store), ERR_OK);
    struct count_op c = {.op = {.lane = LANE_WORK, .home = &f->home.mailbox, .run = work_run, .done = count_done}, .fixture = f};
    op_submit(f->domain.executor, &c.op);
    home_run_until(&f->home, &f->done_count, 1);
    assert_int_equal(c.count, 42);
    store_stop(f->store);
    store_close(f->store);
}

/* "There is no such file" would be an empty answer where a fault must be told. */
static void a_reader_without_a_descriptor_is_a_fault(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct sqlite3 *db = NULL;
    struct rlimit before;
    open_store(f, 0);
    store_close(f->store);
    snprintf(path, sizeof path, "%s/muster.db", f->dir);
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit none = {0, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    enum err err = db_open(path, DB_READER, &db);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(err, ERR_STORAGE);
    snprintf(path, sizeof path, "%s/other.db", f->dir);
    assert_int_equal(db_open(path, DB_READER, &db), ERR_NOT_FOUND);
}

int main(void)
{
    log_setup(LOG_ERROR, LOG_LOGFMT, open("/dev/null", O_WRONLY | O_CLOEXEC));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(group_commit_is_one_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failing_operation_is_undone_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unnoticed_failure_is_rolled_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_commit_fails_the_batch_and_recovers, setup, teardown),
        cmocka_unit_test_setup_teardown(unhealthy_until_a_write_succeeds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_answers_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(stop_runs_what_is_queued, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_process_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(folder_and_keys_are_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(migrations_run_in_order_and_newer_data_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(names_of_unclaimed_devices_are_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(statements_nest_and_nulls_differ_from_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unnoticed_fault_fails_its_operation, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_without_a_descriptor_is_a_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(workers_have_no_store, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
