#include "model/people/group.h"

#include "model/account/access.h"
#include "model/domain.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/form.h"
#include "model/people/people_audit.h"
#include "model/ports/member_store.h"

/* --- built in --- */

static enum err make(struct domain *domain, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                     enum group_kind group, struct str name, struct str permissions)
{
    struct group_row row = {.id = uuid_random(), .tenant_kind = kind, .tenant_no = tenant_no, .kind = group, .name = name,
                            .permissions = permissions, .created_at = domain->now_unix_ms()};
    return group_store_insert(tx, &row);
}

/* What Support may at most (7); an administrator may take away from it. */
#define SUPPORT_PERMISSIONS \
    "{\"models\":\"read\",\"devices\":\"service\",\"customers\":\"read\",\"licenses\":\"read\",\"tickets\":\"write\"}"

enum err groups_make_built_in(struct domain *domain, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no)
{
    enum err err = make(domain, tx, kind, tenant_no, GROUP_ADMINISTRATORS, STR("Administrators"), STR("{}"));
    if (err) {
        return err;
    }
    return kind == TENANT_PARTNER ? make(domain, tx, kind, tenant_no, GROUP_SUPPORT, STR("Support"), STR(SUPPORT_PERMISSIONS))
                                  : make(domain, tx, kind, tenant_no, GROUP_VIEWERS, STR("Viewers"), STR("{}"));
}

/* --- reading --- */

static void write_user(const struct group_user *user, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    json_field_uuid(w, "id", &user->id);
    json_field_str(w, "name", user->name);
    json_field_str(w, "email", user->email);
    json_end_object(w);
}

static void write_permissions(struct json_writer *w, const struct group_row *group)
{
    enum area_level areas[AREA_COUNT];
    permission_areas_parse(group->permissions, areas);
    json_name(w, "permissions");
    json_begin_object(w);
    for (size_t i = 0; i < AREA_COUNT; i++) {
        enum area_level level = group->kind == GROUP_ADMINISTRATORS ? LEVEL_WRITE : areas[i];
        json_field_cstr(w, permission_area_name((enum area)i), permission_level_name(level));
    }
    json_end_object(w);
}

static enum err write_group(struct json_writer *w, struct store_tx *tx, const struct group_row *group)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &group->id);
    json_field_str(w, "name", group->name);
    json_field_bool(w, "built_in", group->kind != GROUP_OWN);
    if (group->tenant_kind == TENANT_PARTNER) {
        write_permissions(w, group);
    }
    json_field_time(w, "created_at", group->created_at);
    json_name(w, "users");
    json_begin_array(w);
    enum err err = group_store_users(tx, group->no, write_user, w);
    json_end_array(w);
    json_end_object(w);
    return err;
}

struct group_listing {
    struct envelope envelope;
    struct store_tx *tx;
    enum err err;
};

static void list_row(const struct group_row *row, void *arg)
{
    struct group_listing *listing = arg;
    if (!listing->err) {
        listing->err = write_group(&listing->envelope.w, listing->tx, row);
    }
}

void group_list(struct admin *admin, struct store_tx *tx, struct page page)
{
    enum tenant_kind kind = admin->principal.tenant_kind;
    int64_t tenant_no = principal_tenant_no(&admin->principal);
    struct group_listing listing = {.tx = tx};
    envelope_begin(&listing.envelope, admin->reply, kind, page);
    enum err err = group_store_list(tx, kind, tenant_no, page, list_row, &listing);
    if (!admin_failed(admin, err ? err : listing.err)) {
        envelope_end(&listing.envelope, group_store_count(tx, kind, tenant_no));
    }
}

bool group_find(struct admin *admin, struct store_tx *tx, struct str id, struct group_row *ret_group)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? group_store_find(tx, admin->principal.tenant_kind,
                                                            principal_tenant_no(&admin->principal), &uuid, admin->arena,
                                                            ret_group)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Group not found");
        return false;
    }
    return !admin_failed(admin, err);
}

static void answer(struct admin *admin, struct store_tx *tx, const struct group_row *group, unsigned status)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    if (!admin_failed(admin, write_group(&w, tx, group))) {
        admin->reply->status = status;
    }
}

void group_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct group_row group;
    if (group_find(admin, tx, id, &group)) {
        answer(admin, tx, &group, 200);
    }
}

/* --- who may change what --- */

