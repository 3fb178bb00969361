#include "model/maker/model_parameters.h"

#include "model/maker/product_model.h"
#include "model/management/form.h"

enum { PARAMETERS_MAX = 100, WIDGETS_MAX = 100, SERIES_MAX = 50, NAME_CHARS_MAX = 128, TITLE_CHARS_MAX = 255 };
enum { UNIT_CHARS_MAX = 32, WIDTH_MAX = 12 };
#define TEXT_BYTES_MAX ((size_t)256 * 1024)

/* ---- reading and replacing one of the arrays ---- */

static void answer(struct admin *admin, struct str text)
{
    buf_append_str(&admin->reply->body, text);
    admin->reply->status = 200;
}

void model_parameters_read(struct admin *admin, struct store_tx *tx, struct str model_id)
{
    struct product_model_row row;
    if (product_model_find(admin, tx, model_id, &row)) {
        answer(admin, row.parameters);
    }
}

void model_widgets_read(struct admin *admin, struct store_tx *tx, struct str model_id)
{
    struct product_model_row row;
    if (product_model_find(admin, tx, model_id, &row)) {
        answer(admin, row.widgets);
    }
}

/* Checks each item of the body and writes it as it is stored. */
typedef bool (*write_item)(struct admin *admin, const struct json *body, const struct json *item, struct json_writer *w);

static bool make_text(struct admin *admin, const struct json *body, size_t max, write_item write, struct str *ret_text)
{
    struct buf text;
    struct json_writer w;
    if (json_count(body) > max) {
        reply_error(admin->reply, 422, "Too many items, maximum is %zu", max);
        return false;
    }
    buf_init(&text, TEXT_BYTES_MAX);
    json_writer_init(&w, &text);
    json_begin_array(&w);
    bool valid = true;
    for (const struct json *item = json_first(body); valid && item; item = json_next(item)) {
        valid = (json_is_object(item) || form_invalid(admin, "item")) && write(admin, body, item, &w);
    }
    json_end_array(&w);
    if (valid && text.failed) {
        reply_error(admin->reply, 413, "Payload too large");
        valid = false;
    }
    *ret_text = valid ? arena_str(admin->arena, buf_str(&text)) : STR("");
    buf_deinit(&text);
    return valid;
}

/* Whether an item before this one has the same text in this field. */
static bool is_taken(struct admin *admin, const struct json *body, const struct json *item, const char *field, struct str text)
{
    struct str other;
    for (const struct json *before = json_first(body); before && before != item; before = json_next(before)) {
        if (json_to_text(json_get(before, field), admin->arena, &other) && str_eq(str_trim(other), text)) {
            return true;
        }
    }
    return false;
}

/* The text of a choice; NULL: it is none of them. */
static const char *choice_of(struct str text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(text, str_from_cstr(names[i]))) {
            return names[i];
        }
    }
    return NULL;
}

/* ---- parameters ---- */

static bool write_parameter(struct admin *admin, const struct json *body, const struct json *item, struct json_writer *w)
{
    static const char *const types[] = {"text", "number", "password"};
    struct str name, type = STR("text");
    bool required = false;
    if (!form_required_text(admin, item, "name", NAME_CHARS_MAX, &name)) {
        return false;
    }
    if (is_taken(admin, body, item, "name", name)) {
        return form_taken(admin, "name");
    }
    if (!form_text(admin, item, "type", NAME_CHARS_MAX, &type) || !form_bool(admin, item, "required", &required)) {
        return false;
    }
    const char *known = choice_of(type, types, sizeof types / sizeof types[0]);
    if (!known) {
        return form_invalid(admin, "type");
    }
    json_begin_object(w);
    json_field_str(w, "name", name);
    json_field_cstr(w, "type", known);
    json_field_bool(w, "required", required);
    json_end_object(w);
    return true;
}

void model_parameters_put(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body)
{
    struct product_model_row row;
    struct str text;
    if (!product_model_find(admin, tx, model_id, &row) ||
        !make_text(admin, body, PARAMETERS_MAX, write_parameter, &text)) {
        return;
    }
    struct json *before = model_document(&row);
    row.parameters = text;
    if (product_model_save(admin, tx, "model.parameters", before, &row, row.offline_threshold_minutes)) {
        answer(admin, text);
    }
}

