/* The table of device operations: which lane each runs on and what it does. A call may take several steps on different
 * lanes; the door sees one `done`. */
#include "model/device/device_call.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json/json.h"
#include "model/management/audit.h"
#include "model/command/command.h"
#include "model/configuration/configuration.h"
#include "model/device/device_edit.h"
#include "model/device/device_self.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/event_log/event_log.h"
#include "model/incident/incident.h"
#include "model/incident/incident_device.h"
#include "model/file/firmware.h"
#include "model/license/license.h"
#include "model/telemetry/sample_post.h"
#include "model/maker/semver.h"
#include "model/telemetry/telemetry.h"
#include "model/telemetry/telemetry_many.h"

enum { API_SEMVER = 4, FIRMWARE_CHARS_MAX = 255 };

struct call_detail {
    void (*door_done)(struct op *op);
    struct device_change change;
    struct telemetry_sample sample;
    /* Decides after a committed step whether another follows; NULL: none. True: submitted again. */
    bool (*next)(struct device_call *call);
    bool firmware_differs;
};

static struct call_detail *detail_of(struct device_call *call)
{
    return call->detail;
}

static struct device_call *call_of(struct op *op)
{
    return container_of(op, struct device_call, op);
}

static struct device_change *begin_change(struct device_call *call, struct store_tx *tx)
{
    struct device_change *change = &detail_of(call)->change;
    device_change_init(change, call->domain, tx, &call->arena, call->transport);
    return change;
}

static void committed(struct op *op)
{
    device_change_apply(&detail_of(call_of(op))->change);
}

static void succeed(struct device_call *call)
{
    buf_append_cstr(&call->reply.body, "{\"success\":true}");
    call->reply.status = 200;
}

/* ---- telemetry (device-api.md 3.1) ---- */

static void run_telemetry(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = telemetry_append(call->domain, tx, call->device.no, &detail_of(call)->sample, &call->reply);
}

/* All levels, as the hot record has them after the commit (3.3). */
static void write_levels(struct device_call *call)
{
    struct device_brief device;
    struct json_writer w;
    if (!device_table_find_no(call->domain->devices, call->device.no, &device)) {
        device = call->device; /* deleted after its sample was stored */
    }
    json_writer_init(&w, &call->reply.body);
    json_begin_object(&w);
    json_field_int(&w, "config_version", device.config_version);
    json_field_bool(&w, "command", device.command_waiting);
    json_field_int(&w, "info_version", device.info_version);
    json_field_bool(&w, "new_licenses", device.license_waiting);
    firmware_write_level(call->domain, &device, &w);
    json_field_int(&w, "space_data_version", device.space_version);
    json_field_bool(&w, "success", true);
    json_end_object(&w);
    call->reply.status = 201;
}

static void run_firmware_check(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    struct device_row row;
    op->err = device_store_row(tx, call->device.no, &call->arena, &row);
    if (op->err == ERR_OK) {
        detail_of(call)->firmware_differs = !str_eq(row.firmware_version, detail_of(call)->sample.firmware_version);
    }
}

static void run_firmware_store(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    struct device_change *change = begin_change(call, tx);
    struct device_core core;
    op->err = device_store_core(tx, call->device.no, &core);
    if (op->err == ERR_OK) {
        op->err = device_store_note_firmware(tx, core.no, detail_of(call)->sample.firmware_version, change->now_ms);
    }
    if (op->err == ERR_OK) {
        op->err = device_store_set_firmware(tx, core.no, detail_of(call)->sample.firmware_version);
    }
    if (op->err == ERR_OK) {
        op->err = firmware_reported(tx, &call->arena, &change->hot, &core, detail_of(call)->sample.firmware_version);
    }
    if (op->err == ERR_OK) {
        device_change_emit(change, EVENT_DEVICE_UPDATED, &core, 0, (struct str){NULL, 0});
    }
}

static bool resubmit(struct device_call *call, enum op_lane lane, void (*run)(struct op *, struct store_tx *),
                     void (*on_commit)(struct op *), bool (*next)(struct device_call *))
{
    detail_of(call)->next = next;
    call->op.lane = lane;
    call->op.run = run;
    call->op.committed = on_commit;
    op_submit(call->domain->executor, &call->op);
    return true;
}

