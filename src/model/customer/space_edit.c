/* Spaces changed, moved, removed, and found by path (management-api.md 3.5). */
#include "base/utf8.h"
#include "model/customer/space_config.h"
#include "model/customer/space_internal.h"
#include "model/customer/space_settings.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/form.h"
#include "model/management/masked_url.h"

enum { PATH_CHARS_MAX = SPACE_DEPTH_MAX * 256 };

/* Addresses of chat channels are secrets: whoever has one may write there. */
static struct json *document_of(struct arena *arena, const struct space_row *row)
{
    struct json *document = json_new_object(), *config = NULL;
    json_set(document, STR("path"), json_new_string(row->path));
    json_set(document, STR("space_type"), json_new_string(row->space_type));
    if (json_parse(row->config, NULL, &config) == ERR_OK) {
        const struct json *events = json_get(config, "events");
        if (events) {
            json_set(config, STR("events"), masked_urls(arena, events));
        }
        json_set(document, STR("config"), config);
    }
    return document;
}

static void put_space(struct domain *domain, void *arg)
{
    const struct space_row *row = arg;
    catalog_put_space(domain->catalog, row->no, row->parent_no);
}

static void remove_space(struct domain *domain, void *arg)
{
    const struct space_row *row = arg;
    catalog_remove_space(domain->catalog, row->no);
}

/* --- update --- */

static bool is_below(struct store_tx *tx, const struct space_row *space, const struct space_row *other, struct arena *arena)
{
    struct space_row step = *other;
    while (step.no != space->no && step.parent_no &&
           space_store_find(tx, step.organization_no, step.parent_no, arena, &step) == ERR_OK) {
    }
    return step.no == space->no;
}

/* The new parent, when one is named. False: the reply holds the error. */
static bool parse_move(struct admin *admin, struct store_tx *tx, const struct json *body, struct space_row *row)
{
    struct space_row parent;
    int64_t levels = 0;
    if (!form_has(body, "parent_id")) {
        return true;
    }
    if (!space_parent_parse(admin, tx, body, &parent)) {
        return false;
    }
    if (!row->parent_no || is_below(tx, row, &parent, admin->arena)) {
        return form_invalid(admin, "parent");
    }
    if (admin_failed(admin, space_store_height(tx, row->no, &levels))) {
        return false;
    }
    row->parent_no = parent.no;
    row->depth = parent.depth + 1;
    return space_depth_check(admin, row->depth + levels);
}

/* The root is named as the organization (2). */
static bool parse_name(struct admin *admin, const struct json *body, struct space_row *row)
{
    struct str before = row->name;
    if (form_has(body, "name") && !form_required_text(admin, body, "name", 255, &row->name)) {
        return false;
    }
    if (!row->parent_no && !str_eq(row->name, before)) {
        return form_invalid(admin, "name");
    }
    return str_eq(row->name, before) || space_name_check(admin, row->name);
}

static bool set_path(struct admin *admin, struct store_tx *tx, struct space_row *row)
{
    struct space_row parent;
    if (!row->parent_no) {
        return true;
    }
    if (admin_failed(admin, space_store_find(tx, row->organization_no, row->parent_no, admin->arena, &parent))) {
        return false;
    }
    row->path = arena_printf(admin->arena, "%.*s/%.*s", STR_ARG(parent.path), STR_ARG(row->name));
    return true;
}

static bool is_same(const struct space_row *a, const struct space_row *b)
{
    return a->parent_no == b->parent_no && str_eq(a->name, b->name) && str_eq(a->space_type, b->space_type) &&
           str_eq(a->config, b->config);
}

static enum err store_change(struct admin *admin, struct store_tx *tx, const struct space_row *row)
{
    struct space_settings *before;
    struct device_change *change = device_change_of_admin(admin, tx);
    enum err err = space_settings_read(tx, admin->arena, row->no, &before);
    if (!err) {
        err = space_store_update(tx, row);
    }
    if (!err) {
        struct space_row *copy = arena_new(admin->arena, struct space_row);
        *copy = *row;
        admin_on_commit(admin, put_space, copy);
        err = space_settings_tell(change, row->no, before);
    }
    return err;
}

