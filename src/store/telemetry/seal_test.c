/* Sealing under the whole store: nothing that is read changes by it, nothing is lost or doubled by a kill at any point of
 * it, and it stays out of the way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/test_await.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/telemetry/flat.h"
#include "store/telemetry/sealed_file.h"
#include "store/telemetry/sealer.h"
#include "store/telemetry/telemetry_fixture.h"

#define DAY_MS INT64_C(86400000)
#define DEVICES 4

static uint64_t seed;

static unsigned rnd(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

/* ---- what the tests do to segments ---- */

static void limit_rows(struct fixture *f, int64_t rows_max)
{
    struct segment_limits limits = {rows_max, rows_max, UINT64_C(3600000), UINT64_C(3600000)};
    segments_set_limits(f->store->segments, &limits);
}

static void rotate_run(struct op *op, struct store_tx *tx)
{
    (void)op;
    sample_store_rotate(tx, fixture_now);
}

/* Ends the open segment and seals all that ended. */
static void seal_all(struct fixture *f)
{
    struct op rotate = {.lane = LANE_TELEMETRY, .run = rotate_run};
    struct segment_limits limits = {1, 1, 0, 0};
    struct segment_limits before = segments_limits(f->store->segments);
    segments_set_limits(f->store->segments, &limits);
    assert_int_equal(store_run_now(f->store, &rotate), ERR_OK);
    segments_set_limits(f->store->segments, &before);
    assert_true(sealer_run(f->store->sealer));
}

static unsigned files_with(const struct fixture *f, const char *ending)
{
    char path[128];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/telemetry", f->dir);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *item; (item = readdir(folder)) != NULL;) {
        count += str_ends_with(str_from_cstr(item->d_name), str_from_cstr(ending));
    }
    closedir(folder);
    return count;
}

/* ---- walking the rows of a device ---- */

struct chain_op {
    struct op op;
    struct fixture *fixture;
    int64_t device_no;
    int64_t rows;   /* found, with n = rows - 1 ... 0 */
};

static void chain_run(struct op *op, struct store_tx *tx)
{
    struct chain_op *c = container_of(op, struct chain_op, op);
    struct device_brief device = fixture_device(c->fixture, c->device_no);
    struct sample_position next = {device.sample_day, device.sample_seq};
    double before = -1;
    while (next.seq != 0) {
        struct sample_row row;
        struct flat_entry entry;
        op->err = sample_store_read(tx, next, &row);
        if (op->err != ERR_OK) {
            return;
        }
        assert_int_equal(row.device_no, c->device_no);
        assert_true(flat_find(row.values, STR("n"), &entry));
        assert_true(c->rows == 0 || entry.number == before - 1);
        before = entry.number;
        c->rows++;
        next = row.previous;
    }
    assert_true(c->rows == 0 || before == 0);
}

/* The rows of a device, which carry n = 0, 1, 2 ... in order of arrival: each once. */
static int64_t chain_length(struct fixture *f, int64_t device_no)
{
    struct chain_op c = {.op = {.lane = LANE_REGISTRY, .run = chain_run}, .fixture = f, .device_no = device_no};
    assert_int_equal(store_run_now(f->store, &c.op), ERR_OK);
    return c.rows;
}

static enum err report_n(struct fixture *f, int64_t device_no, int64_t n)
{
    char body[64];
    snprintf(body, sizeof body, "{\"telemetries\":{\"n\":%lld,\"t\":%u.%u}}", (long long)n, 20 + rnd(3), rnd(10));
    return fixture_report(f, device_no, body, NULL);
}

/* ---- the same answers ---- */