/* ---- widgets ---- */

static bool write_one_series(struct admin *admin, const struct json *item, struct json_writer *w)
{
    struct str telemetry, name = {0}, unit = {0};
    if (!json_is_object(item)) {
        return form_invalid(admin, "series");
    }
    if (!form_required_text(admin, item, "telemetry", NAME_CHARS_MAX, &telemetry) ||
        !form_text(admin, item, "name", TITLE_CHARS_MAX, &name) || !form_text(admin, item, "unit", UNIT_CHARS_MAX, &unit)) {
        return false;
    }
    json_begin_object(w);
    json_field_str(w, "name", name.len ? name : telemetry);
    json_field_str(w, "telemetry", telemetry);
    if (unit.len) {
        json_field_str(w, "unit", unit);
    } else {
        json_field_null(w, "unit");
    }
    json_end_object(w);
    return true;
}

/* A list of series, or the place in the device's data where such a list is found. */
static bool write_source(struct admin *admin, const struct json *item, struct json_writer *w)
{
    const struct json *series = json_get(item, "series");
    struct str path = {0};
    if (!form_text(admin, item, "dynamic_path", TITLE_CHARS_MAX, &path)) {
        return false;
    }
    if (path.len) {
        bool known = (str_starts_with(path, STR("config.")) && path.len > 7) || (str_starts_with(path, STR("details.")) && path.len > 8);
        if (!known || !json_is_missing(series)) {
            return form_invalid(admin, "dynamic_path");
        }
        json_field_str(w, "dynamic_path", path);
        return true;
    }
    if ((!json_is_missing(series) && !json_is_array(series)) || json_count(series) > SERIES_MAX) {
        return form_invalid(admin, "series");
    }
    json_name(w, "series");
    json_begin_array(w);
    for (const struct json *one = json_first(series); one; one = json_next(one)) {
        if (!write_one_series(admin, one, w)) {
            return false;
        }
    }
    json_end_array(w);
    return true;
}

static bool read_id(struct admin *admin, const struct json *body, const struct json *item, struct str *ret_id)
{
    if (!form_has(item, "id")) {
        char text[UUID_TEXT_BYTES];
        struct uuid uuid = uuid_random();
        uuid_format(&uuid, text);
        *ret_id = arena_str(admin->arena, str_from_cstr(text));
        return true;
    }
    return form_required_text(admin, item, "id", NAME_CHARS_MAX, ret_id) &&
           (!is_taken(admin, body, item, "id", *ret_id) || form_taken(admin, "id"));
}

static bool write_widget(struct admin *admin, const struct json *body, const struct json *item, struct json_writer *w)
{
    static const char *const types[] = {"spline", "value", "gauge", "status", "table", "text", "states"};
    struct str id, type, title = STR("");
    int64_t width = 0;
    if (!read_id(admin, body, item, &id) || !form_required_text(admin, item, "type", NAME_CHARS_MAX, &type)) {
        return false;
    }
    const char *known = choice_of(type, types, sizeof types / sizeof types[0]);
    if (!known) {
        return form_invalid(admin, "type");
    }
    if (!form_text(admin, item, "title", TITLE_CHARS_MAX, &title) || !form_int(admin, item, "width", 1, WIDTH_MAX, &width)) {
        return false;
    }
    json_begin_object(w);
    json_field_str(w, "id", id);
    json_field_cstr(w, "type", known);
    json_field_str(w, "title", title);
    if (width) {
        json_field_int(w, "width", width);
    } else {
        json_field_null(w, "width");
    }
    bool valid = write_source(admin, item, w);
    json_end_object(w);
    return valid;
}

void model_widgets_put(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body)
{
    struct product_model_row row;
    struct str text;
    if (!product_model_find(admin, tx, model_id, &row) || !make_text(admin, body, WIDGETS_MAX, write_widget, &text)) {
        return;
    }
    struct json *before = model_document(&row);
    row.widgets = text;
    if (product_model_save(admin, tx, "model.widgets", before, &row, row.offline_threshold_minutes)) {
        answer(admin, text);
    }
}
