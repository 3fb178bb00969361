/* The rows of MQTT sessions in a real database. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/ports/api_key_store.h"
#include "model/ports/retained_store.h"
#include "model/ports/session_store.h"
#include "store/store.h"

struct fixture {
    char dir[64];
    struct store *store;
};

struct job {
    struct op op;
    void (*body)(struct store_tx *tx, struct job *job);
    struct session_store_visitor visitor;
    unsigned sessions, filters, inbound, queued;
    int64_t absent_since_ms[2], will_due_ms[2];
};

static void run_job(struct op *op, struct store_tx *tx)
{
    struct job *job = container_of(op, struct job, op);
    job->body(tx, job);
}

static void run(struct fixture *f, struct job *job, void (*body)(struct store_tx *tx, struct job *job))
{
    *job = (struct job){.op = {.lane = LANE_REGISTRY, .run = run_job}, .body = body};
    assert_int_equal(store_run_now(f->store, &job->op), ERR_OK);
}

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    snprintf(f->dir, sizeof f->dir, "/tmp/muster-session-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    struct store_config config = {.data_dir = f->dir};
    assert_int_equal(store_open(&config, &f->store), ERR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    store_close(f->store);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    mem_free(f);
    return 0;
}

static const struct session_row device_row = {.no = 7,
                                              .principal_kind = 1,
                                              .principal_no = 3,
                                              .expiry_s = UINT32_MAX,
                                              .disconnected_at_ms = INT64_MIN,
                                              .will = STR_INIT("\x30\x01\0will"),
                                              .will_delay_s = 5,
                                              .will_due_at_ms = INT64_MIN,
                                              .created_at_ms = 1000};

static void write_all(struct store_tx *tx, struct job *job)
{
    (void)job;
    struct session_filter_row filter = {STR("v1/device/x/config"), 1, 9};
    struct session_inbound_row inbound = {.packet_id = 4, .intent = INTENT_TELEMETRY, .witness_day = 5, .witness_seq = 6};
    struct session_queue_row queued = {.seq = 0, .qos = 1, .message = STR("\x32\0one"), .expires_at_ms = INT64_MAX};
    struct session_row application = {.no = 8,
                                      .principal_kind = 2,
                                      .principal_no = 3,
                                      .client_id = STR("app"),
                                      .api_key_no = 11,
                                      .expiry_s = 60,
                                      .disconnected_at_ms = 2000,
                                      .will_due_at_ms = 3000,
                                      .created_at_ms = 1000};
    assert_int_equal(session_store_save(tx, &device_row), ERR_OK);
    assert_int_equal(session_store_save(tx, &application), ERR_OK);
    assert_int_equal(session_store_put_filter(tx, 7, &filter), ERR_OK);
    filter.options = 2;
    assert_int_equal(session_store_put_filter(tx, 7, &filter), ERR_OK);
    assert_int_equal(session_store_put_inbound(tx, 7, &inbound), ERR_OK);
    assert_int_equal(session_store_put_queued(tx, 7, &queued), ERR_OK);
    queued = (struct session_queue_row){
        .seq = 1, .qos = 1, .packet_id = 3, .message = STR("two"), .expires_at_ms = 99, .device_no = 3, .epoch = 2};
    assert_int_equal(session_store_put_queued(tx, 7, &queued), ERR_OK);
    assert_int_equal(session_store_set_sent(tx, 7, 0, 2), ERR_OK);
    assert_int_equal(session_store_alive(tx, 4000), ERR_OK);
    assert_int_equal(session_store_alive(tx, 5000), ERR_OK);
}

static void on_session(struct session_store_visitor *visitor, const struct session_row *row)
{
    struct job *job = container_of(visitor, struct job, visitor);
    job->sessions++;
    if (row->no == 7) {
        assert_int_equal(row->expiry_s, UINT32_MAX);
        assert_true(row->disconnected_at_ms == INT64_MIN);
        assert_true(str_eq(row->will, device_row.will));
        assert_int_equal(row->will_delay_s, 5);
        assert_int_equal(row->api_key_no, 0);
    } else {
        assert_true(str_eq(row->client_id, STR("app")));
        assert_int_equal(row->disconnected_at_ms, 2000);
        assert_int_equal(row->will.len, 0);
        assert_int_equal(row->will_due_at_ms, 3000);
        assert_int_equal(row->api_key_no, 11);
    }
}

static void on_filter(struct session_store_visitor *visitor, int64_t no, const struct session_filter_row *row)
{
    container_of(visitor, struct job, visitor)->filters++;
    assert_int_equal(no, 7);
    assert_true(str_eq(row->filter, STR("v1/device/x/config")));
    assert_int_equal(row->options, 2);
    assert_int_equal(row->identifier, 9);
}

static void on_inbound(struct session_store_visitor *visitor, int64_t no, const struct session_inbound_row *row)
{
    container_of(visitor, struct job, visitor)->inbound++;
    assert_int_equal(no, 7);
    assert_int_equal(row->packet_id, 4);
    assert_int_equal(row->intent, INTENT_TELEMETRY);
    assert_int_equal(row->witness_day, 5);
    assert_int_equal(row->witness_seq, 6);
}

static void on_queued(struct session_store_visitor *visitor, int64_t no, const struct session_queue_row *row)
{
    struct job *job = container_of(visitor, struct job, visitor);
    assert_int_equal(no, 7);
    assert_int_equal(row->seq, job->queued++);
    assert_int_equal(row->packet_id, row->seq == 0 ? 2 : 3);
    assert_true(str_eq(row->message, row->seq == 0 ? STR("\x32\0one") : STR("two")));
    assert_true(row->expires_at_ms == (row->seq == 0 ? INT64_MAX : 99));
    assert_int_equal(row->epoch, row->seq == 0 ? 0 : 2);
}

static void read_all(struct store_tx *tx, struct job *job)
{
    job->visitor = (struct session_store_visitor){on_session, on_filter, on_inbound, on_queued};
    assert_int_equal(session_store_load(tx, &job->visitor), ERR_OK);
}

static void rows_come_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, read_all);
    assert_int_equal(job.sessions, 0);
    run(f, &job, write_all);
    run(f, &job, read_all);
    assert_int_equal(job.sessions, 2);
    assert_int_equal(job.filters, 1);
    assert_int_equal(job.inbound, 1);
    assert_int_equal(job.queued, 2);
}

static void save_again(struct store_tx *tx, struct job *job)
{
    (void)job;
    assert_int_equal(session_store_save(tx, &device_row), ERR_OK);
}

static int64_t start_ms, alive_ms;

static void begin_absences(struct store_tx *tx, struct job *job)
{
    (void)job;
    assert_int_equal(session_store_begin_absences(tx, start_ms, 30, alive_ms), ERR_OK);
}

static void on_absent(struct session_store_visitor *visitor, const struct session_row *row)
{
    struct job *job = container_of(visitor, struct job, visitor);
    job->absent_since_ms[row->no - 7] = row->disconnected_at_ms;
    job->will_due_ms[row->no - 7] = row->will_due_at_ms;
}

static void read_absences(struct store_tx *tx, struct job *job)
{
    job->visitor = (struct session_store_visitor){on_absent, on_filter, on_inbound, on_queued};
    assert_int_equal(session_store_load(tx, &job->visitor), ERR_OK);
}

static void start_at(struct fixture *f, int64_t now_ms, struct job *job)
{
    start_ms = now_ms;
    run(f, job, begin_absences);
    run(f, job, read_absences);
}

/* Who was connected was so at least until the server could have said again that it lives. */
static void a_start_counts_as_being_alive_for_a_while(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, write_all);
    alive_ms = 1000;
    start_at(f, 7000, &job);
    run(f, &job, save_again);
    start_at(f, 7500, &job);
    assert_int_equal(job.absent_since_ms[0], 7500);
    run(f, &job, save_again);
    start_at(f, 9000, &job);
    assert_int_equal(job.absent_since_ms[0], 8500);
    alive_ms = 0;
}

