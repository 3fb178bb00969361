#include "model/maker/model_schema.h"

#include "codec/json/json_schema.h"
#include "model/maker/product_model.h"

#define MESSAGE_BYTES_MAX 4096

static void not_found(struct admin *admin)
{
    reply_error(admin->reply, 404, "Config schema not found");
}

void model_schema_read(struct admin *admin, struct store_tx *tx, struct str model_id)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, model_id, &row)) {
        return;
    }
    if (!row.config_schema.ptr) {
        not_found(admin);
        return;
    }
    buf_append_str(&admin->reply->body, row.config_schema);
    admin->reply->status = 200;
}

/* The root is an object, and so is each of its properties: devices keep their settings in sections. */
static bool has_sections(struct admin *admin, const struct json *schema)
{
    if (!str_eq(json_string(json_get(schema, "type")), STR("object"))) {
        reply_error(admin->reply, 422, "Config schema is invalid: type must be object");
        return false;
    }
    size_t budget = JSON_SCHEMA_WALK_MAX;
    for (const struct json *property = json_first(json_get(schema, "properties")); property; property = json_next(property)) {
        const struct json *section = property;
        struct str reference = json_string(json_get(property, "$ref"));
        if (reference.len) {
            section = json_schema_resolve(schema, reference, &budget); /* used up: json_schema_is_valid has said so */
        }
        if (!str_eq(json_string(json_get(section, "type")), STR("object"))) {
            reply_error(admin->reply, 422, "Every property must sit inside an object");
            return false;
        }
    }
    return true;
}

static bool check(struct admin *admin, const struct json *schema, struct str *ret_text)
{
    struct buf why, text;
    buf_init(&why, MESSAGE_BYTES_MAX);
    buf_init(&text, CONFIG_SCHEMA_BYTES_MAX);
    json_write(&text, schema);
    bool fits = !text.failed, valid = fits && json_schema_is_valid(schema, &why);
    if (!fits) {
        reply_error(admin->reply, 413, "Payload too large");
    } else if (!valid) {
        reply_error(admin->reply, 422, "Config schema is invalid: %.*s", STR_ARG(buf_str(&why)));
    } else {
        valid = has_sections(admin, schema);
    }
    *ret_text = valid ? arena_str(admin->arena, buf_str(&text)) : STR("");
    buf_deinit(&why);
    buf_deinit(&text);
    return valid;
}

void model_schema_put(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body)
{
    struct product_model_row row;
    struct json *none = json_new_object();
    struct str text;
    if (product_model_find(admin, tx, model_id, &row) && check(admin, body ? body : none, &text)) {
        struct json *before = model_document(&row);
        row.config_schema = text;
        if (product_model_save(admin, tx, "model.config_schema", before, &row, row.offline_threshold_minutes)) {
            buf_append_str(&admin->reply->body, text);
            admin->reply->status = 200;
        }
    }
    json_free(none);
}

void model_schema_delete(struct admin *admin, struct store_tx *tx, struct str model_id)
{
    struct product_model_row row;
    if (!product_model_find(admin, tx, model_id, &row)) {
        return;
    }
    if (!row.config_schema.ptr) {
        not_found(admin);
        return;
    }
    struct json *before = model_document(&row);
    row.config_schema = (struct str){0};
    if (product_model_save(admin, tx, "model.config_schema", before, &row, row.offline_threshold_minutes)) {
        admin_reply_success(admin);
    }
}

static bool conforms(struct admin *admin, const struct json *schema, const struct json *config)
{
    struct buf path, reason;
    buf_init(&path, MESSAGE_BYTES_MAX);
    buf_init(&reason, MESSAGE_BYTES_MAX);
    bool valid = json_schema_check(schema, config, &path, &reason);
    if (!valid) {
        reply_error(admin->reply, 422, "Configuration is invalid: %.*s%s%.*s", STR_ARG(buf_str(&path)),
                    buf_str(&path).len ? " " : "", STR_ARG(buf_str(&reason)));
    }
    buf_deinit(&path);
    buf_deinit(&reason);
    return valid;
}

bool model_schema_allows(struct admin *admin, struct store_tx *tx, int64_t model_no, const struct json *config)
{
    struct str text;
    struct json *schema = NULL;
    enum err err = product_model_store_config_schema(tx, model_no, admin->arena, &text);
    if (err == ERR_OK && !text.ptr) {
        return true;
    }
    if (err == ERR_OK) {
        err = json_parse(text, &(struct json_limits){.bytes_max = CONFIG_SCHEMA_BYTES_MAX}, &schema);
    }
    bool allowed = !admin_failed(admin, err) && conforms(admin, schema, config);
    json_free(schema);
    return allowed;
}
