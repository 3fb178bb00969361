/* The effective status (device-api.md 10.3) equals its formula after any order of incidents, moves, edits of spaces,
 * merges and statuses: in the object, in the hot record, in what was told last, and after a start. */
#include "model/testing/device_test_support.h"

#include "model/claim/claim.h"
#include "model/customer/space.h"
#include "model/device/effective_status.h"
#include "model/device/merge_group.h"
#include "model/device/presence.h"
#include "model/incident/incident.h"
#include "model/incident/incident_admin.h"

enum { DEVICES = 4, SPACES = 6, STEPS = 220 };

static int64_t spaces[SPACES]; /* the root first */
static struct device_brief devices[DEVICES];
static enum effective_status told[DEVICES];
static char incidents[1024][UUID_TEXT_BYTES];
static size_t incident_count;
static uint64_t seed;

static int pick(int below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (int)((seed >> 33) % (uint64_t)below);
}

static struct str path_id;
#define WRAP(name, call) \
    static void name(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body) \
    { \
        (void)device; \
        (void)body; \
        call; \
    }
WRAP(claim_run, device_claim(admin, tx, body))
WRAP(move_run, device_move(admin, tx, device, body))
WRAP(merge_run, device_merge(admin, tx, device, body))
WRAP(split_run, device_split(admin, tx, device, body))
WRAP(get_run, device_answer(admin, tx, device->no))
WRAP(space_create_run, space_create(admin, tx, body))
WRAP(space_update_run, space_update(admin, tx, path_id, body))
WRAP(incident_create_run, incident_create(admin, tx, body))
WRAP(incident_close_run, incident_close_by(admin, tx, path_id))

/* Refusals are part of it: a move below itself, a merge of what is merged. */
static unsigned act(struct fixture *f, const struct device_brief *device, test_admin_fn run, const char *body)
{
    struct answer answer = manage(f, organization_user(ORGANIZATION), device, run, body);
    unsigned status = answer.status;
    assert_true(status < 500);
    answer_free(&answer);
    return status;
}

/* ---- the formula, by itself ---- */

static int naive_factor(struct fixture *f, int64_t space_no)
{
    while (space_no > 0) {
        char sql[200];
        snprintf(sql, sizeof sql, "SELECT CAST(json_extract(config, '$.priority_factor') AS INTEGER) FROM space WHERE no = %lld AND "
                 "json_extract(config, '$.priority_factor') IS NOT NULL", (long long)space_no);
        int64_t factor = test_number(f, sql);
        if (factor != INT64_MIN) {
            return (int)factor;
        }
        snprintf(sql, sizeof sql, "SELECT ifnull(parent_no, 0) * ifnull(json_extract(config, '$.inherit_priority_factor'), 1) FROM space "
                 "WHERE no = %lld", (long long)space_no);
        space_no = test_number(f, sql);
    }
    return 0;
}

static int naive_worst(struct fixture *f, const struct device_brief *device)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT space_no FROM device WHERE no = %lld", (long long)device->no);
    int factor = naive_factor(f, test_number(f, sql)), worst = 0;
    for (int priority = 5; priority >= 1; priority--) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM incident WHERE device_no = %lld AND closed_at IS NULL AND origin <> 4 AND priority = %d",
                 (long long)device->no, priority);
        if (test_number(f, sql)) {
            int read = priority - factor;
            read = read < 1 ? 1 : read > 5 ? 5 : read;
            worst = !worst || read < worst ? read : worst;
        }
    }
    return worst;
}

static enum effective_status naive_effective(struct fixture *f, const struct device_brief *device, int worst)
{
    struct device_brief hot = hot_of(f, device);
    if (!hot.last_seen_ms) {
        return EFFECTIVE_NEVER_SEEN;
    }
    if (hot.status == STATUS_OFFLINE) {
        return EFFECTIVE_OFFLINE;
    }
    if (hot.status == STATUS_ERROR || worst == 1 || worst == 2) {
        return EFFECTIVE_ERROR;
    }
    return worst == 3 || worst == 4 ? EFFECTIVE_WARNING : EFFECTIVE_OK;
}