bool group_may_be_given(struct admin *admin, const struct group_row *group)
{
    const struct role *role = &admin->principal.role;
    bool may = admin->principal.kind != PRINCIPAL_USER || role->tenant == ROLE_ADMINISTRATOR;
    if (!may && group->tenant_kind == TENANT_PARTNER && group->kind != GROUP_ADMINISTRATORS) {
        enum area_level areas[AREA_COUNT];
        permission_areas_parse(group->permissions, areas);
        may = true;
        for (size_t i = 0; i < AREA_COUNT; i++) {
            may = may && areas[i] <= role->areas[i];
        }
    }
    if (!may) {
        reply_error(admin->reply, 403, "Forbidden");
    }
    return may;
}

bool group_count_administrators(struct admin *admin, struct store_tx *tx, int64_t *ret_count)
{
    return !admin_failed(admin, group_store_administrators(tx, admin->principal.tenant_kind,
                                                           principal_tenant_no(&admin->principal), ret_count));
}

bool group_keeps_administrators(struct admin *admin, struct store_tx *tx, int64_t before)
{
    int64_t count = 0;
    if (!group_count_administrators(admin, tx, &count)) {
        return false;
    }
    if (before > 0 && count == 0) {
        reply_error(admin->reply, 422, "At least one administrator is required");
        return false;
    }
    return true;
}

static bool is_changed(struct admin *admin, struct store_tx *tx)
{
    return !admin_failed(admin, access_changed(admin, tx, admin->principal.tenant_kind, principal_tenant_no(&admin->principal)));
}

/* --- forms --- */

static bool parse_level(struct str text, enum area_level *ret_level)
{
    for (int level = LEVEL_NONE; level <= LEVEL_WRITE; level++) {
        if (str_eq(text, str_from_cstr(permission_level_name((enum area_level)level)))) {
            *ret_level = (enum area_level)level;
            return true;
        }
    }
    return false;
}

/* The area's level that is asked for. Support is at most what it was made with; what it does to devices is no level of
 * others. */
static bool may_be_level(const struct group_row *group, enum area area, enum area_level level)
{
    enum area_level most[AREA_COUNT];
    permission_areas_parse(STR(SUPPORT_PERMISSIONS), most);
    return group->kind == GROUP_SUPPORT ? level <= most[area] : level != LEVEL_SERVICE;
}

/* Partners only: the areas that are named change. False: 422 is answered. */
static bool parse_permissions(struct admin *admin, const struct json *body, struct group_row *group)
{
    const struct json *wanted = json_get(body, "permissions");
    enum area_level areas[AREA_COUNT];
    if (group->tenant_kind != TENANT_PARTNER || json_is_missing(wanted)) {
        return true;
    }
    permission_areas_parse(group->permissions, areas);
    struct json *stored = json_new_object();
    bool is_valid = json_is_object(wanted);
    for (size_t i = 0; i < AREA_COUNT && is_valid; i++) {
        const struct json *level = json_get(wanted, permission_area_name((enum area)i));
        is_valid = !level || (parse_level(json_string(level), &areas[i]) && may_be_level(group, (enum area)i, areas[i]));
        json_set(stored, str_from_cstr(permission_area_name((enum area)i)),
                 json_new_string(str_from_cstr(permission_level_name(areas[i]))));
    }
    struct buf text;
    buf_init(&text, 1024);
    json_write(&text, stored);
    group->permissions = arena_str(admin->arena, buf_str(&text));
    buf_deinit(&text);
    json_free(stored);
    return is_valid || form_invalid(admin, "permissions");
}

/* `user_ids`; false: 422 is answered. */
static bool parse_user_ids(struct admin *admin, const struct json *body, bool is_required, const struct json **ret_ids)
{
    const struct json *ids = json_get(body, "user_ids");
    *ret_ids = NULL;
    if (json_is_missing(ids)) {
        return !is_required || form_missing(admin, "user_ids");
    }
    if (!json_is_array(ids)) {
        return form_invalid(admin, "user_ids");
    }
    if (json_count(ids) > PEOPLE_IDS_MAX) {
        reply_error(admin->reply, 422, "Too many users, maximum is %d", PEOPLE_IDS_MAX);
        return false;
    }
    *ret_ids = ids;
    return true;
}

/* Ids of people who are no active members are ignored (3.8). */
static bool change_users(struct admin *admin, struct store_tx *tx, const struct group_row *group, const struct json *ids,
                         enum err (*change)(struct store_tx *tx, int64_t group_no, int64_t user_no))
{
    for (const struct json *id = json_first(ids); id; id = json_next(id)) {
        struct uuid uuid;
        struct member_row member;
        enum err err = uuid_parse(json_string(id), &uuid)
                           ? member_store_find(tx, group->tenant_kind, group->tenant_no, &uuid, admin->arena, &member)
                           : ERR_NOT_FOUND;
        if (err == ERR_NOT_FOUND || (!err && member.deactivated_at != TIME_NONE)) {
            continue;
        }
        if (admin_failed(admin, err ? err : change(tx, group->no, member.user_no))) {
            return false;
        }
    }
    return true;
}

