#include "model/device/device_bulk.h"

#include "base/mem.h"
#include "model/account/permission.h"
#include "model/claim/claim.h"
#include "model/command/command.h"
#include "model/configuration/configuration.h"
#include "model/device/device_edit.h"
#include "model/device/device_view.h"
#include "model/management/form.h"

#define ID_BYTES_MAX 64

static void act_configure(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    struct device_change *change = device_change_of_admin(admin, tx);
    if (configuration_edit(admin, change, device, json_get(body, "configuration"), -1)) {
        device_audit(admin, tx, "device.configure", device, STR(""));
        admin_reply_success(admin);
    }
}

static void act_delete(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    device_delete(admin, tx, device);
}

static void act_suspend(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    device_suspend_incidents(admin, tx, device, true);
}

static void act_resume(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    (void)body;
    device_suspend_incidents(admin, tx, device, false);
}

static const struct {
    const char *name;
    const char *needs; /* a field of the body; NULL: none, or checked by the action itself */
    enum permission permission; /* on each of the devices */
    void (*act)(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);
} actions[] = {
    {"command", NULL, PERMISSION_EDIT, command_send},
    {"configuration", "configuration", PERMISSION_EDIT, act_configure},
    {"move", "space_id", PERMISSION_ADMIN, device_move},
    {"delete", NULL, PERMISSION_ADMIN, act_delete},
    {"suspend", NULL, PERMISSION_EDIT, act_suspend},
    {"resume", NULL, PERMISSION_EDIT, act_resume},
};

static void run_one(struct batch *batch, struct admin *admin, struct store_tx *tx, size_t index)
{
    struct device_bulk *bulk = container_of(batch, struct device_bulk, batch);
    struct device_core device;
    if (device_find_for_tenant(admin, tx, bulk->ids[index], &device)) {
        bulk->act(admin, tx, &device, bulk->body);
    }
}

static bool is_known(const struct device_bulk *bulk, struct str id)
{
    for (size_t i = 0; i < bulk->batch.count; i++) {
        if (str_eq(bulk->ids[i], id)) {
            return true;
        }
    }
    return false;
}

static bool read_ids(struct device_bulk *bulk, struct admin *admin, const struct json *ids)
{
    if (!json_is_array(ids) || !json_first(ids)) {
        return form_missing(admin, "device_ids");
    }
    if (json_count(ids) > BATCH_ITEMS_MAX) {
        reply_error(admin->reply, 422, "Too many devices, maximum is %d", BATCH_ITEMS_MAX);
        return false;
    }
    bulk->ids = arena_alloc(admin->arena, json_count(ids) * sizeof *bulk->ids);
    for (const struct json *id = json_first(ids); id; id = json_next(id)) {
        if (!json_is_string(id) || json_string(id).len > ID_BYTES_MAX) {
            return form_invalid(admin, "device_ids");
        }
        if (!is_known(bulk, json_string(id))) {
            bulk->ids[bulk->batch.count++] = json_string(id);
        }
    }
    return true;
}

static bool read_action(struct device_bulk *bulk, struct admin *admin)
{
    struct str name;
    if (!form_required_text(admin, bulk->body, "action", 32, &name)) {
        return false;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (str_eq(name, str_from_cstr(actions[i].name))) {
            bulk->act = actions[i].act;
            bulk->batch.principal.needs = (uint8_t)actions[i].permission;
            return !actions[i].needs || form_has(bulk->body, actions[i].needs) || form_missing(admin, actions[i].needs);
        }
    }
    return form_invalid(admin, "action");
}

bool device_bulk_init(struct device_bulk *bulk, struct admin *admin, const struct json *body)
{
    *bulk = (struct device_bulk){.body = body};
    bulk->batch = (struct batch){
        .domain = admin->domain,
        .arena = admin->arena,
        .principal = admin->principal,
        .address = admin->address,
        .run = run_one,
    };
    return read_ids(bulk, admin, json_get(body, "device_ids")) && read_action(bulk, admin);
}

void device_bulk_write(const struct device_bulk *bulk, struct reply *reply)
{
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_name(&w, "results");
    json_begin_object(&w);
    for (size_t i = 0; i < bulk->batch.count; i++) {
        json_name_str(&w, bulk->ids[i]);
        batch_write_result(&bulk->batch, i, &w);
    }
    json_end_object(&w);
    json_end_object(&w);
    reply->status = 200;
}
