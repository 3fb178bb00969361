#include "model/testing/device_test_support.h"

#include "base/metrics.h"
#include "model/claim/claim.h"
#include "model/command/command.h"
#include "model/device/presence.h"
#include "model/housekeeping.h"
#include "model/push/pending.h"

#define PANEL_NO(no) \
    "{\"hardware_key\":\"" KEY_MAC "\",\"firmware_version\":\"1.0.0\",\"sn\":\"A-" no "\",\"mac\":\"AA:BB:CC:DD:EE:0" no "\"}"
#define PANEL PANEL_NO("1")
#define OLD "{\"hardware_key\":\"" KEY_OLD "\",\"firmware_version\":\"1\",\"cloud_id\":\"NL01abcdefgh\"}"

static void claim_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)device;
    device_claim(admin, tx, body);
}

static void send_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    command_send(admin, tx, device, body);
}

static void cancel_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    command_cancel(admin, tx, device, json_string(json_get(body, "id")));
}

static void get_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    command_get(admin, tx, device, json_string(json_get(body, "id")));
}

static void list_run(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    command_list(admin, tx, device, 0, false, (struct page){1, 100});
}

static struct device_brief claimed(struct fixture *f, const char *body, const char *claim)
{
    struct device_brief device = register_device(f, body, NULL);
    expect_status(manage(f, organization_user(ORGANIZATION), NULL, claim_run, claim), 200);
    return hot_of(f, &device);
}

static struct device_brief claimed_panel(struct fixture *f)
{
    return claimed(f, PANEL, "{\"space_id\":2,\"mac\":\"AABBCCDDEE01\",\"sn\":\"A-1\"}");
}

static struct answer send(struct fixture *f, const struct device_brief *device, const char *body)
{
    return manage(f, organization_user(ORGANIZATION), device, send_run, body);
}

/* Sends and gives the id as JSON text {"id":"..."}. */
static void send_ok(struct fixture *f, const struct device_brief *device, const char *body, char ret_id[UUID_TEXT_BYTES])
{
    struct answer answer = send(f, device, body);
    if (answer.status != 200) {
        print_error("%s\n", answer.text);
    }
    assert_int_equal(answer.status, 200);
    snprintf(ret_id, UUID_TEXT_BYTES, "%.*s", STR_ARG(json_string(json_get(answer.json, "id"))));
    answer_free(&answer);
}

static struct answer report(struct fixture *f, const struct device_brief *device, const char *id, const char *status)
{
    char body[256];
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"status\":\"%s\",\"message\":\"m\",\"name\":\"ignored\"}", id, status);
    return ask(f, device, DEVICE_COMMAND_UPDATE, body);
}

static struct answer cancel(struct fixture *f, const struct device_brief *device, const char *id)
{
    char body[64];
    snprintf(body, sizeof body, "{\"id\":\"%s\"}", id);
    return manage(f, organization_user(ORGANIZATION), device, cancel_run, body);
}

static void expect_state(struct fixture *f, const struct device_brief *device, const char *id, const char *status)
{
    char body[64];
    snprintf(body, sizeof body, "{\"id\":\"%s\"}", id);
    struct answer answer = manage(f, organization_user(ORGANIZATION), device, get_run, body);
    assert_int_equal(answer.status, 200);
    assert_true(str_eq(json_string(json_get(answer.json, "status")), str_from_cstr(status)));
    answer_free(&answer);
}

