#include "model/customer/space.h"

#include "model/management/audit.h"
#include "model/maker/catalog.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/management/form.h"

#define CONFIG_BYTES_MAX 65536

void space_write(struct json_writer *w, const struct space_row *row)
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

void space_list(struct admin *admin, struct store_tx *tx, const struct space_filter *filter, struct page page)
{
    struct space_listing listing = {.rows = 0};
    envelope_begin(&listing.envelope, admin->reply, TENANT_ORGANIZATION, page);
    enum err err = space_store_list(tx, admin->principal.organization_no, filter, page.size + 1, page_offset(page),
                                    list_row, &listing);
    if (!admin_failed(admin, err)) {
        envelope_end(&listing.envelope, page_offset(page) + listing.rows);
    }
}

void space_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    int64_t no;
    struct space_row row;
    enum err err = str_to_i64(id, &no)
                       ? space_store_find(tx, admin->principal.organization_no, no, admin->arena, &row)
                       : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Space not found");
    } else if (!admin_failed(admin, err)) {
        struct json_writer w;
        json_writer_init(&w, &admin->reply->body);
        space_write(&w, &row);
        admin->reply->status = 200;
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

static const char *const config_keys[] = {
    "priority_factor",     "temperature_units", "img", "location", "maintenance", "inherit_location", "inherit_priority_factor",
    "inherit_temperature_units", "events",
};

static bool text_is_one_of(const struct json *value, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(json_string(value), str_from_cstr(texts[i]))) {
            return true;
        }
    }
    return false;
}

static bool config_value_is_valid(struct str key, const struct json *value)
{
    static const char *const factors[] = {"-1", "0", "1"};
    static const char *const units[] = {"celsius", "fahrenheit"};
    if (str_eq(key, STR("priority_factor"))) {
        return text_is_one_of(value, factors, sizeof factors / sizeof factors[0]);
    }
    if (str_eq(key, STR("temperature_units"))) {
        return text_is_one_of(value, units, sizeof units / sizeof units[0]);
    }
    if (str_eq(key, STR("location")) || str_eq(key, STR("events"))) {
        return json_is_object(value);
    }
    return true;
}

/* The known keys of `config` and of the older `config.general`, on one level; unknown ones are ignored. */
static bool config_parse(struct admin *admin, const struct json *body, struct str *ret_config)
{
    const struct json *config = json_get(body, "config");
    *ret_config = STR("{}");
    if (json_is_missing(config)) {
        return true;
    }
    if (!json_is_object(config)) {
        reply_error(admin->reply, 422, "Config must be an object");
        return false;
    }
    const struct json *sources[] = {json_get(config, "general"), config};
    struct json *known = json_new_object();
    bool is_valid = true;
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < sizeof config_keys / sizeof config_keys[0]; k++) {
            struct str key = str_from_cstr(config_keys[k]);
            const struct json *value = json_get(sources[i], config_keys[k]);
            if (json_is_missing(value)) {
                continue;
            }
            is_valid = is_valid && config_value_is_valid(key, value);
            json_set(known, key, json_dup(value));
        }
    }
    struct buf text;
    buf_init(&text, CONFIG_BYTES_MAX);
    json_write(&text, known);
    json_free(known);
    is_valid = is_valid && !text.failed;
    if (is_valid) {
        *ret_config = arena_str(admin->arena, buf_str(&text));
    } else {
        form_invalid(admin, "config");
    }
    buf_deinit(&text);
    return is_valid;
}

static bool parent_parse(struct admin *admin, struct store_tx *tx, const struct json *body, struct space_row *ret_parent)
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
    if (admin_failed(admin, err)) {
        return false;
    }
    if (ret_parent->depth + 1 > SPACE_DEPTH_MAX) {
        reply_error(admin->reply, 422, "Parent is too deep (maximum depth is %d)", SPACE_DEPTH_MAX);
        return false;
    }
    return true;
}

void space_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct space_row parent, row = {.space_type = STR("space")};
    if (!form_required_text(admin, body, "name", 255, &row.name)) {
        return;
    }
    if (memchr(row.name.ptr, '/', row.name.len)) {
        form_invalid(admin, "name");
        return;
    }
    if (!form_text(admin, body, "space_type", 64, &row.space_type) || !config_parse(admin, body, &row.config) ||
        !parent_parse(admin, tx, body, &parent)) {
        return;
    }
    row.organization_no = admin->principal.organization_no;
    row.parent_no = parent.no;
    row.depth = parent.depth + 1;
    row.path = arena_printf(admin->arena, "%.*s/%.*s", STR_ARG(parent.path), STR_ARG(row.name));
    enum err err = insert(admin, tx, &row);
    if (err == ERR_EXISTS) {
        form_taken(admin, "name");
        return;
    }
    if (admin_failed(admin, err)) {
        return;
    }
    struct json *after = json_new_object();
    json_set(after, STR("path"), json_new_string(row.path));
    admin_audit(admin, tx, "space.create", "space", arena_printf(admin->arena, "%lld", (long long)row.no),
                audit_diff(admin->arena, NULL, after));
    json_free(after);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    space_write(&w, &row);
    admin->reply->status = 200;
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
