/* The state of devices against a naive model of it: random orders of messages in every form, with null, override, refused
 * ones, device times in any order, and stops and kills between them (device-api.md 3.1, 3.2). Each device is one order.
 * MUSTER_SEED=N repeats a run; a failure prints its seed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/test_chance.h"
#include "store/telemetry/telemetry_fixture.h"

#define DEVICES 1000
#define ROUNDS 5
#define KEYS 8
#define VALUE_BYTES 24

static const char *const keys[KEYS] = {"a", "ab", "b", "", "temp", "te", "\xc3\xa9", "Status"};

struct truth {
    const char *status;              /* NULL: no message yet */
    char value[KEYS][VALUE_BYTES]; /* JSON; empty: absent */
};

static struct truth truths[DEVICES + 1];

static void random_value(char out[VALUE_BYTES])
{
    switch (rnd(6)) {
    case 0: strcpy(out, "null"); break;
    case 1: strcpy(out, rnd(2) ? "true" : "false"); break;
    case 2: snprintf(out, VALUE_BYTES, "%d", (int)rnd(2000) - 1000); break;
    case 3: snprintf(out, VALUE_BYTES, "%d.25", (int)rnd(2000)); break;
    case 4: strcpy(out, "\"\""); break;
    default: snprintf(out, VALUE_BYTES, "\"\xe2\x98\x83 %u\"", rnd(1000)); break;
    }
}

/* ---- a message ---- */

struct message {
    struct buf text;
    struct truth after;
};

static void add(struct buf *text, const char *member)
{
    const char last = text->len ? (char)text->data[text->len - 1] : '{';
    buf_printf(text, "%s%s", last == '{' ? "" : ",", member);
}

static void put_values(struct message *m, bool dropped)
{
    char member[VALUE_BYTES + 24], value[VALUE_BYTES];
    for (unsigned k = 0; k < KEYS; k++) {
        if (rnd(3) == 0) {
            random_value(value);
            snprintf(member, sizeof member, "\"%s\":%s", keys[k], value);
            add(&m->text, member);
            if (!dropped) {
                strcpy(m->after.value[k], strcmp(value, "null") == 0 ? "" : value);
            }
        }
    }
}

/* One of the legacy objects, with what is dropped from it. */
static void put_legacy(struct message *m, const char *name, const char *status, bool dropped)
{
    char member[48];
    snprintf(member, sizeof member, "\"%s\":{", name);
    add(&m->text, member);
    if (status) {
        snprintf(member, sizeof member, "\"status\":\"%s\"", status);
        add(&m->text, member);
        add(&m->text, "\"firmware_version\":\"1.0.0\"");
    }
    if (rnd(3) == 0) {
        add(&m->text, "\"nested\":{\"a\":1}");
        add(&m->text, "\"list\":[1]");
    }
    put_values(m, dropped);
    buf_append_cstr(&m->text, "}");
}

static void put_telemetries(struct message *m)
{
    add(&m->text, "\"telemetries\":{");
    if (rnd(8) == 0) {
        add(&m->text, "\"status\":\"from the values\""); /* the field decides */
    }
    put_values(m, false);
    buf_append_cstr(&m->text, "}");
}

/* Whether it is one that is refused. */
static bool put_fault(struct message *m)
{
    static const char *const faults[] = {"\"status\":\"broken\"", "\"telemetries\":[1]", "\"telemetries\":null",
                                         "\"telemetries\":{\"a\":7,\"b\":{}}", "\"telemetries\":{\"a\":7},\"override\":\"perhaps\"",
                                         "\"telemetries\":{\"a\":7},\"timestamp\":\"never\""};
    if (rnd(12) > 0) {
        return false;
    }
    add(&m->text, faults[rnd(6)]);
    return true;
}

static void put_options(struct message *m, bool override)
{
    char member[64];
    if (override) {
        add(&m->text, rnd(2) ? "\"override\":true" : "\"override\":\"true\"");
    } else if (rnd(4) == 0) {
        add(&m->text, "\"override\":false");
    }
    if (rnd(3) == 0) { /* samples are late, ahead and nonsense; messages merge in the order in which they arrive */
        snprintf(member, sizeof member, "\"timestamp\":%lld", (long long)fixture_now + ((int)rnd(4000) - 3000) * 1000000LL);
        add(&m->text, member);
    }
}

