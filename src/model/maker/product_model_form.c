/* The fields of a model: how they are read from a request, and their texts of refusal (management-api.md 5.1). */
#include "model/management/form.h"
#include "model/maker/product_model.h"

#define NAME_CHARS_MAX 255
#define ICON_BYTES_MAX ((size_t)256 * 1024)
#define API_VERSION_LATEST 7
#define THRESHOLD_MINUTES_MAX 43200
#define THRESHOLD_MINUTES_DEFAULT 5

static const char *const tabs[] = {"overview", "telemetry", "commands", "configuration", "incidents", "files", "licenses",
                                   "history",  "dumps",     "events",   "children",      "details",   "notes"};
#define TAB_COUNT (sizeof tabs / sizeof tabs[0])

static const char *const suggested_commands[] = {"reboot", "dump", "update_firmware"}; /* bits of ret_suggested */
#define SUGGESTED_COUNT (sizeof suggested_commands / sizeof suggested_commands[0])

/* An array of the given names as a bit set. Absent or null: *ret_set stays. */
static bool form_name_set(struct admin *admin, const struct json *body, const char *field, const char *const *names,
                          size_t count, unsigned *ret_set)
{
    const struct json *value = json_get(body, field);
    if (json_is_missing(value)) {
        return true;
    }
    if (!json_is_array(value)) {
        return form_invalid(admin, field);
    }
    unsigned set = 0;
    for (const struct json *item = json_first(value); item; item = json_next(item)) {
        size_t i = 0;
        while (i < count && !str_eq(json_string(item), str_from_cstr(names[i]))) {
            i++;
        }
        if (i == count) {
            return form_invalid(admin, field);
        }
        set |= 1u << i;
    }
    *ret_set = set;
    return true;
}

static struct str tabs_text(struct arena *arena, unsigned set)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, 1024);
    json_writer_init(&w, &text);
    json_begin_array(&w);
    for (size_t i = 0; i < TAB_COUNT; i++) {
        if (set >> i & 1) {
            json_put_cstr(&w, tabs[i]);
        }
    }
    json_end_array(&w);
    struct str result = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return result;
}

bool model_form_protocol(struct admin *admin, const struct json *body, enum protocol *ret_protocol)
{
    struct str text = json_string(json_get(body, "communication_protocol"));
    if (str_eq(text, STR("https"))) {
        *ret_protocol = PROTOCOL_HTTPS;
    } else if (str_eq(text, STR("mqtt"))) {
        *ret_protocol = PROTOCOL_MQTT;
    } else {
        return form_invalid(admin, "communication_protocol");
    }
    return true;
}

static bool parse_device_type(const struct json *value, enum device_type *ret_type)
{
    struct str text = json_string(value);
    if (str_eq(text, STR("physical"))) {
        *ret_type = DEVICE_PHYSICAL;
    } else if (str_eq(text, STR("digital"))) {
        *ret_type = DEVICE_DIGITAL;
    } else if (str_eq(text, STR("application"))) {
        *ret_type = DEVICE_APPLICATION;
    } else {
        return false;
    }
    return true;
}

/* Absent or null: stays. */
static bool form_authentication_method(struct admin *admin, const struct json *body, bool *ret_auth_cloud_id)
{
    const struct json *value = json_get(body, "authentication_method");
    if (json_is_missing(value)) {
        return true;
    }
    bool is_cloud_id = str_eq(json_string(value), STR("cloud_id"));
    if (!is_cloud_id && !str_eq(json_string(value), STR("mac_sn"))) {
        return form_invalid(admin, "authentication_method");
    }
    *ret_auth_cloud_id = is_cloud_id;
    return true;
}

/* "1.0.0" ... "1.0.7" */
static bool parse_api_version(const struct json *value, int64_t *ret_version)
{
    struct str text = json_string(value);
    if (text.len != 5 || !str_starts_with(text, STR("1.0.")) || text.ptr[4] < '0' ||
        text.ptr[4] > '0' + API_VERSION_LATEST) {
        return false;
    }
    *ret_version = text.ptr[4] - '0';
    return true;
}

/* The latest for the partner's first model, else the highest in use; to choose from: the latest and those in use. */
static bool form_api_version(struct admin *admin, struct store_tx *tx, const struct json *body, int64_t *ret_version)
{
    unsigned in_use = product_model_store_versions_in_use(tx, admin->principal.partner_no);
    const struct json *value = json_get(body, "api_version");
    if (json_is_missing(value)) {
        *ret_version = API_VERSION_LATEST;
        while (in_use && !(in_use >> *ret_version & 1)) {
            (*ret_version)--;
        }
        return true;
    }
    int64_t version;
    if (!parse_api_version(value, &version) || (version != API_VERSION_LATEST && !(in_use >> version & 1))) {
        return form_invalid(admin, "api_version");
    }
    *ret_version = version;
    return true;
}

