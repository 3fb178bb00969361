/* Every answer to a telemetry body (device-api.md 3.1, 3.2.2, 3.2.4, 1.4.5, 1.6.3, 1.7). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "codec/json/json.h"
#include "model/domain.h"
#include "model/telemetry/flat.h"
#include "model/telemetry/telemetry.h"

#define NOW_MS INT64_C(1772360100000) /* 2026-03-01T10:15:00Z */

static int64_t now(void)
{
    return NOW_MS;
}

struct parsed {
    enum err err;
    unsigned status;
    char error[512];
    char values[4096]; /* as JSON */
    struct telemetry_sample sample;
    char message[64], firmware[64];
};

static struct parsed parse_bytes(const char *body, uint32_t body_bytes)
{
    static struct settings settings;
    struct domain domain = {.now_unix_ms = now};
    settings_init(&settings);
    domain.settings = &settings;
    struct parsed p = {0};
    struct arena arena;
    struct reply reply;
    struct json *doc = NULL;
    arena_init(&arena);
    reply_init(&reply);
    if (body) {
        assert_int_equal(json_parse(str_from_cstr(body), NULL, &doc), ERR_OK);
    }
    p.err = telemetry_parse(&domain, doc, body_bytes, TRANSPORT_MQTT, &arena, &p.sample, &reply);
    json_free(doc);
    p.status = reply.status;
    struct str error = reply_error_text(&reply);
    snprintf(p.error, sizeof p.error, "%.*s", STR_ARG(error));
    if (p.err == ERR_OK) {
        struct buf out;
        buf_init(&out, sizeof p.values - 1);
        flat_write_json(&out, p.sample.values, true, STR(""));
        memcpy(p.values, out.data, out.len);
        buf_deinit(&out);
        snprintf(p.message, sizeof p.message, "%.*s", STR_ARG(p.sample.message));
        snprintf(p.firmware, sizeof p.firmware, "%.*s", STR_ARG(p.sample.firmware_version));
    }
    reply_deinit(&reply);
    arena_deinit(&arena);
    settings_deinit(&settings);
    return p;
}

static struct parsed parse(const char *body)
{
    return parse_bytes(body, body ? (uint32_t)strlen(body) : 0);
}

static void assert_values(const char *body, const char *values)
{
    struct parsed p = parse(body);
    assert_int_equal(p.err, ERR_OK);
    assert_string_equal(p.values, values);
}

static void assert_refused(const char *body, unsigned status, const char *error)
{
    struct parsed p = parse(body);
    assert_int_equal(p.err, ERR_INVALID);
    assert_int_equal(p.status, status);
    assert_string_equal(p.error, error);
}

static void bodies_that_are_accepted(void **state)
{
    (void)state;
    assert_values(NULL, "{\"status\":\"online\"}");
    assert_values("{}", "{\"status\":\"online\"}");
    assert_values("{\"status\":null,\"unknown\":[1]}", "{\"status\":\"online\"}");
    assert_values("{\"status\":\"offline\"}", "{\"status\":\"offline\"}");
    assert_values("{\"status\":\"error\",\"telemetries\":{\"b\":true,\"a\":-1.5,\"c\":\"\",\"d\":null}}",
                  "{\"a\":-1.5,\"b\":true,\"c\":\"\",\"d\":null,\"status\":\"error\"}");
    assert_values("{\"telemetries\":{\"status\":\"whatever\",\"big\":9007199254740992}}",
                  "{\"big\":9007199254740992,\"status\":\"online\"}");
    assert_values("{\"telemetries\":{}}", "{\"status\":\"online\"}");
    struct parsed p = parse("{\"override\":\"true\",\"message\":5}");
    assert_true(p.sample.override);
    assert_string_equal(p.message, "5");
    p = parse("{\"override\":false}");
    assert_false(p.sample.override);
    assert_null(p.sample.message.ptr);
}

static void bodies_that_are_refused(void **state)
{
    (void)state;
    assert_refused("[]", 422, "Body must be an object");
    assert_refused("5", 422, "Body must be an object");
    assert_refused("{\"status\":\"on\"}", 422, "Status must be online, offline or error");
    assert_refused("{\"status\":1}", 422, "Status must be online, offline or error");
    assert_refused("{\"status\":\"\"}", 422, "Status must be online, offline or error");
    assert_refused("{\"telemetries\":[]}", 422, "Missing 'telemetries' object");
    assert_refused("{\"telemetries\":null}", 422, "Missing 'telemetries' object");
    assert_refused("{\"telemetries\":\"x\"}", 422, "Missing 'telemetries' object");
    assert_refused("{\"telemetries\":{\"a\":1,\"temp\":{\"c\":1}}}", 422, "Common telemetries.temp must be string, number or boolean");
    assert_refused("{\"telemetries\":{\"list\":[]}}", 422, "Common telemetries.list must be string, number or boolean");
    assert_refused("{\"timestamp\":\"yesterday\"}", 422, "Timestamp is invalid");
    assert_refused("{\"timestamp\":true}", 422, "Timestamp is invalid");
    assert_refused("{\"timestamp\":\"\"}", 422, "Timestamp is invalid");
    assert_refused("{\"timestamp\":{}}", 422, "Timestamp is invalid");
    assert_refused("{\"override\":\"maybe\"}", 422, "Override is invalid");
    assert_refused("{\"message\":{}}", 422, "Message is invalid");
    struct parsed p = parse_bytes("{}", 131073);
    assert_int_equal(p.status, 413);
    assert_string_equal(p.error, "Payload too large");
    assert_int_equal(parse_bytes("{}", 131072).err, ERR_OK);
}