static void be_alive(struct store_tx *tx, struct job *job)
{
    (void)job;
    assert_int_equal(session_store_alive(tx, 8000), ERR_OK);
}

/* The server was alive at 5000. */
static void absences_begin_once(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, write_all);
    start_at(f, 7000, &job);
    assert_int_equal(job.absent_since_ms[0], 5000);
    assert_int_equal(job.will_due_ms[0], 12000);
    assert_int_equal(job.absent_since_ms[1], 2000);
    assert_int_equal(job.will_due_ms[1], 3000); /* there is no Will: left as it is */
    run(f, &job, be_alive);
    start_at(f, 9000, &job);
    assert_int_equal(job.absent_since_ms[0], 5000);
    assert_int_equal(job.will_due_ms[0], 12000);
}

static void a_clock_that_was_set_back_makes_no_absence_longer(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, write_all);
    start_at(f, 7000, &job);
    start_at(f, 1000, &job);
    assert_int_equal(job.absent_since_ms[0], 1000);
    assert_int_equal(job.will_due_ms[0], 6000);
    assert_int_equal(job.absent_since_ms[1], 1000);
}

static void connect_again(struct store_tx *tx, struct job *job)
{
    (void)job;
    struct session_row made = {.no = 8, .principal_kind = 4, .disconnected_at_ms = INT64_MIN, .created_at_ms = 7500};
    assert_int_equal(session_store_remove(tx, 8), ERR_OK);
    assert_int_equal(session_store_save(tx, &made), ERR_OK);
    assert_int_equal(session_store_save(tx, &device_row), ERR_OK);
}

