/* Rules against a simple model of them: any order of telemetry, override and null, changes of rules, incidents that
 * people close, checkpoints and crashes gives the incidents of the model, each opened exactly once
 * (management-api.md 5.5; device-api.md 3.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/incident/incident_admin.h"
#include "model/ports/incident_store.h"
#include "model/ports/rule_store.h"
#include "model/rule/rules.h"
#include "store/telemetry/telemetry_fixture.h"

enum { DEVICES = 3, RULES = 3, KEYS = 3, STEPS = 1500 };

static uint32_t seed = 7;

static unsigned rnd(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 10) % n;
}

/* ---- the model ---- */

enum value { VALUE_NONE, VALUE_LOW, VALUE_HIGH, VALUE_TEXT, VALUE_TRUE, VALUE_COUNT };
static const char *const value_texts[VALUE_COUNT] = {"null", "1", "9", "\"t\"", "true"};

struct model_rule {
    int64_t no; /* 0: there is none */
    struct uuid id;
    int slot;
    unsigned key, kind; /* of its one condition: see kinds */
    bool active, auto_close;
};
static const struct {
    const char *condition;
    unsigned values; /* bits of those that match */
} kinds[] = {
    {"\"type\":\"number\",\"operator\":\"gt\",\"value\":5", 1u << VALUE_HIGH},
    {"\"type\":\"number\",\"operator\":\"lte\",\"value\":5", 1u << VALUE_LOW},
    {"\"type\":\"string\",\"operator\":\"eq\",\"value\":\"t\"", 1u << VALUE_TEXT},
    {"\"type\":\"boolean\",\"operator\":\"eq\",\"value\":true", 1u << VALUE_TRUE},
    {"\"type\":\"number\",\"operator\":\"exists\"", ~(1u << VALUE_NONE)},
    {"\"type\":\"number\",\"operator\":\"missing\"", 1u << VALUE_NONE},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

struct model {
    enum value state[DEVICES][KEYS];
    struct model_rule rules[RULES];
    bool open[DEVICES][RULES];
    unsigned opened[DEVICES][RULES];
};

static void model_judge(struct model *m, unsigned device)
{
    for (unsigned i = 0; i < RULES; i++) {
        const struct model_rule *rule = &m->rules[i];
        if (!rule->no || !rule->active) {
            continue;
        }
        bool matches = (kinds[rule->kind].values >> m->state[device][rule->key]) & 1;
        if (matches && !m->open[device][i]) {
            m->open[device][i] = true;
            m->opened[device][i]++;
        } else if (!matches && rule->auto_close) {
            m->open[device][i] = false;
        }
    }
}

static void model_switch_off(struct model *m, unsigned rule)
{
    for (unsigned d = 0; d < DEVICES; d++) {
        m->open[d][rule] &= !m->rules[rule].auto_close;
    }
}

/* ---- the real thing ---- */

struct edit_op {
    struct op op;
    struct fixture *f;
    struct rule_row row; /* no 0: a new one */
    struct rule_row rows[RULES];
    char definitions[RULES][256];
    size_t count;
};

static void collect(const struct rule_row *row, void *arg)
{
    struct edit_op *edit = arg;
    snprintf(edit->definitions[edit->count], sizeof edit->definitions[0], "%.*s", STR_ARG(row->definition));
    edit->rows[edit->count] = *row;
    edit->rows[edit->count].definition = str_from_cstr(edit->definitions[edit->count]);
    edit->count++;
}

static void edit_run(struct op *op, struct store_tx *tx)
{
    struct edit_op *edit = container_of(op, struct edit_op, op);
    edit->row.since = telemetry_published(&edit->f->domain);
    op->err = edit->row.no ? rule_store_update(tx, &edit->row) : rule_store_insert(tx, &edit->row);
    if (op->err == ERR_OK) {
        op->err = rule_store_each_active(tx, 1, collect, edit);
    }
}

static void edit_committed(struct op *op)
{
    struct edit_op *edit = container_of(op, struct edit_op, op);
    rules_replace(&edit->f->domain, 1, edit->rows, edit->count, NULL, 0);
    rules_want_sweep(&edit->f->domain);
}

static void settle(struct fixture *f)
{
    fixture_drain(f);
    rules_tick(&f->domain);
    fixture_drain(f);
}

static void edit(struct fixture *f, struct model_rule *rule, int state)
{
    char definition[256];
    snprintf(definition, sizeof definition, "{\"all\":[{\"key\":\"k%u\",%s}]}", rule->key, kinds[rule->kind].condition);
    struct edit_op op = {
        .op = {.lane = LANE_REGISTRY, .run = edit_run, .committed = edit_committed},
        .f = f,
        .row = {.no = rule->no, .model_no = 1, .id = rule->id, .slot = rule->slot, .name = STR("R"), .priority = 2,
                .active = rule->active, .auto_close = rule->auto_close, .definition = str_from_cstr(definition), .state = state},
    };
    fixture_drain(f);
    assert_int_equal(store_run_now(f->store, &op.op), ERR_OK);
    rule->no = op.row.no;
    rule->slot = op.row.slot;
    settle(f);
}

static void change_rule(struct fixture *f, struct model *m)
{
    unsigned i = rnd(RULES);
    struct model_rule *rule = &m->rules[i];
    if (rule->no && rnd(6) == 0) { /* deleted: nothing of it may be left over for the next one */
        edit(f, rule, RULE_DELETED);
        model_switch_off(m, i);
        for (unsigned d = 0; d < DEVICES; d++) {
            m->open[d][i] = false;
            m->opened[d][i] = 0;
        }
        *rule = (struct model_rule){0};
        return;
    }
    if (!rule->no) {
        *rule = (struct model_rule){.id = uuid_random(), .active = true, .auto_close = rnd(4) > 0};
    } else {
        rule->active = rnd(4) > 0;
    }
    rule->key = rnd(KEYS);
    rule->kind = rnd(KINDS);
    edit(f, rule, rule->active ? RULE_IN_USE : RULE_SWEEPING);
    if (!rule->active) {
        model_switch_off(m, i);
    }
}

static void report(struct fixture *f, struct model *m)
{
    unsigned d = rnd(DEVICES);
    bool override = rnd(5) == 0;
    char body[512];
    int len = snprintf(body, sizeof body, "{\"override\":%s,\"telemetries\":{", override ? "true" : "false");
    const char *comma = "";
    for (unsigned k = 0; k < KEYS; k++) {
        m->state[d][k] = override ? VALUE_NONE : m->state[d][k];
        if (rnd(2)) {
            m->state[d][k] = (enum value)rnd(VALUE_COUNT);
            len += snprintf(body + len, sizeof body - (size_t)len, "%s\"k%u\":%s", comma, k, value_texts[m->state[d][k]]);
            comma = ",";
        }
    }
    snprintf(body + len, sizeof body - (size_t)len, "}}");
    fixture_now += 1 + rnd(1000);
    assert_int_equal(fixture_report(f, d + 1, body, NULL), ERR_OK);
    model_judge(m, d);
}

struct close_op {
    struct op op;
    struct fixture *f;
    struct arena arena;
    struct admin admin;
    struct reply reply;
    int64_t device_no, rule_no;
};

static void close_run(struct op *op, struct store_tx *tx)
{
    struct close_op *c = container_of(op, struct close_op, op);
    struct incident_row row;
    char id[UUID_TEXT_BYTES];
    struct principal principal = {.kind = PRINCIPAL_API_KEY, .tenant_kind = TENANT_ORGANIZATION, .organization_no = 1, .partner_no = 1};
    admin_init(&c->admin, &c->f->domain, &c->arena, &c->reply, &principal, STR(""));
    op->err = incident_store_last_of_rule(tx, c->device_no, c->rule_no, &c->arena, &row);
    if (op->err == ERR_OK) {
        uuid_format(&row.id, id);
        incident_close_by(&c->admin, tx, str_from_cstr(id));
    }
}

static void close_committed(struct op *op)
{
    admin_committed(&container_of(op, struct close_op, op)->admin);
}

static void close_by_hand(struct fixture *f, struct model *m)
{
    unsigned d = rnd(DEVICES), i = rnd(RULES);
    if (!m->open[d][i]) {
        return;
    }
    struct close_op c = {.op = {.lane = LANE_REGISTRY, .run = close_run, .committed = close_committed},
                         .f = f, .device_no = d + 1, .rule_no = m->rules[i].no};
    fixture_drain(f);
    arena_init(&c.arena);
    reply_init(&c.reply);
    assert_int_equal(store_run_now(f->store, &c.op), ERR_OK);
    assert_int_equal(c.reply.status, 200);
    reply_deinit(&c.reply);
    arena_deinit(&c.arena);
    m->open[d][i] = false;
}

static void compare(struct fixture *f, const struct model *m)
{
    char sql[256];
    settle(f);
    for (unsigned d = 0; d < DEVICES; d++) {
        for (unsigned i = 0; i < RULES; i++) {
            if (!m->rules[i].no) {
                continue;
            }
            snprintf(sql, sizeof sql, "SELECT count(*) FROM incident WHERE device_no = %u AND rule_no = %lld AND closed_at IS NULL",
                     d + 1, (long long)m->rules[i].no);
            assert_int_equal(fixture_sql(f, sql), m->open[d][i]);
            snprintf(sql, sizeof sql, "SELECT count(*) FROM incident WHERE device_no = %u AND rule_no = %lld", d + 1,
                     (long long)m->rules[i].no);
            assert_int_equal(fixture_sql(f, sql), m->opened[d][i]);
        }
    }
}

static void any_order_gives_the_models_incidents(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};
    fixture_devices(f, DEVICES, 0);
    for (unsigned step = 0; step < STEPS; step++) {
        switch (rnd(20)) {
        case 0:
        case 1: change_rule(f, &m); break;
        case 2: close_by_hand(f, &m); break;
        case 3: fixture_crash(f); fixture_open(f); break;
        case 4: fixture_flush(f); break;
        case 5: fixture_drain(f); break;
        case 6: compare(f, &m); break;
        default: report(f, &m); break;
        }
    }
    compare(f, &m);
}

