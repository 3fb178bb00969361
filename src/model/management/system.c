#include "model/management/system.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "model/customer/organization.h"
#include "model/customer/suspension.h"
#include "model/device/device_table.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/maker/product_model.h"
#include "model/management/backup.h"
#include "model/management/envelope.h"
#include "model/management/form.h"
#include "model/people/group.h"
#include "model/people/member.h"
#include "model/ports/audit_store.h"
#include "model/ports/system_store.h"
#include "model/ports/tenant_store.h"

enum { NAME_CHARS_MAX = 255, SHORT_CODE_CHARS = 4, SHORT_CODE_TRIES = 20 };
#define PEM_BYTES_MAX 8192

static void write_partner(const struct system_partner *partner, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_uuid(w, "id", &partner->id);
    json_field_str(w, "name", partner->name);
    json_field_str(w, "short_code", partner->short_code);
    json_field_bool(w, "suspended", partner->suspended);
    json_field_int(w, "organizations", partner->organizations);
    json_field_int(w, "models", partner->models);
    json_field_int(w, "devices", partner->devices);
    json_field_time(w, "created_at", partner->created_at);
    json_end_object(w);
}

void system_partners(struct admin *admin, struct store_tx *tx, struct page page)
{
    struct envelope envelope;
    int64_t total = 0;
    envelope_begin(&envelope, admin->reply, TENANT_PARTNER, page);
    enum err err = system_store_partners(tx, page, write_partner, &envelope.w);
    if (!err) {
        err = system_store_partner_count(tx, &total);
    }
    if (!admin_failed(admin, err)) {
        envelope_end(&envelope, total);
    }
}

static void answer_partner(struct admin *admin, struct store_tx *tx, int64_t no, unsigned status)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    if (!admin_failed(admin, system_store_partner(tx, no, write_partner, &w))) {
        admin->reply->status = status;
    }
}

static void put_partner(struct domain *domain, void *partner)
{
    catalog_put_partner(domain->catalog, partner);
}

static void publish_partner(struct admin *admin, const struct partner_row *row)
{
    struct partner_info *info = arena_new(admin->arena, struct partner_info);
    *info = (struct partner_info){.no = row->no, .id = row->id, .suspended = row->suspended, .name = row->name,
                                  .short_code = row->short_code};
    admin_on_commit(admin, put_partner, info);
}

/* ---- change ---- */

static struct json *document_of(const struct partner_row *row)
{
    struct json *document = json_new_object();
    json_set(document, STR("name"), json_new_string(row->name));
    json_set(document, STR("suspended"), json_new_bool(row->suspended));
    return document;
}

static void audit_partner(struct admin *admin, struct store_tx *tx, const char *action, const struct partner_row *before,
                          const struct partner_row *after)
{
    char id[UUID_TEXT_BYTES];
    struct json *old = before ? document_of(before) : NULL, *new = document_of(after);
    uuid_format(&after->id, id);
    admin_audit(admin, tx, action, "partner", str_from_cstr(id), audit_diff(admin->arena, old, new));
    json_free(old);
    json_free(new);
}

static bool find_partner(struct admin *admin, struct store_tx *tx, struct str id, struct partner_row *ret_row)
{
    struct uuid uuid;
    int64_t no = 0;
    enum err err = uuid_parse(id, &uuid) ? system_store_partner_by_id(tx, &uuid, &no) : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Partner not found");
        return false;
    }
    return !admin_failed(admin, err ? err : partner_store_find(tx, no, admin->arena, ret_row));
}

void system_partner_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct partner_row before, row;
    if (!find_partner(admin, tx, id, &before)) {
        return;
    }
    row = before;
    if ((json_get(body, "name") && !form_required_text(admin, body, "name", NAME_CHARS_MAX, &row.name)) ||
        !form_bool(admin, body, "suspended", &row.suspended) || admin_failed(admin, partner_store_update(tx, &row))) {
        return;
    }
    publish_partner(admin, &row);
    if (row.suspended != before.suspended) {
        suspension_of_partner(admin, tx, row.no, row.suspended);
    }
    audit_partner(admin, tx, "partner.update", &before, &row);
    answer_partner(admin, tx, row.no, 200);
}

