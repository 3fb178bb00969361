/* The live stream: who sees what, resuming, slow readers, masked secrets (management-api.md 9). */
#include "model/testing/world_fixture.h"

#include "base/metrics.h"
#include "model/live/live.h"

static void count_wake(void *user)
{
    ++*(unsigned *)user;
}

struct reading {
    struct live_reader *reader;
    unsigned wakes;
};

static struct live_filter filter_of(const struct principal *who)
{
    return (struct live_filter){.principal = *who, .types = LIVE_ALL};
}

static struct reading *reading_open(struct world *world, const struct live_filter *filter, const char *last_event_id)
{
    struct reading *reading = mem_new(struct reading);
    reading->reader = live_open(world->domain.live, filter, str_from_cstr(last_event_id), count_wake, &reading->wakes);
    assert_non_null(reading->reader);
    return reading;
}

static void reading_close(struct reading *reading)
{
    live_close(reading->reader);
    mem_free(reading);
}

/* The next event's text in world->text; false: none. */
static bool next(struct world *world, struct reading *reading)
{
    uint64_t dropped;
    const struct event *event = live_take(reading->reader, &dropped);
    struct buf text;
    buf_init(&text, sizeof world->text - 1);
    if (event) {
        live_render(world->domain.live, event, &text);
        event_unref(event);
    } else if (dropped) {
        live_render_dropped(dropped, &text);
    }
    snprintf(world->text, sizeof world->text, "%.*s", STR_ARG(buf_str(&text)));
    bool any = text.len > 0;
    buf_deinit(&text);
    return any;
}

static struct device_brief a_device(struct world *world, bool claimed)
{
    return (struct device_brief){
        .no = 7,
        .id = uuid_random(),
        .model_id = uuid_random(),
        .model_no = 1,
        .partner_no = world->partner.partner_no,
        .organization_no = claimed ? world->organization.organization_no : 0,
        .space_no = claimed ? 1 : 0,
    };
}

static void emit(struct world *world, enum event_type type, const struct device_brief *device, const char *payload)
{
    struct event *event = event_new(type, device);
    event->at_ms = world_now;
    event_set_payload(event, str_from_cstr(payload));
    event_bus_emit(&world->domain.events, event);
}

static void an_event_is_rendered(void **state)
{
    struct world *world = *state;
    struct live_filter filter = filter_of(&world->partner);
    struct reading *reading = reading_open(world, &filter, "");
    struct device_brief device = a_device(world, true);
    char id[UUID_TEXT_BYTES], expected[512];
    uuid_format(&device.id, id);
    struct event *event = event_new(EVENT_TELEMETRY, &device);
    event->at_ms = world_now;
    event->transport = TRANSPORT_MQTT;
    event->direction = DIRECTION_UP;
    event->qos = 1;
    event->size = 12;
    event_set_topic(event, STR("telemetry"));
    event_set_payload(event, STR("{\"temp\":22}"));
    event_bus_emit(&world->domain.events, event);
    assert_int_equal(reading->wakes, 1);
    assert_true(next(world, reading));
    snprintf(expected, sizeof expected, "\ndata: {\"at\":\"2026-03-01T10:15:00.000Z\",\"type\":\"telemetry\",\"device_id\":\"%s\"",
             id);
    assert_has(world, expected);
    assert_has(world, "\"direction\":\"up\",\"transport\":\"mqtt\",\"topic\":\"telemetry\",\"qos\":1,\"size\":12,\"payload\":"
                      "{\"temp\":22}}\n\n");
    assert_false(next(world, reading));
    reading_close(reading);
}

static void tenants_are_kept_apart(void **state)
{
    struct world *world = *state;
    struct world_tenants others = world_second_tenants(world);
    struct live_filter filters[] = {filter_of(&world->partner), filter_of(&world->organization),
                                    filter_of(&others.partner), filter_of(&others.organization)};
    struct reading *readings[4];
    for (int i = 0; i < 4; i++) {
        readings[i] = reading_open(world, &filters[i], "");
    }
    struct device_brief claimed = a_device(world, true), unclaimed = a_device(world, false);
    emit(world, EVENT_STATUS, &claimed, "{}");
    emit(world, EVENT_STATUS, &unclaimed, "{}");
    emit(world, EVENT_REGISTRATION, &claimed, "{}"); /* the provisioning log is the partner's */
    emit(world, EVENT_API_KEY_REVOKED, NULL, "{}");  /* not shown at all */
    unsigned seen[4] = {0};
    for (int i = 0; i < 4; i++) {
        while (next(world, readings[i])) {
            seen[i]++;
        }
        reading_close(readings[i]);
    }
    assert_int_equal(seen[0], 3);
    assert_int_equal(seen[1], 1);
    assert_int_equal(seen[2], 0);
    assert_int_equal(seen[3], 0);
}