static void test_send_errors(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    expect_error(send(f, &device, NULL), 422, "Invalid command");
    expect_error(send(f, &device, "{\"name\":\"nope\",\"friendly_name\":\"Nope\"}"), 422, "Invalid command");
    expect_error(send(f, &device, "{\"name\":\"old_one\"}"), 422, "Invalid command");
    expect_error(send(f, &device, "{\"name\":\"set_input\"}"), 422, "Parameter input is required");
    expect_error(send(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"\"}}"), 422, "Parameter input is required");
    expect_error(send(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"34\"}}"), 422, "input is invalid");
    expect_error(send(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"33\",\"level\":\"x\"}}"), 422,
                 "level is invalid");
    expect_error(send(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"33\",\"other\":1}}"), 422,
                 "Unknown parameter other");
    expect_error(send(f, &device, "{\"name\":\"reboot\",\"extra_params\":{\"x\":1}}"), 422, "Unknown parameter x");
    expect_error(send(f, &device, "{\"name\":\"flash\"}"), 422, "Parameter file_id is required");
    expect_error(send(f, &device, "{\"name\":\"flash\",\"file_id\":\"7c1de0a4-52f1-4b0e-9a55-3f6b2e81c9d0\"}"), 404, "File not found");
    expect_error(send(f, &device, "{\"name\":\"reboot\",\"scheduled_at\":\"soon\"}"), 422, "Scheduled at is invalid");
    f->settings.limits_commands_open = 1;
    int64_t sent = metric_get(METRIC_COMMANDS_SENT);
    expect_status(send(f, &device, "{\"name\":\"reboot\"}"), 200);
    expect_error(send(f, &device, "{\"name\":\"reboot\"}"), 422, "Too many commands");
    assert_int_equal(test_number(f, "SELECT count(*) FROM command"), 1);
    assert_int_equal(metric_get(METRIC_COMMANDS_SENT) - sent, 1);
}

static void test_send_accepted(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char wanted[640], id[UUID_TEXT_BYTES], device_id[UUID_TEXT_BYTES], now[TIME_TEXT_BYTES];
    struct answer answer = send(f, &device, "{\"friendly_name\":\"Set input\",\"file_id\":null,\"extra_params\":{\"input\":33,"
                                            "\"level\":\"7\"}}");
    snprintf(id, sizeof id, "%.*s", STR_ARG(json_string(json_get(answer.json, "id"))));
    uuid_format(&device.id, device_id);
    time_format(test_now_ms, now);
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"%s\",\"device_id\":\"%s\",\"status\":\"pending\",\"name\":\"set_input\",\"friendly_name\":\"Set input\","
             "\"parameters\":{\"input\":33,\"level\":7},\"message\":null,\"file_id\":null,\"created_by\":\"Ada\","
             "\"created_at\":\"%s\",\"scheduled_at\":null,\"delivered_at\":null,\"finished_at\":null}",
             id, device_id, now);
    expect(answer, 200, wanted);
    const struct event *event = last_event(f, EVENT_COMMAND);
    assert_int_equal(event->push, PUSH_COMMAND | PUSH_CHILDREN);
    assert_int_equal(event->organization_no, ORGANIZATION);
    assert_string_equal(event->payload.ptr, wanted);
    assert_true(hot_of(f, &device).command_waiting);
    /* by the alias, without parameters; not the head, so nothing to push */
    answer = send(f, &device, "{\"command\":\"Reboot\",\"extra_params\":{}}");
    assert_int_equal(answer.status, 200);
    assert_true(json_is_null(json_get(answer.json, "parameters")));
    answer_free(&answer);
    assert_int_equal(last_event(f, EVENT_COMMAND)->push, 0);
    /* optional empty ones are null for the device */
    send_ok(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"33\",\"level\":null}}", id);
    assert_int_equal(test_number(f, "SELECT parameters = '{\"input\":\"33\",\"level\":null}' FROM command WHERE no = 3"), 1);
}