static void report_anything(struct fixture *f, int64_t device_no)
{
    char body[320];
    char at[64] = "";
    if (rnd(8) == 0) { /* late */
        char text[TIME_TEXT_BYTES];
        time_format(fixture_now - (int64_t)rnd(20000000), text);
        snprintf(at, sizeof at, ",\"timestamp\":\"%s\"", text);
    }
    const char *odd[] = {"null", "true", "\"text\"", "-1e300", "0.1", "123456789.125"};
    snprintf(body, sizeof body,
             "{\"status\":\"%s\",\"override\":%s%s,\"telemetries\":{\"temp\":%u.%u,\"power\":%u,\"on\":%s,\"mode\":\"%s\",\"odd\":%s}%s}",
             rnd(20) ? "online" : "error", rnd(30) ? "false" : "true", rnd(30) ? "" : ",\"message\":\"m\"", 15 + rnd(10),
             rnd(10), rnd(2000), rnd(4) ? "true" : "false", rnd(9) ? "auto" : "eco", odd[rnd(6)], at);
    assert_int_equal(fixture_report(f, device_no, body, NULL), ERR_OK);
}

/* Equal texts, but for the last digits of sums. */
static void assert_same_text(const char *a, const char *b)
{
    const char *whole = b;
    while (*a && *b) {
        bool number = (*a >= '0' && *a <= '9') || *a == '-';
        if (number) {
            char *a_end, *b_end;
            double x = strtod(a, &a_end);
            double y = strtod(b, &b_end);
            if (!(fabs(x - y) <= 1e-9 * (fabs(x) + fabs(y)))) {
                fail_msg("%g is not %g in %s", x, y, whole);
            }
            a = a_end == a ? a + 1 : a_end;
            b = b_end == b ? b + 1 : b_end;
        } else {
            assert_int_equal(*a, *b);
            a++;
            b++;
        }
    }
    assert_int_equal(*a, *b);
}

#define QUESTIONS 120

static void ask(struct fixture *f, char **answers, int64_t from)
{
    static const char *const keys[] = {"temp", "power", "on", "mode", "odd", "status", "none"};
    seed = 99;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        int64_t span = fixture_now - from + 600000;
        struct read_op read = {.device_no = 1 + rnd(DEVICES), .what = i % 3 ? READ_SERIES : READ_NEWEST};
        read.from_ms = from - 300000 + (int64_t)rnd((unsigned)span);
        read.to_ms = rnd(3) ? INT64_MAX : read.from_ms + (int64_t)rnd((unsigned)span);
        if (rnd(3) == 0) {
            read.from_ms = i % 3 ? from - 30 * DAY_MS : 0;
        }
        read.limit = i % 3 ? 1 + rnd(rnd(2) ? 6 : 300) : 1 + rnd(100);
        read.key = keys[rnd(sizeof keys / sizeof keys[0])];
        const char *text = fixture_read(f, read);
        if (answers[i]) {
            assert_same_text(answers[i], text);
        } else {
            answers[i] = mem_dup(text, strlen(text) + 1);
        }
    }
}

static void sealed_rows_give_the_same_answers(void **state)
{
    struct fixture *f = *state;
    char *answers[QUESTIONS] = {NULL};
    int64_t from = fixture_now;
    f->settings.retention_telemetry_days = 0;
    fixture_devices(f, DEVICES, 0);
    seed = 3;
    for (unsigned i = 0; i < 1500; i++) {
        report_anything(f, 1 + rnd(DEVICES));
        fixture_now += rnd(100) == 0 ? 3000000 : 1000 + rnd(9000);
    }
    ask(f, answers, from);
    assert_int_equal(files_with(f, ".seal"), 0);
    seal_all(f);
    assert_int_equal(files_with(f, ".db"), 0);
    assert_true(files_with(f, ".seal") >= 2);
    ask(f, answers, from);
    fixture_crash(f);
    fixture_open(f);
    ask(f, answers, from);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        mem_free(answers[i]);
    }
}

static bool note_path(const struct sample_rollup *rollup, void *arg)
{
    (void)rollup;
    (*(unsigned *)arg)++;
    return true;
}

struct rollup_op {
    struct op op;
    struct fixture *fixture;
    unsigned visits;
    struct sample_run run;
};

static void rollup_run(struct op *op, struct store_tx *tx)
{
    struct rollup_op *r = container_of(op, struct rollup_op, op);
    struct device_brief device = fixture_device(r->fixture, 1);
    struct sample_position newest = {device.sample_day, device.sample_seq};
    op->err = sample_store_run(tx, newest, &r->run);
    if (op->err == ERR_OK) {
        op->err = sample_store_rollups(tx, newest, STR("n"), note_path, &r->visits);
    }
}

