#include "model/device/device_edit.h"

#include "base/utf8.h"
#include "model/management/audit.h"
#include "model/maker/catalog.h"
#include "model/command/command_queue.h"
#include "model/configuration/configuration.h"
#include "model/device/custom_parameters.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/outbox/webhook.h"
#include "model/license/license.h"
#include "model/registration/registration.h"
#include "model/rollout/rollout.h"

enum { NAME_CHARS_MAX = 255, ACCESS_KEY_BYTES = 16 };

/* ---- PATCH ---- */

static bool check_name(struct admin *admin, const struct json *value, struct str *ret_name)
{
    if (json_is_null(value) || (json_is_string(value) && str_is_blank(json_string(value)))) {
        reply_error(admin->reply, 422, "Name can't be blank");
        return false;
    }
    if (!json_to_text(value, admin->arena, ret_name)) {
        reply_error(admin->reply, 422, "Name is invalid");
        return false;
    }
    if (utf8_length(*ret_name) > NAME_CHARS_MAX) {
        reply_error(admin->reply, 422, "Name is too long (maximum is %d characters)", NAME_CHARS_MAX);
        return false;
    }
    return true;
}

static bool update_name(struct admin *admin, struct device_change *change, struct device_core *device, const struct json *value)
{
    struct str name;
    if (!check_name(admin, value, &name)) {
        return false;
    }
    device->info_version++;
    enum err err = device_store_set_name(change->tx, device->no, name);
    if (err == ERR_OK) {
        err = device_store_set_info_version(change->tx, device->no, device->info_version);
    }
    device_change_core(change, HOT_INFO, device);
    return !admin_failed(admin, err);
}

static bool update_custom(struct admin *admin, struct device_change *change, const struct device_core *device,
                          const struct json *map)
{
    struct device_row row;
    struct str declared, stored;
    enum err err = device_store_row(change->tx, device->no, admin->arena, &row);
    if (err == ERR_OK) {
        err = device_store_parameters(change->tx, device->model_no, admin->arena, &declared);
    }
    return !admin_failed(admin, err) && custom_parameters_change(admin, declared, row.custom_parameters, map, &stored) &&
           !admin_failed(admin, device_store_set_custom_parameters(change->tx, device->no, stored));
}

/* What the audit log says of a device. Custom parameters may be secrets: only that they changed. */
static struct json *document_of(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    struct json *side = json_new_object();
    struct device_row row;
    struct configuration_row config;
    if (!device_store_row(tx, device->no, admin->arena, &row) && !configuration_read(tx, device, admin->arena, &config)) {
        json_set(side, STR("name"), json_new_string(row.name));
        json_set(side, STR("config_version"), json_new_number(config.version));
    }
    return side;
}

static void audit_update(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct json *before,
                         bool custom)
{
    struct json *after = document_of(admin, tx, device);
    if (custom) {
        json_set(after, STR("custom_parameters"), json_new_string(STR("changed")));
    }
    device_audit(admin, tx, "device.update", device, audit_diff(admin->arena, before, after));
    json_free(after);
}

void device_update(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    struct device_core changed = *device;
    const struct json *name = json_get(body, "name");
    const struct json *configuration = json_get(body, "configuration");
    const struct json *custom = json_get(body, "custom_parameters");
    struct device_change *change = device_change_of_admin(admin, tx);
    struct json *before = document_of(admin, tx, device);
    if ((name && !update_name(admin, change, &changed, name)) ||
        (configuration && !configuration_edit(admin, change, &changed, configuration, -1)) ||
        (custom && !update_custom(admin, change, &changed, custom))) {
        json_free(before);
        return;
    }
    if (name || custom) {
        device_change_emit(change, EVENT_DEVICE_UPDATED, &changed, 0, (struct str){NULL, 0});
    }
    audit_update(admin, tx, device, before, custom != NULL);
    json_free(before);
    device_answer(admin, tx, device->no);
}

/* ---- deletion ---- */

enum err device_remove_claim_codes(struct store_tx *tx, int64_t no, struct arena *arena)
{
    struct device_row row;
    int64_t codes[CLAIM_CODE_SPELLINGS_MAX];
    enum err err = device_store_row(tx, no, arena, &row);
    if (err != ERR_OK || !row.mac.ptr || !row.sn.ptr) {
        return err;
    }
    size_t count = claim_codes_of(row.mac, row.sn, codes);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = device_store_remove_claim_code(tx, codes[i], no);
    }
    return err;
}

static enum err tell_maker_of_deletion(struct device_change *change, const struct device_core *device)
{
    struct device_row row;
    enum err err = device_store_row(change->tx, device->no, change->arena, &row);
    return err ? err : webhook_deleted_device(change->domain, change->tx, &row);
}