static void test_queue(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char first[UUID_TEXT_BYTES], second[UUID_TEXT_BYTES], wanted[256], device_id[UUID_TEXT_BYTES];
    uuid_format(&device.id, device_id);
    expect(ask(f, &device, DEVICE_COMMAND_GET, NULL), 200, "{}");
    expect_error(report(f, &device, "nonsense", "done"), 404, "no command");
    send_ok(f, &device, "{\"name\":\"reboot\"}", first);
    send_ok(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"33\"}}", second);
    snprintf(wanted, sizeof wanted, "{\"id\":\"%s\",\"device_id\":\"%s\",\"status\":\"pending\",\"name\":\"reboot\",\"parameters\":{}}",
             first, device_id);
    expect(ask(f, &device, DEVICE_COMMAND_GET, NULL), 200, wanted);
    assert_int_equal(test_number(f, "SELECT delivered_at FROM command WHERE no = 1"), test_now_ms);
    expect(report(f, &device, first, "in-progress"), 200, "{\"success\":true}");
    assert_int_equal(last_event(f, EVENT_COMMAND)->push, PUSH_COMMAND | PUSH_CHILDREN); /* over HTTPS: elsewhere it waits no more */
    expect(report(f, &device, first, "in_progress"), 200, "{\"success\":true}");
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"%s\",\"device_id\":\"%s\",\"status\":\"in_progress\",\"name\":\"reboot\",\"parameters\":{}}", first, device_id);
    expect(ask(f, &device, DEVICE_COMMAND_GET, NULL), 200, wanted); /* a reboot finds its own command again */
    assert_true(hot_of(f, &device).command_waiting);
    expect(report(f, &device, first, "done"), 200, "{\"success\":true}");
    assert_int_equal(last_event(f, EVENT_COMMAND)->push, PUSH_COMMAND | PUSH_CHILDREN); /* the next one is uncovered */
    expect(report(f, &device, first, "done"), 200, "{\"success\":true}"); /* repeated */
    expect_error(report(f, &device, first, "failed"), 404, "no command");
    expect_error(report(f, &device, first, "in_progress"), 404, "no command");
    expect_state(f, &device, first, "done");
    struct answer answer = ask(f, &device, DEVICE_COMMAND_GET, NULL);
    assert_true(str_eq(json_string(json_get(answer.json, "id")), str_from_cstr(second)));
    answer_free(&answer);
    expect(report(f, &device, second, "error"), 200, "{\"success\":true}");
    expect_state(f, &device, second, "failed");
    assert_false(hot_of(f, &device).command_waiting);
    expect(ask(f, &device, DEVICE_COMMAND_GET, NULL), 200, "{}");
}

static void test_report_errors(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    struct device_brief old = claimed(f, OLD, "{\"space_id\":2,\"cloud_id\":\"NL01abcdefgh\"}");
    char id[UUID_TEXT_BYTES], body[5000];
    static const char invalid[] = "invalid status: done/in-progress/failed";
    send_ok(f, &device, "{\"name\":\"reboot\"}", id);
    expect_error(ask(f, &device, DEVICE_COMMAND_UPDATE, NULL), 422, invalid);
    expect_error(report(f, &device, id, "aborted"), 422, invalid);
    expect_error(report(f, &device, id, "pending"), 422, invalid);
    expect_error(ask(f, &device, DEVICE_COMMAND_UPDATE, "{\"status\":7}"), 422, invalid);
    expect_error(ask(f, &device, DEVICE_COMMAND_UPDATE, "{\"status\":\"done\"}"), 422, "Id can't be blank");
    expect_error(ask(f, &device, DEVICE_COMMAND_UPDATE, "{\"status\":\"done\",\"id\":\"\"}"), 422, "Id can't be blank");
    expect_error(ask(f, &device, DEVICE_COMMAND_UPDATE, "[]"), 422, "Body must be an object");
    expect_error(report(f, &old, id, "done"), 404, "no command"); /* another device's */
    expect_error(ask(f, &old, DEVICE_COMMAND_UPDATE, "{\"status\":\"done\"}"), 404, "no command"); /* queue empty */
    int at = snprintf(body, sizeof body, "{\"id\":\"%s\",\"status\":\"done\",\"message\":\"", id);
    memset(body + at, 'x', 4097);
    snprintf(body + at + 4097, sizeof body - (size_t)at - 4097, "\"}");
    expect_error(ask(f, &device, DEVICE_COMMAND_UPDATE, body), 422, "Message is too long (maximum is 4096 characters)");
    /* below 1.0.1 the head is meant; no device_id below 1.0.7 */
    send_ok(f, &old, "{\"name\":\"reboot\"}", id);
    struct answer answer = ask(f, &old, DEVICE_COMMAND_GET, NULL);
    assert_null(json_get(answer.json, "device_id"));
    answer_free(&answer);
    expect(ask(f, &old, DEVICE_COMMAND_UPDATE, "{\"status\":\"done\"}"), 200, "{\"success\":true}");
    expect_state(f, &old, id, "done");
}