/* --- changing --- */

void group_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct group_row group = {.id = uuid_random(), .tenant_kind = admin->principal.tenant_kind,
                              .tenant_no = principal_tenant_no(&admin->principal), .permissions = STR("{}"),
                              .created_at = admin->domain->now_unix_ms()};
    const struct json *ids;
    if (!form_required_text(admin, body, "name", 255, &group.name) || !parse_permissions(admin, body, &group) ||
        !parse_user_ids(admin, body, false, &ids) || !group_may_be_given(admin, &group)) {
        return;
    }
    if (group_store_count(tx, group.tenant_kind, group.tenant_no) >= GROUPS_MAX) {
        reply_error(admin->reply, 422, "Too many groups");
        return;
    }
    enum err err = group_store_insert(tx, &group);
    if (err == ERR_EXISTS) {
        form_taken(admin, "name");
        return;
    }
    if (!admin_failed(admin, err) && change_users(admin, tx, &group, ids, group_store_add) && is_changed(admin, tx)) {
        people_audit(admin, tx, "group.create", "group", &group.id, "name", group.name);
        answer(admin, tx, &group, group.tenant_kind == TENANT_PARTNER ? 201 : 200);
    }
}

void group_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct group_row group;
    if (!group_find(admin, tx, id, &group)) {
        return;
    }
    bool has_permissions = group.tenant_kind == TENANT_PARTNER && form_has(body, "permissions");
    bool is_rename = form_has(body, "name") || !has_permissions;
    if (group.kind != GROUP_OWN && (is_rename || group.kind != GROUP_SUPPORT)) {
        reply_error(admin->reply, 422, "Built-in groups cannot be changed");
        return;
    }
    if (!group_may_be_given(admin, &group) ||
        (is_rename && !form_required_text(admin, body, "name", 255, &group.name)) ||
        !parse_permissions(admin, body, &group) || !group_may_be_given(admin, &group)) {
        return;
    }
    enum err err = group_store_update(tx, &group);
    if (err == ERR_EXISTS) {
        form_taken(admin, "name");
        return;
    }
    if (!admin_failed(admin, err) && is_changed(admin, tx)) {
        people_audit(admin, tx, "group.update", "group", &group.id, "name", group.name);
        answer(admin, tx, &group, 200);
    }
}

void group_delete(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct group_row group;
    if (!group_find(admin, tx, id, &group)) {
        return;
    }
    if (group.kind != GROUP_OWN) {
        reply_error(admin->reply, 422, "Built-in groups cannot be changed");
        return;
    }
    if (group_may_be_given(admin, &group) && !admin_failed(admin, group_store_delete(tx, group.no)) &&
        !admin_failed(admin, member_store_drop_strangers(tx, group.tenant_kind, group.tenant_no)) && is_changed(admin, tx)) {
        people_audit(admin, tx, "group.delete", "group", &group.id, "name", group.name);
        admin_reply_success(admin);
    }
}

void group_add_users(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct group_row group;
    const struct json *ids;
    if (group_find(admin, tx, id, &group) && parse_user_ids(admin, body, true, &ids) && group_may_be_given(admin, &group) &&
        change_users(admin, tx, &group, ids, group_store_add) && is_changed(admin, tx)) {
        people_audit_ids(admin, tx, "group.add_users", &group.id, ids);
        answer(admin, tx, &group, 200);
    }
}

void group_remove_users(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct group_row group;
    const struct json *ids;
    int64_t before = 0;
    if (!group_find(admin, tx, id, &group) || !parse_user_ids(admin, body, true, &ids) ||
        !group_may_be_given(admin, &group) || !group_count_administrators(admin, tx, &before) ||
        !change_users(admin, tx, &group, ids, group_store_remove)) {
        return;
    }
    if (group.kind == GROUP_ADMINISTRATORS && !group_keeps_administrators(admin, tx, before)) {
        return;
    }
    if (!admin_failed(admin, member_store_drop_strangers(tx, group.tenant_kind, group.tenant_no)) && is_changed(admin, tx)) {
        people_audit_ids(admin, tx, "group.remove_users", &group.id, ids);
        answer(admin, tx, &group, 200);
    }
}
