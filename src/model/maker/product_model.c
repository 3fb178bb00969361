#include "model/maker/product_model.h"

#include "base/mem.h"
#include "model/management/audit.h"
#include "model/maker/catalog.h"
#include "model/command/command_definition.h"
#include "model/device/device_table.h"
#include "model/domain.h"
#include "model/management/form.h"
#include "model/maker/hardware_key.h"
#include "model/ports/telemetry_key_store.h"
#include "model/device/presence.h"


bool product_model_find(struct admin *admin, struct store_tx *tx, struct str id, struct product_model_row *ret_row)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? product_model_store_find(tx, admin->principal.partner_no, &uuid,
                                                                    admin->arena, ret_row)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Model not found");
        return false;
    }
    return !admin_failed(admin, err);
}

/* --- what becomes visible in memory --- */

static void put_model(struct domain *domain, void *model)
{
    catalog_put_model(domain->catalog, model);
}

static void put_in_catalog(struct admin *admin, const struct product_model_row *row)
{
    struct model_info *info = arena_new(admin->arena, struct model_info);
    *info = (struct model_info){
        .no = row->no,
        .partner_no = row->partner_no,
        .id = row->id,
        .protocol = row->protocol,
        .device_type = row->device_type,
        .auth_cloud_id = row->auth_cloud_id,
        .published = row->published,
        .api_version = (uint8_t)row->api_version,
        .offline_threshold_minutes = (uint32_t)row->offline_threshold_minutes,
        .name = row->name,
    };
    admin_on_commit(admin, put_model, info);
}

static void remove_model(struct domain *domain, void *no)
{
    catalog_remove_model(domain->catalog, *(const int64_t *)no);
}

/* The hot records keep a copy of the offline threshold. */
struct threshold_change {
    int64_t model_no;
    uint32_t minutes;
    int64_t *devices;
    size_t count, cap;
};

static bool collect_device(const struct device_brief *device, void *arg)
{
    struct threshold_change *change = arg;
    if (device->model_no == change->model_no) {
        if (change->count == change->cap) {
            change->cap = change->cap ? change->cap * 2 : 64;
            change->devices = mem_realloc(change->devices, change->cap * sizeof *change->devices);
        }
        change->devices[change->count++] = device->no;
    }
    return true;
}

static void set_threshold(struct device_brief *device, void *arg)
{
    device->offline_threshold_minutes = ((const struct threshold_change *)arg)->minutes;
}

static void put_threshold(struct domain *domain, void *arg)
{
    struct threshold_change *change = arg;
    device_table_each(domain->devices, collect_device, change);
    for (size_t i = 0; i < change->count; i++) {
        device_table_change(domain->devices, change->devices[i], set_threshold, change);
    }
    mem_free(change->devices);
    presence_model_changed(domain, change->model_no);
}

/* --- versions and the audit log --- */

static void add_version(struct admin *admin, struct store_tx *tx, const struct product_model_row *row,
                        const struct json *document)
{
    struct buf text;
    buf_init(&text, MODEL_DOCUMENT_BYTES_MAX);
    json_write(&text, document);
    struct audit_actor actor;
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    enum err err = model_version_store_add(tx, row->no, buf_str(&text), actor.name, admin->domain->now_unix_ms());
    (void)err; /* sticky in the transaction */
    buf_deinit(&text);
}

/* After every change: a version, a line in the audit log. `before` NULL: created. Takes `before`. */
static void record_change(struct admin *admin, struct store_tx *tx, const char *action, struct json *before,
                          const struct product_model_row *row)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&row->id, id);
    struct json *after = model_document(row);
    if (!before || !json_eq(before, after)) {
        add_version(admin, tx, row, after);
    }
    admin_audit(admin, tx, action, "model", str_from_cstr(id), audit_diff(admin->arena, before, after));
    json_free(before);
    json_free(after);
}

static void answer(struct admin *admin, const struct product_model_row *row, unsigned status)
{
    struct partner_info partner = {.name = STR("")};
    catalog_partner(admin->domain->catalog, row->partner_no, &partner);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    model_write(&w, row, partner.name);
    admin->reply->status = status;
}

/* --- operations --- */

static bool insert(struct admin *admin, struct store_tx *tx, struct product_model_row *row)
{
    row->partner_no = admin->principal.partner_no;
    row->id = uuid_random();
    row->created_at = row->updated_at = admin->domain->now_unix_ms();
    enum err err = product_model_store_insert(tx, row);
    if (err == ERR_EXISTS) {
        return form_taken(admin, "name");
    }
    if (!err && row->device_type != DEVICE_DIGITAL) {
        err = hardware_key_make_default(admin, tx, row->no);
    }
    return !admin_failed(admin, err);
}

void product_model_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct product_model_row row = {.parameters = STR("[]"), .widgets = STR("[]")};
    struct model_icon icon;
    unsigned suggested = 0;
    if (!model_form_create(admin, tx, body, &row, &icon, &suggested) || !insert(admin, tx, &row)) {
        return;
    }
    enum err err = ERR_OK;
    if (icon.bytes.len) {
        err = product_model_store_set_icon(tx, row.no, icon.type, icon.bytes);
        row.has_icon = true;
    }
    if (!err) {
        err = command_definition_make_suggested(admin, tx, row.no, suggested);
    }
    if (!admin_failed(admin, err)) {
        put_in_catalog(admin, &row);
        record_change(admin, tx, "model.create", NULL, &row);
        answer(admin, &row, 201);
    }
}

