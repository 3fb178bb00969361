#include "model/customer/space_access.h"

#include "model/account/access.h"
#include "model/customer/space_internal.h"
#include "model/management/audit.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/ports/group_store.h"
#include "model/ports/member_store.h"
#include "model/ports/space_access_store.h"

/* --- reading --- */

struct listing {
    struct json_writer *w;
    bool inherited;
};

static void write_entry(const struct space_access_row *row, void *arg)
{
    const struct listing *listing = arg;
    struct json_writer *w = listing->w;
    bool is_user = row->grant.subject == SUBJECT_USER;
    json_begin_object(w);
    json_field_uuid(w, is_user ? "user_id" : "group_id", &row->id);
    json_field_str(w, "name", row->name);
    if (is_user) {
        field_text(w, "email", row->email);
    }
    json_field_cstr(w, "role", space_role_name(row->grant.role));
    if (listing->inherited) {
        json_field_int(w, "space_id", row->grant.space_no);
    }
    json_end_object(w);
}

struct above {
    int64_t nos[SPACE_DEPTH_MAX + 1];
    size_t count;
};

static void note_above(const struct space_row *row, void *arg)
{
    struct above *above = arg;
    if (above->count < sizeof above->nos / sizeof above->nos[0]) {
        above->nos[above->count++] = row->no;
    }
}

static void answer(struct admin *admin, struct store_tx *tx, const struct space_row *space)
{
    struct json_writer w;
    struct above above = {.count = 0};
    struct listing listing = {.w = &w};
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_name(&w, "items");
    json_begin_array(&w);
    enum err err = space_access_store_list(tx, space->no, write_entry, &listing);
    json_end_array(&w);
    json_name(&w, "inherited");
    json_begin_array(&w);
    listing.inherited = true;
    if (!err) {
        err = space_store_above(tx, space->no, note_above, &above);
    }
    for (size_t i = 0; i < above.count && !err; i++) {
        err = space_access_store_list(tx, above.nos[i], write_entry, &listing);
    }
    json_end_array(&w);
    json_field_null(&w, "next_page");
    json_field_bool(&w, "has_next_page", false);
    json_end_object(&w);
    if (!admin_failed(admin, err)) {
        admin->reply->status = 200;
    }
}

void space_access_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct space_row space;
    if (space_find(admin, tx, id, &space)) {
        answer(admin, tx, &space);
    }
}

/* --- writing --- */

/* Active members only. False: the reply holds the error. */
static bool find_user(struct admin *admin, struct store_tx *tx, const struct json *id, int64_t *ret_no)
{
    struct uuid uuid;
    struct member_row member;
    enum err err = uuid_parse(json_string(id), &uuid)
                       ? member_store_find(tx, TENANT_ORGANIZATION, admin->principal.organization_no, &uuid, admin->arena, &member)
                       : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND || (!err && member.deactivated_at != TIME_NONE)) {
        reply_error(admin->reply, 404, "User not found");
        return false;
    }
    *ret_no = err ? 0 : member.user_no;
    return !admin_failed(admin, err);
}

static bool find_group(struct admin *admin, struct store_tx *tx, const struct json *id, int64_t *ret_no)
{
    struct uuid uuid;
    struct group_row group;
    enum err err = uuid_parse(json_string(id), &uuid)
                       ? group_store_find(tx, TENANT_ORGANIZATION, admin->principal.organization_no, &uuid, admin->arena, &group)
                       : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Group not found");
        return false;
    }
    *ret_no = err ? 0 : group.no;
    return !admin_failed(admin, err);
}

static bool put_entry(struct admin *admin, struct store_tx *tx, int64_t space_no, const struct json *entry)
{
    const struct json *user = json_get(entry, "user_id"), *group = json_get(entry, "group_id");
    struct access_grant grant = {.subject = json_is_missing(user) ? SUBJECT_GROUP : SUBJECT_USER, .space_no = space_no};
    if (!form_has(entry, "role")) {
        return form_missing(admin, "role");
    }
    if (!space_role_parse(json_string(json_get(entry, "role")), &grant.role)) {
        return form_invalid(admin, "role");
    }
    if (json_is_missing(user) && json_is_missing(group)) {
        return form_missing(admin, "user_id");
    }
    if (!json_is_missing(user) && !json_is_missing(group)) { /* an entry is one of them */
        return form_invalid(admin, "group_id");
    }
    bool is_found = grant.subject == SUBJECT_USER ? find_user(admin, tx, user, &grant.subject_no)
                                                  : find_group(admin, tx, group, &grant.subject_no);
    return is_found && !admin_failed(admin, space_access_store_put(tx, &grant));
}

void space_access_write(struct admin *admin, struct store_tx *tx, struct str id, const struct json *entries)
{
    struct space_row space;
    int64_t organization_no = admin->principal.organization_no;
    if (!space_find(admin, tx, id, &space)) {
        return;
    }
    if (json_count(entries) > SPACE_ACCESS_MAX) {
        reply_error(admin->reply, 422, "Too many entries, maximum is %d", SPACE_ACCESS_MAX);
        return;
    }
    if (admin_failed(admin, space_access_store_clear(tx, space.no))) {
        return;
    }
    for (const struct json *entry = json_first(entries); entry; entry = json_next(entry)) {
        if (!put_entry(admin, tx, space.no, entry)) {
            return;
        }
    }
    enum err err = member_store_drop_strangers(tx, TENANT_ORGANIZATION, organization_no);
    if (!err) {
        err = access_changed(admin, tx, TENANT_ORGANIZATION, organization_no);
    }
    if (!admin_failed(admin, err)) {
        struct json *after = json_new_object();
        json_set(after, STR("access"), entries ? json_dup(entries) : json_new_array());
        space_audit(admin, tx, "space.access", space.no, NULL, after);
        json_free(after);
        answer(admin, tx, &space);
    }
}
