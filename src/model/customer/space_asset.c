/* Equipment without a connection, and how many devices are where (management-api.md 6.2). */
#include "model/account/access.h"
#include "model/customer/space_access.h"
#include "model/customer/space_internal.h"
#include "model/domain.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/ports/space_access_store.h"

static void write_asset(struct json_writer *w, const struct space_asset_row *row)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_int(w, "space_id", row->space_no);
    json_field_str(w, "name", row->name);
    field_text(w, "kind", row->kind);
    field_text(w, "serial", row->serial);
    field_text(w, "note", row->note);
    json_field_time(w, "created_at", row->created_at);
    json_end_object(w);
}

static void list_row(const struct space_asset_row *row, void *arg)
{
    write_asset(arg, row);
}

void space_asset_list(struct admin *admin, struct store_tx *tx, struct str id, struct page page)
{
    struct space_row space;
    struct envelope envelope;
    if (!space_find(admin, tx, id, &space)) {
        return;
    }
    envelope_begin(&envelope, admin->reply, TENANT_ORGANIZATION, page);
    if (!admin_failed(admin, space_asset_store_list(tx, space.no, page, list_row, &envelope.w))) {
        envelope_end(&envelope, space_asset_store_count(tx, space.no));
    }
}

static bool find(struct admin *admin, struct store_tx *tx, struct str id, struct str asset_id, struct space_asset_row *ret_row)
{
    struct space_row space;
    struct uuid uuid;
    if (!space_find(admin, tx, id, &space)) {
        return false;
    }
    enum err err = uuid_parse(asset_id, &uuid) ? space_asset_store_find(tx, space.no, &uuid, admin->arena, ret_row)
                                               : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Asset not found");
        return false;
    }
    return !admin_failed(admin, err);
}

static bool parse_texts(struct admin *admin, const struct json *body, struct space_asset_row *row)
{
    return form_text(admin, body, "kind", 255, &row->kind) && form_text(admin, body, "serial", 255, &row->serial) &&
           form_text(admin, body, "note", 10000, &row->note);
}

static void answer(struct admin *admin, struct store_tx *tx, const char *action, const struct space_asset_row *row,
                   unsigned status)
{
    char id[UUID_TEXT_BYTES];
    struct json_writer w;
    struct json *after = json_new_object();
    uuid_format(&row->id, id);
    json_set(after, STR("name"), json_new_string(row->name));
    admin_audit(admin, tx, action, "asset", str_from_cstr(id), audit_diff(admin->arena, NULL, after));
    json_free(after);
    json_writer_init(&w, &admin->reply->body);
    write_asset(&w, row);
    admin->reply->status = status;
}

void space_asset_create(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct space_row space;
    struct space_asset_row row = {.id = uuid_random(), .created_at = admin->domain->now_unix_ms()};
    if (!space_find(admin, tx, id, &space) || !form_required_text(admin, body, "name", 255, &row.name) ||
        !parse_texts(admin, body, &row)) {
        return;
    }
    if (space_asset_store_count(tx, space.no) >= SPACE_ASSETS_MAX) {
        reply_error(admin->reply, 422, "Too many assets");
        return;
    }
    row.space_no = space.no;
    if (!admin_failed(admin, space_asset_store_insert(tx, &row))) {
        answer(admin, tx, "asset.create", &row, 201);
    }
}

void space_asset_update(struct admin *admin, struct store_tx *tx, struct str id, struct str asset_id, const struct json *body)
{
    struct space_asset_row row;
    if (find(admin, tx, id, asset_id, &row) &&
        (!form_has(body, "name") || form_required_text(admin, body, "name", 255, &row.name)) &&
        parse_texts(admin, body, &row) && !admin_failed(admin, space_asset_store_update(tx, &row))) {
        answer(admin, tx, "asset.update", &row, 200);
    }
}

void space_asset_delete(struct admin *admin, struct store_tx *tx, struct str id, struct str asset_id)
{
    struct space_asset_row row;
    if (find(admin, tx, id, asset_id, &row) && !admin_failed(admin, space_asset_store_delete(tx, row.no))) {
        answer(admin, tx, "asset.delete", &row, 200);
        buf_clear(&admin->reply->body);
        admin_reply_success(admin);
    }
}

/* --- usage --- */

static void write_usage(const struct space_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_int(w, "space_id", row->no);
    json_field_str(w, "name", row->name);
    json_field_str(w, "full_path", row->path);
    json_field_int(w, "devices_count", row->devices_count);
    json_end_object(w);
}

struct usage {
    struct envelope envelope;
    int64_t rows;
};

/* One row more than the page, as in lists of spaces. */
static void usage_row(const struct space_row *row, void *arg)
{
    struct usage *usage = arg;
    if (usage->rows++ < usage->envelope.page.size) {
        write_usage(row, &usage->envelope.w);
    }
}

void space_usage(struct admin *admin, struct store_tx *tx, struct page page)
{
    struct usage usage = {.rows = 0};
    struct space_filter filter = {.created_before = TIME_NONE, .created_after = TIME_NONE};
    envelope_begin(&usage.envelope, admin->reply, TENANT_ORGANIZATION, page);
    if (!admin_failed(admin, space_store_list(tx, admin->principal.organization_no, &filter, page.size + 1, page_offset(page),
                                              usage_row, &usage))) {
        envelope_end(&usage.envelope, page_offset(page) + usage.rows);
    }
}