static void test_mqtt_correlation(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char id[UUID_TEXT_BYTES];
    send_ok(f, &device, "{\"name\":\"reboot\"}", id);
    expect(ask_over(f, &device, DEVICE_COMMAND_UPDATE, "{\"status\":\"in_progress\"}", TRANSPORT_MQTT, str_from_cstr(id)), 200,
           "{\"success\":true}");
    expect_state(f, &device, id, "in_progress");
    expect_error(ask_over(f, &device, DEVICE_COMMAND_UPDATE, "{\"status\":\"done\"}", TRANSPORT_MQTT, STR("17")), 422,
                 "Id can't be blank");
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char first[UUID_TEXT_BYTES], second[UUID_TEXT_BYTES];
    send_ok(f, &device, "{\"name\":\"reboot\"}", first);
    send_ok(f, &device, "{\"name\":\"reboot\"}", second);
    char third[UUID_TEXT_BYTES];
    send_ok(f, &device, "{\"name\":\"reboot\"}", third);
    expect_status(cancel(f, &device, third), 200);
    assert_int_equal(last_event(f, EVENT_COMMAND)->push, 0); /* it was not the head */
    struct answer answer = cancel(f, &device, first);
    assert_int_equal(answer.status, 200);
    assert_int_equal(last_event(f, EVENT_COMMAND)->push, PUSH_COMMAND | PUSH_CHILDREN);
    assert_true(str_eq(json_string(json_get(answer.json, "status")), STR("aborted")));
    answer_free(&answer);
    expect_error(cancel(f, &device, first), 422, "Command cannot be cancelled");
    expect_error(cancel(f, &device, "nonsense"), 404, "Command not found");
    expect_error(report(f, &device, first, "done"), 404, "no command");
    expect(report(f, &device, second, "in_progress"), 200, "{\"success\":true}");
    expect_status(cancel(f, &device, second), 200);
    assert_false(hot_of(f, &device).command_waiting);
}

static void test_schedule_and_timeout(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char later[UUID_TEXT_BYTES], now[UUID_TEXT_BYTES], timed[UUID_TEXT_BYTES], body[128];
    snprintf(body, sizeof body, "{\"name\":\"reboot\",\"scheduled_at\":%lld}", (long long)test_now_ms + 5000);
    send_ok(f, &device, body, later);
    expect_state(f, &device, later, "scheduled");
    assert_false(hot_of(f, &device).command_waiting);
    expect_error(report(f, &device, later, "done"), 404, "no command");
    send_ok(f, &device, "{\"name\":\"reboot\"}", now);
    commands_tick(&f->domain);
    expect_state(f, &device, later, "scheduled");
    test_now_ms += 5000;
    commands_tick(&f->domain);
    expect_state(f, &device, later, "pending");
    expect_status(report(f, &device, now, "done"), 200); /* the queue's order is that of entering */
    struct answer answer = ask(f, &device, DEVICE_COMMAND_GET, NULL);
    assert_true(str_eq(json_string(json_get(answer.json, "id")), str_from_cstr(later)));
    answer_free(&answer);
    expect_status(report(f, &device, later, "done"), 200);
    /* 60 s from the first delivery, not before it */
    send_ok(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"33\"}}", timed);
    test_now_ms += 600000;
    commands_tick(&f->domain);
    expect_state(f, &device, timed, "pending");
    struct device_brief hot = hot_of(f, &device);
    command_mark_delivered(&f->domain, &hot, timed);
    assert_int_equal(hot_of(f, &device).command_hold_until_ms, test_now_ms + 60000);
    test_now_ms += 59999;
    command_mark_delivered(&f->domain, &hot, timed); /* a second delivery changes nothing */
    commands_tick(&f->domain);
    expect_state(f, &device, timed, "pending");
    test_now_ms += 1;
    commands_tick(&f->domain);
    expect_state(f, &device, timed, "failed");
    assert_int_equal(test_number(f, "SELECT message = 'Timed out' FROM command WHERE no = 3"), 1);
    assert_false(hot_of(f, &device).command_waiting);
    assert_int_equal(hot_of(f, &device).command_hold_until_ms, 0);
    expect_error(report(f, &device, timed, "done"), 404, "no command");
}

