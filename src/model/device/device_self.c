#include "model/device/device_self.h"

#include "base/utf8.h"
#include "model/maker/catalog.h"
#include "model/claim/claim.h"
#include "model/command/command.h"
#include "model/configuration/configuration.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/file/firmware.h"
#include "model/maker/semver.h"
#include "model/customer/space.h"

enum { API_SEMVER = 4, API_STRICT_FIELDS = 6, TEXT_CHARS_MAX = 255, ANCESTORS_MAX = 32, HOUR_MS = 3600000 };

/* ---- Update Device (7.2) ---- */

enum text_field { FIRMWARE, NAME, SUB_MODEL, HOST_ADDRESS, TEXT_COUNT };
static const struct {
    const char *name, *label;
    bool may_be_blank;
} texts[TEXT_COUNT] = {
    [FIRMWARE] = {"firmware_version", "Firmware version", false},
    [NAME] = {"name", "Name", false},
    [SUB_MODEL] = {"sub_model", "Sub model", true},
    [HOST_ADDRESS] = {"host_address", "Host address", true},
};

struct update {
    struct device_change *change;
    const struct device_brief *device;
    const struct json *body;
    struct reply *reply;
    struct device_row row;          /* as it is, then as it shall be */
    struct str sent[TEXT_COUNT];    /* ptr NULL: not sent */
    int64_t config_version, space_version; /* -1: not sent */
};

static bool is_known(const struct update *update, struct str key)
{
    static const struct str others[] = {STR_INIT("details"), STR_INIT("parent_id"), STR_INIT("config_version"),
                                        STR_INIT("space_version")};
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (str_eq(key, str_from_cstr(texts[i].name))) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (str_eq(key, others[i])) {
            return true;
        }
    }
    return update->change->transport == TRANSPORT_MQTT && str_eq(key, STR("firmwareVersion")); /* mqtt.md 3.2 */
}

static bool check_known(struct update *update)
{
    if (update->device->api_version < API_STRICT_FIELDS) {
        return true;
    }
    for (const struct json *field = json_first(update->body); field; field = json_next(field)) {
        if (!is_known(update, json_key(field))) {
            reply_error(update->reply, 400, "Unknown parameter: %.*s", STR_ARG(json_key(field)));
            return false;
        }
    }
    return true;
}

static bool refuse(struct update *update, const char *label, const char *text)
{
    reply_error(update->reply, 422, "%s %s", label, text);
    return false;
}

static const struct json *text_value(const struct update *update, enum text_field field)
{
    const struct json *value = json_get(update->body, texts[field].name);
    if (field == FIRMWARE && !value && update->change->transport == TRANSPORT_MQTT) {
        value = json_get(json_get(update->body, "firmwareVersion"), "latest_fw_version");
    }
    return value;
}

static bool read_texts(struct update *update)
{
    for (enum text_field i = 0; i < TEXT_COUNT; i++) {
        const struct json *value = text_value(update, i);
        if (json_is_missing(value)) {
            continue;
        }
        if (!json_to_text(value, update->change->arena, &update->sent[i])) {
            return refuse(update, texts[i].label, "is invalid");
        }
        if (str_is_blank(update->sent[i]) && !texts[i].may_be_blank) {
            return refuse(update, texts[i].label, "can't be blank");
        }
        if (utf8_length(update->sent[i]) > TEXT_CHARS_MAX) {
            reply_error(update->reply, 422, "%s is too long (maximum is %d characters)", texts[i].label, TEXT_CHARS_MAX);
            return false;
        }
    }
    if (update->sent[FIRMWARE].ptr && update->device->api_version >= API_SEMVER && !semver_is_valid(update->sent[FIRMWARE])) {
        return refuse(update, texts[FIRMWARE].label, "is invalid");
    }
    return true;
}

static bool read_version(struct update *update, const char *name, const char *label, int64_t *ret_version)
{
    const struct json *value = json_get(update->body, name);
    *ret_version = -1;
    if (!json_is_missing(value) && (!json_to_int(value, ret_version) || *ret_version < 0)) {
        return refuse(update, label, "is invalid");
    }
    return true;
}

static bool read_details(struct update *update)
{
    const struct json *details = json_get(update->body, "details");
    if (json_is_missing(details)) {
        return true;
    }
    if (!json_is_object(details)) {
        return refuse(update, "Details", "must be an object");
    }
    size_t max = domain_settings(update->change->domain)->limits_details_max;
    struct buf text;
    buf_init(&text, max ? max : SIZE_MAX);
    json_write(&text, details);
    bool fits = !text.failed;
    if (fits) {
        update->row.details = arena_str(update->change->arena, buf_str(&text));
    } else {
        reply_error(update->reply, 422, "Details is too long (maximum is %zu characters)", max);
    }
    buf_deinit(&text);
    return fits;
}

