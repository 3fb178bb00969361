#include "model/outbox/webhook.h"

#include "codec/json/json.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/field_text.h"
#include "model/outbox/delivery.h"
#include "model/ports/tenant_store.h"

enum { BODY_BYTES_MAX = 65536 };

const char *const webhook_event_types[] = {"registered_device", "claimed_device", "deleted_device", "license_updated", NULL};

static bool names_event(struct str events, const char *event_type)
{
    struct json *list = NULL;
    bool named = false;
    if (json_parse(events, NULL, &list) != ERR_OK) {
        return false;
    }
    for (const struct json *item = json_first(list); item && !named; item = json_next(item)) {
        named = str_eq(json_string(item), str_from_cstr(event_type));
    }
    json_free(list);
    return named;
}

/* One event being written: the body's members stand in `w` when it is wanted. */
struct notice {
    struct domain *domain;
    struct store_tx *tx;
    struct arena arena;
    struct buf body;
    struct json_writer w;
    bool is_wanted;
    struct delivery_row row;
};

static enum err notice_begin(struct notice *notice, struct domain *domain, struct store_tx *tx, int64_t partner_no,
                             const char *event_type)
{
    struct webhook_row webhook;
    *notice = (struct notice){.domain = domain, .tx = tx};
    notice->row = (struct delivery_row){.tenant_kind = TENANT_PARTNER, .tenant_no = partner_no,
                                        .channel = CHANNEL_WEBHOOK, .event_type = str_from_cstr(event_type)};
    arena_init(&notice->arena);
    buf_init(&notice->body, BODY_BYTES_MAX);
    enum err err = webhook_store_find(tx, partner_no, &notice->arena, &webhook);
    if (!err) {
        notice->is_wanted = webhook.url.len && (!webhook.events.ptr || names_event(webhook.events, event_type));
    }
    json_writer_init(&notice->w, &notice->body);
    json_begin_object(&notice->w);
    json_field_cstr(&notice->w, "event_type", event_type);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Queues it if everything before went well. Takes what notice_begin made. */
static enum err notice_end(struct notice *notice, enum err err, int64_t device_no)
{
    json_end_object(&notice->w);
    if (!err && notice->is_wanted) {
        notice->row.device_no = device_no;
        notice->row.body = buf_str(&notice->body);
        err = notice->body.failed ? ERR_INTERNAL : delivery_queue(notice->domain, notice->tx, &notice->row);
    }
    buf_deinit(&notice->body);
    arena_deinit(&notice->arena);
    return err;
}

static void write_model(struct notice *notice, const struct device_core *device)
{
    struct model_info model = {0};
    bool known = catalog_model(notice->domain->catalog, device->model_no, &model);
    json_field_uuid(&notice->w, "device_model_id", known ? &model.id : NULL);
    field_text(&notice->w, "device_model_name", model.name);
}

static enum err find_owner(struct notice *notice, const struct device_core *device, struct organization_row *ret_owner)
{
    *ret_owner = (struct organization_row){0};
    if (!device->organization_no) {
        return ERR_OK;
    }
    enum err err = organization_store_find(notice->tx, device->organization_no, &notice->arena, ret_owner);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err device_event(struct domain *domain, struct store_tx *tx, const struct device_row *device,
                             const char *event_type)
{
    struct notice notice;
    struct organization_row owner;
    if (device->core.is_virtual) {
        return ERR_OK;
    }
    enum err err = notice_begin(&notice, domain, tx, device->core.partner_no, event_type);
    if (!err && notice.is_wanted && (err = find_owner(&notice, &device->core, &owner)) == ERR_OK) {
        json_field_uuid(&notice.w, "device_id", &device->core.id);
        field_text(&notice.w, "device_sn", device->sn);
        field_text(&notice.w, "device_mac", device->mac);
        field_text(&notice.w, "device_cloud_id", device->cloud_id);
        field_text(&notice.w, "device_name", device->name);
        write_model(&notice, &device->core);
        field_text(&notice.w, "device_firmware_version", device->firmware_version);
        field_text(&notice.w, "claiming_organization_name", owner.name);
        field_text(&notice.w, "claiming_organization_display_name", owner.display_name);
    }
    return notice_end(&notice, err, device->core.no);
}

enum err webhook_registered_device(struct domain *domain, struct store_tx *tx, const struct device_row *device)
{
    return device_event(domain, tx, device, "registered_device");
}

enum err webhook_deleted_device(struct domain *domain, struct store_tx *tx, const struct device_row *device)
{
    return device_event(domain, tx, device, "deleted_device");
}

static void write_owner_email(struct notice *notice, struct str contacts)
{
    struct json *stored = NULL;
    if (contacts.len && json_parse(contacts, NULL, &stored) != ERR_OK) {
        stored = NULL;
    }
    json_field_node(&notice->w, "claiming_organization_email", json_get(stored, "admin_email"));
    json_free(stored);
}

enum err webhook_claimed_device(struct domain *domain, struct store_tx *tx, const struct device_core *device)
{
    struct notice notice;
    struct organization_row owner;
    if (device->is_virtual) {
        return ERR_OK;
    }
    enum err err = notice_begin(&notice, domain, tx, device->partner_no, "claimed_device");
    if (!err && notice.is_wanted && (err = find_owner(&notice, device, &owner)) == ERR_OK) {
        json_field_uuid(&notice.w, "device_id", &device->id);
        write_model(&notice, device);
        field_text(&notice.w, "claiming_organization_name", owner.name);
        write_owner_email(&notice, owner.contacts);
    }
    return notice_end(&notice, err, device->no);
}

enum err webhook_license_updated(struct domain *domain, struct store_tx *tx, const struct webhook_license *license)
{
    struct notice notice;
    enum err err = notice_begin(&notice, domain, tx, license->partner_no, "license_updated");
    if (!err && notice.is_wanted) {
        json_field_uuid(&notice.w, "license_id", &license->license_id);
        json_field_uuid(&notice.w, "device_id", license->device_id);
        field_text(&notice.w, "action", license->action);
        field_text(&notice.w, "state", license->state);
    }
    return notice_end(&notice, err, license->device_no);
}