static bool swept_after(struct fixture *f, const struct device_brief *device, int64_t ms)
{
    for (int64_t end = test_now_ms + ms; test_now_ms < end;) {
        test_now_ms += 1000;
        presence_tick(&f->domain);
    }
    return hot_of(f, device).swept;
}

/* A timeout keeps the device from being swept until the command is final, and no longer (4.4, 10.2.2). */
static void test_hold_ends_with_the_command(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char id[UUID_TEXT_BYTES];
    test_exec(f, "UPDATE command_definition SET timeout_seconds = 3600 WHERE name = 'set_input'");
    for (int round = 0; round < 2; round++) {
        send_ok(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"33\"}}", id);
        presence_contact(&f->domain, device.no);
        expect_status(ask(f, &device, DEVICE_COMMAND_GET, NULL), 200);
        assert_false(swept_after(f, &device, 10 * 60000)); /* twice the threshold: its timer waits for the timeout now */
        if (round == 0) {
            presence_contact(&f->domain, device.no);
            expect_status(report(f, &device, id, "done"), 200);
            assert_false(swept_after(f, &device, 299000));
            assert_true(swept_after(f, &device, 2000));
        } else { /* without a contact of the device */
            expect_status(cancel(f, &device, id), 200);
            assert_true(swept_after(f, &device, 2000));
        }
    }
}

static void test_survives_restart(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char id[UUID_TEXT_BYTES], dir[64];
    send_ok(f, &device, "{\"name\":\"set_input\",\"extra_params\":{\"input\":\"33\"}}", id);
    expect_status(ask(f, &device, DEVICE_COMMAND_GET, NULL), 200);
    struct device_brief before = hot_of(f, &device);
    snprintf(dir, sizeof dir, "%s", f->dir);
    fixture_close(f);
    f = *state = fixture_open(dir);
    struct device_brief after = hot_of(f, &device);
    assert_true(after.command_waiting);
    assert_int_equal(after.command_hold_until_ms, before.command_hold_until_ms);
    assert_int_equal(after.space_version, 1);
    assert_int_equal(after.organization_no, ORGANIZATION);
}

static void on_pending(struct op *op)
{
    (void)op;
}

static void test_pending(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char id[UUID_TEXT_BYTES];
    send_ok(f, &device, "{\"name\":\"reboot\"}", id);
    test_exec(f, "INSERT INTO device_config (device_no, version, applied_version, config, updated_at) VALUES (1, 4, 3, '{\"a\":1}', 0)");
    struct pending_read *read = pending_read_new(&f->domain, &device, PUSH_ALL & ~(uint32_t)PUSH_CHILDREN);
    pending_read_submit(read, NULL, on_pending);
    const struct pending_item *item = read->items;
    assert_int_equal(item->kind, PUSH_CONFIG);
    assert_int_equal(item->level, 4);
    assert_string_equal(item->correlation, "4");
    assert_non_null(strstr(item->payload.ptr, "\"config\":{\"a\":1},\"device_id\":"));
    item = item->next;
    assert_int_equal(item->kind, PUSH_SPACE);
    assert_int_equal(item->level, 1);
    char space[512], device_id[UUID_TEXT_BYTES];
    uuid_format(&device.id, device_id);
    snprintf(space, sizeof space,
             "{\"location\":{\"coordinates\":{\"lat\":52.37,\"lng\":4.9},\"utc_offset\":60,\"name\":\"Amsterdam\"},"
             "\"temperature_units\":\"fahrenheit\",\"maintenance\":false,\"name\":\"Lobby\",\"local_time\":\"%s\","
             "\"device_id\":\"%s\"}",
             "2026-09-21T15:13:20+01:00", device_id);
    assert_int_equal(item->payload.len, strlen(space));
    assert_memory_equal(item->payload.ptr, space, item->payload.len);
    item = item->next;
    assert_int_equal(item->kind, PUSH_COMMAND);
    assert_string_equal(item->id, id);
    assert_string_equal(item->correlation, id);
    assert_null(item->next);
    pending_read_free(read);
    /* never one that is in progress */
    expect_status(report(f, &device, id, "in_progress"), 200);
    read = pending_read_new(&f->domain, &device, PUSH_COMMAND);
    pending_read_submit(read, NULL, on_pending);
    assert_null(read->items);
    pending_read_free(read);
}

