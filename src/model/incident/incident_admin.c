#include "model/incident/incident_admin.h"

#include "model/device/device_view.h"
#include "model/domain.h"
#include "model/incident/incident.h"
#include "model/incident/incident_view.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/account/access.h"
#include "model/management/form.h"

enum { COMMENT_CHARS_MAX = 10000, COMMENTS_MAX = 500 };

/* ---- lists ---- */

void incident_list(struct admin *admin, struct store_tx *tx, struct incident_filter *filter, struct page page)
{
    bool partner = admin->principal.tenant_kind == TENANT_PARTNER;
    struct incident_row *rows = NULL;
    struct incident_view view;
    struct envelope envelope;
    size_t count = 0;
    int64_t total = 0;
    filter->partner_no = partner ? admin->principal.partner_no : 0;
    filter->organization_no = partner ? 0 : admin->principal.organization_no;
    filter->visible_spaces = access_visible_spaces(admin->domain, &admin->principal, admin->arena);
    enum err err = incident_store_list(tx, filter, page, admin->arena, &rows, &count);
    if (err == ERR_OK) {
        err = incident_store_count(tx, filter, &total);
    }
    incident_view_init(&view, admin->domain, tx, admin->arena);
    envelope_begin(&envelope, admin->reply, admin->principal.tenant_kind, page);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = incident_view_load(&view, rows[i].device_no);
        if (err == ERR_OK) {
            incident_view_begin(&envelope.w, &view, &rows[i]);
            incident_view_end(&envelope.w);
        }
    }
    if (!admin_failed(admin, err)) {
        envelope_end(&envelope, total);
    }
}

/* ---- one ---- */

static void write_comment(const struct incident_comment_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_int(w, "id", row->no);
    json_field_str(w, "text", row->text);
    field_text(w, "user", row->author);
    json_field_time(w, "created_at", row->created_at);
    json_end_object(w);
}

static void answer(struct admin *admin, struct store_tx *tx, const struct incident_row *row, unsigned status)
{
    struct incident_view view;
    struct json_writer w;
    incident_view_init(&view, admin->domain, tx, admin->arena);
    enum err err = incident_view_load(&view, row->device_no);
    if (err == ERR_OK) {
        json_writer_init(&w, &admin->reply->body);
        incident_view_begin(&w, &view, row);
        json_name(&w, "comments");
        json_begin_array(&w);
        err = incident_store_comments(tx, row->no, write_comment, &w);
        json_end_array(&w);
        incident_view_end(&w);
    }
    if (!admin_failed(admin, err)) {
        admin->reply->status = status;
    }
}

/* False: 404, or a failure. */
static bool find(struct admin *admin, struct store_tx *tx, struct str id, struct incident_row *ret_row)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? incident_store_find(tx, &uuid, admin->arena, ret_row) : ERR_NOT_FOUND;
    if (err == ERR_OK && ret_row->organization_no != admin->principal.organization_no) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Incident not found");
        return false;
    }
    struct device_core device;
    return !admin_failed(admin, err) && !admin_failed(admin, device_store_core(tx, ret_row->device_no, &device)) &&
           access_check(admin, device.space_no, "Incident");
}

static void audit(struct admin *admin, struct store_tx *tx, const char *action, const struct incident_row *row)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&row->id, id);
    struct json *after = json_new_object();
    json_set(after, STR("title"), json_new_string(row->title));
    admin_audit(admin, tx, action, "incident", str_from_cstr(id), audit_diff(admin->arena, NULL, after));
    json_free(after);
}

void incident_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct incident_row row;
    if (find(admin, tx, id, &row)) {
        answer(admin, tx, &row, 200);
    }
}

/* ---- what people do ---- */

static bool form_priority(struct admin *admin, const struct json *body, int *ret_priority)
{
    if (form_has(body, "priority") && !incident_priority_parse(json_get(body, "priority"), ret_priority)) {
        reply_error(admin->reply, 422, "Priority must be between 1 and 5");
        return false;
    }
    return true;
}