/* It has not said since that it is alive. */
static void nobody_is_absent_since_before_the_last_start(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, write_all);
    start_at(f, 7000, &job);
    run(f, &job, connect_again);
    start_at(f, 9000, &job);
    assert_int_equal(job.absent_since_ms[0], 7000);
    assert_int_equal(job.absent_since_ms[1], 7500);
}

static void saving_again_keeps_what_belongs_to_it(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, write_all);
    run(f, &job, save_again);
    run(f, &job, read_all);
    assert_int_equal(job.sessions, 2);
    assert_int_equal(job.filters, 1);
    assert_int_equal(job.queued, 2);
}

static void on_intent(struct session_store_visitor *visitor, int64_t no, const struct session_inbound_row *row)
{
    struct job *job = container_of(visitor, struct job, visitor);
    assert_int_equal(no, 7);
    assert_int_equal(row->intent, job->inbound++ == 0 ? INTENT_CARRIED_OUT : INTENT_CONFIG);
}

static void carry_out(struct store_tx *tx, struct job *job)
{
    struct session_inbound_row inbound = {.packet_id = 1, .intent = INTENT_CONFIG, .intent_no = 11};
    struct session_intent_ref intent = {.session_no = 7, .packet_id = 1, .intent_no = 11};
    assert_int_equal(session_store_save(tx, &device_row), ERR_OK);
    assert_int_equal(session_store_put_inbound(tx, 7, &inbound), ERR_OK);
    assert_int_equal(session_store_carried_out(tx, &intent), ERR_OK);
    inbound.packet_id = intent.packet_id = 2; /* another publish has the identifier by now */
    assert_int_equal(session_store_put_inbound(tx, 7, &inbound), ERR_OK);
    intent.intent_no = 12;
    assert_int_equal(session_store_carried_out(tx, &intent), ERR_OK);
    intent.packet_id = 3; /* it is gone */
    assert_int_equal(session_store_carried_out(tx, &intent), ERR_OK);
    job->visitor = (struct session_store_visitor){on_session, on_filter, on_intent, on_queued};
    assert_int_equal(session_store_load(tx, &job->visitor), ERR_OK);
    assert_int_equal(job->inbound, 2);
}

static void an_intent_is_marked_with_its_effect(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, carry_out);
}

static void take_away(struct store_tx *tx, struct job *job)
{
    (void)job;
    assert_int_equal(session_store_remove_filter(tx, 7, STR("v1/device/x/config")), ERR_OK);
    assert_int_equal(session_store_remove_inbound(tx, 7, 4), ERR_OK);
    assert_int_equal(session_store_remove_queued(tx, 7, 1), ERR_OK);
}

static void rows_are_removed_one_by_one(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, write_all);
    run(f, &job, take_away);
    run(f, &job, read_all);
    assert_int_equal(job.sessions, 2);
    assert_int_equal(job.filters, 0);
    assert_int_equal(job.inbound, 0);
    assert_int_equal(job.queued, 1);
}

static void release_one(struct store_tx *tx, struct job *job)
{
    (void)job;
    assert_int_equal(session_store_set_released(tx, 7, 1), ERR_OK);
}

static void on_released(struct session_store_visitor *visitor, int64_t no, const struct session_queue_row *row)
{
    struct job *job = container_of(visitor, struct job, visitor);
    assert_int_equal(no, 7);
    job->queued++;
    assert_int_equal(row->message.len == 0, row->seq == 1);
    assert_int_equal(row->packet_id, row->seq == 0 ? 2 : 3);
    assert_true(row->expires_at_ms == INT64_MAX);
}

static void read_released(struct store_tx *tx, struct job *job)
{
    job->visitor = (struct session_store_visitor){on_session, on_filter, on_inbound, on_released};
    assert_int_equal(session_store_load(tx, &job->visitor), ERR_OK);
}

static void a_released_message_keeps_its_id_only(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, write_all);
    run(f, &job, release_one);
    run(f, &job, read_released);
    assert_int_equal(job.queued, 2);
}