static void a_run_is_told_of_without_its_rows(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    int64_t from = fixture_now;
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(report_n(f, 1, i), ERR_OK);
        fixture_now += 5000;
    }
    struct rollup_op r = {.op = {.lane = LANE_REGISTRY, .run = rollup_run}, .fixture = f};
    assert_int_equal(store_run_now(f->store, &r.op), ERR_NOT_FOUND);
    seal_all(f);
    assert_int_equal(store_run_now(f->store, &r.op), ERR_OK);
    assert_int_equal(r.run.rows, 200);
    assert_int_equal(r.run.at_min_ms, from);
    assert_int_equal(r.run.at_max_ms, from + 199 * 5000);
    assert_int_equal(r.visits, 4); /* 16.6 minutes from 10:15 */
}

/* ---- the chain, whatever is open, ended or sealed, with crashes ---- */

static void the_chain_holds_across_segments(void **state)
{
    struct fixture *f = *state;
    int64_t rows[DEVICES + 1] = {0};
    f->settings.retention_telemetry_days = 0;
    fixture_devices(f, DEVICES, 0);
    limit_rows(f, 20);
    seed = 21;
    for (unsigned step = 0; step < 900; step++) {
        unsigned no = 1 + rnd(DEVICES);
        unsigned what = rnd(100);
        if (what < 88) {
            assert_int_equal(report_n(f, no, rows[no]++), ERR_OK);
            fixture_now += 1000;
        } else if (what < 91) {
            assert_true(sealer_run(f->store->sealer));
        } else if (what < 93) {
            seal_all(f);
        } else if (what < 95) {
            fixture_now += DAY_MS / 3;
        } else if (what < 97) {
            telemetry_tick(&f->domain);
            fixture_drain(f);
        } else if (what < 99) {
            fixture_crash(f);
            fixture_open(f);
            limit_rows(f, 20);
        } else {
            fixture_stop(f);
            fixture_open(f);
            limit_rows(f, 20);
        }
        if (what >= 88) {
            for (unsigned d = 1; d <= DEVICES; d++) {
                assert_int_equal(chain_length(f, d), rows[d]);
            }
        }
    }
    assert_true(files_with(f, ".seal") > 10);
}

/* The registry's copy is behind what was sealed: a start reads it from there. */
static void a_start_replays_sealed_rows(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 2, 0);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(report_n(f, 1 + i % 2, i / 2), ERR_OK);
    }
    assert_int_equal(fixture_report(f, 2, "{\"override\":true,\"telemetries\":{\"n\":25}}", NULL), ERR_OK);
    seal_all(f);
    assert_int_equal(fixture_sql(f, "SELECT seq FROM checkpoint"), 0);
    fixture_crash(f);
    fixture_open(f);
    assert_string_equal(fixture_state(f, 2), "{\"n\":25,\"status\":\"online\"}");
    assert_int_equal(chain_length(f, 1), 25);
    assert_int_equal(chain_length(f, 2), 26);
    assert_int_equal(report_n(f, 1, 25), ERR_OK);
    assert_int_equal(chain_length(f, 1), 26);
    fixture_flush(f);
    assert_int_equal(fixture_sql(f, "SELECT seq FROM checkpoint"), 52);
}

/* ---- kills ---- */

static enum seal_step kill_step;

static void kill_at(enum seal_step step)
{
    if (step == kill_step) {
        raise(SIGKILL);
    }
}

/* In a process of its own: reports and seals, and tells of each row after it was acknowledged. */
static void report_until_killed(struct fixture *f, int fd, int64_t n, bool at_step)
{
    fixture_open(f);
    limit_rows(f, 15);
    if (at_step) {
        sealer_set_on_step(f->store->sealer, kill_at);
    }
    for (;;) {
        if (report_n(f, 1, n) != ERR_OK) {
            _exit(1);
        }
        n++;
        if (write(fd, &n, sizeof n) != sizeof n) {
            _exit(1);
        }
        if (n % 40 == 0 && !sealer_run(f->store->sealer)) {
            _exit(1);
        }
    }
}

