#include "model/command/command_definition.h"

#include "base/mem.h"
#include "model/management/audit.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/management/form.h"
#include "model/maker/product_model.h"

#define NAME_BYTES_MAX 64
#define TIMEOUT_SECONDS_MAX (31 * 86400)
#define FIELDS_BYTES_MAX 131072

void command_definition_write_row(const struct command_definition_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    json_field_str(w, "friendly_name", row->friendly_name);
    json_field_str(w, "description", row->description);
    json_field_bool(w, "active", row->active);
    json_field_bool(w, "with_file", row->with_file);
    if (row->file_type.ptr) {
        json_field_str(w, "file_type", row->file_type);
    } else {
        json_field_null(w, "file_type");
    }
    json_field_int(w, "timeout_seconds", row->timeout_seconds);
    json_field_raw(w, "custom_fields", row->custom_fields);
    json_end_object(w);
}

static void list_row(const struct command_definition_row *row, void *arg)
{
    command_definition_write_row(row, &((struct envelope *)arg)->w);
}

void command_definition_list(struct admin *admin, struct store_tx *tx, struct str model_id, struct page page)
{
    struct product_model_row model;
    if (!product_model_find(admin, tx, model_id, &model)) {
        return;
    }
    struct envelope list;
    envelope_begin(&list, admin->reply, TENANT_PARTNER, page);
    if (!admin_failed(admin, command_definition_store_list(tx, model.no, page, list_row, &list))) {
        envelope_end(&list, command_definition_store_count(tx, model.no));
    }
}

/* --- the form --- */

static bool form_name(struct admin *admin, const struct json *body, struct str *ret_name)
{
    struct str name;
    if (!form_required_text(admin, body, "name", NAME_BYTES_MAX, &name)) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != '.' && c != '-') {
            return form_invalid(admin, "name");
        }
    }
    *ret_name = name;
    return true;
}

static bool form_file_type(struct admin *admin, const struct json *body, struct str *ret_type)
{
    static const char *const families[] = {"firmware", "manual", "image", "config", "other"};
    const struct json *value = json_get(body, "file_type");
    if (!value) {
        return true;
    }
    if (json_is_null(value) || (json_is_string(value) && json_string(value).len == 0)) {
        *ret_type = (struct str){0};
        return true;
    }
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (str_eq(json_string(value), str_from_cstr(families[i]))) {
            *ret_type = str_from_cstr(families[i]);
            return true;
        }
    }
    return form_invalid(admin, "file_type");
}

static bool form_custom_fields(struct admin *admin, const struct json *body, struct str *ret_fields)
{
    const struct json *value = json_get(body, "custom_fields");
    if (json_is_missing(value)) {
        return true;
    }
    struct json *fields = custom_fields_parse(admin, value);
    if (!fields) {
        return false;
    }
    struct buf text;
    buf_init(&text, FIELDS_BYTES_MAX);
    json_write(&text, fields);
    json_free(fields);
    bool fits = !text.failed;
    if (fits) {
        *ret_fields = arena_str(admin->arena, buf_str(&text));
    }
    buf_deinit(&text);
    return fits || form_invalid(admin, "custom_fields");
}

/* `is_new`: names are required; else absent fields stay. */
static bool form_definition(struct admin *admin, const struct json *body, bool is_new,
                            struct command_definition_row *row)
{
    if ((is_new || form_has(body, "friendly_name")) &&
        !form_required_text(admin, body, "friendly_name", 255, &row->friendly_name)) {
        return false;
    }
    if ((is_new || form_has(body, "name")) && !form_name(admin, body, &row->name)) {
        return false;
    }
    return form_text(admin, body, "description", 2000, &row->description) &&
           form_bool(admin, body, "active", &row->active) && form_bool(admin, body, "with_file", &row->with_file) &&
           form_file_type(admin, body, &row->file_type) &&
           form_int(admin, body, "timeout_seconds", 0, TIMEOUT_SECONDS_MAX, &row->timeout_seconds) &&
           form_custom_fields(admin, body, &row->custom_fields);
}

/* --- operations --- */

static struct json *document_of(const struct command_definition_row *row)
{
    struct buf text;
    struct json_writer w;
    struct json *document = NULL;
    buf_init(&text, FIELDS_BYTES_MAX * 2);
    json_writer_init(&w, &text);
    command_definition_write_row(row, &w);
    if (json_parse(buf_str(&text), NULL, &document) != ERR_OK) {
        document = json_new_object();
    }
    buf_deinit(&text);
    return document;
}

/* Takes before and after; one of them may be NULL. */
static void record(struct admin *admin, struct store_tx *tx, const char *action, const struct uuid *id,
                   struct json *before, struct json *after)
{
    char text[UUID_TEXT_BYTES];
    uuid_format(id, text);
    admin_audit(admin, tx, action, "command_definition", str_from_cstr(text),
                audit_diff(admin->arena, before, after));
    json_free(before);
    json_free(after);
}

static void answer(struct admin *admin, const struct command_definition_row *row, unsigned status)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    command_definition_write_row(row, &w);
    admin->reply->status = status;
}