void incident_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct device_core device;
    struct str device_id;
    struct uuid issue = uuid_random();
    char issue_text[UUID_TEXT_BYTES];
    struct incident_row row = {.origin = INCIDENT_USER, .priority = PRIORITY_MODERATE};
    if (!form_required_text(admin, body, "device_id", 64, &device_id) ||
        !device_find_for_tenant(admin, tx, device_id, &device) ||
        !form_required_text(admin, body, "title", INCIDENT_TITLE_CHARS_MAX, &row.title) ||
        !form_text(admin, body, "description", INCIDENT_DESCRIPTION_CHARS_MAX, &row.description) ||
        !form_priority(admin, body, &row.priority)) {
        return;
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    if (!incident_may_open(change, &device)) {
        reply_error(admin->reply, 422, "Incidents are suspended for this device");
        return;
    }
    uuid_format(&issue, issue_text);
    row.issue = str_from_cstr(issue_text);
    if (!admin_failed(admin, incident_open(change, &device, &row))) {
        audit(admin, tx, "incident.create", &row);
        answer(admin, tx, &row, 201);
    }
}

void incident_close_by(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct incident_row row;
    if (!find(admin, tx, id, &row)) {
        return;
    }
    if (row.closed_at != TIME_NONE) {
        reply_error(admin->reply, 404, "Incident not found");
        return;
    }
    struct device_change *change = device_change_of_admin(admin, tx);
    if (row.rule_no) { /* samples up to now are not to open it again, those behind may */
        struct device_brief hot = {0};
        change->doubted_no = row.device_no;
        bool known = device_table_find_no(admin->domain->devices, row.device_no, &hot);
        struct sample_position now = {hot.sample_day, hot.sample_seq};
        if (known && sample_position_is_after(now, row.position)) {
            row.position = now;
        }
    }
    if (!admin_failed(admin, incident_close(change, &row))) {
        audit(admin, tx, "incident.close", &row);
        admin_reply_success(admin);
    }
}

void incident_acknowledge(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct incident_row row;
    struct audit_actor actor;
    if (!find(admin, tx, id, &row)) {
        return;
    }
    if (row.closed_at != TIME_NONE) {
        reply_error(admin->reply, 422, "Incident is closed");
        return;
    }
    if (!row.acknowledged_by.ptr) { /* whoever was first stays */
        struct device_change *change = device_change_of_admin(admin, tx);
        audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
        row.acknowledged_by = actor.name.ptr ? actor.name : STR("");
        row.updated_at = change->now_ms;
        if (admin_failed(admin, incident_store_acknowledge(tx, row.no, row.acknowledged_by, change->now_ms)) ||
            admin_failed(admin, incident_announce_change(change, &row))) {
            return;
        }
        audit(admin, tx, "incident.acknowledge", &row);
    }
    answer(admin, tx, &row, 200);
}

/* Notes by a key have no author (management-api.md 1.2.3). */
static struct str author_of(struct admin *admin, struct store_tx *tx)
{
    struct audit_actor actor;
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    return admin->principal.kind == PRINCIPAL_USER ? actor.name : (struct str){NULL, 0};
}

void incident_comment(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct incident_row row;
    struct incident_comment_row comment = {.created_at = admin->domain->now_unix_ms()};
    int64_t count = 0;
    if (!find(admin, tx, id, &row) || !form_required_text(admin, body, "text", COMMENT_CHARS_MAX, &comment.text) ||
        admin_failed(admin, incident_store_comment_count(tx, row.no, &count))) {
        return;
    }
    if (count >= COMMENTS_MAX) {
        reply_error(admin->reply, 422, "Too many comments (maximum is %d)", COMMENTS_MAX);
        return;
    }
    comment.incident_no = row.no;
    comment.author = author_of(admin, tx);
    if (!admin_failed(admin, incident_store_comment(tx, &comment)) &&
        !admin_failed(admin, incident_announce_change(device_change_of_admin(admin, tx), &row))) {
        audit(admin, tx, "incident.comment", &row);
        answer(admin, tx, &row, 201);
    }
}