static size_t count_items(const struct pending_read *read, enum push_mask kind)
{
    size_t count = 0;
    for (const struct pending_item *item = read->items; item; item = item->next) {
        count += item->kind == kind;
    }
    return count;
}

/* A command that cannot be read back holds back neither its siblings' commands nor what else waits. */
static void test_pending_without_what_is_broken(void **state)
{
    struct fixture *f = *state;
    struct device_brief parent = claimed_panel(f);
    struct device_brief children[3] = {
        claimed(f, PANEL_NO("2"), "{\"space_id\":2,\"mac\":\"AABBCCDDEE02\",\"sn\":\"A-2\"}"),
        claimed(f, PANEL_NO("3"), "{\"space_id\":2,\"mac\":\"AABBCCDDEE03\",\"sn\":\"A-3\"}"),
        claimed(f, PANEL_NO("4"), "{\"space_id\":2,\"mac\":\"AABBCCDDEE04\",\"sn\":\"A-4\"}"),
    };
    char id[UUID_TEXT_BYTES], sql[256];
    for (size_t i = 0; i < 3; i++) {
        send_ok(f, &children[i], "{\"name\":\"reboot\"}", id);
        snprintf(sql, sizeof sql, "UPDATE device SET parent_no = %lld WHERE no = %lld", (long long)parent.no, (long long)children[i].no);
        test_exec(f, sql);
    }
    test_exec(f, "INSERT INTO device_config (device_no, version, applied_version, config, updated_at) VALUES (1, 4, 3, '{\"a\":1}', 0)");
    snprintf(sql, sizeof sql, "UPDATE command SET parameters = '{', file_id = x'%032d' WHERE device_no = %lld", 1, (long long)children[1].no);
    test_exec(f, sql);
    struct pending_read *read = pending_read_new(&f->domain, &parent, PUSH_ALL);
    pending_read_submit(read, NULL, on_pending);
    assert_int_equal(read->op.err, ERR_OK);
    assert_int_equal(count_items(read, PUSH_CHILDREN), 2);
    assert_int_equal(count_items(read, PUSH_CONFIG), 1);
    assert_int_equal(read->unread, PUSH_CHILDREN);
    assert_true(read->wanted & PUSH_CHILDREN);
    pending_read_free(read);
    /* its own command cannot be read at all */
    read = pending_read_new(&f->domain, &children[1], PUSH_COMMAND | PUSH_SPACE);
    pending_read_submit(read, NULL, on_pending);
    assert_int_equal(read->op.err, ERR_OK);
    assert_int_equal(count_items(read, PUSH_SPACE), 1);
    assert_int_equal(count_items(read, PUSH_COMMAND), 0);
    assert_int_equal(read->unread, PUSH_COMMAND);
    assert_int_equal(read->wanted, PUSH_SPACE);
    pending_read_free(read);
}

static void test_visibility(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char id[UUID_TEXT_BYTES], body[64];
    send_ok(f, &device, "{\"name\":\"reboot\"}", id);
    snprintf(body, sizeof body, "{\"id\":\"%s\"}", id);
    expect_error(manage(f, organization_user(LAB), &device, get_run, body), 404, "Device not found");
    expect_error(manage(f, partner_user(OTHER_PARTNER), &device, list_run, NULL), 404, "Errors::NotFound");
    struct answer answer = manage(f, partner_user(PARTNER), &device, list_run, NULL);
    assert_int_equal(json_count(json_get(answer.json, "data")), 1);
    answer_free(&answer);
    /* the next owner does not see what the former one sent */
    test_exec(f, "UPDATE device SET organization_no = 2, space_no = 3 WHERE no = 1");
    answer = manage(f, organization_user(LAB), &device, list_run, NULL);
    expect(answer, 200, "{\"items\":[],\"next_page\":null,\"has_next_page\":false}");
    expect_error(manage(f, organization_user(LAB), &device, get_run, body), 404, "Command not found");
    expect_error(manage(f, organization_user(LAB), &device, cancel_run, body), 404, "Command not found");
    /* a lab may send what is not active */
    expect_status(manage(f, organization_user(LAB), &device, send_run, "{\"name\":\"old_one\"}"), 200);
}