static bool after_firmware_store(struct device_call *call)
{
    write_levels(call);
    return false;
}

static bool after_firmware_check(struct device_call *call)
{
    if (detail_of(call)->firmware_differs) {
        return resubmit(call, LANE_REGISTRY, run_firmware_store, committed, after_firmware_store);
    }
    write_levels(call);
    return false;
}

/* A legacy body carries the firmware version (3.2.4); most repeat what is known, which only a reader has to look at. */
static bool after_telemetry(struct device_call *call)
{
    struct str version = detail_of(call)->sample.firmware_version;
    bool usable = version.ptr && !str_is_blank(version) && utf8_length(version) <= FIRMWARE_CHARS_MAX &&
                  (call->device.api_version < API_SEMVER || semver_is_valid(version));
    if (usable) {
        return resubmit(call, LANE_READ, run_firmware_check, NULL, after_firmware_check);
    }
    write_levels(call);
    return false;
}

/* ---- commands, configuration, information, deletion ---- */

static void run_command_get(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = command_fetch(begin_change(call, tx), &call->device, op->lane == LANE_REGISTRY, &call->reply);
}

static void run_commands_get(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = command_fetch_family(begin_change(call, tx), &call->device, op->lane == LANE_REGISTRY, &call->reply);
}

/* The reader found something that is not delivered yet. */
static bool after_commands_get(struct device_call *call)
{
    return call->reply.status == 0 && resubmit(call, LANE_REGISTRY, run_commands_get, committed, NULL);
}

static void run_command_update(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = command_report(begin_change(call, tx), &call->device, call->body, call->correlation, &call->reply);
}

static void run_commands_update(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = command_report_many(begin_change(call, tx), &call->device, call->body, call->correlation, &call->reply);
}

static void run_config_get(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    int32_t version;
    op->err = configuration_write_for_device(tx, &call->device, &call->arena, &call->reply.body, &version);
    call->reply.status = 200;
}

static void run_config_set(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = configuration_set(begin_change(call, tx), &call->device, call->body, &call->reply);
    if (op->err == ERR_OK && call->intent.intent_no != 0 && !reply_is_error(&call->reply)) {
        op->err = session_store_carried_out(tx, &call->intent);
    }
}

static enum err fetch_licenses(struct device_call *call, struct store_tx *tx)
{
    return license_fetch(begin_change(call, tx), &call->device, call->action == DEVICE_LICENSES_GET,
                         call->op.lane == LANE_REGISTRY, &call->reply);
}

static void run_licenses_get(struct op *op, struct store_tx *tx)
{
    op->err = fetch_licenses(call_of(op), tx);
}

/* The reader found one that was not fetched yet. */
static bool after_licenses_get(struct device_call *call)
{
    return call->reply.status == 0 && resubmit(call, LANE_REGISTRY, run_licenses_get, committed, NULL);
}

static void run_license_update(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = license_report(begin_change(call, tx), &call->device, call->body, call->correlation, &call->reply);
}

static void run_info_get(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = device_information_write(call->domain, tx, &call->device, &call->arena, false, &call->reply.body);
    call->reply.status = 200;
}

static void run_update(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = device_self_update(begin_change(call, tx), &call->device, call->body, &call->reply);
}

static void run_settings(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = device_self_settings(begin_change(call, tx), &call->device, call->body, &call->reply);
}

static void run_space_get(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = device_space_write(call->domain, tx, &call->device, &call->arena, &call->reply.body);
    call->reply.status = 200;
    if (op->err == ERR_STATE) {
        op->err = ERR_OK;
        reply_error(&call->reply, 422, "Device not in space");
    }
}

static void run_space_move(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = device_self_move(begin_change(call, tx), &call->device, call->body, &call->reply);
}

static void run_children_get(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = device_children_write(call->domain, tx, call->device.no, &call->arena, &call->reply.body);
    call->reply.status = 200;
}