void command_definition_create(struct admin *admin, struct store_tx *tx, struct str model_id, const struct json *body)
{
    struct product_model_row model;
    struct command_definition_row row = {
        .id = uuid_random(), .description = STR(""), .active = true, .custom_fields = STR("[]")};
    if (!product_model_find(admin, tx, model_id, &model) || !form_definition(admin, body, true, &row)) {
        return;
    }
    if (command_definition_store_count(tx, model.no) >= COMMAND_DEFINITIONS_MAX) {
        reply_error(admin->reply, 422, "Too many commands");
        return;
    }
    row.model_no = model.no;
    row.created_at = admin->domain->now_unix_ms();
    enum err err = command_definition_store_insert(tx, &row);
    if (err == ERR_EXISTS) {
        form_taken(admin, "name");
    } else if (!admin_failed(admin, err)) {
        record(admin, tx, "command_definition.create", &row.id, NULL, document_of(&row));
        answer(admin, &row, 201);
    }
}

static bool find_definition(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id,
                            struct command_definition_row *ret_row)
{
    struct product_model_row model;
    struct uuid uuid;
    if (!product_model_find(admin, tx, model_id, &model)) {
        return false;
    }
    enum err err = uuid_parse(id, &uuid) ? command_definition_store_find(tx, model.no, &uuid, admin->arena, ret_row)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Command not found");
        return false;
    }
    return !admin_failed(admin, err);
}

void command_definition_update(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id,
                               const struct json *body)
{
    struct command_definition_row row;
    if (!find_definition(admin, tx, model_id, id, &row)) {
        return;
    }
    struct json *before = document_of(&row);
    enum err err = ERR_INVALID;
    if (form_definition(admin, body, false, &row)) {
        err = command_definition_store_update(tx, &row);
        if (err == ERR_EXISTS) {
            form_taken(admin, "name");
        } else {
            admin_failed(admin, err);
        }
    }
    if (err) {
        json_free(before);
        return;
    }
    record(admin, tx, "command_definition.update", &row.id, before, document_of(&row));
    answer(admin, &row, 200);
}

void command_definition_delete(struct admin *admin, struct store_tx *tx, struct str model_id, struct str id)
{
    struct command_definition_row row;
    if (find_definition(admin, tx, model_id, id, &row) &&
        !admin_failed(admin, command_definition_store_delete(tx, row.no))) {
        record(admin, tx, "command_definition.delete", &row.id, document_of(&row), NULL);
        admin_reply_success(admin);
    }
}

enum err command_definition_make_suggested(struct admin *admin, struct store_tx *tx, int64_t model_no,
                                           unsigned suggested)
{
    static const struct command_definition_row ready[] = {
        {.name = STR_INIT("reboot"), .friendly_name = STR_INIT("Reboot device"), .timeout_seconds = 300},
        {.name = STR_INIT("dump"), .friendly_name = STR_INIT("Create dump report"), .timeout_seconds = 600},
        {.name = STR_INIT("update_firmware"), .friendly_name = STR_INIT("Update firmware"), .with_file = true,
         .file_type = STR_INIT("firmware"), .timeout_seconds = 1800},
    };
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof ready / sizeof ready[0]; i++) {
        if (suggested >> i & 1) {
            struct command_definition_row row = ready[i];
            row.model_no = model_no;
            row.id = uuid_random();
            row.active = true;
            row.custom_fields = STR("[]");
            row.created_at = admin->domain->now_unix_ms();
            err = command_definition_store_insert(tx, &row);
        }
    }
    return err;
}

struct definitions {
    struct arena *arena;
    struct command_definition_row rows[COMMAND_DEFINITIONS_MAX];
    size_t count;
};

static void collect(const struct command_definition_row *row, void *arg)
{
    struct definitions *all = arg;
    if (all->count == COMMAND_DEFINITIONS_MAX) {
        return;
    }
    struct command_definition_row *copy = &all->rows[all->count++];
    *copy = *row;
    copy->name = arena_str(all->arena, row->name);
    copy->friendly_name = arena_str(all->arena, row->friendly_name);
    copy->description = arena_str(all->arena, row->description);
    copy->custom_fields = arena_str(all->arena, row->custom_fields);
    copy->file_type = row->file_type.ptr ? arena_str(all->arena, row->file_type) : row->file_type;
}

enum err command_definition_copy_all(struct admin *admin, struct store_tx *tx, int64_t from_model_no,
                                     int64_t to_model_no)
{
    struct definitions *all = mem_new(struct definitions);
    all->arena = admin->arena;
    enum err err =
        command_definition_store_list(tx, from_model_no, (struct page){1, COMMAND_DEFINITIONS_MAX}, collect, all);
    for (size_t i = 0; !err && i < all->count; i++) {
        all->rows[i].model_no = to_model_no;
        all->rows[i].id = uuid_random();
        all->rows[i].created_at = admin->domain->now_unix_ms();
        err = command_definition_store_insert(tx, &all->rows[i]);
    }
    mem_free(all);
    return err;
}
