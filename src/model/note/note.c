#include "model/note/note.h"

#include "model/account/access.h"
#include "model/customer/space.h"
#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/ports/note_store.h"

static void write_note(struct json_writer *w, const struct note_row *row)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "content", row->content);
    json_field_cstr(w, "notable_type", row->space_no ? "Space" : "Device");
    if (row->space_no) {
        json_field_int(w, "notable_id", row->space_no);
    } else {
        json_field_uuid(w, "notable_id", &row->device_id);
    }
    field_text(w, "created_by", row->created_by);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "updated_at", row->updated_at);
    json_end_object(w);
}

static void list_row(const struct note_row *row, void *arg)
{
    write_note(arg, row);
}

static void list(struct admin *admin, struct store_tx *tx, const struct note_filter *filter, struct page page)
{
    struct envelope envelope;
    envelope_begin(&envelope, admin->reply, TENANT_ORGANIZATION, page);
    if (!admin_failed(admin, note_store_list(tx, filter, page, list_row, &envelope.w))) {
        envelope_end(&envelope, note_store_count(tx, filter));
    }
}

void note_list_all(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct page page)
{
    struct note_filter filter = {
        .organization_no = admin->principal.organization_no,
        .of_spaces = kind == NOTE_SPACE,
        .visible_spaces = access_visible_spaces(admin->domain, &admin->principal, admin->arena),
    };
    list(admin, tx, &filter, page);
}

/* What the note is on. False: the reply holds the error. */
static bool find_notable(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id,
                         struct note_filter *ret_filter, struct uuid *ret_device_id)
{
    struct device_core device;
    struct space_row space;
    *ret_filter = (struct note_filter){.organization_no = admin->principal.organization_no, .of_spaces = kind == NOTE_SPACE};
    *ret_device_id = (struct uuid){0};
    if (kind == NOTE_SPACE) {
        if (!space_find(admin, tx, id, &space)) {
            return false;
        }
        ret_filter->space_no = space.no;
        return true;
    }
    if (!device_find_for_tenant(admin, tx, id, &device)) {
        return false;
    }
    ret_filter->device_no = device.no;
    *ret_device_id = device.id;
    return true;
}

void note_list(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, struct page page)
{
    struct note_filter filter;
    struct uuid device_id;
    if (find_notable(admin, tx, kind, id, &filter, &device_id)) {
        list(admin, tx, &filter, page);
    }
}

static bool parse_content(struct admin *admin, const struct json *body, struct str *ret_content)
{
    struct str content = {0};
    if (!form_text(admin, body, "content", NOTE_CHARS_MAX, &content)) {
        return false;
    }
    if (str_is_blank(content)) {
        reply_error(admin->reply, 422, "Content can't be blank");
        return false;
    }
    *ret_content = content;
    return true;
}

static void audit(struct admin *admin, struct store_tx *tx, const char *action, const struct note_row *row)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&row->id, id);
    admin_audit(admin, tx, action, "note", str_from_cstr(id), STR(""));
}

static void answer(struct admin *admin, const struct note_row *row)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    write_note(&w, row);
    admin->reply->status = 200;
}

void note_create(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, const struct json *body)
{
    struct note_filter filter;
    struct audit_actor actor;
    struct note_row row = {.id = uuid_random(), .created_at = admin->domain->now_unix_ms()};
    if (!find_notable(admin, tx, kind, id, &filter, &row.device_id) || !parse_content(admin, body, &row.content)) {
        return;
    }
    if (note_store_count(tx, &filter) >= NOTES_MAX) {
        reply_error(admin->reply, 422, "Too many notes");
        return;
    }
    row.organization_no = filter.organization_no;
    row.device_no = filter.device_no;
    row.space_no = filter.space_no;
    row.updated_at = row.created_at;
    if (admin->principal.kind == PRINCIPAL_USER) { /* notes by a key have no author (management-api.md 1.2.3) */
        audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
        row.created_by = actor.name;
    }
    if (!admin_failed(admin, note_store_insert(tx, &row))) {
        audit(admin, tx, "note.create", &row);
        answer(admin, &row);
    }
}

static bool find(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, struct str note_id,
                 struct note_row *ret_row)
{
    struct note_filter filter;
    struct uuid uuid, device_id;
    if (!find_notable(admin, tx, kind, id, &filter, &device_id)) {
        return false;
    }
    enum err err = uuid_parse(note_id, &uuid) ? note_store_find(tx, &filter, &uuid, admin->arena, ret_row) : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Note not found");
        return false;
    }
    return !admin_failed(admin, err);
}

void note_update(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, struct str note_id,
                 const struct json *body)
{
    struct note_row row;
    if (!find(admin, tx, kind, id, note_id, &row) || !parse_content(admin, body, &row.content)) {
        return;
    }
    row.updated_at = admin->domain->now_unix_ms();
    if (!admin_failed(admin, note_store_set_content(tx, row.no, row.content, row.updated_at))) {
        audit(admin, tx, "note.update", &row);
        answer(admin, &row);
    }
}

void note_delete(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, struct str note_id)
{
    struct note_row row;
    if (find(admin, tx, kind, id, note_id, &row) && !admin_failed(admin, note_store_delete(tx, row.no))) {
        audit(admin, tx, "note.delete", &row);
        admin_reply_success(admin);
    }
}