/* Random reports, cancels and sends keep to the rules: one head, order of entering, final states are final. */
static void test_random_walk(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    static const char *const words[] = {"in_progress", "done", "failed"};
    char ids[40][UUID_TEXT_BYTES];
    unsigned seed = 12345;
    size_t count = 0;
    for (int step = 0; step < 400; step++) {
        seed = seed * 1103515245 + 12345;
        unsigned dice = seed >> 16;
        if (count < 40 && (dice % 5 == 0 || count == 0)) {
            send_ok(f, &device, "{\"name\":\"reboot\"}", ids[count++]);
        } else if (dice % 5 == 1) {
            struct answer answer = cancel(f, &device, ids[dice / 5 % count]);
            answer_free(&answer);
        } else {
            struct answer answer = report(f, &device, ids[dice / 15 % count], words[dice % 3]);
            answer_free(&answer);
        }
        assert_int_equal(test_number(f, "SELECT count(*) FROM command WHERE (status >= 4) <> (finished_at IS NOT NULL) "
                                        "OR (status IN (2, 3)) <> (queue_no IS NOT NULL)"), 0);
        int64_t head = test_number(f, "SELECT ifnull(min(no), 0) FROM command WHERE status IN (2, 3)");
        assert_int_equal(hot_of(f, &device).command_waiting, head != 0);
        struct answer answer = ask(f, &device, DEVICE_COMMAND_GET, NULL);
        if (head) {
            assert_true(str_eq(json_string(json_get(answer.json, "id")), str_from_cstr(ids[head - 1])));
        } else {
            assert_string_equal(answer.text, "{}");
        }
        answer_free(&answer);
    }
}

/* Finished ones leave when retention.history_days has passed; open ones wait however long (device-api.md 4.4). */
static void test_retention(void **state)
{
    struct fixture *f = *state;
    struct device_brief device = claimed_panel(f);
    char first[UUID_TEXT_BYTES], second[UUID_TEXT_BYTES];
    send_ok(f, &device, "{\"name\":\"reboot\"}", first);
    send_ok(f, &device, "{\"name\":\"reboot\"}", second);
    expect_status(report(f, &device, first, "done"), 200);
    test_exec(f, "INSERT INTO incident (id, device_no, organization_no, origin, priority, title, issue, created_at, updated_at, "
                 "closed_at) SELECT x'01', no, 1, 4, 2, 'a', 'offline', 1, 1, created_at FROM device UNION ALL "
                 "SELECT x'02', no, 1, 4, 2, 'a', 'offline', 1, 1, NULL FROM device");
    test_now_ms += INT64_C(399) * 86400000;
    housekeeping_tick(&f->domain);
    test_drain(f);
    assert_int_equal(test_number(f, "SELECT count(*) FROM command"), 2);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident"), 2);
    test_now_ms += INT64_C(2) * 86400000;
    housekeeping_tick(&f->domain);
    test_drain(f);
    assert_int_equal(test_number(f, "SELECT count(*) FROM command WHERE finished_at IS NULL"), 1);
    assert_int_equal(test_number(f, "SELECT count(*) FROM command"), 1);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident WHERE closed_at IS NULL"), 1);
    assert_int_equal(test_number(f, "SELECT count(*) FROM incident"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_send_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_send_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_report_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mqtt_correlation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pending, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pending_without_what_is_broken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_schedule_and_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hold_ends_with_the_command, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_visibility, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
