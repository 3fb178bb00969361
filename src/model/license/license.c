/* What partners and owners do with licences (management-api.md 5.8, 6.1, 6.2). */
#include "base/clock.h"
#include "base/utf8.h"
#include "model/domain.h"
#include "model/license/license_change.h"
#include "model/license/product.h"
#include "model/maker/catalog.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/form.h"

enum { DATA_CHARS_MAX = 4096 };

/* ---- reading ---- */

static void list_row(const struct license_row *row, void *arg)
{
    struct envelope *envelope = arg;
    license_write(&envelope->w, row);
}

void license_list(struct admin *admin, struct store_tx *tx, struct license_filter filter, struct page page)
{
    struct envelope envelope;
    int64_t count = 0;
    if (admin->principal.tenant_kind == TENANT_PARTNER) {
        filter.partner_no = admin->principal.partner_no;
    } else {
        filter.organization_no = admin->principal.organization_no;
    }
    envelope_begin(&envelope, admin->reply, admin->principal.tenant_kind, page);
    if (!admin_failed(admin, license_store_list(tx, &filter, page, list_row, &envelope)) &&
        !admin_failed(admin, license_store_count(tx, &filter, &count))) {
        envelope_end(&envelope, count);
    }
}

void license_public_key(struct admin *admin, struct store_tx *tx)
{
    struct license_key key;
    struct json_writer w;
    if (admin_failed(admin, license_store_key(tx, admin->principal.partner_no, admin->arena, &key))) {
        return;
    }
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    if (key.public_pem.ptr) {
        json_field_str(&w, "public_key", key.public_pem);
    } else {
        json_field_null(&w, "public_key"); /* it is made with the first licence */
    }
    json_end_object(&w);
    admin->reply->status = 200;
}

/* ---- a new licence ---- */

/* The text as it is, blanks included: it is what the signature is over. */
static bool form_data(struct admin *admin, const struct json *body, struct str *ret_data)
{
    if (!form_has(body, "data")) {
        return form_missing(admin, "data");
    }
    if (!json_to_text(json_get(body, "data"), admin->arena, ret_data)) {
        return form_invalid(admin, "data");
    }
    if (str_is_blank(*ret_data)) {
        reply_error(admin->reply, 422, "Data can't be blank");
    } else if (utf8_length(*ret_data) > DATA_CHARS_MAX) {
        reply_error(admin->reply, 422, "Data is too long (maximum is %d characters)", DATA_CHARS_MAX);
    }
    return !reply_is_error(admin->reply);
}

static bool form_organization(struct admin *admin, const struct json *body, struct license_row *row)
{
    struct uuid id;
    struct organization_info organization;
    struct str text = json_string(json_get(body, "organization_id"));
    if (!form_has(body, "organization_id")) {
        return form_missing(admin, "organization_id");
    }
    if (!uuid_parse(text, &id) || !catalog_organization_by_id(admin->domain->catalog, &id, &organization) ||
        organization.partner_no != admin->principal.partner_no) {
        reply_error(admin->reply, 404, "Organization not found");
        return false;
    }
    row->organization_no = organization.no;
    row->organization_id = organization.id;
    return true;
}

static bool form_license(struct admin *admin, struct store_tx *tx, const struct json *body, struct license_row *row)
{
    struct product_row product;
    row->expires_at = TIME_NONE;
    if (!form_organization(admin, body, row) || !form_data(admin, body, &row->data)) {
        return false;
    }
    if (form_has(body, "product_id")) {
        if (!product_find_named(admin, tx, json_string(json_get(body, "product_id")), &product)) {
            return false;
        }
        row->product_no = product.no;
        row->product_id = product.id;
    }
    return form_time(admin, body, "expires_at", &row->expires_at);
}

void license_prepare(struct admin *admin, struct store_tx *tx, const struct json *body, struct license_order *ret_order)
{
    struct license_row row = {0};
    *ret_order = (struct license_order){0};
    if (form_license(admin, tx, body, &row)) {
        admin_failed(admin, license_store_key(tx, admin->principal.partner_no, admin->arena, &ret_order->key));
    }
}