/* `effective`: by index. */
static enum effective_status naive_merged(struct fixture *f, int at, const enum effective_status effective[DEVICES])
{
    enum effective_status merged = effective[at];
    for (int i = 0; i < DEVICES; i++) {
        char sql[400];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM (SELECT device_no, primary_no FROM device_shadow UNION SELECT primary_no, primary_no FROM device_shadow) a "
                 "JOIN (SELECT device_no, primary_no FROM device_shadow UNION SELECT primary_no, primary_no FROM device_shadow) b "
                 "USING (primary_no) WHERE a.device_no = %lld AND b.device_no = %lld",
                 (long long)devices[at].no, (long long)devices[i].no);
        if (i != at && test_number(f, sql)) {
            merged = effective_status_worst(merged, effective[i]);
        }
    }
    return merged;
}

/* ---- what is compared ---- */

static enum effective_status status_of(const struct json *object, const char *member)
{
    for (int i = EFFECTIVE_NEVER_SEEN; i <= EFFECTIVE_ERROR; i++) {
        if (str_eq(json_string(json_get(object, member)), str_from_cstr(effective_status_name((enum effective_status)i)))) {
            return (enum effective_status)i;
        }
    }
    fail_msg("%s", member);
    return EFFECTIVE_OK;
}

static void hear(struct fixture *f)
{
    for (size_t i = 0; i < f->seen_count; i++) {
        const struct event *event = f->seen[i];
        for (int d = 0; d < DEVICES && event->type == EVENT_STATUS; d++) {
            if (event->device_no == devices[d].no) {
                struct json *json = NULL;
                assert_int_equal(json_parse(event->payload, NULL, &json), ERR_OK);
                told[d] = status_of(json, "effective_status");
                json_free(json);
            }
        }
        event_unref(event);
    }
    f->seen_count = 0;
}

static void compare(struct fixture *f, int step)
{
    enum effective_status expected[DEVICES];
    int worst[DEVICES];
    hear(f);
    for (int i = 0; i < DEVICES; i++) {
        worst[i] = naive_worst(f, &devices[i]);
        expected[i] = naive_effective(f, &devices[i], worst[i]);
    }
    for (int i = 0; i < DEVICES; i++) {
        struct device_brief hot = hot_of(f, &devices[i]);
        enum effective_status merged = naive_merged(f, i, expected);
        struct effective_inputs inputs = presence_inputs(&f->domain, &hot);
        struct answer answer = manage(f, organization_user(ORGANIZATION), &devices[i], get_run, NULL);
        if (hot.worst_priority != worst[i] || effective_status(&inputs) != expected[i] || told[i] != expected[i] ||
            status_of(answer.json, "effective_status") != expected[i] || status_of(answer.json, "merged_effective_status") != merged) {
            print_error("step %d, device %d: worst %d not %d, effective %d told %d not %d, merged not %d: %s\n", step, i,
                        hot.worst_priority, worst[i], (int)effective_status(&inputs), (int)told[i], (int)expected[i], (int)merged,
                        answer.text);
            fail();
        }
        answer_free(&answer);
    }
}

/* ---- steps ---- */

static void id_of(const struct device_brief *device, char text[UUID_TEXT_BYTES])
{
    uuid_format(&device->id, text);
}

static void open_one(struct fixture *f)
{
    char body[160], id[UUID_TEXT_BYTES];
    id_of(&devices[pick(DEVICES)], id);
    snprintf(body, sizeof body, "{\"device_id\":\"%s\",\"title\":\"x\",\"priority\":%d}", id, 1 + pick(5));
    struct answer answer = manage(f, organization_user(ORGANIZATION), NULL, incident_create_run, body);
    assert_int_equal(answer.status, 201);
    snprintf(incidents[incident_count++], UUID_TEXT_BYTES, "%.*s", STR_ARG(json_string(json_get(answer.json, "id"))));
    answer_free(&answer);
}

static void close_one(struct fixture *f)
{
    if (incident_count) {
        path_id = str_from_cstr(incidents[incident_count - 1 - (size_t)pick(incident_count < 8 ? (int)incident_count : 8)]);
        act(f, NULL, incident_close_run, NULL);
    }
}

