#include "model/maker/telemetry_key.h"

#include "model/management/audit.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/maker/product_model.h"
#include "model/ports/telemetry_key_store.h"

enum { KEYS_MAX = 1000, KEY_BYTES_MAX = 128, LABEL_CHARS_MAX = 255, UNIT_CHARS_MAX = 32 };

static void write_row(const struct telemetry_key_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_str(w, "key", row->key);
    field_text(w, "type", row->type);
    field_text(w, "unit", row->unit);
    field_text(w, "label", row->label);
    json_field_bool(w, "metered", row->metered);
    json_field_time(w, "last_seen_at", row->last_seen_at);
    json_field_int(w, "devices", row->devices);
    json_end_object(w);
}

static void answer(struct admin *admin, struct store_tx *tx, int64_t model_no)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_array(&w);
    enum err err = telemetry_key_store_list(tx, model_no, write_row, &w);
    json_end_array(&w);
    if (!admin_failed(admin, err)) {
        admin->reply->status = 200;
    }
}

void telemetry_keys_read(struct admin *admin, struct store_tx *tx, struct str model_id)
{
    struct product_model_row row;
    if (product_model_find(admin, tx, model_id, &row)) {
        answer(admin, tx, row.no);
    }
}

/* Absent: stays; null or blank: none. */
static bool form_optional(struct admin *admin, const struct json *item, const char *field, size_t chars_max, struct str *text)
{
    const struct json *value = json_get(item, field);
    if (json_is_null(value)) {
        *text = (struct str){NULL, 0};
    }
    if (!form_text(admin, item, field, chars_max, text)) {
        return false;
    }
    *text = text->len ? *text : (struct str){NULL, 0};
    return true;
}

static bool put_one(struct admin *admin, struct store_tx *tx, int64_t model_no, const struct json *item)
{
    struct telemetry_key_row row = {0};
    struct str key;
    if (!json_is_object(item)) {
        return form_invalid(admin, "item");
    }
    if (!form_required_text(admin, item, "key", KEY_BYTES_MAX, &key)) {
        return false;
    }
    enum err err = telemetry_key_store_find(tx, model_no, key, admin->arena, &row);
    if (err != ERR_NOT_FOUND && admin_failed(admin, err)) {
        return false;
    }
    row.key = key;
    return form_optional(admin, item, "label", LABEL_CHARS_MAX, &row.label) &&
           form_optional(admin, item, "unit", UNIT_CHARS_MAX, &row.unit) &&
           form_bool(admin, item, "metered", &row.metered) && !admin_failed(admin, telemetry_key_store_put(tx, model_no, &row));
}

static void audit_keys(struct admin *admin, struct store_tx *tx, const struct product_model_row *row, const struct json *body)
{
    char id[UUID_TEXT_BYTES];
    struct json *after = json_new_object();
    uuid_format(&row->id, id);
    json_set(after, STR("telemetry_keys"), json_dup(body));
    admin_audit(admin, tx, "model.telemetry_keys", "model", str_from_cstr(id), audit_diff(admin->arena, NULL, after));
    json_free(after);
}

void telemetry_keys_put(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, model_id, &row)) {
        return;
    }
    if (json_count(body) + (size_t)telemetry_key_store_count(tx, row.no) > 2 * KEYS_MAX || json_count(body) > KEYS_MAX) {
        reply_error(admin->reply, 422, "Too many items, maximum is %d", KEYS_MAX);
        return;
    }
    for (const struct json *item = json_first(body); item; item = json_next(item)) {
        if (!put_one(admin, tx, row.no, item)) {
            return;
        }
    }
    audit_keys(admin, tx, &row, body);
    answer(admin, tx, row.no);
}
