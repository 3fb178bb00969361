#include "model/ticket/ticket.h"

#include "base/utf8.h"
#include "model/account/access.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/audit.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/ports/user_store.h"
#include "model/ticket/ticket_mail.h"

enum { TITLE_CHARS_MAX = 255, TEXT_CHARS_MAX = 10000 };

static bool is_partner(const struct admin *admin)
{
    return admin->principal.tenant_kind == TENANT_PARTNER;
}

/* --- reading --- */

static void write_members(struct json_writer *w, const struct ticket_row *row)
{
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "title", row->title);
    json_field_str(w, "description", row->description);
    json_field_cstr(w, "status", row->resolved_at == TIME_NONE ? "open" : "resolved");
    json_field_time(w, "created_at", row->created_at);
    json_field_uuid(w, "device_id", &row->device_id);
    field_text(w, "user_name", row->user_name);
    field_text(w, "user_email", row->user_email);
}

static void list_row(const struct ticket_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    write_members(w, row);
    json_end_object(w);
}

static int status_of(struct str status)
{
    static const struct str names[] = {STR_INIT("all"), STR_INIT("open"), STR_INIT("resolved")};
    for (int i = 0; i < 3; i++) {
        if (str_eq(status, names[i])) {
            return i;
        }
    }
    return status.len ? -1 : 1;
}

void ticket_list(struct admin *admin, struct store_tx *tx, struct str status)
{
    struct json_writer w;
    struct ticket_filter filter = {
        .partner_no = is_partner(admin) ? admin->principal.partner_no : 0,
        .organization_no = is_partner(admin) ? 0 : admin->principal.organization_no,
        .status = status_of(status),
        .visible_spaces = access_visible_spaces(admin->domain, &admin->principal, admin->arena),
    };
    json_writer_init(&w, &admin->reply->body);
    json_begin_array(&w);
    enum err err = ticket_store_list(tx, &filter, TICKETS_LISTED_MAX, list_row, &w);
    json_end_array(&w);
    if (!admin_failed(admin, err)) {
        admin->reply->status = 200;
    }
}

static void write_comment(const struct ticket_comment_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_int(w, "id", row->no);
    json_field_str(w, "text", row->text);
    json_field_time(w, "created_at", row->created_at);
    json_field_bool(w, "system", row->system);
    field_text(w, "user", row->user);
    json_field_str(w, "owner", row->owner);
    json_field_cstr(w, "owner_type", row->owner_kind == TENANT_PARTNER ? "partner" : "organization");
    json_end_object(w);
}

static void answer(struct admin *admin, struct store_tx *tx, const struct ticket_row *row, unsigned status)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    write_members(&w, row);
    json_name(&w, "comments");
    json_begin_array(&w);
    enum err err = ticket_store_comments(tx, row->no, write_comment, &w);
    json_end_array(&w);
    json_end_object(&w);
    if (!admin_failed(admin, err)) {
        admin->reply->status = status;
    }
}

/* False: the reply holds the refusal of this API. */
static bool find(struct admin *admin, struct store_tx *tx, struct str id, struct ticket_row *ret_row)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? ticket_store_find(tx, &uuid, admin->arena, ret_row) : ERR_NOT_FOUND;
    if (err == ERR_OK && (is_partner(admin) ? ret_row->partner_no != admin->principal.partner_no
                                            : ret_row->organization_no != admin->principal.organization_no)) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND && is_partner(admin)) {
        reply_error(admin->reply, 401, "Not authorized");
        return false;
    }
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Ticket not found");
        return false;
    }
    return !admin_failed(admin, err) && access_check(admin, ret_row->space_no, "Ticket");
}

void ticket_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct ticket_row row;
    if (find(admin, tx, id, &row)) {
        answer(admin, tx, &row, 200);
    }
}

/* --- writing --- */

static void audit(struct admin *admin, struct store_tx *tx, const char *action, const struct ticket_row *row)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&row->id, id);
    struct json *after = json_new_object();
    json_set(after, STR("title"), json_new_string(row->title));
    admin_audit(admin, tx, action, "ticket", str_from_cstr(id), audit_diff(admin->arena, NULL, after));
    json_free(after);
}

static bool parse_title(struct admin *admin, const struct json *body, struct ticket_row *row)
{
    return form_required_text(admin, body, "title", TITLE_CHARS_MAX, &row->title);
}

static bool parse_description(struct admin *admin, const struct json *body, struct ticket_row *row)
{
    return form_text(admin, body, "description", TEXT_CHARS_MAX, &row->description);
}

