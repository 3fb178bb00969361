#include "model/license/product.h"

#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/management/form.h"

enum { TEXT_CHARS_MAX = 255, KEY_BYTES_MAX = 128 };

static const char *const kind_names[] = {[PRODUCT_PHYSICAL] = "physical", [PRODUCT_DIGITAL] = "digital", [PRODUCT_METERED] = "metered"};

static void write_model(const struct uuid *model_id, void *arg)
{
    json_put_uuid(arg, model_id);
}

static enum err write_product(struct json_writer *w, struct store_tx *tx, const struct product_row *row)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    json_field_cstr(w, "kind", kind_names[row->kind]);
    field_text(w, "telemetry_key", row->telemetry_key);
    json_name(w, "model_ids");
    json_begin_array(w);
    enum err err = product_store_each_model(tx, row->no, write_model, w);
    json_end_array(w);
    json_field_time(w, "created_at", row->created_at);
    json_end_object(w);
    return err;
}

struct product_listing {
    struct envelope envelope;
    struct store_tx *tx;
    enum err err;
};

static void list_row(const struct product_row *row, void *arg)
{
    struct product_listing *listing = arg;
    enum err err = write_product(&listing->envelope.w, listing->tx, row);
    listing->err = listing->err ? listing->err : err;
}

void product_list(struct admin *admin, struct store_tx *tx, struct page page)
{
    struct product_listing listing = {.tx = tx};
    int64_t partner_no = admin->principal.partner_no;
    envelope_begin(&listing.envelope, admin->reply, TENANT_PARTNER, page);
    enum err err = product_store_list(tx, partner_no, page, list_row, &listing);
    if (!admin_failed(admin, err) && !admin_failed(admin, listing.err)) {
        envelope_end(&listing.envelope, product_store_count(tx, partner_no));
    }
}

bool product_find_named(struct admin *admin, struct store_tx *tx, struct str id, struct product_row *ret_row)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? product_store_find(tx, admin->principal.partner_no, &uuid, admin->arena, ret_row)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Product not found");
        return false;
    }
    return !admin_failed(admin, err);
}

static bool form_kind(struct admin *admin, const struct json *body, struct product_row *row)
{
    struct str text = {NULL, 0};
    if (!form_text(admin, body, "kind", TEXT_CHARS_MAX, &text)) {
        return false;
    }
    for (enum product_kind kind = PRODUCT_PHYSICAL; text.ptr && kind <= PRODUCT_METERED; kind++) {
        if (str_eq(text, str_from_cstr(kind_names[kind]))) {
            row->kind = kind;
            return true;
        }
    }
    return !text.ptr || form_invalid(admin, "kind");
}

/* What is counted: only of a metered product. */
static bool form_telemetry_key(struct admin *admin, const struct json *body, struct product_row *row)
{
    if (json_is_null(json_get(body, "telemetry_key"))) {
        row->telemetry_key = (struct str){NULL, 0};
    }
    if (!form_text(admin, body, "telemetry_key", KEY_BYTES_MAX, &row->telemetry_key)) {
        return false;
    }
    if (row->telemetry_key.len > KEY_BYTES_MAX) {
        return form_invalid(admin, "telemetry_key");
    }
    if (row->kind != PRODUCT_METERED || str_is_blank(row->telemetry_key)) {
        row->telemetry_key = (struct str){NULL, 0};
    }
    return row->kind != PRODUCT_METERED || row->telemetry_key.ptr || form_missing(admin, "telemetry_key");
}

static bool find_model(struct admin *admin, const struct json *value, struct model_info *ret_model)
{
    struct uuid id;
    bool found = uuid_parse(json_string(value), &id) && catalog_model_by_id(admin->domain->catalog, &id, ret_model) &&
                 ret_model->partner_no == admin->principal.partner_no;
    if (!found) {
        reply_error(admin->reply, 404, "Model not found");
    }
    return found;
}

static bool check_models(struct admin *admin, const struct json *body)
{
    const struct json *ids = json_get(body, "model_ids");
    struct model_info model;
    if (json_is_missing(ids)) {
        return true;
    }
    if (!json_is_array(ids) || json_count(ids) > PRODUCT_MODELS_MAX) {
        return form_invalid(admin, "model_ids");
    }
    for (const struct json *id = json_first(ids); id; id = json_next(id)) {
        if (!find_model(admin, id, &model)) {
            return false;
        }
    }
    return true;
}

static enum err store_models(struct admin *admin, struct store_tx *tx, const struct json *body, int64_t no)
{
    const struct json *ids = json_get(body, "model_ids");
    struct model_info model;
    if (!ids) {
        return ERR_OK;
    }
    enum err err = product_store_clear_models(tx, no);
    for (const struct json *id = json_first(ids); id && err == ERR_OK; id = json_next(id)) {
        err = find_model(admin, id, &model) ? product_store_add_model(tx, no, model.no) : ERR_INVALID;
    }
    return err;
}

static struct json *document_of(const struct product_row *row)
{
    struct json *document = json_new_object();
    json_set(document, STR("name"), json_new_string(row->name));
    json_set(document, STR("kind"), json_new_string(str_from_cstr(kind_names[row->kind])));
    json_set(document, STR("telemetry_key"),
             row->telemetry_key.ptr ? json_new_string(row->telemetry_key) : json_new_null());
    return document;
}

/* Takes `before`. */
static void finish(struct admin *admin, struct store_tx *tx, const char *action, struct json *before,
                   const struct product_row *row, unsigned status)
{
    char id[UUID_TEXT_BYTES];
    struct json_writer w;
    struct json *after = document_of(row);
    uuid_format(&row->id, id);
    admin_audit(admin, tx, action, "product", str_from_cstr(id), audit_diff(admin->arena, before, after));
    json_free(before);
    json_free(after);
    json_writer_init(&w, &admin->reply->body);
    if (!admin_failed(admin, write_product(&w, tx, row))) {
        admin->reply->status = status;
    }
}

static bool stored(struct admin *admin, enum err err)
{
    if (err == ERR_EXISTS) {
        return form_taken(admin, "name");
    }
    return !admin_failed(admin, err);
}

void product_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct product_row row = {.id = uuid_random(),
                              .partner_no = admin->principal.partner_no,
                              .kind = PRODUCT_DIGITAL,
                              .created_at = admin->domain->now_unix_ms()};
    if (!form_required_text(admin, body, "name", TEXT_CHARS_MAX, &row.name) || !form_kind(admin, body, &row) ||
        !form_telemetry_key(admin, body, &row) || !check_models(admin, body)) {
        return;
    }
    if (product_store_count(tx, row.partner_no) >= PRODUCTS_MAX) {
        reply_error(admin->reply, 422, "Too many products");
        return;
    }
    if (stored(admin, product_store_insert(tx, &row)) && !admin_failed(admin, store_models(admin, tx, body, row.no))) {
        finish(admin, tx, "product.create", NULL, &row, 201);
    }
}

void product_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct product_row row;
    if (!product_find_named(admin, tx, id, &row)) {
        return;
    }
    struct json *before = document_of(&row);
    bool is_valid = (!json_get(body, "name") || form_required_text(admin, body, "name", TEXT_CHARS_MAX, &row.name)) &&
                    form_kind(admin, body, &row) && form_telemetry_key(admin, body, &row) && check_models(admin, body);
    if (is_valid && stored(admin, product_store_update(tx, &row)) &&
        !admin_failed(admin, store_models(admin, tx, body, row.no))) {
        finish(admin, tx, "product.update", before, &row, 200);
    } else {
        json_free(before);
    }
}
