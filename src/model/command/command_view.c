#include "model/maker/catalog.h"
#include "model/command/command.h"
#include "model/domain.h"
#include "model/file/file_url.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"

static const char *const names[] = {
    [COMMAND_SCHEDULED] = "scheduled", [COMMAND_PENDING] = "pending", [COMMAND_IN_PROGRESS] = "in_progress",
    [COMMAND_DONE] = "done",           [COMMAND_FAILED] = "failed",   [COMMAND_ABORTED] = "aborted",
};

const char *command_status_name(enum command_status status)
{
    return names[status];
}

bool command_status_parse(struct str text, enum command_status *ret_status)
{
    for (int i = COMMAND_SCHEDULED; i <= COMMAND_ABORTED; i++) {
        if (str_eq(text, str_from_cstr(names[i]))) {
            *ret_status = (enum command_status)i;
            return true;
        }
    }
    return false;
}

static void write_parameters(struct json_writer *w, const struct command_row *command, bool masked)
{
    struct json *parameters = NULL, *secrets = NULL;
    if (!masked || !command->secret_names.ptr) {
        json_put_raw(w, command->parameters);
        return;
    }
    if (json_parse(command->parameters, NULL, &parameters) != ERR_OK ||
        json_parse(command->secret_names, NULL, &secrets) != ERR_OK) {
        json_put_null(w); /* rather nothing than a secret */
    } else {
        for (const struct json *name = json_first(secrets); name; name = json_next(name)) {
            if (!json_is_missing(json_get_str(parameters, json_string(name)))) {
                json_set(parameters, json_string(name), json_new_string(STR("*****")));
            }
        }
        json_put_node(w, parameters);
    }
    json_free(parameters);
    json_free(secrets);
}

void command_write(struct json_writer *w, const struct uuid *device_id, const struct command_row *command, bool masked)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &command->id);
    json_field_uuid(w, "device_id", device_id);
    json_field_cstr(w, "status", command_status_name(command->status));
    json_field_str(w, "name", command->name);
    json_field_str(w, "friendly_name", command->friendly_name);
    json_name(w, "parameters");
    if (command->parameters.ptr) {
        write_parameters(w, command, masked);
    } else {
        json_put_null(w);
    }
    field_text(w, "message", command->message);
    if (uuid_is_nil(&command->file_id)) {
        json_field_null(w, "file_id");
    } else {
        json_field_uuid(w, "file_id", &command->file_id);
    }
    field_text(w, "created_by", command->created_by);
    json_field_time(w, "created_at", command->created_at);
    json_field_time(w, "scheduled_at", command->scheduled_at);
    json_field_time(w, "delivered_at", command->delivered_at);
    json_field_time(w, "finished_at", command->finished_at);
    json_end_object(w);
}

/* Where its file is, for a command that has one (4.1). */
static enum err write_file(struct domain *domain, struct store_tx *tx, struct arena *arena, struct json_writer *w,
                           const struct command_row *command)
{
    struct file_row file;
    enum err err = file_store_find(tx, &command->file_id, arena, &file);
    if (err == ERR_NOT_FOUND) { /* in use it is not deleted; with its model it may be */
        return ERR_OK;
    }
    if (err == ERR_OK) {
        struct str base = file_base_for_device(domain, tx, arena, command->device_no);
        json_field_str(w, "url", file_url_make(domain, arena, base, &file));
        field_text(w, "version", file.version);
        field_text(w, "checksum", file.checksum);
        field_text(w, "signature", file.signature);
    }
    return err;
}

static bool is_about_file(struct str key)
{
    static const struct str names_of_file[] = {STR_INIT("url"), STR_INIT("version"), STR_INIT("checksum"), STR_INIT("signature")};
    for (size_t i = 0; i < sizeof names_of_file / sizeof names_of_file[0]; i++) {
        if (str_eq(key, names_of_file[i])) {
            return true;
        }
    }
    return false;
}

/* The file's members stand before the custom fields, and in place of such with their names. */
static enum err write_with_file(struct domain *domain, struct store_tx *tx, struct arena *arena, struct json_writer *w,
                                const struct command_row *command)
{
    struct json *fields = NULL;
    if (command->parameters.ptr && json_parse(command->parameters, NULL, &fields) != ERR_OK) {
        return ERR_INTERNAL;
    }
    json_begin_object(w);
    enum err err = write_file(domain, tx, arena, w, command);
    for (const struct json *field = json_first(fields); field; field = json_next(field)) {
        if (!is_about_file(json_key(field))) {
            json_name_str(w, json_key(field));
            json_put_node(w, field);
        }
    }
    json_end_object(w);
    json_free(fields);
    return err;
}

enum err command_write_for_device(struct domain *domain, struct store_tx *tx, struct arena *arena, struct json_writer *w,
                                  const struct device_brief *device, const struct command_row *command)
{
    enum { API_DEVICE_ID = 7 };
    enum err err = ERR_OK;
    json_begin_object(w);
    json_field_uuid(w, "id", &command->id);
    if (device->api_version >= API_DEVICE_ID) {
        json_field_uuid(w, "device_id", &device->id);
    }
    json_field_cstr(w, "status", command_status_name(command->status));
    json_field_str(w, "name", command->name);
    json_name(w, "parameters");
    if (uuid_is_nil(&command->file_id)) {
        json_put_raw(w, command->parameters.ptr ? command->parameters : STR("{}"));
    } else {
        err = write_with_file(domain, tx, arena, w, command);
    }
    json_end_object(w);
    return err;
}

/* A partner sees its devices' whole list, an organization what it sent itself: a device may have had another owner. */
static int64_t visible_owner(const struct admin *admin)
{
    return admin->principal.tenant_kind == TENANT_ORGANIZATION ? admin->principal.organization_no : 0;
}

void command_list(struct admin *admin, struct store_tx *tx, const struct device_core *device, int status, bool ascending,
                  struct page page)
{
    struct command_filter filter = {device->no, visible_owner(admin), status, ascending};
    struct command_row *rows = NULL;
    size_t count = 0;
    int64_t total = 0;
    enum err err = command_store_list(tx, &filter, page.size, page_offset(page), admin->arena, &rows, &count);
    if (err == ERR_OK) {
        err = command_store_count(tx, &filter, &total);
    }
    if (admin_failed(admin, err)) {
        return;
    }
    struct envelope envelope;
    envelope_begin(&envelope, admin->reply, admin->principal.tenant_kind, page);
    for (size_t i = 0; i < count; i++) {
        command_write(&envelope.w, &device->id, &rows[i], admin->principal.tenant_kind == TENANT_PARTNER);
    }
    envelope_end(&envelope, total);
}

void command_get(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct str command_id)
{
    struct uuid id;
    struct command_row row;
    enum err err = uuid_parse(command_id, &id) ? command_store_by_id(tx, &id, admin->arena, &row) : ERR_NOT_FOUND;
    if (err == ERR_OK && (row.device_no != device->no || (visible_owner(admin) && row.organization_no != visible_owner(admin)))) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Command not found");
        return;
    }
    if (admin_failed(admin, err)) {
        return;
    }
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    command_write(&w, &device->id, &row, admin->principal.tenant_kind == TENANT_PARTNER);
    admin->reply->status = 200;
}