static enum err note_author(struct admin *admin, struct store_tx *tx, struct ticket_row *row)
{
    struct user_row user;
    if (admin->principal.kind != PRINCIPAL_USER) {
        return ERR_OK;
    }
    enum err err = user_store_find(tx, admin->principal.user_no, admin->arena, &user);
    if (!err) {
        row->user_name = user.name;
        row->user_email = user.email;
    }
    return err;
}

void ticket_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct device_core device;
    struct str device_id;
    struct ticket_row row = {.id = uuid_random(), .organization_no = admin->principal.organization_no, .description = STR(""),
                             .created_at = admin->domain->now_unix_ms(), .resolved_at = TIME_NONE};
    if (!form_required_text(admin, body, "device_id", 64, &device_id) ||
        !device_find_for_tenant(admin, tx, device_id, &device) || !parse_title(admin, body, &row) ||
        !parse_description(admin, body, &row)) {
        return;
    }
    if (ticket_store_open_count(tx, row.organization_no) >= TICKETS_OPEN_MAX) {
        reply_error(admin->reply, 422, "Too many open tickets");
        return;
    }
    row.partner_no = device.partner_no;
    row.device_no = device.no;
    row.device_id = device.id;
    enum err err = note_author(admin, tx, &row);
    if (!err) {
        err = ticket_store_insert(tx, &row);
    }
    if (!err) {
        err = ticket_mail(admin, tx, &row, NULL);
    }
    if (!admin_failed(admin, err)) {
        audit(admin, tx, "ticket.create", &row);
        answer(admin, tx, &row, 201);
    }
}

void ticket_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct ticket_row row;
    if (find(admin, tx, id, &row) && (!form_has(body, "title") || parse_title(admin, body, &row)) &&
        parse_description(admin, body, &row) && !admin_failed(admin, ticket_store_update(tx, &row))) {
        audit(admin, tx, "ticket.update", &row);
        answer(admin, tx, &row, 200);
    }
}

static enum err comment(struct admin *admin, struct store_tx *tx, const struct ticket_row *ticket, bool system,
                        struct str text, struct ticket_comment_row *ret_comment)
{
    struct audit_actor actor;
    struct partner_info partner = {0};
    struct organization_info organization = {0};
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    catalog_partner(admin->domain->catalog, ticket->partner_no, &partner);
    catalog_organization(admin->domain->catalog, ticket->organization_no, &organization);
    *ret_comment = (struct ticket_comment_row){
        .ticket_no = ticket->no,
        .owner_kind = admin->principal.tenant_kind,
        .owner = is_partner(admin) ? partner.name : organization.name,
        .user = admin->principal.kind == PRINCIPAL_USER ? actor.name : (struct str){NULL, 0},
        .system = system,
        .text = text,
        .created_at = admin->domain->now_unix_ms(),
    };
    return ticket_store_comment(tx, ret_comment);
}

static void answer_written(struct admin *admin, struct store_tx *tx, const struct ticket_row *row)
{
    if (is_partner(admin)) {
        answer(admin, tx, row, 200);
    } else {
        admin_reply_success(admin);
    }
}

void ticket_resolve(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct ticket_row row;
    struct ticket_comment_row line;
    if (!find(admin, tx, id, &row)) {
        return;
    }
    if (row.resolved_at != TIME_NONE) {
        reply_error(admin->reply, 403, "Cannot move from resolved to resolved");
        return;
    }
    row.resolved_at = admin->domain->now_unix_ms();
    enum err err = ticket_store_update(tx, &row);
    if (!err) {
        err = comment(admin, tx, &row, true, STR("Resolved"), &line);
    }
    if (!admin_failed(admin, err)) {
        audit(admin, tx, "ticket.resolve", &row);
        answer_written(admin, tx, &row);
    }
}

void ticket_message(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body, struct str of_query)
{
    struct ticket_row row;
    struct ticket_comment_row line;
    struct str text = str_trim(of_query);
    if (!find(admin, tx, id, &row)) {
        return;
    }
    if (form_has(body, "message") || !text.len) {
        if (!form_required_text(admin, body, "message", TEXT_CHARS_MAX, &text)) {
            return;
        }
    } else if (utf8_length(text) > TEXT_CHARS_MAX) {
        reply_error(admin->reply, 422, "Message is too long (maximum is %d characters)", TEXT_CHARS_MAX);
        return;
    }
    if (ticket_store_comment_count(tx, row.no) >= TICKET_COMMENTS_MAX) {
        reply_error(admin->reply, 422, "Too many messages");
        return;
    }
    enum err err = comment(admin, tx, &row, false, text, &line);
    if (!err) {
        err = ticket_mail(admin, tx, &row, &line);
    }
    if (!admin_failed(admin, err)) {
        audit(admin, tx, "ticket.message", &row);
        answer_written(admin, tx, &row);
    }
}