enum { PEM_BYTES_MAX = 16 * 1024, SIGNATURE_BYTES_MAX = 4096 };

/* Every partner gets its key when it is made; one that came without gets it now. */
static bool make_key(struct admin *admin, struct license_order *order, struct buf *private_pem)
{
    struct buf public_pem, sealed;
    buf_init(&public_pem, PEM_BYTES_MAX);
    buf_init(&sealed, PEM_BYTES_MAX + SEAL_OVERHEAD_BYTES);
    bool made = rsa_key_make(private_pem, &public_pem);
    if (made) {
        seal(admin->domain->keys.seal_key, buf_str(private_pem), &sealed);
        order->key.private_sealed = arena_str(admin->arena, buf_str(&sealed));
        order->key.public_pem = arena_str(admin->arena, buf_str(&public_pem));
        order->key_is_new = true;
    }
    buf_deinit(&public_pem);
    buf_deinit(&sealed);
    return made;
}

void license_sign(struct admin *admin, const struct json *body, struct license_order *order)
{
    struct buf private_pem, signature, text;
    struct str data = {NULL, 0};
    buf_init(&private_pem, PEM_BYTES_MAX);
    buf_init(&signature, SIGNATURE_BYTES_MAX);
    buf_init(&text, 2 * SIGNATURE_BYTES_MAX);
    bool ready = order->key.private_sealed.ptr
                     ? seal_open(admin->domain->keys.seal_key, order->key.private_sealed, &private_pem)
                     : make_key(admin, order, &private_pem);
    if (ready && form_data(admin, body, &data) && rsa_sign(buf_str(&private_pem), data, &signature)) {
        base64_encode(&text, signature.data, signature.len);
        order->signature = arena_str(admin->arena, buf_str(&text));
    } else if (!reply_is_error(admin->reply)) {
        reply_from_err(admin->reply, ERR_INTERNAL); /* sealed under another installation's key file */
    }
    if (private_pem.data) {
        secret_wipe(private_pem.data, private_pem.len);
    }
    buf_deinit(&private_pem);
    buf_deinit(&signature);
    buf_deinit(&text);
}

/* ---- what changes, in the audit log and in the reply ---- */

static struct json *text_or_null(const char *text)
{
    return text ? json_new_string(str_from_cstr(text)) : json_new_null();
}

static struct json *document_of(const struct license_row *row)
{
    char device_id[UUID_TEXT_BYTES], expires_at[TIME_TEXT_BYTES];
    struct json *document = json_new_object();
    uuid_format(&row->device_id, device_id);
    if (row->expires_at != TIME_NONE) {
        time_format(row->expires_at, expires_at);
    }
    json_set(document, STR("state"), text_or_null(license_state_name(row->state)));
    json_set(document, STR("action"), text_or_null(license_action_name(row->action)));
    json_set(document, STR("device_id"), text_or_null(row->device_no ? device_id : NULL));
    json_set(document, STR("expires_at"), text_or_null(row->expires_at != TIME_NONE ? expires_at : NULL));
    return document;
}

/* Audit and reply; takes `before`. */
static void finish(struct admin *admin, struct store_tx *tx, const char *action, struct json *before,
                   const struct license_row *row, unsigned status)
{
    char id[UUID_TEXT_BYTES];
    struct json_writer w;
    struct json *after = document_of(row);
    uuid_format(&row->id, id);
    admin_audit(admin, tx, action, "license", str_from_cstr(id), audit_diff(admin->arena, before, after));
    json_free(before);
    json_free(after);
    json_writer_init(&w, &admin->reply->body);
    license_write(&w, row);
    admin->reply->status = status;
}