bool product_model_save(struct admin *admin, struct store_tx *tx, const char *action, struct json *before,
                        struct product_model_row *row, int64_t threshold_before)
{
    row->updated_at = admin->domain->now_unix_ms();
    enum err err = product_model_store_update(tx, row);
    if (err == ERR_EXISTS) {
        form_taken(admin, "name");
    }
    if (err == ERR_EXISTS || admin_failed(admin, err)) {
        json_free(before);
        return false;
    }
    put_in_catalog(admin, row);
    if (row->offline_threshold_minutes != threshold_before) {
        struct threshold_change *change = arena_new(admin->arena, struct threshold_change);
        change->model_no = row->no;
        change->minutes = (uint32_t)row->offline_threshold_minutes;
        admin_on_commit(admin, put_threshold, change);
    }
    record_change(admin, tx, action, before, row);
    return true;
}

static void save(struct admin *admin, struct store_tx *tx, const char *action, struct json *before,
                 struct product_model_row *row, int64_t threshold_before)
{
    if (product_model_save(admin, tx, action, before, row, threshold_before)) {
        answer(admin, row, 200);
    }
}

void product_model_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct product_model_row row;
    struct model_icon icon;
    if (!product_model_find(admin, tx, id, &row)) {
        return;
    }
    struct json *before = model_document(&row);
    int64_t threshold_before = row.offline_threshold_minutes;
    if (!model_form_update(admin, body, &row, &icon)) {
        json_free(before);
        return;
    }
    if (icon.is_set) {
        if (admin_failed(admin, product_model_store_set_icon(tx, row.no, icon.type, icon.bytes))) {
            json_free(before);
            return;
        }
        row.has_icon = icon.bytes.len > 0;
    }
    save(admin, tx, "model.update", before, &row, threshold_before);
}

void product_model_restore(struct admin *admin, struct store_tx *tx, struct str id, struct str n)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, id, &row)) {
        return;
    }
    int64_t number;
    struct str text;
    struct json *document = NULL;
    enum err err = str_to_i64(n, &number) ? model_version_store_find(tx, row.no, number, admin->arena, &text)
                                          : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Version not found");
        return;
    }
    if (!err) {
        err = json_parse(text, &(struct json_limits){.bytes_max = MODEL_DOCUMENT_BYTES_MAX}, &document);
    }
    if (admin_failed(admin, err)) {
        return;
    }
    struct json *before = model_document(&row);
    int64_t threshold_before = row.offline_threshold_minutes;
    model_document_apply(document, admin->arena, &row);
    json_free(document);
    save(admin, tx, "model.restore", before, &row, threshold_before);
}

void product_model_publish(struct admin *admin, struct store_tx *tx, struct str id, bool published)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, id, &row)) {
        return;
    }
    if (!published && row.devices_count > 0) {
        reply_error(admin->reply, 422, "Model has registered devices");
        return;
    }
    struct json *before = model_document(&row);
    row.published = published;
    save(admin, tx, published ? "model.publish" : "model.unpublish", before, &row, row.offline_threshold_minutes);
}

void product_model_delete(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, id, &row)) {
        return;
    }
    if (row.devices_count > 0) {
        reply_error(admin->reply, 422, "Model has registered devices");
        return;
    }
    if (admin_failed(admin, product_model_store_delete(tx, row.no))) {
        return;
    }
    int64_t *no = arena_new(admin->arena, int64_t);
    *no = row.no;
    admin_on_commit(admin, remove_model, no);
    struct json *before = model_document(&row);
    admin_audit(admin, tx, "model.delete", "model", id, audit_diff(admin->arena, before, NULL));
    json_free(before);
    admin_reply_success(admin);
}

static enum err copy_icon(struct admin *admin, struct store_tx *tx, int64_t from_no, int64_t to_no)
{
    struct str type, bytes;
    enum err err = product_model_store_icon(tx, from_no, admin->arena, &type, &bytes);
    return err ? err : product_model_store_set_icon(tx, to_no, type, bytes);
}

void product_model_clone(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, id, &row) || !form_required_text(admin, body, "name", 255, &row.name)) {
        return;
    }
    /* The protocol is chosen anew, as at every creation; without a choice it is the original's. */
    if (form_has(body, "communication_protocol") && !model_form_protocol(admin, body, &row.protocol)) {
        return;
    }
    int64_t original_no = row.no;
    row.published = false;
    row.devices_count = 0;
    if (!insert(admin, tx, &row)) {
        return;
    }
    enum err err = row.has_icon ? copy_icon(admin, tx, original_no, row.no) : ERR_OK;
    if (!err) {
        err = command_definition_copy_all(admin, tx, original_no, row.no);
    }
    if (!err) {
        err = telemetry_key_store_copy_all(tx, original_no, row.no);
    }
    if (!admin_failed(admin, err)) {
        put_in_catalog(admin, &row);
        record_change(admin, tx, "model.clone", NULL, &row);
        answer(admin, &row, 201);
    }
}