/* Returns how many rows were acknowledged when it was killed. */
static int64_t kill_once(struct fixture *f, int64_t n, bool at_step, unsigned after_us)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(fds[0]);
        report_until_killed(f, fds[1], n, at_step);
    }
    close(fds[1]);
    int64_t told;
    bool first = true;
    while (read(fds[0], &told, sizeof told) == sizeof told) {
        n = told;
        if (first && !at_step) {
            usleep(after_us); /* the random moment is the test */
            kill(child, SIGKILL);
        }
        first = false;
    }
    close(fds[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return n;
}

static void kills_lose_and_double_nothing(void **state)
{
    struct fixture *f = *state;
    f->settings.retention_telemetry_days = 0;
    fixture_devices(f, 1, 0);
    fixture_crash(f);
    int64_t rows = 0;
    seed = 77;
    for (unsigned round = 0; round < 20; round++) {
        bool at_step = round < 10;
        kill_step = (enum seal_step)(round % 5);
        int64_t acknowledged = kill_once(f, rows, at_step, rnd(40000));
        fixture_open(f);
        rows = chain_length(f, 1); /* each once, none missing in between */
        assert_true(rows >= acknowledged && rows <= acknowledged + 1);
        assert_int_equal(files_with(f, ".new"), 0);
        if (round % 3 == 2) {
            seal_all(f);
            assert_true(files_with(f, ".db") <= 1); /* the open one, if it has no row yet */
            assert_int_equal(chain_length(f, 1), rows);
        }
        fixture_crash(f);
    }
    fixture_open(f);
}

/* ---- epochs, retention ---- */

static void former_owners_and_deleted_devices_are_not_sealed(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 3, 0);
    for (unsigned no = 1; no <= 3; no++) {
        assert_int_equal(report_n(f, no, 0), ERR_OK);
        assert_int_equal(report_n(f, no, 1), ERR_OK);
    }
    /* as un-claiming does: the row, the hot record, then telemetry_forget */
    fixture_sql(f, "UPDATE device SET epoch = 1, state = '{}', sample_day = 0, sample_seq = 0, status = 0 WHERE no = 1");
    struct device_brief device = fixture_device(f, 1);
    device.epoch = 1;
    device.sample_day = 0;
    device.sample_seq = 0;
    device_table_put(f->domain.devices, &device);
    telemetry_forget(&f->domain, 1);
    fixture_sql(f, "DELETE FROM device WHERE no = 2");
    device_table_remove(f->domain.devices, 2);
    telemetry_forget(&f->domain, 2);
    assert_int_equal(report_n(f, 1, 0), ERR_OK);
    seal_all(f);
    assert_int_equal(chain_length(f, 1), 1);
    assert_int_equal(chain_length(f, 3), 2);
    char path[128];
    snprintf(path, sizeof path, "%s/telemetry/2026-03-01.seal", f->dir);
    struct sealed_file *file = NULL;
    assert_int_equal(sealed_file_open(path, &file), ERR_OK);
    assert_int_equal(sealed_file_chunks(file), 2);
    assert_int_equal(sealed_file_last_seq(file), 7); /* numbers are not given out again */
    sealed_file_close(file);
    assert_int_equal(report_n(f, 1, 1), ERR_OK);
    assert_int_equal(fixture_device(f, 1).sample_seq, 8);
    assert_int_equal(chain_length(f, 1), 2);
    fixture_crash(f);
    fixture_open(f);
    assert_int_equal(chain_length(f, 1), 2);
}