static void change_space(struct fixture *f)
{
    static const char *const changes[] = {"\"priority_factor\":\"1\"", "\"priority_factor\":\"-1\"", "\"priority_factor\":\"0\"",
                                          "\"priority_factor\":null", "\"inherit_priority_factor\":false",
                                          "\"inherit_priority_factor\":true"};
    char id[24], body[160];
    int space = pick(SPACES);
    snprintf(id, sizeof id, "%lld", (long long)spaces[space]);
    path_id = str_from_cstr(id);
    if (space && pick(3) == 0) {
        snprintf(body, sizeof body, "{\"parent_id\":%lld}", (long long)spaces[pick(SPACES)]);
    } else {
        snprintf(body, sizeof body, "{\"config\":{%s}}", changes[pick(6)]);
    }
    act(f, NULL, space_update_run, body);
}

static void merge_or_split(struct fixture *f)
{
    char body[160], id[UUID_TEXT_BYTES];
    bool merges = pick(2);
    id_of(&devices[pick(DEVICES)], id);
    snprintf(body, sizeof body, merges ? "{\"with_device_ids\":[\"%s\"]}" : "{\"shadow_device_id\":\"%s\"}", id);
    act(f, &devices[pick(DEVICES)], merges ? merge_run : split_run, body);
}

static void report(struct fixture *f)
{
    static const char *const bodies[] = {"{\"status\":\"error\"}", "{\"status\":\"offline\"}", "{\"status\":\"online\"}"};
    int which = pick(12);
    expect_status(ask(f, &devices[pick(DEVICES)], DEVICE_TELEMETRY, bodies[which < 2 ? which : 2]), 201);
}

static void step(struct fixture *f)
{
    char body[64];
    switch (pick(9)) {
    case 0: open_one(f); break;
    case 1: case 2: close_one(f); break;
    case 3:
        snprintf(body, sizeof body, "{\"space_id\":%lld}", (long long)spaces[pick(SPACES)]);
        act(f, &devices[pick(DEVICES)], move_run, body);
        break;
    case 4: case 5: change_space(f); break;
    case 6: merge_or_split(f); break;
    default: report(f); break;
    }
}

static void prepare(struct fixture *f)
{
    char body[256];
    spaces[0] = ROOT_SPACE;
    spaces[1] = ROOM;
    for (int i = 2; i < SPACES; i++) {
        snprintf(body, sizeof body, "{\"name\":\"S%d\",\"parent_id\":%lld}", i, (long long)spaces[i - 1 - i % 2]);
        struct answer answer = manage(f, organization_user(ORGANIZATION), NULL, space_create_run, body);
        assert_int_equal(answer.status, 200);
        assert_true(json_int(json_get(answer.json, "id"), &spaces[i]));
        answer_free(&answer);
    }
    for (int i = 0; i < DEVICES; i++) {
        snprintf(body, sizeof body, "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"s%d\",\"mac\":\"m%d\"}", i, i);
        devices[i] = register_device(f, body, NULL);
        snprintf(body, sizeof body, "{\"space_id\":%lld,\"sn\":\"s%d\",\"mac\":\"m%d\"}", (long long)spaces[i], i, i);
        assert_int_equal(act(f, NULL, claim_run, body), 200);
        presence_contact(&f->domain, devices[i].no); /* as the door does */
        expect_status(ask(f, &devices[i], DEVICE_TELEMETRY, "{\"status\":\"online\"}"), 201);
        told[i] = EFFECTIVE_OK;
    }
    incident_count = 0;
}

static void equals_the_formula_in_any_order(void **state)
{
    struct fixture *f = *state;
    seed = 1;
    prepare(f);
    compare(f, -1);
    for (int i = 0; i < STEPS; i++) {
        step(f);
        compare(f, i);
    }
    char copy[] = "/tmp/muster-effective-XXXXXX", command[160];
    assert_non_null(mkdtemp(copy));
    snprintf(command, sizeof command, "cp -r %s/. %s", f->dir, copy);
    assert_int_equal(system(command), 0);
    struct fixture *after = fixture_open(copy);
    for (int i = 0; i < DEVICES; i++) {
        assert_int_equal(hot_of(after, &devices[i]).worst_priority, naive_worst(f, &devices[i]));
    }
    void *crashed = after;
    assert_int_equal(teardown(&crashed), 0);
}

int main(void)
{
    test_support_used();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equals_the_formula_in_any_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