/* ---- creation ---- */

static struct partner_make *make_of(struct op *op)
{
    return container_of(op, struct partner_make, op);
}

bool partner_make_init(struct partner_make *make, struct admin *admin, const struct json *body)
{
    *make = (struct partner_make){.admin = admin};
    if (!form_required_text(admin, body, "name", NAME_CHARS_MAX, &make->name) ||
        !form_text(admin, body, "short_code", NAME_CHARS_MAX, &make->short_code)) {
        return false;
    }
    bool valid = make->short_code.len == 0 || make->short_code.len == SHORT_CODE_CHARS;
    for (size_t i = 0; valid && i < make->short_code.len; i++) {
        char c = make->short_code.ptr[i];
        valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    }
    return valid || form_invalid(admin, "short_code");
}

static enum err insert_partner(struct partner_make *make, struct store_tx *tx, struct partner_row *row)
{
    struct admin *admin = make->admin;
    struct buf sealed;
    char code[SHORT_CODE_CHARS + 1];
    enum err err = ERR_EXISTS;
    buf_init(&sealed, PEM_BYTES_MAX + SEAL_OVERHEAD_BYTES);
    seal(admin->domain->keys.seal_key, buf_str(&make->private_pem), &sealed);
    *row = (struct partner_row){
        .id = uuid_random(),
        .name = make->name,
        .license_private_key_sealed = buf_str(&sealed),
        .license_public_key = buf_str(&make->public_pem),
        .created_at = admin->domain->now_unix_ms(),
    };
    for (int i = 0; err == ERR_EXISTS && i < (make->short_code.len ? 1 : SHORT_CODE_TRIES); i++) {
        random_base62(code, SHORT_CODE_CHARS);
        row->short_code = make->short_code.len ? make->short_code : arena_str(admin->arena, (struct str){code, SHORT_CODE_CHARS});
        err = partner_store_insert(tx, row);
    }
    buf_deinit(&sealed);
    return err;
}

static void insert_run(struct op *op, struct store_tx *tx)
{
    struct partner_make *make = make_of(op);
    struct admin *admin = make->admin;
    struct partner_row row;
    op->err = insert_partner(make, tx, &row);
    if (op->err == ERR_EXISTS) {
        form_taken(admin, "short_code");
        return;
    }
    struct organization_row lab = {
        .partner_no = row.no,
        .name = arena_printf(admin->arena, "%.*s Lab", STR_ARG(make->name)),
        .lab = true,
        .contacts = STR("{}"),
    };
    if (!op->err) {
        publish_partner(admin, &row);
        op->err = groups_make_built_in(admin->domain, tx, TENANT_PARTNER, row.no);
    }
    if (!op->err) {
        op->err = organization_make(admin, tx, &lab);
    }
    if (!op->err) {
        op->err = member_join_administrators(admin, tx, admin->principal.user_no, TENANT_PARTNER, row.no);
    }
    if (!op->err) {
        op->err = member_join_administrators(admin, tx, admin->principal.user_no, TENANT_ORGANIZATION, lab.no);
    }
    if (!op->err) {
        audit_partner(admin, tx, "partner.create", NULL, &row);
        answer_partner(admin, tx, row.no, 201);
    }
}

static void insert_committed(struct op *op)
{
    admin_committed(make_of(op)->admin);
}

static void finished(struct op *op)
{
    struct partner_make *make = make_of(op);
    if (op->err && !reply_is_error(make->admin->reply)) {
        reply_from_err(make->admin->reply, op->err);
    }
    secret_wipe(make->private_pem.data, make->private_pem.len);
    buf_deinit(&make->private_pem);
    buf_deinit(&make->public_pem);
    make->on_done(make);
}