void license_create(struct admin *admin, struct store_tx *tx, const struct json *body, const struct license_order *order)
{
    struct license_row row = {.id = uuid_random(),
                              .partner_no = admin->principal.partner_no,
                              .signature = order->signature,
                              .state = LICENSE_PENDING,
                              .created_at = admin->domain->now_unix_ms()};
    if (!form_license(admin, tx, body, &row)) {
        return;
    }
    enum err err = order->key_is_new ? license_store_set_key(tx, row.partner_no, &order->key) : ERR_OK;
    if (err == ERR_EXISTS) { /* another first licence came before: this one is signed with a key that nobody has */
        err = ERR_BUSY;
    }
    if (!admin_failed(admin, err) && !admin_failed(admin, license_store_insert(tx, &row))) {
        finish(admin, tx, "license.create", NULL, &row, 201);
    }
}

/* ---- one licence ---- */

/* Of the principal's tenant. False: the reply tells. */
static bool find_license(struct admin *admin, struct store_tx *tx, struct str id, struct license_row *ret_row)
{
    struct uuid uuid;
    const struct principal *principal = &admin->principal;
    enum err err = uuid_parse(id, &uuid) ? license_store_find(tx, &uuid, admin->arena, ret_row) : ERR_NOT_FOUND;
    bool is_own = err == ERR_OK && (principal->tenant_kind == TENANT_PARTNER
                                        ? ret_row->partner_no == principal->partner_no
                                        : ret_row->organization_no == principal->organization_no);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !is_own)) {
        reply_error(admin->reply, 404, "License not found");
        return false;
    }
    return !admin_failed(admin, err);
}

static bool refuse(struct admin *admin, const char *text)
{
    reply_error(admin->reply, 422, "%s", text);
    return false;
}

/* Stores, tells, answers; takes `before`. `device`: whose licence it is or was; NULL: no device's. */
static void store_and_finish(struct admin *admin, struct store_tx *tx, const char *action, struct json *before,
                             const struct license_row *row, const struct device_core *device)
{
    struct device_change *change = device_change_of_admin(admin, tx);
    if (admin_failed(admin, license_changed(change, row, device))) {
        json_free(before);
        return;
    }
    finish(admin, tx, action, before, row, 200);
}

static bool check_assignable(struct admin *admin, struct store_tx *tx, const struct license_row *row,
                             const struct device_core *device)
{
    bool fits = true;
    int64_t count = 0;
    struct license_filter of_device = {.device_no = device->no};
    if (row->device_no) {
        return refuse(admin, "License is already assigned");
    }
    if (row->expires_at != TIME_NONE && row->expires_at <= admin->domain->now_unix_ms()) {
        return refuse(admin, "License has expired");
    }
    if (device->organization_no != row->organization_no) {
        return refuse(admin, "Device belongs to another organization");
    }
    if (admin_failed(admin, row->product_no ? product_store_fits(tx, row->product_no, device->model_no, &fits) : ERR_OK) ||
        admin_failed(admin, license_store_count(tx, &of_device, &count))) {
        return false;
    }
    if (!fits) {
        return refuse(admin, "Product is not for this model");
    }
    return count < LICENSES_OF_DEVICE_MAX || refuse(admin, "Too many licenses");
}

static void assign(struct admin *admin, struct store_tx *tx, struct license_row *row, const struct device_core *device)
{
    if (!check_assignable(admin, tx, row, device)) {
        return;
    }
    struct json *before = document_of(row);
    license_detach(row, LICENSE_PENDING);
    row->device_no = device->no;
    row->device_id = device->id;
    if (admin_failed(admin, license_begin_action(tx, row, LICENSE_ADD))) {
        json_free(before);
        return;
    }
    store_and_finish(admin, tx, "license.assign", before, row, device);
}

void license_assign(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct license_row row;
    struct device_core device;
    struct uuid device_id;
    if (!find_license(admin, tx, id, &row)) {
        return;
    }
    if (!form_has(body, "device_id")) {
        form_missing(admin, "device_id");
        return;
    }
    enum err err = uuid_parse(json_string(json_get(body, "device_id")), &device_id)
                       ? device_store_core_by_id(tx, &device_id, &device)
                       : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND || (err == ERR_OK && device.partner_no != admin->principal.partner_no)) {
        reply_error(admin->reply, 404, "Device not found");
    } else if (!admin_failed(admin, err)) {
        assign(admin, tx, &row, &device);
    }
}

