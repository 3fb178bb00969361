#include "model/maker/hardware_key.h"

#include "model/management/audit.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/management/form.h"
#include "model/maker/product_model.h"

#define COUNT_MAX 1000000000

/* Seals a fresh key into the row and inserts it. The key's text stays in the arena for the reply. */
static enum err make_key(struct admin *admin, struct store_tx *tx, struct hardware_key_row *row)
{
    struct domain *domain = admin->domain;
    struct uuid key = uuid_random();
    char text[UUID_TEXT_BYTES];
    uuid_format(&key, text);
    struct buf sealed;
    buf_init(&sealed, sizeof text + SEAL_OVERHEAD_BYTES);
    seal(domain->keys.seal_key, str_from_cstr(text), &sealed);
    row->id = uuid_random();
    domain_key_hash(domain, str_from_cstr(text), row->key_hash);
    row->key_sealed = arena_str(admin->arena, buf_str(&sealed));
    row->created_at = domain->now_unix_ms();
    row->revoked_at = row->first_used_at = row->last_used_at = TIME_NONE;
    buf_deinit(&sealed);
    secret_wipe(text, sizeof text);
    return hardware_key_store_insert(tx, row);
}

enum err hardware_key_make_default(struct admin *admin, struct store_tx *tx, int64_t model_no)
{
    struct hardware_key_row row = {.model_no = model_no, .name = STR("Default")};
    return make_key(admin, tx, &row);
}

static void write_key(struct json_writer *w, struct domain *domain, const struct hardware_key_row *row)
{
    struct buf key;
    buf_init(&key, 64);
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    if (seal_open(domain->keys.seal_key, row->key_sealed, &key)) {
        json_field_str(w, "key", buf_str(&key));
    } else {
        json_field_null(w, "key"); /* sealed under another installation's key file */
    }
    if (row->expected_count) {
        json_field_int(w, "expected_count", row->expected_count);
    } else {
        json_field_null(w, "expected_count");
    }
    json_field_int(w, "used_count", row->used_count);
    json_field_bool(w, "enforce_count", row->enforce_count);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "revoked_at", row->revoked_at);
    json_field_time(w, "first_used_at", row->first_used_at);
    json_field_time(w, "last_used_at", row->last_used_at);
    json_end_object(w);
    if (key.data) {
        secret_wipe(key.data, key.len);
    }
    buf_deinit(&key);
}

struct key_listing {
    struct envelope envelope;
    struct domain *domain;
};

static void list_row(const struct hardware_key_row *row, void *arg)
{
    struct key_listing *listing = arg;
    write_key(&listing->envelope.w, listing->domain, row);
}

void hardware_key_list(struct admin *admin, struct store_tx *tx, struct str model_id, struct page page)
{
    struct product_model_row model;
    if (!product_model_find(admin, tx, model_id, &model)) {
        return;
    }
    struct key_listing listing = {.domain = admin->domain};
    envelope_begin(&listing.envelope, admin->reply, TENANT_PARTNER, page);
    if (!admin_failed(admin, hardware_key_store_list(tx, model.no, page, list_row, &listing))) {
        admin_audit(admin, tx, "hardware_key.read", "model", model_id, STR(""));
        envelope_end(&listing.envelope, hardware_key_store_count(tx, model.no));
    }
}

static bool form_counts(struct admin *admin, const struct json *body, struct hardware_key_row *row)
{
    if (json_is_null(json_get(body, "expected_count"))) {
        row->expected_count = 0;
    }
    if (!form_int(admin, body, "expected_count", 1, COUNT_MAX, &row->expected_count) ||
        !form_bool(admin, body, "enforce_count", &row->enforce_count)) {
        return false;
    }
    if (row->enforce_count && !row->expected_count) {
        return form_missing(admin, "expected_count");
    }
    return true;
}

static struct json *document_of(const struct hardware_key_row *row)
{
    struct json *document = json_new_object();
    json_set(document, STR("name"), json_new_string(row->name));
    json_set(document, STR("expected_count"),
             row->expected_count ? json_new_number((double)row->expected_count) : json_new_null());
    json_set(document, STR("enforce_count"), json_new_bool(row->enforce_count));
    json_set(document, STR("revoked"), json_new_bool(row->revoked_at != TIME_NONE));
    return document;
}

/* Takes `before`. */
static void finish(struct admin *admin, struct store_tx *tx, const char *action, struct json *before,
                   const struct hardware_key_row *row, unsigned status)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&row->id, id);
    struct json *after = document_of(row);
    admin_audit(admin, tx, action, "hardware_key", str_from_cstr(id), audit_diff(admin->arena, before, after));
    json_free(before);
    json_free(after);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    write_key(&w, admin->domain, row);
    admin->reply->status = status;
}

void hardware_key_create(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body)
{
    struct product_model_row model;
    if (!product_model_find(admin, tx, model_id, &model)) {
        return;
    }
    struct hardware_key_row row = {.model_no = model.no};
    if (model.device_type == DEVICE_DIGITAL) {
        reply_error(admin->reply, 422, "Digital models have no hardware keys");
        return;
    }
    if (!form_required_text(admin, body, "name", 255, &row.name) || !form_counts(admin, body, &row)) {
        return;
    }
    if (hardware_key_store_count(tx, model.no) >= HARDWARE_KEYS_MAX) {
        reply_error(admin->reply, 422, "Too many hardware keys");
        return;
    }
    if (!admin_failed(admin, make_key(admin, tx, &row))) {
        finish(admin, tx, "hardware_key.create", NULL, &row, 201);
    }
}

static bool find_key(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id,
                     struct hardware_key_row *ret_row)
{
    struct product_model_row model;
    struct uuid uuid;
    if (!product_model_find(admin, tx, model_id, &model)) {
        return false;
    }
    enum err err = uuid_parse(id, &uuid) ? hardware_key_store_find(tx, model.no, &uuid, admin->arena, ret_row)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Hardware key not found");
        return false;
    }
    return !admin_failed(admin, err);
}

void hardware_key_update(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id,
                         const struct json *body)
{
    struct hardware_key_row row;
    if (!find_key(admin, tx, model_id, id, &row)) {
        return;
    }
    struct json *before = document_of(&row);
    bool is_valid = (!form_has(body, "name") || form_required_text(admin, body, "name", 255, &row.name)) &&
                    form_counts(admin, body, &row);
    if (!is_valid || admin_failed(admin, hardware_key_store_update(tx, &row))) {
        json_free(before);
        return;
    }
    finish(admin, tx, "hardware_key.update", before, &row, 200);
}

void hardware_key_revoke(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id)
{
    struct hardware_key_row row;
    if (!find_key(admin, tx, model_id, id, &row)) {
        return;
    }
    struct json *before = document_of(&row);
    if (row.revoked_at == TIME_NONE) {
        row.revoked_at = admin->domain->now_unix_ms();
    }
    if (admin_failed(admin, hardware_key_store_update(tx, &row))) {
        json_free(before);
        return;
    }
    finish(admin, tx, "hardware_key.revoke", before, &row, 200);
}