/* States that overtake the operation take what follows from them along: a replay would leave their rows out. */
static void states_take_their_effects_along(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};
    fixture_devices(f, 1, 0);
    m.rules[0] = (struct model_rule){.id = uuid_random(), .active = true, .auto_close = true};
    edit(f, &m.rules[0], RULE_IN_USE);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"k0\":9}}", NULL), ERR_OK);
    struct task *overtaken = f->first, **overtaken_last = f->last;
    assert_non_null(overtaken);
    f->first = NULL;
    f->last = &f->first;
    fixture_flush(f);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM incident WHERE closed_at IS NULL"), 1);
    f->first = overtaken;
    f->last = overtaken_last;
    fixture_crash(f);
    fixture_open(f);
    settle(f);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM incident"), 1);
    assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"k0\":1}}", NULL), ERR_OK);
    settle(f);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM incident WHERE closed_at IS NOT NULL"), 1);
}

/* Effects that are in nobody's hands at a crash. */
static void effects_are_found_again(void **state)
{
    struct fixture *f = *state;
    struct model m = {0};
    fixture_devices(f, 1, 0);
    m.rules[0] = (struct model_rule){.id = uuid_random(), .active = true, .auto_close = true};
    edit(f, &m.rules[0], RULE_IN_USE);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"k0\":9}}", NULL), ERR_OK);
        assert_int_equal(fixture_report(f, 1, "{\"telemetries\":{\"k0\":1}}", NULL), ERR_OK);
    }
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM incident"), 0); /* the operation waits */
    fixture_crash(f);
    fixture_open(f);
    settle(f);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM incident WHERE closed_at IS NOT NULL"), 5);
    fixture_crash(f); /* applied, but no checkpoint: they are judged again, and nothing follows */
    fixture_open(f);
    settle(f);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM incident"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order_gives_the_models_incidents, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(states_take_their_effects_along, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(effects_are_found_again, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