void space_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct space_row before, row;
    if (!space_find(admin, tx, id, &before)) {
        return;
    }
    row = before;
    if (!parse_name(admin, body, &row) || !form_text(admin, body, "space_type", 64, &row.space_type) ||
        !space_config_merge(admin, body, before.config, &row.config) || !parse_move(admin, tx, body, &row) ||
        !set_path(admin, tx, &row)) {
        return;
    }
    if (!is_same(&before, &row)) {
        enum err err = store_change(admin, tx, &row);
        if (err == ERR_EXISTS) {
            form_taken(admin, "name");
            return;
        }
        if (admin_failed(admin, err)) {
            return;
        }
        struct json *old = document_of(admin->arena, &before), *new = document_of(admin->arena, &row);
        space_audit(admin, tx, "space.update", row.no, old, new);
        json_free(old);
        json_free(new);
    }
    space_answer(admin, &row);
}

enum err space_rename_root(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str name)
{
    struct space_row root;
    enum err err = space_store_find_root(tx, organization_no, admin->arena, &root);
    root.name = root.path = name;
    return err ? err : store_change(admin, tx, &root);
}

/* --- delete --- */

void space_delete(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct space_row *row = arena_new(admin->arena, struct space_row);
    bool is_empty = false;
    if (!space_find(admin, tx, id, row)) {
        return;
    }
    if (!row->parent_no) {
        reply_error(admin->reply, 422, "Root space cannot be deleted");
        return;
    }
    if (admin_failed(admin, space_store_is_empty(tx, row->no, &is_empty))) {
        return;
    }
    if (!is_empty) {
        reply_error(admin->reply, 422, "Space is not empty");
        return;
    }
    if (!admin_failed(admin, space_store_delete(tx, row->no))) {
        admin_on_commit(admin, remove_space, row);
        struct json *before = document_of(admin->arena, row);
        space_audit(admin, tx, "space.delete", row->no, before, NULL);
        json_free(before);
        admin_reply_success(admin);
    }
}

/* --- find or create --- */

/* One step down the path. False: the reply holds the error. */
static bool step_down(struct admin *admin, struct store_tx *tx, const struct space_row *wanted, struct space_row *space)
{
    struct space_row child;
    enum err err = space_store_find_child(tx, space->no, wanted->name, admin->arena, &child);
    if (err == ERR_NOT_FOUND) {
        child = *wanted;
        if (!space_insert_below(admin, tx, space, &child)) {
            return false;
        }
    } else if (admin_failed(admin, err)) {
        return false;
    }
    *space = child;
    return true;
}

void space_find_or_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct space_row space, last = {.space_type = STR("space")};
    struct str path;
    if (!form_required_text(admin, body, "name", PATH_CHARS_MAX, &path) ||
        !form_text(admin, body, "space_type", 64, &last.space_type) ||
        !space_config_merge(admin, body, STR("{}"), &last.config) || !space_parent_parse(admin, tx, body, &space)) {
        return;
    }
    while (path.ptr) {
        struct space_row wanted = {.name = str_trim(str_split(&path, '/')), .space_type = STR("space"), .config = STR("{}")};
        if (str_is_blank(wanted.name)) {
            form_invalid(admin, "name");
            return;
        }
        if (utf8_length(wanted.name) > 255) {
            reply_error(admin->reply, 422, "Name is too long (maximum is 255 characters)");
            return;
        }
        if (!path.ptr) {
            wanted.space_type = last.space_type;
            wanted.config = last.config;
        }
        if (!step_down(admin, tx, &wanted, &space)) {
            return;
        }
    }
    space_answer(admin, &space);
}
