#include "model/management/audit.h"
#include "model/management/form.h"
#include "model/maker/catalog.h"
#include "model/command/command_queue.h"
#include "model/domain.h"
#include "model/file/file.h"
#include "model/management/form.h"

enum { NAME_BYTES_MAX = 255 };

/* Finds the definition: `name` first, then `friendly_name` or its alias `command`; inactive ones only for labs. */
static enum err find_rule(struct admin *admin, struct store_tx *tx, const struct device_core *device,
                          const struct json *body, bool lab, struct command_rule *ret_rule)
{
    static const struct {
        const char *field;
        enum err (*find)(struct store_tx *, int64_t, struct str, struct arena *, struct command_rule *);
    } ways[] = {
        {"name", command_rule_by_name},
        {"friendly_name", command_rule_by_friendly_name},
        {"command", command_rule_by_friendly_name},
    };
    enum { WAYS = sizeof ways / sizeof ways[0] };
    struct str texts[WAYS] = {{0}};
    for (size_t i = 0; i < WAYS; i++) {
        const struct json *value = json_get(body, ways[i].field);
        if (!json_is_missing(value) && !json_to_text(value, admin->arena, &texts[i])) {
            return ERR_NOT_FOUND;
        }
    }
    for (size_t i = 0; i < WAYS; i++) {
        if (texts[i].len == 0 || texts[i].len > NAME_BYTES_MAX) {
            continue;
        }
        enum err err = ways[i].find(tx, device->model_no, texts[i], admin->arena, ret_rule);
        if (err == ERR_OK && (ret_rule->active || lab)) {
            return ERR_OK;
        }
        if (err != ERR_OK && err != ERR_NOT_FOUND) {
            return err;
        }
    }
    return ERR_NOT_FOUND;
}

/* The file of the body, if it names one (3.3); it has to be of the family that the definition asks for. */
static bool read_file(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body,
                      const struct command_rule *rule, struct uuid *ret_id)
{
    const struct json *file_id = json_get(body, "file_id");
    struct file_row file;
    if (json_is_missing(file_id) || (json_is_string(file_id) && str_is_blank(json_string(file_id)))) {
        if (rule->with_file) {
            reply_error(admin->reply, 422, "Parameter file_id is required");
        }
        return !rule->with_file;
    }
    enum err err = file_find_for_command(admin, tx, device, json_string(file_id), &file);
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "File not found");
        return false;
    }
    if (admin_failed(admin, err)) {
        return false;
    }
    if (!rule->with_file) {
        reply_error(admin->reply, 422, "Unknown parameter file_id");
        return false;
    }
    if (rule->file_type.len > 0 && !str_eq(rule->file_type, str_from_cstr(file_type_name(file.type)))) {
        return form_invalid(admin, "file_id");
    }
    *ret_id = file.id;
    return true;
}

static bool check_room(struct admin *admin, struct store_tx *tx, const struct device_core *device)
{
    int64_t next_no = 0, open = 0;
    uint64_t max = domain_settings(admin->domain)->limits_commands_open;
    if (admin_failed(admin, command_store_queue(tx, device->no, &next_no, &open))) {
        return false;
    }
    if (max && (uint64_t)open >= max) {
        reply_error(admin->reply, 422, "Too many commands");
        return false;
    }
    return true;
}

static struct str sender_name(struct admin *admin, struct store_tx *tx)
{
    struct audit_actor actor;
    if (admin->principal.kind != PRINCIPAL_USER) {
        return (struct str){NULL, 0};
    }
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    return actor.name;
}

static enum err place(struct device_change *change, const struct device_core *device, struct command_row *row)
{
    struct uuid pending;
    enum err err = ERR_OK;
    if (row->scheduled_at != TIME_NONE && row->scheduled_at > change->now_ms) {
        row->status = COMMAND_SCHEDULED;
        row->due_at = row->scheduled_at;
    } else {
        err = command_enter_queue(change, row);
    }
    if (err == ERR_OK) {
        err = command_store_insert(change->tx, row);
    }
    if (err == ERR_OK) {
        err = command_queue_changed(change, device, &pending);
    }
    if (err == ERR_OK && uuid_eq(&pending, &row->id)) {
        err = command_emit_head(change, device, row);
    } else if (err == ERR_OK) {
        command_emit(change, device, row, 0);
    }
    return err;
}

