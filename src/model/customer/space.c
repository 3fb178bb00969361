#include "model/customer/space_internal.h"

#include "model/account/access.h"
#include "model/customer/space_config.h"
#include "model/management/audit.h"
#include "model/maker/catalog.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/management/form.h"

/* The Space object of management-api.md 2. */
static void space_write(struct json_writer *w, const struct space_row *row)
{
    json_begin_object(w);
    json_field_int(w, "id", row->no);
    json_field_str(w, "name", row->name);
    if (row->parent_no) {
        json_field_int(w, "parent_id", row->parent_no);
    } else {
        json_field_null(w, "parent_id");
    }
    json_field_str(w, "space_type", row->space_type);
    json_field_str(w, "full_path", row->path);
    json_field_str(w, "path", row->path);
    json_field_raw(w, "config", row->config);
    json_field_int(w, "devices_count", row->devices_count);
    json_field_time(w, "created_at", row->created_at);
    json_end_object(w);
}

/* One row more than the page is asked for: it is not written, but says that there is a next page. */
struct space_listing {
    struct envelope envelope;
    int64_t rows;
};

static void list_row(const struct space_row *row, void *arg)
{
    struct space_listing *listing = arg;
    if (listing->rows++ < listing->envelope.page.size) {
        space_write(&listing->envelope.w, row);
    }
}

void space_list(struct admin *admin, struct store_tx *tx, const struct space_filter *wanted, struct page page)
{
    struct space_filter visible = *wanted, *filter = &visible;
    visible.visible_spaces = access_visible_spaces(admin->domain, &admin->principal, admin->arena);
    struct space_listing listing = {.rows = 0};
    envelope_begin(&listing.envelope, admin->reply, TENANT_ORGANIZATION, page);
    enum err err = space_store_list(tx, admin->principal.organization_no, filter, page.size + 1, page_offset(page),
                                    list_row, &listing);
    if (!admin_failed(admin, err)) {
        envelope_end(&listing.envelope, page_offset(page) + listing.rows);
    }
}

bool space_find(struct admin *admin, struct store_tx *tx, struct str id, struct space_row *ret_space)
{
    int64_t no;
    enum err err = str_to_i64(id, &no)
                       ? space_store_find(tx, admin->principal.organization_no, no, admin->arena, ret_space)
                       : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Space not found");
        return false;
    }
    return !admin_failed(admin, err) && access_check(admin, ret_space->no, "Space");
}

void space_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct space_row row;
    if (space_find(admin, tx, id, &row)) {
        space_answer(admin, &row);
    }
}

struct space_link {
    int64_t no, parent_no;
};

static void put_space(struct domain *domain, void *arg)
{
    const struct space_link *link = arg;
    catalog_put_space(domain->catalog, link->no, link->parent_no);
}

/* Inserts, known to the catalogue after the commit. */
static enum err insert(struct admin *admin, struct store_tx *tx, struct space_row *row)
{
    row->created_at = admin->domain->now_unix_ms();
    enum err err = space_store_insert(tx, row);
    struct space_link *link = arena_new(admin->arena, struct space_link);
    *link = (struct space_link){row->no, row->parent_no};
    admin_on_commit(admin, put_space, link);
    return err;
}

enum err space_make_root(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str name)
{
    struct space_row root = {
        .organization_no = organization_no,
        .name = name,
        .space_type = STR("root"),
        .path = name,
        .config = STR("{}"),
    };
    return insert(admin, tx, &root);
}

bool space_parent_parse(struct admin *admin, struct store_tx *tx, const struct json *body, struct space_row *ret_parent)
{
    int64_t organization_no = admin->principal.organization_no;
    const struct json *value = json_get(body, "parent_id");
    int64_t no;
    enum err err;
    if (json_is_missing(value)) {
        err = space_store_find_root(tx, organization_no, admin->arena, ret_parent);
    } else {
        err = json_to_int(value, &no) ? space_store_find(tx, organization_no, no, admin->arena, ret_parent)
                                      : ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Space not found");
        return false;
    }
    return !admin_failed(admin, err) && access_check(admin, ret_parent->no, "Space");
}

bool space_depth_check(struct admin *admin, int64_t depth)
{
    if (depth > SPACE_DEPTH_MAX) {
        reply_error(admin->reply, 422, "Parent is too deep (maximum depth is %d)", SPACE_DEPTH_MAX);
    }
    return depth <= SPACE_DEPTH_MAX;
}

bool space_name_check(struct admin *admin, struct str name)
{
    if (memchr(name.ptr, '/', name.len)) {
        return form_invalid(admin, "name");
    }
    return true;
}

void space_audit(struct admin *admin, struct store_tx *tx, const char *action, int64_t no, const struct json *before,
                 const struct json *after)
{
    admin_audit(admin, tx, action, "space", arena_printf(admin->arena, "%lld", (long long)no),
                audit_diff(admin->arena, before, after));
}

void space_answer(struct admin *admin, const struct space_row *row)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    space_write(&w, row);
    admin->reply->status = 200;
}

bool space_insert_below(struct admin *admin, struct store_tx *tx, const struct space_row *parent, struct space_row *row)
{
    row->organization_no = parent->organization_no;
    row->parent_no = parent->no;
    row->depth = parent->depth + 1;
    row->path = arena_printf(admin->arena, "%.*s/%.*s", STR_ARG(parent->path), STR_ARG(row->name));
    if (!space_depth_check(admin, row->depth)) {
        return false;
    }
    enum err err = insert(admin, tx, row);
    if (err == ERR_EXISTS) {
        return form_taken(admin, "name");
    }
    if (admin_failed(admin, err)) {
        return false;
    }
    struct json *after = json_new_object();
    json_set(after, STR("path"), json_new_string(row->path));
    space_audit(admin, tx, "space.create", row->no, NULL, after);
    json_free(after);
    return true;
}

void space_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct space_row parent, row = {.space_type = STR("space")};
    if (form_required_text(admin, body, "name", 255, &row.name) && space_name_check(admin, row.name) &&
        form_text(admin, body, "space_type", 64, &row.space_type) &&
        space_config_merge(admin, body, STR("{}"), &row.config) && space_parent_parse(admin, tx, body, &parent) &&
        space_insert_below(admin, tx, &parent, &row)) {
        space_answer(admin, &row);
    }
}

enum err space_find_unsorted(struct device_change *change, int64_t organization_no, int64_t *ret_no)
{
    struct space_row root, row;
    struct str name = STR("Unsorted");
    enum err err = space_store_find_root(change->tx, organization_no, change->arena, &root);
    if (err == ERR_OK) {
        err = space_store_find_child(change->tx, root.no, name, change->arena, &row);
    }
    if (err == ERR_NOT_FOUND) {
        row = (struct space_row){
            .organization_no = organization_no,
            .parent_no = root.no,
            .depth = root.depth + 1,
            .name = name,
            .space_type = STR("space"),
            .path = arena_printf(change->arena, "%.*s/%.*s", STR_ARG(root.path), STR_ARG(name)),
            .config = STR("{}"),
            .created_at = change->now_ms,
        };
        err = space_store_insert(change->tx, &row);
        change->new_space_no = row.no;
        change->new_space_parent_no = root.no;
    }
    if (err == ERR_OK) {
        *ret_no = row.no;
    }
    return err;
}