/* null switches it off; absent: stays. */
static bool form_threshold(struct admin *admin, const struct json *body, int64_t *ret_minutes)
{
    if (json_is_null(json_get(body, "offline_threshold_minutes"))) {
        *ret_minutes = 0;
        return true;
    }
    return form_int(admin, body, "offline_threshold_minutes", 1, THRESHOLD_MINUTES_MAX, ret_minutes);
}

/* null removes it. */
static bool form_sku(struct admin *admin, const struct json *body, struct str *ret_sku)
{
    if (json_is_null(json_get(body, "sku"))) {
        *ret_sku = (struct str){0};
        return true;
    }
    if (!form_text(admin, body, "sku", NAME_CHARS_MAX, ret_sku)) {
        return false;
    }
    if (ret_sku->len == 0) {
        *ret_sku = (struct str){0};
    }
    return true;
}

static const struct image_kind {
    struct str type, prefix;
    struct str magic;
    struct str magic_at_8; /* WebP: "RIFF", a length, "WEBP" */
} image_kinds[] = {
    {STR_INIT("image/png"), STR_INIT("data:image/png;base64,"), STR_INIT("\x89PNG\r\n\x1a\n"), STR_INIT("")},
    {STR_INIT("image/jpeg"), STR_INIT("data:image/jpeg;base64,"), STR_INIT("\xff\xd8\xff"), STR_INIT("")},
    {STR_INIT("image/webp"), STR_INIT("data:image/webp;base64,"), STR_INIT("RIFF"), STR_INIT("WEBP")},
};

/* The kind whose prefix the data URL has, if the bytes are of that kind too: what is served later is what it says. */
static bool icon_decode(struct admin *admin, struct str url, struct model_icon *icon)
{
    for (size_t i = 0; i < sizeof image_kinds / sizeof image_kinds[0]; i++) {
        const struct image_kind *kind = &image_kinds[i];
        if (!str_starts_with(url, kind->prefix)) {
            continue;
        }
        struct buf bytes;
        buf_init(&bytes, ICON_BYTES_MAX);
        bool is_image = base64_decode(str_sub(url, kind->prefix.len, url.len), &bytes) && !bytes.failed &&
                        str_starts_with(buf_str(&bytes), kind->magic) &&
                        str_starts_with(str_sub(buf_str(&bytes), 8, bytes.len), kind->magic_at_8);
        if (is_image) {
            icon->type = kind->type;
            icon->bytes = arena_str(admin->arena, buf_str(&bytes));
        }
        buf_deinit(&bytes);
        return is_image;
    }
    return false;
}

static bool form_icon(struct admin *admin, const struct json *body, struct model_icon *ret_icon)
{
    const struct json *value = json_get(body, "icon");
    *ret_icon = (struct model_icon){.is_set = value != NULL};
    if (json_is_missing(value)) {
        return true;
    }
    struct str url = json_string(value);
    if (url.len > 64 + (ICON_BYTES_MAX + 2) / 3 * 4) {
        reply_error(admin->reply, 422, "Icon is too large (maximum is 256 KiB)");
        return false;
    }
    return icon_decode(admin, url, ret_icon) || form_invalid(admin, "icon");
}

static bool form_tabs(struct admin *admin, const struct json *body, struct str *ret_tabs)
{
    unsigned set = UINT32_MAX;
    if (!form_name_set(admin, body, "enabled_tabs", tabs, TAB_COUNT, &set)) {
        return false;
    }
    if (set != UINT32_MAX || !ret_tabs->ptr) {
        *ret_tabs = tabs_text(admin->arena, set);
    }
    return true;
}

static bool form_create_immutables(struct admin *admin, struct store_tx *tx, const struct json *body,
                                   struct product_model_row *row)
{
    if (!form_has(body, "communication_protocol")) {
        return form_missing(admin, "communication_protocol");
    }
    if (!model_form_protocol(admin, body, &row->protocol)) {
        return false;
    }
    if (!form_has(body, "device_type")) {
        return form_missing(admin, "device_type");
    }
    if (!parse_device_type(json_get(body, "device_type"), &row->device_type)) {
        return form_invalid(admin, "device_type");
    }
    return form_api_version(admin, tx, body, &row->api_version);
}