static void note(struct admin *admin, struct store_tx *tx, const char *action, const struct device_core *device,
                 const struct command_row *row)
{
    device_audit(admin, tx, action, device, arena_printf(admin->arena, "{\"command\":\"%.*s\"}", STR_ARG(row->name)));
}

static void answer(struct admin *admin, const struct device_core *device, const struct command_row *row)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    command_write(&w, &device->id, row, false);
    admin->reply->status = 200;
}

bool command_check(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body,
                   struct command_row *ret_row)
{
    struct organization_info organization = {0};
    struct command_rule rule;
    *ret_row = (struct command_row){.scheduled_at = TIME_NONE};
    catalog_organization(admin->domain->catalog, admin->principal.organization_no, &organization);
    enum err err = find_rule(admin, tx, device, body, organization.lab, &rule);
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 422, "Invalid command");
        return false;
    }
    if (admin_failed(admin, err) ||
        !command_fields_check(rule.custom_fields, json_get(body, "extra_params"), admin->arena, &ret_row->parameters,
                              &ret_row->secret_names, admin->reply) ||
        !read_file(admin, tx, device, body, &rule, &ret_row->file_id)) {
        return false;
    }
    ret_row->name = rule.name;
    ret_row->friendly_name = rule.friendly_name;
    ret_row->timeout_seconds = rule.timeout_seconds;
    return form_time(admin, body, "scheduled_at", &ret_row->scheduled_at);
}

bool command_make(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body,
                  struct command_row *ret_row)
{
    if (!command_check(admin, tx, device, body, ret_row) || !check_room(admin, tx, device)) {
        return false;
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    ret_row->id = uuid_random();
    ret_row->device_no = device->no;
    ret_row->organization_no = admin->principal.organization_no;
    ret_row->created_by = sender_name(admin, tx);
    ret_row->created_at = change->now_ms;
    ret_row->delivered_at = ret_row->finished_at = ret_row->due_at = TIME_NONE;
    if (admin_failed(admin, place(change, device, ret_row))) {
        return false;
    }
    change->commands_sent++;
    note(admin, tx, "command.send", device, ret_row);
    return true;
}

void command_send(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body)
{
    struct command_row row;
    if (command_make(admin, tx, device, body, &row)) {
        answer(admin, device, &row);
    }
}

void command_cancel(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct str command_id)
{
    struct uuid id;
    struct command_row row;
    enum err err = uuid_parse(command_id, &id) ? command_store_by_id(tx, &id, admin->arena, &row) : ERR_NOT_FOUND;
    if (err == ERR_OK && (row.device_no != device->no || row.organization_no != admin->principal.organization_no)) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Command not found");
        return;
    }
    if (admin_failed(admin, err)) {
        return;
    }
    if (command_status_is_final(row.status)) {
        reply_error(admin->reply, 422, "Command cannot be cancelled");
        return;
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    command_finish(&row, COMMAND_ABORTED, (struct str){NULL, 0}, change->now_ms);
    if (!admin_failed(admin, command_store_change(change, device, &row, true))) {
        answer(admin, device, &row);
        note(admin, tx, "command.cancel", device, &row);
    }
}

enum err command_abort_all(struct device_change *change, const struct device_core *device)
{
    struct command_row *rows = NULL;
    size_t count = 0;
    enum err err = command_store_open(change->tx, device->no, change->arena, &rows, &count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        command_finish(&rows[i], COMMAND_ABORTED, (struct str){NULL, 0}, change->now_ms);
        err = command_store_update(change->tx, &rows[i]);
        if (err == ERR_OK) {
            command_emit(change, device, &rows[i], 0);
        }
    }
    if (err == ERR_OK && count) {
        hot_changes_add(&change->hot, HOT_QUEUE, &(struct device_brief){.no = device->no});
        err = command_tell_parent(change, device->parent_no, device);
    }
    return err;
}