static void filters_combine(void **state)
{
    struct world *world = *state;
    struct device_brief device = a_device(world, true), other = a_device(world, true);
    struct live_filter filter = filter_of(&world->organization);
    filter.types = live_types_parse(STR("status, command,nonsense"));
    assert_int_equal(filter.types, LIVE_STATUS | LIVE_COMMAND);
    filter.has_device = true;
    filter.device_id = device.id;
    filter.space_no = 1;
    struct reading *reading = reading_open(world, &filter, "");
    emit(world, EVENT_TELEMETRY, &device, "{}");
    emit(world, EVENT_STATUS, &other, "{}");
    device.space_no = 99;
    emit(world, EVENT_STATUS, &device, "{}");
    assert_int_equal(reading->wakes, 0);
    device.space_no = 1;
    emit(world, EVENT_COMMAND, &device, "{}");
    assert_true(next(world, reading));
    assert_has(world, "\"type\":\"command\"");
    assert_false(next(world, reading));
    reading_close(reading);
    filter = filter_of(&world->partner);
    filter.has_model = true;
    filter.model_id = other.model_id;
    reading = reading_open(world, &filter, "");
    emit(world, EVENT_STATUS, &device, "{}");
    emit(world, EVENT_DEVICE_UPDATED, &other, "{}");
    assert_true(next(world, reading));
    assert_has(world, "\"type\":\"event\",\"event\":\"updated\"");
    assert_false(next(world, reading));
    reading_close(reading);
}

static void event_id_of(const char *text, char *out, size_t size)
{
    assert_memory_equal(text, "id: ", 4);
    snprintf(out, size, "%.*s", (int)strcspn(text + 4, "\n"), text + 4);
}

static void readers_resume(void **state)
{
    struct world *world = *state;
    struct live_filter filter = filter_of(&world->partner);
    struct device_brief device = a_device(world, true);
    struct reading *reading = reading_open(world, &filter, "");
    char last[64];
    emit(world, EVENT_STATUS, &device, "{\"n\":1}");
    assert_true(next(world, reading));
    event_id_of(world->text, last, sizeof last);
    reading_close(reading);
    emit(world, EVENT_STATUS, &device, "{\"n\":2}");
    emit(world, EVENT_STATUS, &device, "{\"n\":3}");
    reading = reading_open(world, &filter, last);
    assert_int_equal(reading->wakes, 1);
    assert_true(next(world, reading));
    assert_has(world, "{\"n\":2}");
    assert_true(next(world, reading));
    assert_has(world, "{\"n\":3}");
    assert_false(next(world, reading));
    reading_close(reading);
    reading = reading_open(world, &filter, "other-1"); /* of another process: starts now */
    assert_int_equal(reading->wakes, 0);
    reading_close(reading);
    for (int i = 0; i < LIVE_HISTORY; i++) {
        emit(world, EVENT_STATUS, &device, "{\"n\":4}");
    }
    reading = reading_open(world, &filter, last); /* only what is kept */
    unsigned count = 0;
    while (next(world, reading)) {
        assert_has(world, "{\"n\":4}");
        count++;
    }
    assert_int_equal(count, LIVE_HISTORY);
    reading_close(reading);
}

static void a_slow_reader_is_told(void **state)
{
    struct world *world = *state;
    struct live_filter filter = filter_of(&world->partner);
    struct device_brief device = a_device(world, true);
    struct reading *slow = reading_open(world, &filter, "");
    for (int i = 0; i < LIVE_QUEUE + 25; i++) {
        emit(world, EVENT_STATUS, &device, "{}");
    }
    assert_int_equal(slow->wakes, 1); /* woken once until it is empty */
    for (int i = 0; i < LIVE_QUEUE; i++) {
        assert_true(next(world, slow));
        assert_has_not(world, "dropped");
    }
    assert_true(next(world, slow));
    assert_string_equal(world->text, "data: {\"type\":\"dropped\",\"count\":25}\n\n");
    assert_false(next(world, slow));
    emit(world, EVENT_STATUS, &device, "{}");
    assert_int_equal(slow->wakes, 2);
    reading_close(slow);
}

static void what_is_kept_is_bounded_in_bytes(void **state)
{
    struct world *world = *state;
    struct live_filter filter = filter_of(&world->partner);
    struct device_brief device = a_device(world, true);
    struct reading *slow = reading_open(world, &filter, "");
    size_t len = 1024 * 1024 - 4096;
    char *payload = mem_alloc(len + 1);
    memset(payload, '1', len);
    payload[len] = '\0';
    for (int i = 0; i < 20; i++) {
        emit(world, EVENT_STATUS, &device, payload);
    }
    unsigned got = 0;
    uint64_t dropped = 0;
    for (const struct event *event; (event = live_take(slow->reader, &dropped)); got++) {
        event_unref(event);
    }
    assert_int_equal(got, 2); /* LIVE_QUEUE_BYTES */
    assert_int_equal(dropped, 18);
    emit(world, EVENT_STATUS, &device, "{}");
    assert_true(next(world, slow)); /* room again */
    char last[64];
    assert_int_equal(sscanf(world->text, "id: %63s", last), 1);
    snprintf(strchr(last, '-') + 1, 8, "0");
    struct reading *late = reading_open(world, &filter, last);
    got = 0;
    for (const struct event *event; (event = live_take(late->reader, &dropped)); got++) {
        event_unref(event);
    }
    assert_int_equal(got + dropped, 17); /* LIVE_HISTORY_BYTES: 16 large ones and the small one */
    mem_free(payload);
    reading_close(late);
    reading_close(slow);
}