static bool device_type_is(const struct update *update, const struct device_core *device, enum device_type type)
{
    struct model_info model;
    return catalog_model(update->change->domain->catalog, device->model_no, &model) && model.device_type == type;
}

/* The device itself is not among those above its new parent. */
static enum err check_cycle(struct update *update, const struct device_core *parent, bool *ret_cycle)
{
    struct device_core above = *parent;
    *ret_cycle = true;
    for (int depth = 0; depth < ANCESTORS_MAX; depth++) {
        if (above.no == update->device->no) {
            return ERR_OK;
        }
        if (!above.parent_no) {
            *ret_cycle = false;
            return ERR_OK;
        }
        enum err err = device_store_core(update->change->tx, above.parent_no, &above);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* False: refused, or *ret_err is a failure of the store. */
static bool read_parent(struct update *update, enum err *ret_err)
{
    const struct json *value = json_get(update->body, "parent_id");
    struct device_core *core = &update->row.core, parent = {0};
    struct uuid id;
    bool cycle = false;
    *ret_err = ERR_OK;
    if (!value) {
        return true;
    }
    if (!json_is_null(value)) {
        enum err err = uuid_parse(json_string(value), &id) ? device_store_core_by_id(update->change->tx, &id, &parent)
                                                           : ERR_NOT_FOUND;
        if (err == ERR_OK) {
            err = check_cycle(update, &parent, &cycle);
        }
        if (err == ERR_NOT_FOUND) {
            return refuse(update, "Parent", "is invalid");
        }
        if (err != ERR_OK) {
            *ret_err = err;
            return false;
        }
    }
    if (parent.no == core->parent_no) {
        return true;
    }
    bool fits = !parent.no || (device_type_is(update, &parent, DEVICE_PHYSICAL) && parent.partner_no == core->partner_no &&
                               parent.organization_no == core->organization_no && !cycle);
    if (!fits || device_type_is(update, core, DEVICE_APPLICATION)) {
        return refuse(update, "Parent", "is invalid");
    }
    core->parent_no = parent.no;
    return true;
}

static void take_texts(struct update *update)
{
    struct str *slots[TEXT_COUNT] = {
        [FIRMWARE] = &update->row.firmware_version,
        [NAME] = &update->row.name,
        [SUB_MODEL] = &update->row.sub_model,
        [HOST_ADDRESS] = &update->row.host_address,
    };
    for (enum text_field i = 0; i < TEXT_COUNT; i++) {
        if (update->sent[i].ptr) {
            *slots[i] = str_is_blank(update->sent[i]) ? (struct str){NULL, 0} : update->sent[i];
        }
    }
}

/* Every call counts, also one that is refused below (1.8.1). */
static enum err check_rate(struct update *update, bool *ret_allowed)
{
    uint64_t max = domain_settings(update->change->domain)->limits_device_updates;
    int64_t hour = update->change->now_ms / HOUR_MS, count = 0;
    *ret_allowed = true;
    if (max == 0) {
        return ERR_OK;
    }
    enum err err = device_store_count_update(update->change->tx, update->device->no, hour, &count);
    if (err == ERR_OK && (uint64_t)count > max) {
        *ret_allowed = false;
        reply_error(update->reply, 429, "Too many requests");
        update->reply->retry_after_s = (unsigned)((HOUR_MS - update->change->now_ms % HOUR_MS + 999) / 1000);
    }
    return err;
}

static enum err store(struct update *update, int64_t parent_before)
{
    struct device_change *change = update->change;
    const struct device_core *core = &update->row.core;
    enum err err = device_store_note_firmware(change->tx, core->no, update->row.firmware_version, change->now_ms);
    if (err == ERR_OK) {
        err = device_store_set_information(change->tx, &update->row, update->sent[NAME].ptr != NULL);
    }
    if (err == ERR_OK && update->sent[FIRMWARE].ptr) {
        err = firmware_reported(change->tx, change->arena, &change->hot, core, update->row.firmware_version);
    }
    if (err == ERR_OK && update->config_version >= 0) {
        err = configuration_confirm(change, core, update->config_version);
    }
    if (err == ERR_OK && update->space_version >= 0 && update->space_version <= core->space_version) {
        err = device_store_set_applied_space(change->tx, core->no, (int32_t)update->space_version);
    }
    if (err == ERR_OK) {
        if (core->parent_no != parent_before) {
            device_change_core(change, HOT_PARENT, core);
        }
        device_change_emit(change, EVENT_DEVICE_UPDATED, core, 0, (struct str){NULL, 0});
    }
    if (err == ERR_OK && core->parent_no != parent_before) {
        err = command_tell_parent(change, parent_before, core);
        err = err == ERR_OK ? command_tell_parent(change, core->parent_no, core) : err;
    }
    return err;
}

enum err device_self_update(struct device_change *change, const struct device_brief *device, const struct json *body,
                            struct reply *reply)
{
    struct update update = {.change = change, .device = device, .body = body, .reply = reply};
    bool allowed = false;
    enum err err = device_store_row(change->tx, device->no, change->arena, &update.row);
    if (err == ERR_OK) {
        err = check_rate(&update, &allowed);
    }
    if (err != ERR_OK || !allowed) {
        return err;
    }
    int64_t parent_before = update.row.core.parent_no;
    if (!check_known(&update) || !read_texts(&update) || !read_details(&update) ||
        !read_version(&update, "config_version", "Config version", &update.config_version) ||
        !read_version(&update, "space_version", "Space version", &update.space_version) || !read_parent(&update, &err)) {
        return err;
    }
    take_texts(&update);
    err = store(&update, parent_before);
    if (err == ERR_OK) {
        err = device_information_write(change->domain, change->tx, device, change->arena, true, &reply->body);
        reply->status = 200;
    }
    return err;
}

/* ---- Cloud settings (7.3) ---- */

#define SUSPEND "incidents.suspend_creation"

enum err device_self_settings(struct device_change *change, const struct device_brief *device, const struct json *body,
                              struct reply *reply)
{
    struct device_core core;
    bool suspend = false;
    const struct json *value = json_get(body, SUSPEND);
    if (str_eq(json_string(json_get(body, "property")), STR(SUSPEND))) {
        value = json_get(body, "value");
    } else if (json_get(body, "property") || !value) {
        reply_error(reply, 422, "Unknown property");
        return ERR_OK;
    }
    if (!json_to_bool(value, &suspend)) {
        reply_error(reply, 422, "Value is invalid");
        return ERR_OK;
    }
    enum err err = device_store_core(change->tx, device->no, &core);
    change->doubted_no = suspend ? 0 : device->no;
    if (err == ERR_OK) {
        err = device_store_set_incidents_suspended(change->tx, device->no, suspend);
    }
    if (err == ERR_OK) {
        device_change_emit(change, EVENT_DEVICE_UPDATED, &core, 0, (struct str){NULL, 0});
        buf_append_cstr(&reply->body, "{\"success\":true}");
        reply->status = 200;
    }
    return err;
}

/* ---- Space Move (7.5) ---- */

static enum err find_target(struct device_change *change, const struct device_core *core, bool follow, int64_t *ret_space_no,
                            struct reply *reply)
{
    struct device_core parent;
    if (!follow) {
        return space_find_unsorted(change, core->organization_no, ret_space_no);
    }
    if (!core->parent_no) {
        reply_error(reply, 422, "Device has no parent");
        return ERR_OK;
    }
    enum err err = device_store_core(change->tx, core->parent_no, &parent);
    if (err == ERR_OK && parent.organization_no != core->organization_no) { /* its parent is in no space of this owner */
        reply_error(reply, 422, "Device has no parent");
    } else if (err == ERR_OK) {
        *ret_space_no = parent.space_no;
    }
    return err;
}

enum err device_self_move(struct device_change *change, const struct device_brief *device, const struct json *body,
                          struct reply *reply)
{
    struct device_core core;
    struct model_info model = {0};
    int64_t space_no = 0;
    struct str target = json_string(json_get(body, "target"));
    bool follow = str_eq(target, STR("follow_parent"));
    enum err err = device_store_core(change->tx, device->no, &core);
    if (err != ERR_OK) {
        return err;
    }
    catalog_model(change->domain->catalog, core.model_no, &model);
    if (!core.space_no) {
        reply_error(reply, 422, "Device not in space");
    } else if (!follow && !str_eq(target, STR("unsorted"))) {
        reply_error(reply, 422, "invalid target: follow_parent/unsorted");
    } else if (model.device_type == DEVICE_APPLICATION) {
        reply_error(reply, 422, "Application devices follow their parent");
    } else {
        err = find_target(change, &core, follow, &space_no, reply);
    }
    if (err != ERR_OK || reply_is_error(reply)) {
        return err;
    }
    err = device_move_with_children(change, &core, space_no);
    if (err == ERR_OK) {
        err = device_space_write(change->domain, change->tx, device, change->arena, &reply->body);
        reply->status = 200;
    }
    return err;
}