void license_assign_to(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    struct license_row row;
    if (!form_has(body, "license_id")) {
        form_missing(admin, "license_id");
    } else if (find_license(admin, tx, json_string(json_get(body, "license_id")), &row)) {
        assign(admin, tx, &row, device);
    }
}

/* The device that has it. False: none has, the reply tells. */
static bool find_holder(struct admin *admin, struct store_tx *tx, const struct license_row *row, struct device_core *ret_device)
{
    if (!row->device_no) {
        return refuse(admin, "License is not assigned");
    }
    return !admin_failed(admin, device_store_core(tx, row->device_no, ret_device));
}

void license_unassign(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct license_row row;
    struct device_core device;
    if (find_license(admin, tx, id, &row) && find_holder(admin, tx, &row, &device)) {
        struct json *before = document_of(&row);
        license_detach(&row, LICENSE_PENDING);
        store_and_finish(admin, tx, "license.unassign", before, &row, &device);
    }
}

/* What the device never got is simply taken back. */
static void revoke(struct admin *admin, struct store_tx *tx, struct license_row *row, const struct device_core *device)
{
    struct json *before = document_of(row);
    enum err err = ERR_OK;
    if (!row->fetched) {
        license_detach(row, LICENSE_PENDING);
    } else if (row->action != LICENSE_REMOVE) {
        err = license_begin_action(tx, row, LICENSE_REMOVE);
    }
    if (admin_failed(admin, err)) {
        json_free(before);
        return;
    }
    store_and_finish(admin, tx, "license.revoke", before, row, device);
}

void license_revoke(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct license_row row;
    struct device_core device;
    if (find_license(admin, tx, id, &row) && find_holder(admin, tx, &row, &device)) {
        revoke(admin, tx, &row, &device);
    }
}

void license_revoke_of(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct str id)
{
    struct license_row row;
    if (!find_license(admin, tx, id, &row)) {
        return;
    }
    if (row.device_no != device->no) {
        reply_error(admin->reply, 404, "License not found");
        return;
    }
    revoke(admin, tx, &row, device);
    if (!reply_is_error(admin->reply)) {
        buf_clear(&admin->reply->body);
        admin_reply_success(admin);
    }
}

void license_renew(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct license_row row;
    struct device_core device;
    if (!find_license(admin, tx, id, &row)) {
        return;
    }
    if (!json_get(body, "expires_at")) {
        form_missing(admin, "expires_at");
        return;
    }
    struct json *before = document_of(&row);
    row.expires_at = TIME_NONE; /* null: it does not expire any more */
    bool valid = form_time(admin, body, "expires_at", &row.expires_at) && /* a waiting removal is not taken back by this */
                 (row.action != LICENSE_REMOVE || refuse(admin, "License is being removed")) &&
                 (!row.device_no || find_holder(admin, tx, &row, &device));
    if (valid && row.device_no) { /* one that waits to be added is added as it is now */
        valid = !admin_failed(admin, license_begin_action(tx, &row, row.action == LICENSE_ADD ? LICENSE_ADD : LICENSE_UPDATE));
    }
    if (!valid) {
        json_free(before);
        return;
    }
    store_and_finish(admin, tx, "license.renew", before, &row, row.device_no ? &device : NULL);
}

/* ---- with its device ---- */

enum err license_free_all(struct device_change *change, const struct device_core *device)
{
    struct license_row *rows = NULL;
    size_t count = 0;
    enum err err = license_store_of_device(change->tx, device->no, false, change->arena, &rows, &count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        license_detach(&rows[i], LICENSE_PENDING);
        err = license_changed(change, &rows[i], device);
    }
    return err;
}