static void no_tenant_takes_all_readers(void **state)
{
    struct world *world = *state;
    struct live_filter filter = filter_of(&world->partner), other = filter_of(&world->organization);
    struct reading *readings[LIVE_READERS_TENANT_MAX];
    unsigned wakes = 0;
    for (size_t i = 0; i < LIVE_READERS_TENANT_MAX; i++) {
        readings[i] = reading_open(world, &filter, "");
    }
    assert_null(live_open(world->domain.live, &filter, STR(""), count_wake, &wakes));
    reading_close(reading_open(world, &other, ""));
    reading_close(readings[0]);
    readings[0] = reading_open(world, &filter, "");
    for (size_t i = 0; i < LIVE_READERS_TENANT_MAX; i++) {
        reading_close(readings[i]);
    }
}

static void secrets_are_masked(void **state)
{
    struct world *world = *state;
    struct live_filter filter = filter_of(&world->partner);
    struct device_brief device = a_device(world, true);
    struct reading *reading = reading_open(world, &filter, "");
    emit(world, EVENT_COMMAND, &device, "{\"name\":\"join\",\"parameters\":{\"Wifi Password\":\"hunter2\",\"list\":[{\"access_key\":\"k\"}],\"secret\":null},\"hardware_key_id\":\"h\"}");
    assert_true(next(world, reading));
    assert_has(world, "{\"name\":\"join\",\"parameters\":{\"Wifi Password\":\"*****\",\"list\":[{\"access_key\":\"*****\"}],\"secret\":null},\"hardware_key_id\":\"h\"}");
    assert_has_not(world, "hunter2");
    reading_close(reading);
}

static void messages_are_made_while_somebody_looks(void **state)
{
    struct world *world = *state;
    struct live_filter filter = filter_of(&world->partner);
    assert_int_equal(world->domain.events.wants_messages, 0);
    filter.types = LIVE_STATUS;
    struct reading *status_only = reading_open(world, &filter, "");
    assert_int_equal(world->domain.events.wants_messages, 0);
    filter.types = LIVE_TELEMETRY;
    struct reading *reading = reading_open(world, &filter, "");
    assert_int_equal(world->domain.events.wants_messages, 1);
    reading_close(reading);
    live_tick(world->domain.live);
    assert_int_equal(world->domain.events.wants_messages, 1); /* it may come back */
    world_now += 60000;
    live_tick(world->domain.live);
    assert_int_equal(world->domain.events.wants_messages, 0);
    reading_close(status_only);
}

static void a_revoked_key_ends_its_stream(void **state)
{
    struct world *world = *state;
    struct live_filter filter = filter_of(&world->partner), other = filter_of(&world->organization);
    struct reading *reading = reading_open(world, &filter, ""), *organization = reading_open(world, &other, "");
    struct event *event = event_new(EVENT_API_KEY_REVOKED, NULL);
    event->api_key_no = world->partner.api_key_no;
    event_bus_emit(&world->domain.events, event);
    assert_true(live_is_revoked(reading->reader));
    assert_int_equal(reading->wakes, 1);
    assert_false(live_is_revoked(organization->reader));
    event = event_new(EVENT_TENANT_SUSPENDED, NULL);
    event->partner_no = world->partner.partner_no;
    event_bus_emit(&world->domain.events, event);
    assert_true(live_is_revoked(organization->reader));
    reading_close(reading);
    reading_close(organization);
}

static void the_message_rate_is_of_the_last_minute(void **state)
{
    struct world *world = *state;
    struct live *live = world->domain.live;
    for (int i = 0; i < 61; i++) {
        live_tick(live);
    }
    assert_int_equal(live_messages_per_minute(live), 0);
    metric_add(METRIC_TELEMETRY_SAMPLES, 42);
    live_tick(live);
    assert_int_equal(live_messages_per_minute(live), 42);
    for (int i = 0; i < 59; i++) {
        live_tick(live);
    }
    assert_int_equal(live_messages_per_minute(live), 42);
    live_tick(live);
    assert_int_equal(live_messages_per_minute(live), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_start_set_up, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_rendered),
        TEST(tenants_are_kept_apart),
        TEST(filters_combine),
        TEST(readers_resume),
        TEST(a_slow_reader_is_told),
        TEST(what_is_kept_is_bounded_in_bytes),
        TEST(no_tenant_takes_all_readers),
        TEST(secrets_are_masked),
        TEST(messages_are_made_while_somebody_looks),
        TEST(a_revoked_key_ends_its_stream),
        TEST(the_message_rate_is_of_the_last_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