static void key_run(struct op *op, struct store_tx *tx)
{
    struct partner_make *make = make_of(op);
    (void)tx;
    op->err = rsa_key_make(&make->private_pem, &make->public_pem) ? ERR_OK : ERR_INTERNAL;
}

static void key_done(struct op *op)
{
    struct mailbox *home = op->home;
    if (op->err) {
        finished(op);
        return;
    }
    *op = (struct op){.home = home, .lane = LANE_REGISTRY, .run = insert_run, .committed = insert_committed, .done = finished};
    op_submit(make_of(op)->admin->domain->executor, op);
}

void partner_make_start(struct partner_make *make, struct mailbox *home)
{
    buf_init(&make->private_pem, PEM_BYTES_MAX);
    buf_init(&make->public_pem, PEM_BYTES_MAX);
    make->op = (struct op){.home = home, .lane = LANE_WORK, .run = key_run, .done = key_done};
    op_submit(make->admin->domain->executor, &make->op);
}

/* ---- a model's API version ---- */

struct version_change {
    int64_t model_no;
    uint8_t version;
};

static bool change_version(struct device_brief *device, void *arg)
{
    const struct version_change *change = arg;
    bool changes = device->model_no == change->model_no && device->api_version != change->version;
    if (changes) {
        device->api_version = change->version;
    }
    return changes;
}

static void put_version(struct domain *domain, void *arg)
{
    const struct version_change *change = arg;
    struct model_info model;
    if (catalog_model(domain->catalog, change->model_no, &model)) {
        model.api_version = change->version;
        catalog_put_model(domain->catalog, &model);
    }
    device_table_change_each(domain->devices, change_version, arg);
}

static bool parse_version(struct admin *admin, const struct json *body, int64_t *ret_version)
{
    struct str text = json_string(json_get(body, "api_version"));
    if (!form_has(body, "api_version")) {
        return form_missing(admin, "api_version");
    }
    if (text.len != 5 || !str_starts_with(text, STR("1.0.")) || text.ptr[4] < '0' || text.ptr[4] > '7') {
        return form_invalid(admin, "api_version");
    }
    *ret_version = text.ptr[4] - '0';
    return true;
}

void system_model_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct uuid uuid;
    struct model_info model;
    struct product_model_row row;
    struct partner_info partner = {.name = STR("")};
    int64_t version = 0;
    if (!uuid_parse(id, &uuid) || !catalog_model_by_id(admin->domain->catalog, &uuid, &model)) {
        reply_error(admin->reply, 404, "Model not found");
        return;
    }
    if (!parse_version(admin, body, &version) ||
        admin_failed(admin, product_model_store_find(tx, model.partner_no, &uuid, admin->arena, &row))) {
        return;
    }
    struct json *before = model_document(&row);
    row.api_version = version;
    row.updated_at = admin->domain->now_unix_ms();
    enum err err = system_store_set_api_version(tx, row.no, version, row.updated_at);
    struct version_change *change = arena_new(admin->arena, struct version_change);
    *change = (struct version_change){row.no, (uint8_t)version};
    admin_on_commit(admin, put_version, change);
    struct json *after = model_document(&row), *old = json_new_object(), *new = json_new_object();
    json_set(old, STR("api_version"), json_dup(json_get(before, "api_version")));
    json_set(new, STR("api_version"), json_dup(json_get(after, "api_version")));
    admin_audit(admin, tx, "model.api_version", "model", id, audit_diff(admin->arena, old, new));
    json_free(old);
    json_free(new);
    json_free(before);
    json_free(after);
    catalog_partner(admin->domain->catalog, row.partner_no, &partner);
    if (!admin_failed(admin, err)) {
        struct json_writer w;
        json_writer_init(&w, &admin->reply->body);
        model_write(&w, &row, partner.name);
        admin->reply->status = 200;
    }
}

/* ---- what there is ---- */

void system_audit(struct admin *admin, struct store_tx *tx, const struct audit_filter *filter, struct page page)
{
    audit_list_of(admin, tx, (enum tenant_kind)0, 0, filter, page);
}
