/* Configurations against a naive model of them: random orders of edits from both sides, echoes in time and late,
 * confirmations and mistakes, for every API version of a model. Each step is answered as device-api.md 5 says, and in the
 * end both sides have the same version of the same content (5.2, 5.3, 7.2).
 * MUSTER_SEED=N runs the orders of that seed; a failure prints the seed of its order. */
#include "base/test_chance.h"
#include "model/testing/device_test_support.h"

#include "model/claim/claim.h"
#include "model/configuration/configuration.h"

#define PANEL "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"A-1\",\"mac\":\"AA:BB:CC:DD:EE:01\"}"
#define ORDERS_PER_VERSION 150
#define STEPS_MAX 12
#define KEPT 20 /* versions that are kept (5) */
#define SCOPED 5
#define WITH_DEVICE_ID 7

/* ---- documents, by what is in them ---- */

enum shape {
    EMPTY,           /* {} */
    RAW,             /* {"volume":n} */
    WRAPPED,         /* {"config":{"volume":n}} */
    WRAPPED_NUMBER,  /* {"config":n} */
    WRAPPED_NAMED,   /* {"name":"x","config":{"volume":n}} */
    WRAPPED_AND_MORE, /* {"config":{"volume":n},"extra":true} */
    WITH_VERSION,    /* {"version":n,"volume":n}, which only the cloud can store */
};
#define DEVICE_SHAPES ((unsigned)WITH_VERSION)
#define CLOUD_SHAPES (DEVICE_SHAPES + 1)

struct doc {
    enum shape shape;
    unsigned n;
};

static struct doc doc_random(unsigned shapes)
{
    struct doc doc = {(enum shape)rnd(shapes), rnd(4)};
    if (doc.shape == EMPTY) {
        doc.n = 0;
    }
    return doc;
}

static bool doc_eq(struct doc a, struct doc b)
{
    return a.shape == b.shape && a.n == b.n;
}

/* Its text; `control` are members that come first. */
static void doc_text(struct doc doc, const char *control, char *out, size_t size)
{
    char members[80] = "";
    switch (doc.shape) {
    case EMPTY:
        break;
    case WRAPPED:
        snprintf(members, sizeof members, "\"config\":{\"volume\":%u}", doc.n);
        break;
    case WRAPPED_NUMBER:
        snprintf(members, sizeof members, "\"config\":%u", doc.n);
        break;
    case WRAPPED_NAMED:
        snprintf(members, sizeof members, "\"name\":\"x\",\"config\":{\"volume\":%u}", doc.n);
        break;
    case WRAPPED_AND_MORE:
        snprintf(members, sizeof members, "\"config\":{\"volume\":%u},\"extra\":true", doc.n);
        break;
    case WITH_VERSION:
        snprintf(members, sizeof members, "\"version\":%u,\"volume\":%u", doc.n, doc.n);
        break;
    case RAW:
        snprintf(members, sizeof members, "\"volume\":%u", doc.n);
        break;
    }
    snprintf(out, size, "{%s%s%s}", control, control[0] && members[0] ? "," : "", members);
}

/* What the device means by posting it: from 1.0.5 on the Get Config reply's shape stands for what is in it. */
static struct doc doc_meant(struct doc doc, unsigned api)
{
    if (api >= SCOPED && (doc.shape == WRAPPED || doc.shape == WRAPPED_NAMED)) {
        doc.shape = RAW;
    }
    return doc;
}

/* What comes back when the device posts what it got: below 1.0.5 a field named like a control field is lost on the way. */
static struct doc doc_echoed(struct doc doc, unsigned api)
{
    if (api < SCOPED && doc.shape == WITH_VERSION) {
        doc.shape = RAW;
    }
    return doc;
}

/* ---- one order ---- */

struct order {
    struct fixture *f;
    struct device_brief device;
    unsigned api;
    /* the truth */
    int version, applied, kept;
    struct doc doc;
    /* the firmware's memory */
    char got[512];
    int got_version;
    struct doc got_doc;
};

static void claim_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    device_claim(admin, tx, body);
}

static void put_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    configuration_put(admin, tx, device, body);
}

static void get_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    configuration_get(admin, tx, device);
}

static void forget_events(struct fixture *f)
{
    for (size_t i = 0; i < f->seen_count; i++) {
        event_unref(f->seen[i]);
    }
    f->seen_count = 0;
}

