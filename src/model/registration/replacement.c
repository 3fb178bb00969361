#include "model/registration/replacement.h"

#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/management/form.h"

enum { SN_CHARS_MAX = 255 };
#define REPLACEMENT_MS (INT64_C(86400000) * REPLACEMENT_DAYS)

static bool set(struct admin *admin, struct store_tx *tx, const struct device_core *device, int64_t until_ms, struct str sn,
                const char *action)
{
    struct device_change *change = device_change_of_admin(admin, tx);
    if (admin_failed(admin, device_store_set_replacement(tx, device->no, until_ms, sn))) {
        return false;
    }
    device_change_emit(change, EVENT_DEVICE_UPDATED, device, 0, (struct str){NULL, 0});
    device_audit(admin, tx, action, device, STR(""));
    return true;
}

void device_replace(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    struct device_row row;
    struct str sn = {NULL, 0};
    if (!form_text(admin, body, "sn", SN_CHARS_MAX, &sn) || admin_failed(admin, device_store_row(tx, device->no, admin->arena, &row))) {
        return;
    }
    if (str_is_blank(sn)) {
        sn = row.sn;
    }
    if (row.speaks_through_parent) {
        reply_error(admin->reply, 422, "Device is registered by its parent");
        return;
    }
    if (!sn.ptr && !row.cloud_id.ptr) {
        reply_error(admin->reply, 422, "Sn can't be blank");
        return;
    }
    if (set(admin, tx, device, admin->domain->now_unix_ms() + REPLACEMENT_MS, sn, "device.replace")) {
        device_answer(admin, tx, device->no);
    }
}

void device_replace_cancel(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    if (set(admin, tx, device, TIME_NONE, (struct str){NULL, 0}, "device.cancel_replacement")) {
        admin_reply_success(admin);
    }
}
