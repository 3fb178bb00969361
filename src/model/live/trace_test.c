#include "model/testing/world_fixture.h"

#include "model/live/trace.h"

static struct trace_entry entry_of(int64_t device_no, int64_t tenant_no, int64_t until_ms)
{
    return (struct trace_entry){.device_no = device_no, .tenant_kind = TENANT_PARTNER, .tenant_no = tenant_no, .until_ms = until_ms};
}

static void test_slots_follow_what_is_armed(void **state)
{
    (void)state;
    struct domain domain = {.trace = trace_new()};
    struct trace_entry a = entry_of(5, 1, 1000), b = entry_of(5 + TRACE_SLOTS, 1, 1000);
    assert_false(trace_is_any_armed(&domain));
    trace_put(domain.trace, &a);
    trace_put(domain.trace, &a);
    trace_put(domain.trace, &b);
    assert_true(trace_is_any_armed(&domain));
    assert_true(trace_may_be_armed(&domain, 5));
    assert_false(trace_may_be_armed(&domain, 6));
    trace_remove(domain.trace, 5);
    assert_true(trace_may_be_armed(&domain, 5)); /* the other one shares the slot */
    trace_remove(domain.trace, 5);
    trace_remove(domain.trace, 5 + TRACE_SLOTS);
    assert_false(trace_may_be_armed(&domain, 5));
    assert_false(trace_is_any_armed(&domain));
    trace_free(domain.trace);
}

static void test_limits(void **state)
{
    (void)state;
    struct trace *trace = trace_new();
    struct trace_entry entry = entry_of(1, 1, 1000);
    for (int64_t no = 1; no <= TRACES_TENANT_MAX; no++) {
        entry = entry_of(no, 1, no == 1 ? 10 : 1000);
        assert_true(trace_has_room(trace, &entry, 0));
        trace_put(trace, &entry);
    }
    struct trace_entry more = entry_of(500, 1, 1000), other = entry_of(500, 2, 1000);
    assert_false(trace_has_room(trace, &more, 0));
    assert_true(trace_has_room(trace, &entry, 0)); /* the same again */
    assert_true(trace_has_room(trace, &other, 0));
    assert_true(trace_has_room(trace, &more, 10)); /* the first ran out */
    for (int64_t no = 1000; no < 3000; no++) {
        entry = entry_of(no, no, 1000);
        trace_put(trace, &entry);
    }
    assert_int_equal(atomic_load(&trace->count), TRACES_MAX);
    assert_false(trace_has_room(trace, &other, 20));
    trace_free(trace);
}

struct counting_sink {
    struct event_sink sink;
    int count;
};

static void on_event(struct event_sink *sink, const struct event *event)
{
    assert_int_equal(event->type, EVENT_WIRE);
    ((struct counting_sink *)sink)->count++;
}

static void test_emits_while_armed_for_the_same_owner(void **state)
{
    (void)state;
    struct domain domain = {.trace = trace_new(), .now_unix_ms = world_clock};
    struct counting_sink sink = {.sink = {.on_event = on_event}};
    struct device_brief device = {.no = 7, .partner_no = 1};
    struct trace_record record = {.payload = STR("{}")};
    struct trace_entry entry = entry_of(7, 1, world_now + 1000);
    event_bus_init(&domain.events);
    event_bus_add(&domain.events, &sink.sink);
    trace_emit(&domain, &device, &record);
    assert_int_equal(sink.count, 0);
    trace_put(domain.trace, &entry);
    trace_emit(&domain, &device, &record);
    assert_int_equal(sink.count, 1);
    device.organization_no = 3;
    trace_emit(&domain, &device, &record);
    assert_int_equal(sink.count, 1);
    device.organization_no = 0;
    world_now += 1000;
    trace_emit(&domain, &device, &record);
    assert_int_equal(sink.count, 1);
    trace_tick(&domain);
    assert_false(trace_is_any_armed(&domain));
    trace_free(domain.trace);
}

static void expect_body(struct str body, const char *expected)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, 1024);
    json_writer_init(&w, &out);
    trace_put_body(&w, body);
    buf_append(&out, "", 1);
    assert_string_equal(out.data, expected);
    buf_deinit(&out);
}

static void test_bodies(void **state)
{
    (void)state;
    expect_body(STR(""), "null");
    expect_body(STR("{ \"a\" : [1] }"), "{\"a\":[1]}");
    expect_body(STR("{\"access\\u005ftoken\":\"x\"}"), "{\"access_token\":\"x\"}"); /* masked by its name later */
    expect_body(STR("hello"), "\"hello\"");
    expect_body(STR("{\"access_token\":\"x\""), "\"*****\"");
    expect_body(STR("\xff\x00"), "{\"bytes\":2}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_follow_what_is_armed),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_emits_while_armed_for_the_same_owner),
        cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