static void run_incident_create(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = incident_device_create(begin_change(call, tx), &call->device, call->body, &call->reply);
}

static void run_incidents_get(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    int64_t newest;
    op->err = incident_write_active(tx, &call->device, &call->reply.body, &newest);
    call->reply.status = 200;
}

static void run_incident_close(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = incident_device_close(begin_change(call, tx), &call->device, call->object_id, &call->reply);
}

static void run_incidents_close(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = incident_device_close_all(begin_change(call, tx), &call->device, &call->reply);
}

static void run_event_add(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    op->err = event_log_add(begin_change(call, tx), &call->device, call->body, call->intent.intent_no, &call->reply);
}

static void audit_deletion(struct device_call *call, struct store_tx *tx)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&call->device.id, id);
    struct audit_entry entry = {
        .actor = {.kind = "device", .name = str_from_cstr(id), .tenant_kind = TENANT_PARTNER, .tenant_no = call->device.partner_no},
        .action = "device.delete",
        .object_kind = "device",
        .object_id = str_from_cstr(id),
    };
    audit_write(call->domain, tx, &entry);
}

static void run_delete(struct op *op, struct store_tx *tx)
{
    struct device_call *call = call_of(op);
    struct device_core core;
    op->err = device_store_core(tx, call->device.no, &core);
    if (op->err == ERR_OK) {
        op->err = device_delete_all(begin_change(call, tx), &core);
    }
    if (op->err == ERR_OK) {
        audit_deletion(call, tx);
        succeed(call);
    }
}

static const struct {
    enum op_lane lane;
    void (*run)(struct op *op, struct store_tx *tx);
    void (*committed)(struct op *op);
    bool (*next)(struct device_call *call);
} actions[DEVICE_ACTION_COUNT] = {
    [DEVICE_TELEMETRY] = {LANE_TELEMETRY, run_telemetry, NULL, after_telemetry},
    [DEVICE_COMMAND_GET] = {LANE_READ, run_command_get, NULL, NULL},
    [DEVICE_COMMANDS_GET] = {LANE_READ, run_commands_get, NULL, after_commands_get},
    [DEVICE_COMMAND_UPDATE] = {LANE_REGISTRY, run_command_update, committed, NULL},
    [DEVICE_COMMANDS_UPDATE] = {LANE_REGISTRY, run_commands_update, committed, NULL},
    [DEVICE_CONFIG_GET] = {LANE_READ, run_config_get, NULL, NULL},
    [DEVICE_CONFIG_SET] = {LANE_REGISTRY, run_config_set, committed, NULL},
    [DEVICE_LICENSE_GET] = {LANE_READ, run_licenses_get, NULL, after_licenses_get},
    [DEVICE_LICENSES_GET] = {LANE_READ, run_licenses_get, NULL, after_licenses_get},
    [DEVICE_LICENSE_UPDATE] = {LANE_REGISTRY, run_license_update, committed, NULL},
    [DEVICE_INFO_GET] = {LANE_READ, run_info_get, NULL, NULL},
    [DEVICE_UPDATE] = {LANE_REGISTRY, run_update, committed, NULL},
    [DEVICE_SETTINGS] = {LANE_REGISTRY, run_settings, committed, NULL},
    [DEVICE_SPACE_GET] = {LANE_READ, run_space_get, NULL, NULL},
    [DEVICE_SPACE_MOVE] = {LANE_REGISTRY, run_space_move, committed, NULL},
    [DEVICE_CHILDREN_GET] = {LANE_READ, run_children_get, NULL, NULL},
    [DEVICE_TELEMETRY_MANY] = {LANE_TELEMETRY, telemetry_many_run, NULL, telemetry_many_stored},
    [DEVICE_INCIDENT_CREATE] = {LANE_REGISTRY, run_incident_create, committed, NULL},
    [DEVICE_INCIDENTS_GET] = {LANE_READ, run_incidents_get, NULL, NULL},
    [DEVICE_INCIDENT_CLOSE] = {LANE_REGISTRY, run_incident_close, committed, NULL},
    [DEVICE_INCIDENTS_CLOSE] = {LANE_REGISTRY, run_incidents_close, committed, NULL},
    [DEVICE_EVENT_ADD] = {LANE_REGISTRY, run_event_add, committed, NULL},
    [DEVICE_DELETE] = {LANE_REGISTRY, run_delete, committed, NULL},
};