/* Stored as `version`: the rows that are kept are the newest twenty. */
static void stored(struct order *o, int version, struct doc doc)
{
    o->kept += version != o->version || o->kept == 0;
    o->kept = o->kept > KEPT ? KEPT : o->kept;
    o->version = version;
    o->doc = doc;
}

/* ---- the sides ---- */

static void cloud_edits(struct order *o)
{
    struct doc doc = doc_random(CLOUD_SHAPES);
    char config[128], body[192];
    int base = (int)rnd(3) - 1; /* none, the right one, an older or newer one */
    doc_text(doc, "", config, sizeof config);
    if (base < 0) {
        snprintf(body, sizeof body, "{\"config\":%s}", config);
    } else {
        snprintf(body, sizeof body, "{\"config\":%s,\"base_version\":%d}", config, o->version + base);
    }
    struct answer answer = manage(o->f, organization_user(ORGANIZATION), &o->device, put_run, body);
    if (base > 0) {
        snprintf(body, sizeof body, "Error setting config with old version, latest is %d", o->version);
        expect_error(answer, 422, body);
        return;
    }
    if (o->version == CONFIGURATION_VERSION_MAX) {
        expect_error(answer, 422, "Version is invalid");
        return;
    }
    stored(o, o->version + 1, doc);
    expect_status(answer, 200);
    assert_int_equal(last_event(o->f, EVENT_CONFIG)->push, PUSH_CONFIG);
}

/* The reply to a document that the device sent as `version` (-1: without one), and what it has done. */
static void device_sent(struct order *o, struct answer answer, int version, struct doc doc)
{
    char text[80];
    if (version >= 0 && version < o->version) {
        snprintf(text, sizeof text, "Error setting config with old version, latest is %d", o->version);
        expect_error(answer, 422, text);
        assert_int_equal(last_event(o->f, EVENT_CONFIG)->push, PUSH_CONFIG);
        return;
    }
    if (version < 0 && o->version == CONFIGURATION_VERSION_MAX) {
        expect_error(answer, 422, "Version is invalid");
        return;
    }
    version = version < 0 ? o->version + 1 : version;
    bool silent = version == o->version && doc_eq(doc, o->doc) && o->applied == version;
    if (version != o->version || !doc_eq(doc, o->doc)) {
        stored(o, version, doc);
    }
    o->applied = version;
    assert_int_equal(answer.status, 200);
    assert_true(json_bool(json_get(answer.json, "success")));
    assert_int_equal((int)json_number(json_get(answer.json, "version")), version);
    assert_int_equal(json_get(answer.json, "config") != NULL, o->api >= SCOPED);
    assert_int_equal(json_get(answer.json, "device_id") != NULL, o->api >= WITH_DEVICE_ID);
    answer_free(&answer);
    const struct event *event = last_event(o->f, EVENT_CONFIG);
    assert_int_equal(event != NULL, !silent);
    assert_int_equal(event ? event->push : 0, 0); /* what it sent does not come back to it */
}

static void device_edits(struct order *o)
{
    struct doc doc = doc_random(DEVICE_SHAPES);
    char control[64] = "", body[192];
    int version = -1;
    if (rnd(3) > 0) {
        int jump = rnd(60) == 0 ? CONFIGURATION_VERSION_MAX : (int)rnd(5) - 2;
        version = jump == CONFIGURATION_VERSION_MAX || o->version > CONFIGURATION_VERSION_MAX - jump ? CONFIGURATION_VERSION_MAX
                                                                                                    : o->version + jump;
        version = version < 0 ? 0 : version;
        const char *quote = rnd(3) == 0 ? "\"" : "";
        snprintf(control, sizeof control, "%s\"version\":%s%d%s", rnd(2) ? "\"last_updated\":\"now\"," : "", quote, version, quote);
    }
    doc_text(doc, control, body, sizeof body);
    device_sent(o, ask(o->f, &o->device, DEVICE_CONFIG_SET, body), version, doc_meant(doc, o->api));
}

static void device_errs(struct order *o)
{
    static const char *const bodies[] = {"{\"version\":-1,\"volume\":1}", "{\"version\":2147483001}", "{\"version\":1.5}",
                                         "{\"version\":\"new\",\"volume\":1}", "{\"version\":true}"};
    expect_error(ask(o->f, &o->device, DEVICE_CONFIG_SET, bodies[rnd(5)]), 422, "Version is invalid");
    assert_null(last_event(o->f, EVENT_CONFIG));
}