static void make(struct message *m, const struct truth *before)
{
    static const char *const statuses[] = {"online", "offline", "error"};
    char member[32];
    const char *status = statuses[rnd(3)];
    bool override = rnd(5) == 0, says = rnd(2);
    m->after = *before;
    buf_append_cstr(&m->text, "{");
    if (put_fault(m)) {
        buf_append_cstr(&m->text, "}");
        return;
    }
    if (override) {
        m->after = (struct truth){0};
    }
    m->after.status = says ? status : "online";
    unsigned form = rnd(5);
    if (form < 3 && says) {
        snprintf(member, sizeof member, "\"status\":\"%s\"", status);
        add(&m->text, member);
    }
    if (form >= 2 && form < 4) { /* legacy; in form 2 beside telemetries, which win */
        put_legacy(m, "common", says && form == 3 ? status : NULL, form == 2);
    }
    if (form < 3) {
        put_telemetries(m);
    }
    if (form == 4) { /* neither */
        m->after.status = "online";
    }
    put_options(m, override);
    buf_append_cstr(&m->text, "}");
}

static void send(struct fixture *f, unsigned device)
{
    struct message m;
    char error[256];
    buf_init(&m.text, 4096);
    make(&m, &truths[device]);
    buf_append_u8(&m.text, 0);
    enum err err = fixture_report(f, device, (const char *)m.text.data, error);
    bool refused = m.after.status == truths[device].status && memcmp(&m.after, &truths[device], sizeof m.after) == 0;
    if (err != ERR_OK && !(refused && strncmp(error, "422 ", 4) == 0)) {
        fail_msg("%s: %s", (const char *)m.text.data, error);
    }
    truths[device] = m.after;
    buf_deinit(&m.text);
}

static void check(struct fixture *f, unsigned device)
{
    const struct truth *truth = &truths[device];
    struct buf text;
    char member[VALUE_BYTES + 24];
    buf_init(&text, 4096);
    buf_append_cstr(&text, "{");
    for (unsigned k = 0; k < KEYS; k++) {
        if (truth->value[k][0]) {
            snprintf(member, sizeof member, "\"%s\":%s", keys[k], truth->value[k]);
            add(&text, member);
        }
    }
    if (truth->status) {
        snprintf(member, sizeof member, "\"status\":\"%s\"", truth->status);
        add(&text, member);
    }
    buf_append_cstr(&text, "}");
    struct json *wanted = NULL, *found = NULL;
    const char *state = fixture_state(f, device);
    assert_int_equal(json_parse(buf_str(&text), NULL, &wanted), ERR_OK);
    assert_int_equal(json_parse(str_from_cstr(state), NULL, &found), ERR_OK);
    if (!json_eq(wanted, found)) {
        fail_msg("device %u is %s, not %.*s", device, state, STR_ARG(buf_str(&text)));
    }
    json_free(wanted);
    json_free(found);
    buf_deinit(&text);
}

static void any_order_of_messages_gives_the_merge(void **context)
{
    struct fixture *f = *context;
    chance_begin();
    fixture_devices(f, DEVICES, 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned n = 0; n < DEVICES; n++) {
            send(f, 1 + rnd(DEVICES));
        }
        fixture_now += 1 + rnd(60000);
        if (rnd(3) == 0) {
            fixture_flush(f);
        }
        if (rnd(3) == 0) {
            (rnd(2) ? fixture_stop : fixture_crash)(f);
            fixture_open(f);
        }
        for (unsigned n = 0; n < DEVICES / 10; n++) {
            check(f, 1 + rnd(DEVICES));
        }
    }
    for (unsigned device = 1; device <= DEVICES; device++) {
        check(f, device);
    }
    failed = false;
}

static int teardown_and_tell(void **context)
{
    chance_tell();
    return fixture_teardown(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order_of_messages_gives_the_merge, fixture_setup_in_memory, teardown_and_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