bool model_form_create(struct admin *admin, struct store_tx *tx, const struct json *body,
                       struct product_model_row *row, struct model_icon *ret_icon, unsigned *ret_suggested)
{
    row->auth_cloud_id = true;
    row->offline_threshold_minutes = THRESHOLD_MINUTES_DEFAULT;
    *ret_suggested = 1u << 0 | 1u << 1; /* reboot, dump */
    return form_required_text(admin, body, "name", NAME_CHARS_MAX, &row->name) &&
           form_create_immutables(admin, tx, body, row) &&
           form_authentication_method(admin, body, &row->auth_cloud_id) && form_sku(admin, body, &row->sku) &&
           form_threshold(admin, body, &row->offline_threshold_minutes) &&
           form_tabs(admin, body, &row->enabled_tabs) && form_icon(admin, body, ret_icon) &&
           form_name_set(admin, body, "suggested_commands", suggested_commands, SUGGESTED_COUNT, ret_suggested);
}

/* The present value is accepted, any other one refused, whoever asks. */
static bool immutables_are_kept(struct admin *admin, const struct json *body, const struct product_model_row *row)
{
    enum device_type type;
    int64_t version;
    const struct json *value = json_get(body, "communication_protocol");
    if (value && !str_eq(json_string(value), row->protocol == PROTOCOL_MQTT ? STR("mqtt") : STR("https"))) {
        reply_error(admin->reply, 422, "Communication protocol cannot be changed after the model is created");
        return false;
    }
    value = json_get(body, "device_type");
    if (value && (!parse_device_type(value, &type) || type != row->device_type)) {
        reply_error(admin->reply, 422, "Device type cannot be changed after the model is created");
        return false;
    }
    value = json_get(body, "api_version");
    if (value && (!parse_api_version(value, &version) || version != row->api_version)) {
        reply_error(admin->reply, 422, "API version can only be changed by a system administrator");
        return false;
    }
    return true;
}

bool model_form_update(struct admin *admin, const struct json *body, struct product_model_row *row,
                       struct model_icon *ret_icon)
{
    if (!immutables_are_kept(admin, body, row)) {
        return false;
    }
    bool auth_cloud_id = row->auth_cloud_id;
    if (json_get(body, "name")) {
        if (json_is_null(json_get(body, "name"))) {
            reply_error(admin->reply, 422, "Name can't be blank");
            return false;
        }
        if (!form_required_text(admin, body, "name", NAME_CHARS_MAX, &row->name)) {
            return false;
        }
    }
    if (!form_authentication_method(admin, body, &auth_cloud_id)) {
        return false;
    }
    if (auth_cloud_id != row->auth_cloud_id && row->devices_count > 0) {
        reply_error(admin->reply, 422, "Authentication method cannot be changed after devices are registered");
        return false;
    }
    row->auth_cloud_id = auth_cloud_id;
    return form_sku(admin, body, &row->sku) && form_threshold(admin, body, &row->offline_threshold_minutes) &&
           form_tabs(admin, body, &row->enabled_tabs) && form_icon(admin, body, ret_icon);
}

/* A part that is JSON itself; stays when the document has none (of a time when there were none). */
static void copy_part(const struct json *document, const char *name, struct arena *arena, struct str *ret_text)
{
    const struct json *part = json_get(document, name);
    if (json_is_array(part) || json_is_object(part)) {
        struct buf text;
        buf_init(&text, MODEL_DOCUMENT_BYTES_MAX);
        json_write(&text, part);
        *ret_text = arena_str(arena, buf_str(&text));
        buf_deinit(&text);
    }
}

void model_document_apply(const struct json *document, struct arena *arena, struct product_model_row *row)
{
    struct str name = json_string(json_get(document, "name"));
    if (name.len) {
        row->name = arena_str(arena, name);
    }
    struct str sku = json_string(json_get(document, "sku"));
    row->sku = sku.len ? arena_str(arena, sku) : (struct str){0};
    if (row->devices_count == 0) {
        row->auth_cloud_id = !str_eq(json_string(json_get(document, "authentication_method")), STR("mac_sn"));
    }
    int64_t minutes = 0;
    json_int(json_get(document, "offline_threshold_minutes"), &minutes);
    row->offline_threshold_minutes = minutes;
    copy_part(document, "enabled_tabs", arena, &row->enabled_tabs);
    copy_part(document, "parameters", arena, &row->parameters);
    copy_part(document, "widgets", arena, &row->widgets);
    row->config_schema = (struct str){0};
    copy_part(document, "config_schema", arena, &row->config_schema);
}