/* ---- the call ---- */

struct device_call *device_call_new(struct domain *domain, enum device_action action, const struct device_brief *device,
                                    enum transport transport)
{
    struct device_call *call = mem_new(struct device_call);
    call->domain = domain;
    call->action = action;
    call->device = *device;
    call->transport = transport;
    arena_init(&call->arena);
    reply_init(&call->reply);
    return call;
}

void device_call_free(struct device_call *call)
{
    if (!call) {
        return;
    }
    telemetry_many_free(call->many);
    json_free(call->body);
    reply_deinit(&call->reply);
    arena_deinit(&call->arena);
    mem_free(call);
}

static void step_done(struct op *op)
{
    struct device_call *call = call_of(op);
    struct call_detail *detail = detail_of(call);
    if (op->err != ERR_OK) {
        device_reply_failure(&call->reply, op->err);
    } else if (detail->next && detail->next(call)) {
        return;
    }
    detail->door_done(op);
}

static void answer_task(struct task *task)
{
    struct op *op = container_of(task, struct op, task);
    detail_of(call_of(op))->door_done(op);
}

/* What needs no lane to be answered still is answered on the door's thread. */
static void answer_now(struct device_call *call)
{
    if (call->op.home) {
        call->op.task.run = answer_task;
        mailbox_post(call->op.home, &call->op.task);
    } else {
        detail_of(call)->door_done(&call->op);
    }
}

static bool check_sample(struct device_call *call)
{
    struct telemetry_sample *sample = &detail_of(call)->sample;
    bool valid = telemetry_parse(call->domain, call->body, call->body_bytes, call->transport, &call->arena, sample,
                                 &call->reply) == ERR_OK;
    sample->qos = call->qos;
    sample->intent_no = call->intent.intent_no;
    return valid;
}

static bool check_body(struct device_call *call)
{
    bool is_list = call->action == DEVICE_COMMANDS_UPDATE && json_is_array(call->body);
    if (call->body && !json_is_object(call->body) && !is_list) {
        reply_error(&call->reply, 422, "Body must be an object");
        return false;
    }
    if (call->action == DEVICE_TELEMETRY) { /* here, on the loop: the telemetry writer is there for writing */
        return check_sample(call);
    }
    return call->action != DEVICE_TELEMETRY_MANY || telemetry_many_start(call);
}

static void begin(struct device_call *call, struct mailbox *home, void (*done)(struct op *op))
{
    struct call_detail *detail = arena_new(&call->arena, struct call_detail);
    call->detail = detail;
    detail->door_done = done;
    detail->next = actions[call->action].next;
    call->op.home = home;
    call->op.done = step_done;
    call->op.lane = actions[call->action].lane;
    call->op.run = actions[call->action].run;
    call->op.committed = actions[call->action].committed;
}

struct telemetry_sample *device_call_take_sample(struct device_call *call)
{
    begin(call, NULL, NULL);
    bool valid = check_body(call);
    detail_of(call)->sample.from_other = true;
    return valid ? &detail_of(call)->sample : NULL;
}

void device_call_sample_stored(struct device_call *call, struct mailbox *home, void (*done)(struct op *op))
{
    detail_of(call)->door_done = done;
    call->op.home = home;
    call->op.err = ERR_OK;
    step_done(&call->op);
}

void device_call_finish(struct device_call *call)
{
    detail_of(call)->door_done(&call->op);
}

void device_call_submit(struct device_call *call, struct mailbox *home, void (*done)(struct op *op))
{
    begin(call, home, done);
    if (!check_body(call)) {
        answer_now(call);
        return;
    }
    if (call->action == DEVICE_COMMAND_GET && call->device.command_waiting) {
        call->op.lane = LANE_REGISTRY; /* fetching a command is its delivery */
        call->op.committed = committed;
    }
    op_submit(call->domain->executor, &call->op);
}