static void retention_removes_sealed_files(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 1, 0);
    f->settings.retention_telemetry_days = 2;
    limit_rows(f, 4);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(report_n(f, 1, i), ERR_OK);
        fixture_now += DAY_MS / 10;
    }
    assert_true(sealer_run(f->store->sealer));
    unsigned before = files_with(f, ".seal");
    assert_true(before > 10);
    telemetry_tick(&f->domain);
    fixture_drain(f);
    assert_true(files_with(f, ".seal") < before);
    seal_all(f);
    struct read_op read = {.device_no = 1, .what = READ_NEWEST, .to_ms = INT64_MAX, .limit = 100};
    const char *text = fixture_read(f, read);
    assert_null(strstr(text, "\"n\":22"));
    assert_non_null(strstr(text, "\"n\":35"));
    fixture_now += 10 * DAY_MS;
    telemetry_tick(&f->domain);
    fixture_drain(f);
    assert_int_equal(files_with(f, ".seal") + files_with(f, ".db"), 0);
    assert_string_equal(fixture_read(f, read), "[]");
    assert_int_equal(report_n(f, 1, 50), ERR_OK);
    assert_non_null(strstr(fixture_read(f, read), "\"n\":50"));
}

/* ---- what goes wrong ---- */

static void a_full_disk_leaves_the_rows_where_they_are(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    fixture_devices(f, 1, 0);
    limit_rows(f, 100);
    for (unsigned i = 0; i < 101; i++) {
        assert_int_equal(report_n(f, 1, i), ERR_OK);
    }
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit tight = {100, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_false(sealer_run(f->store->sealer));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(files_with(f, ".new") + files_with(f, ".seal"), 0);
    assert_int_equal(chain_length(f, 1), 101);
    assert_true(sealer_run(f->store->sealer));
    assert_int_equal(files_with(f, ".seal"), 1);
    assert_int_equal(chain_length(f, 1), 101);
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    fputc(byte ^ 1, file);
    fclose(file);
}

static void damage_is_noticed(void **state)
{
    struct fixture *f = *state;
    char path[128];
    fixture_devices(f, 1, 0);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(report_n(f, 1, i), ERR_OK);
    }
    seal_all(f);
    fixture_flush(f);
    snprintf(path, sizeof path, "%s/telemetry/2026-03-01.seal", f->dir);
    struct chain_op c = {.op = {.lane = LANE_REGISTRY, .run = chain_run}, .fixture = f, .device_no = 1};
    change_byte(path, 40);
    assert_int_equal(store_run_now(f->store, &c.op), ERR_STORAGE);
    change_byte(path, 40);
    change_byte(path, -48 - 20); /* the index */
    assert_int_equal(store_run_now(f->store, &c.op), ERR_STORAGE);
    change_byte(path, -48 - 20);
    assert_int_equal(store_run_now(f->store, &c.op), ERR_OK);
    assert_int_equal(c.rows, 10);
    change_byte(path, -20); /* the foot: not in the catalogue after a start */
    fixture_crash(f);
    fixture_open(f);
    assert_string_equal(fixture_read(f, (struct read_op){.device_no = 1, .what = READ_NEWEST, .to_ms = INT64_MAX, .limit = 9}), "[]");
    assert_non_null(strstr(fixture_state(f, 1), "\"n\":9"));
    assert_int_equal(files_with(f, ".seal"), 1); /* left for whoever can mend it */
}

/* Sealed by its thread while rows arrive and are read. */
static void the_thread_stays_out_of_the_way(void **state)
{
    struct fixture *f = *state;
    fixture_devices(f, 2, 0);
    limit_rows(f, 25);
    assert_int_equal(sealer_start(f->store->sealer), ERR_OK);
    for (unsigned i = 0; i < 600; i++) {
        assert_int_equal(report_n(f, 1 + i % 2, i / 2), ERR_OK);
        if (i % 50 == 49) {
            assert_int_equal(chain_length(f, 1), i / 2 + 1);
            assert_int_equal(chain_length(f, 2), i / 2 + 1);
        }
    }
    AWAIT(files_with(f, ".seal") >= 23);
    assert_int_equal(files_with(f, ".seal"), 23);
    sealer_stop(f->store->sealer);
    assert_int_equal(chain_length(f, 1), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sealed_rows_give_the_same_answers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_run_is_told_of_without_its_rows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_chain_holds_across_segments, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_start_replays_sealed_rows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(kills_lose_and_double_nothing, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(former_owners_and_deleted_devices_are_not_sealed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(retention_removes_sealed_files, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_the_rows_where_they_are, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(damage_is_noticed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_thread_stays_out_of_the_way, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