/* What waits for its children is told to a parent in one array (mqtt.md 3.1). */
static enum err tell_parent_of_deletion(struct device_change *change, const struct device_core *device)
{
    struct command_row head;
    enum err err = command_store_head(change->tx, device->no, change->arena, &head);
    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    return err == ERR_OK ? command_tell_parent(change, device->parent_no, device) : err;
}

static enum err delete_one(struct device_change *change, const struct device_core *device)
{
    enum err err = tell_maker_of_deletion(change, device);
    if (err == ERR_OK) {
        err = tell_parent_of_deletion(change, device);
    }
    if (err == ERR_OK) {
        err = device_remove_claim_codes(change->tx, device->no, change->arena);
    }
    if (err == ERR_OK) {
        err = license_free_all(change, device);
    }
    if (err == ERR_OK) {
        err = rollout_device_gone(change, device->no, "Device was deleted");
    }
    if (err == ERR_OK) {
        err = device_store_delete(change->tx, device->no);
    }
    if (err == ERR_OK) {
        device_change_core(change, HOT_GONE, device);
        device_change_emit(change, EVENT_DEVICE_DELETED, device, 0, (struct str){NULL, 0});
    }
    return err;
}

static enum err detach(struct device_change *change, struct device_core *child)
{
    child->parent_no = 0;
    child->info_version++;
    enum err err = device_store_detach(change->tx, child->no);
    if (err == ERR_OK) {
        err = device_store_set_info_version(change->tx, child->no, child->info_version);
    }
    if (err == ERR_OK) {
        device_change_core(change, HOT_PARENT | HOT_INFO, child);
        device_change_emit(change, EVENT_DEVICE_UPDATED, child, 0, (struct str){NULL, 0});
    }
    return err;
}

enum err device_delete_all(struct device_change *change, const struct device_core *device)
{
    struct device_core *children = NULL;
    size_t count = 0;
    enum err err = device_store_children(change->tx, device->no, change->arena, &children, &count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        struct model_info model = {0};
        catalog_model(change->domain->catalog, children[i].model_no, &model);
        err = model.device_type == DEVICE_PHYSICAL ? detach(change, &children[i]) : delete_one(change, &children[i]);
    }
    return err == ERR_OK ? delete_one(change, device) : err;
}

void device_delete(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    struct device_change *change = device_change_of_admin(admin, tx);
    struct json *before = document_of(admin, tx, device);
    if (!admin_failed(admin, device_delete_all(change, device))) {
        device_audit(admin, tx, "device.delete", device, audit_diff(admin->arena, before, NULL));
        admin_reply_success(admin);
    }
    json_free(before);
}

/* ---- credentials and sessions ---- */

void device_rotate_key(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    uint8_t secret[ACCESS_KEY_BYTES];
    char access_key[2 * ACCESS_KEY_BYTES + 1];
    struct device_brief value;
    struct json_writer w;
    struct device_change *change = device_change_of_admin(admin, tx);
    random_bytes(secret, sizeof secret);
    hex_encode(secret, sizeof secret, access_key);
    device_brief_of_core(admin->domain, device, &value);
    domain_key_hash(admin->domain, str_from_cstr(access_key), value.key_hash);
    if (!admin_failed(admin, device_store_set_key(tx, device->no, value.key_hash, change->now_ms))) {
        hot_changes_add(&change->hot, HOT_KEY, &value);
        device_change_emit(change, EVENT_DEVICE_KEY_CHANGED, device, 0, (struct str){NULL, 0});
        device_audit(admin, tx, "device.rotate_key", device, STR(""));
        json_writer_init(&w, &admin->reply->body);
        json_begin_object(&w);
        json_field_cstr(&w, "access_key", access_key);
        json_end_object(&w);
        admin->reply->status = 200;
    }
    secret_wipe(secret, sizeof secret);
    secret_wipe(access_key, sizeof access_key);
}

void device_kick(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    struct device_change *change = device_change_of_admin(admin, tx);
    device_change_emit(change, EVENT_DEVICE_KICK, device, 0, (struct str){NULL, 0});
    device_audit(admin, tx, "device.disconnect", device, STR(""));
    admin_reply_success(admin);
}

void device_suspend_incidents(struct admin *admin, struct store_tx *tx, const struct device_core *device, bool suspended)
{
    struct device_change *change = device_change_of_admin(admin, tx);
    change->doubted_no = suspended ? 0 : device->no;
    if (!admin_failed(admin, device_store_set_incidents_suspended(tx, device->no, suspended))) {
        device_change_emit(change, EVENT_DEVICE_UPDATED, device, 0, (struct str){NULL, 0});
        device_audit(admin, tx, suspended ? "device.suspend_incidents" : "device.resume_incidents", device, STR(""));
        admin_reply_success(admin);
    }
}