/* What a start asks of the keys of sessions. */
static void look_at_a_key(struct store_tx *tx, struct job *job)
{
    (void)job;
    struct api_key_row row = {.tenant_kind = TENANT_ORGANIZATION, .tenant_no = 3, .name = STR("k"), .created_at = 1, .expires_at = 70};
    int64_t expires_at = 0;
    assert_int_equal(api_key_store_insert(tx, &row), ERR_OK);
    assert_int_equal(api_key_store_expiry(tx, row.no, &expires_at), ERR_OK);
    assert_int_equal(expires_at, 70);
    assert_int_equal(api_key_store_expiry(tx, row.no + 1, &expires_at), ERR_NOT_FOUND);
    assert_int_equal(api_key_store_revoke(tx, row.no, 50), ERR_OK);
    assert_int_equal(api_key_store_expiry(tx, row.no, &expires_at), ERR_NOT_FOUND);
}

static void a_key_stands_until_it_is_revoked(void **state)
{
    struct job job;
    run(*state, &job, look_at_a_key);
}

static void end_it(struct store_tx *tx, struct job *job)
{
    (void)job;
    assert_int_equal(session_store_remove(tx, 7), ERR_OK);
}

static void a_session_goes_with_everything(void **state)
{
    struct fixture *f = *state;
    struct job job;
    run(f, &job, write_all);
    run(f, &job, end_it);
    run(f, &job, read_all);
    assert_int_equal(job.sessions, 1);
    assert_int_equal(job.filters + job.inbound + job.queued, 0);
}

/* --- retained messages -------------------------------------------------------------------------------------------- */

struct retained_count {
    struct retained_store_visitor visitor;
    unsigned count;
    struct retained_row last;
};

static void on_retained(struct retained_store_visitor *visitor, const struct retained_row *row)
{
    struct retained_count *c = container_of(visitor, struct retained_count, visitor);
    c->count++;
    c->last = *row;
    assert_true(str_eq(row->message, STR("1\0x")));
}

static void expect_retained(struct store_tx *tx, unsigned count)
{
    struct retained_count c = {.visitor = {on_retained}};
    assert_int_equal(retained_store_load(tx, &c.visitor), ERR_OK);
    assert_int_equal(c.count, count);
}

static void retain_some(struct store_tx *tx, struct job *job)
{
    (void)job;
    struct retained_row row = {.topic = STR("a"), .message = STR("1\0x"), .expires_at_ms = INT64_MAX, .device_no = 3,
                               .organization_no = 4, .epoch = 5};
    assert_int_equal(retained_store_put(tx, &row), ERR_OK);
    assert_int_equal(retained_store_put(tx, &row), ERR_OK);
    struct retained_count c = {.visitor = {on_retained}};
    assert_int_equal(retained_store_load(tx, &c.visitor), ERR_OK);
    assert_int_equal(c.count, 1);
    assert_true(c.last.expires_at_ms == INT64_MAX && c.last.device_no == 3 && c.last.organization_no == 4 &&
                c.last.epoch == 5);
    row.space = 9;
    assert_int_equal(retained_store_put(tx, &row), ERR_OK); /* the same topic elsewhere */
    expect_retained(tx, 2);
    assert_int_equal(retained_store_remove(tx, 9, row.topic), ERR_OK);
    row.space = 0;
    row.topic = STR("b");
    row.expires_at_ms = 1000;
    assert_int_equal(retained_store_put(tx, &row), ERR_OK);
    row.topic = STR("c");
    row.epoch = 6;
    row.expires_at_ms = 3000;
    assert_int_equal(retained_store_put(tx, &row), ERR_OK);
    expect_retained(tx, 3);
    assert_int_equal(retained_store_remove_expired(tx, 2000), ERR_OK);
    expect_retained(tx, 2);
    assert_int_equal(retained_store_remove_stale(tx, 3, 6), ERR_OK);
    expect_retained(tx, 1);
    assert_int_equal(retained_store_remove(tx, 0, STR("a")), ERR_OK);
    expect_retained(tx, 1);
    assert_int_equal(retained_store_remove_device(tx, 3), ERR_OK);
    expect_retained(tx, 0);
}

static void retained_messages_come_and_go(void **state)
{
    struct job job;
    run(*state, &job, retain_some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_come_back_as_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absences_begin_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_stands_until_it_is_revoked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_start_counts_as_being_alive_for_a_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_was_set_back_makes_no_absence_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_absent_since_before_the_last_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(saving_again_keeps_what_belongs_to_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_intent_is_marked_with_its_effect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_removed_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_released_message_keeps_its_id_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(retained_messages_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_goes_with_everything, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