static void device_fetches(struct order *o)
{
    struct answer answer = ask(o->f, &o->device, DEVICE_CONFIG_GET, NULL);
    assert_int_equal(answer.status, 200);
    snprintf(o->got, sizeof o->got, "%s", answer.text);
    o->got_version = o->version;
    o->got_doc = doc_echoed(o->doc, o->api);
    answer_free(&answer);
}

/* What it got last, which may be old by now, goes back as it is. */
static void device_echoes(struct order *o)
{
    if (o->got[0]) {
        device_sent(o, ask(o->f, &o->device, DEVICE_CONFIG_SET, o->got), o->got_version, o->got_doc);
    }
}

static void device_confirms(struct order *o)
{
    int version = o->version + (int)rnd(4) - 2;
    char body[64];
    snprintf(body, sizeof body, "{\"config_version\":%d}", version < 0 ? 0 : version);
    expect_status(ask(o->f, &o->device, DEVICE_UPDATE, body), 200);
    if (version <= o->version) {
        o->applied = version < 0 ? 0 : version;
    }
}

/* ---- orders ---- */

/* Both hot record and registry are as the model says. */
static void check(struct order *o)
{
    char wanted[128];
    struct device_brief hot = hot_of(o->f, &o->device);
    assert_int_equal(hot.config_version, o->version);
    assert_int_equal(hot.applied_version, o->applied);
    struct answer answer = manage(o->f, organization_user(ORGANIZATION), &o->device, get_run, NULL);
    doc_text(o->doc, "", wanted, sizeof wanted);
    struct json *config = parse_text(wanted);
    assert_int_equal((int)json_number(json_get(answer.json, "version")), o->version);
    assert_int_equal((int)json_number(json_get(answer.json, "applied_version")), o->applied);
    assert_true(json_eq(json_get(answer.json, "config"), config));
    json_free(config);
    answer_free(&answer);
}

static void run_order(struct order *o)
{
    static void (*const steps[])(struct order *o) = {cloud_edits,    cloud_edits,    device_edits,  device_edits,   device_fetches,
                                                     device_fetches, device_echoes, device_echoes, device_confirms, device_errs};
    test_exec(o->f, "DELETE FROM config_version");
    test_exec(o->f, "DELETE FROM device_config");
    struct device_brief fresh = hot_of(o->f, &o->device);
    fresh.config_version = fresh.applied_version = 0;
    fresh.api_version = (uint8_t)o->api;
    device_table_put(o->f->domain.devices, &fresh);
    for (unsigned left = 1 + rnd(STEPS_MAX); left > 0; left--) {
        forget_events(o->f);
        steps[rnd(sizeof steps / sizeof steps[0])](o);
    }
    check(o);
    assert_int_equal(test_number(o->f, "SELECT count(*) FROM config_version"), o->kept);
    /* Firmware that works fetches and posts back; from then on nothing changes however often it does. */
    for (int i = 0; i < 2; i++) {
        forget_events(o->f);
        device_fetches(o);
        device_echoes(o);
    }
    assert_null(last_event(o->f, EVENT_CONFIG));
    assert_int_equal(o->applied, o->version);
    assert_int_equal(o->got_version, o->version);
    assert_true(doc_eq(o->got_doc, o->doc));
    check(o);
}

static void any_order_ends_with_equal_versions_and_content(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = register_device(f, PANEL, NULL);
    f->settings.limits_device_updates = 0;
    expect_status(manage(f, organization_user(ORGANIZATION), NULL, claim_run,
                         "{\"space_id\":2,\"mac\":\"AABBCCDDEE01\",\"sn\":\"A-1\"}"), 200);
    bool given = chance_begin();
    for (unsigned i = 0; i < (given ? 1 : ORDERS_PER_VERSION); i++, seed++) {
        for (unsigned api = 0; api <= 7; api++) {
            struct order order = {.f = f, .device = device, .api = api};
            chance = seed;
            run_order(&order);
        }
    }
    failed = false;
}

static int setup_in_memory(void **state)
{
    char memory[] = "/dev/shm/muster-configurations-XXXXXX", disk[] = "/tmp/muster-configurations-XXXXXX";
    char *dir = mkdtemp(memory); /* thousands of commits, none of which is about the disk */
    struct fixture *f = fixture_open(dir ? dir : mkdtemp(disk));
    assert_int_equal(test_run(f, test_seed_run, NULL, NULL), ERR_OK);
    *state = f;
    return 0;
}

static int teardown_and_tell(void **state)
{
    chance_tell();
    return teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order_ends_with_equal_versions_and_content, setup_in_memory, teardown_and_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