static void strings_and_keys_have_limits(void **state)
{
    (void)state;
    char text[1200];
    char body[1400];
    memset(text, 'x', sizeof text);
    text[1000] = 0;
    snprintf(body, sizeof body, "{\"telemetries\":{\"long\":\"%s\"}}", text);
    assert_int_equal(parse(body).err, ERR_OK);
    text[1000] = 'x';
    text[1001] = 0;
    snprintf(body, sizeof body, "{\"telemetries\":{\"long\":\"%s\"}}", text);
    assert_refused(body, 422, "Common telemetries.long is too long (maximum is 1000 bytes)");
    snprintf(body, sizeof body, "{\"common\":{\"long\":\"%s\"}}", text);
    assert_refused(body, 422, "Common telemetries.long is too long (maximum is 1000 bytes)");
    text[128] = 0;
    snprintf(body, sizeof body, "{\"telemetries\":{\"%s\":1}}", text);
    assert_int_equal(parse(body).err, ERR_OK);
    text[128] = 'x';
    text[129] = 0;
    snprintf(body, sizeof body, "{\"telemetries\":{\"%s\":1}}", text);
    assert_refused(body, 422, "Common telemetries key is too long (maximum is 128 bytes)");
}

static void legacy_bodies(void **state)
{
    (void)state;
    struct parsed p = parse("{\"common\":{\"status\":\"error\",\"firmware_version\":\"1.2.3\",\"temp\":20,\"list\":[1]},"
                            "\"custom\":{\"fan\":true,\"firmware_version\":\"mine\",\"obj\":{}}}");
    assert_int_equal(p.err, ERR_OK);
    assert_string_equal(p.values, "{\"fan\":true,\"firmware_version\":\"mine\",\"status\":\"error\",\"temp\":20}");
    assert_string_equal(p.firmware, "1.2.3");
    assert_int_equal(p.sample.status, STATUS_ERROR);
    p = parse("{\"telemetries\":{\"temp\":1},\"common\":{\"status\":\"offline\",\"temp\":20},\"custom\":{\"fan\":true}}");
    assert_string_equal(p.values, "{\"status\":\"offline\",\"temp\":1}"); /* a telemetries object beside them wins */
    p = parse("{\"common\":{\"a\":1},\"custom\":{\"a\":2}}");
    assert_string_equal(p.values, "{\"a\":2,\"status\":\"online\"}");
    p = parse("{\"common\":5,\"custom\":[1]}");
    assert_int_equal(p.err, ERR_OK);
    assert_refused("{\"common\":{\"status\":\"on\"}}", 422, "Status must be online, offline or error");
}

static void assert_time(const char *timestamp, int64_t at_ms, int64_t sent_ms)
{
    char body[128];
    snprintf(body, sizeof body, "{\"timestamp\":%s}", timestamp);
    struct parsed p = parse(body);
    assert_int_equal(p.err, ERR_OK);
    assert_int_equal(p.sample.at_ms, at_ms);
    assert_int_equal(p.sample.device_timestamp_ms, sent_ms);
    assert_int_equal(p.sample.received_ms, NOW_MS);
}

static void sample_times(void **state)
{
    (void)state;
    assert_time("null", NOW_MS, INT64_MIN);
    assert_time("\"2026-03-01T10:00:00Z\"", NOW_MS - 900000, NOW_MS - 900000);
    assert_time("\"2026-03-01T11:00:00.500+01:00\"", NOW_MS - 899500, NOW_MS - 899500);
    assert_time("\"2026-03-01T10:00:00\"", NOW_MS - 900000, NOW_MS - 900000);
    assert_time("1772359200", NOW_MS - 900000, NOW_MS - 900000);
    assert_time("\"1772359200\"", NOW_MS - 900000, NOW_MS - 900000);
    assert_time("1772359200000", NOW_MS - 900000, NOW_MS - 900000);
    assert_time("1772360400", NOW_MS + 300000, NOW_MS + 300000);     /* five minutes ahead: still taken */
    assert_time("1772360401", NOW_MS, NOW_MS + 301000);
    assert_time("1769768100", NOW_MS - INT64_C(2592000000), NOW_MS - INT64_C(2592000000)); /* thirty days */
    assert_time("1769768099", NOW_MS, NOW_MS - INT64_C(2592001000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_are_accepted), cmocka_unit_test(bodies_that_are_refused),
        cmocka_unit_test(strings_and_keys_have_limits), cmocka_unit_test(legacy_bodies), cmocka_unit_test(sample_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
