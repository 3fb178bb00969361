#include "model/people/member.h"

#include "model/account/access.h"
#include "model/account/web_session.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/people/authority.h"
#include "model/people/group.h"
#include "model/people/invitation.h"
#include "model/people/people_audit.h"
#include "model/ports/user_store.h"

/* --- reading --- */

/* Activity is for who manages people (7: Viewers do not see it). */
static bool sees_activity(const struct admin *admin)
{
    return permission_of(&admin->principal, admin->principal.tenant_kind == TENANT_PARTNER ? PERMISSION_USERS_READ
                                                                                           : PERMISSION_ADMINISTRATOR);
}

static void write_member(struct json_writer *w, const struct member_row *row, bool with_activity)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    json_field_str(w, "email", row->email);
    json_field_raw(w, "group_names", row->group_names);
    json_field_time(w, "deactivated_at", row->deactivated_at);
    json_field_time(w, "created_at", row->created_at);
    json_field_bool(w, "external", row->external);
    if (with_activity) {
        bool is_theirs = !row->pending; /* what a person did elsewhere is nobody's business here before it has consented */
        json_field_bool(w, "invited", !row->has_password || row->pending);
        json_field_time(w, "last_login_at", is_theirs ? row->last_login_at : TIME_NONE);
        json_field_int(w, "login_count", is_theirs ? row->login_count : 0);
        field_text(w, "last_login_ip", is_theirs ? row->last_login_address : (struct str){NULL, 0});
    }
    json_end_object(w);
}

struct member_listing {
    struct envelope envelope;
    bool with_activity;
};

static void list_row(const struct member_row *row, void *arg)
{
    struct member_listing *listing = arg;
    write_member(&listing->envelope.w, row, listing->with_activity);
}

void member_list(struct admin *admin, struct store_tx *tx, struct page page)
{
    enum tenant_kind kind = admin->principal.tenant_kind;
    int64_t tenant_no = principal_tenant_no(&admin->principal);
    struct member_listing listing = {.with_activity = sees_activity(admin)};
    envelope_begin(&listing.envelope, admin->reply, kind, page);
    if (!admin_failed(admin, member_store_list(tx, kind, tenant_no, page, list_row, &listing))) {
        envelope_end(&listing.envelope, member_store_count(tx, kind, tenant_no));
    }
}

static bool find(struct admin *admin, struct store_tx *tx, struct str id, struct member_row *ret_member)
{
    struct uuid uuid;
    enum err err = uuid_parse(id, &uuid) ? member_store_find(tx, admin->principal.tenant_kind,
                                                             principal_tenant_no(&admin->principal), &uuid, admin->arena,
                                                             ret_member)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "User not found");
        return false;
    }
    return !admin_failed(admin, err);
}

static void answer(struct admin *admin, struct store_tx *tx, int64_t user_no, unsigned status)
{
    struct member_row row;
    struct json_writer w;
    if (admin_failed(admin, member_store_find_no(tx, admin->principal.tenant_kind, principal_tenant_no(&admin->principal),
                                                 user_no, admin->arena, &row))) {
        return;
    }
    json_writer_init(&w, &admin->reply->body);
    write_member(&w, &row, sees_activity(admin));
    admin->reply->status = status;
}

void member_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct member_row row;
    if (find(admin, tx, id, &row)) {
        answer(admin, tx, row.user_no, 200);
    }
}

/* --- inviting --- */

struct newcomer {
    enum tenant_kind kind;
    int64_t tenant_no, partner_no;
    struct str email, name;
    bool is_administrator; /* of a customer, as its partner wants it */
    const int64_t *groups;
    size_t group_count;
};

/* An account that has the address: the partner's own people may join its organizations, and the other way round; a member
 * that was deactivated comes back. Who is at home elsewhere stays there, unless a customer of the partner is to have it as
 * its administrator. All of them consent first (invitation.h). */
static enum err may_join(struct store_tx *tx, const struct newcomer *newcomer, int64_t user_no, struct arena *arena)
{
    struct member_row member;
    struct member_home home;
    enum err err = member_store_find_no(tx, newcomer->kind, newcomer->tenant_no, user_no, arena, &member);
    if (err && err != ERR_NOT_FOUND) {
        return err;
    }
    if (!err && !member.external && member.deactivated_at == TIME_NONE) {
        return newcomer->is_administrator && (member.pending || !member.has_password) ? ERR_OK : ERR_EXISTS;
    }
    if (newcomer->is_administrator) {
        return ERR_OK;
    }
    err = member_store_home(tx, user_no, newcomer->partner_no, &home);
    if (err) {
        return err;
    }
    if (home.elsewhere || (newcomer->kind == TENANT_ORGANIZATION && home.in_organization && !home.in_partner)) {
        return ERR_EXISTS;
    }
    return ERR_OK;
}

static enum err find_or_make_account(struct admin *admin, struct store_tx *tx, const struct newcomer *newcomer,
                                     struct user_row *ret_user)
{
    enum err err = user_store_find_email(tx, newcomer->email, admin->arena, ret_user);
    if (!err) {
        return may_join(tx, newcomer, ret_user->no, admin->arena);
    }
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    *ret_user = (struct user_row){.id = uuid_random(), .email = newcomer->email, .name = newcomer->name,
                                  .password_hash = STR(""), .created_at = admin->domain->now_unix_ms()};
    return user_store_insert(tx, ret_user);
}

/* A member, or somebody who becomes one by its own consent. */
static enum err put(struct admin *admin, struct store_tx *tx, const struct newcomer *newcomer, const struct user_row *user)
{
    struct member_row member;
    bool needs_consent = false;
    enum err err = member_store_find_no(tx, newcomer->kind, newcomer->tenant_no, user->no, admin->arena, &member);
    bool is_in = !err && member.deactivated_at == TIME_NONE && !member.pending; /* from outside, but by its own consent */
    err = err == ERR_NOT_FOUND ? ERR_OK : err;
    if (!err && !is_in) {
        err = invitation_needs_consent(admin, tx, newcomer->kind, newcomer->tenant_no, user->no,
                                       user->password_hash.len > 0, &needs_consent);
    }
    if (err) {
        return err;
    }
    return needs_consent ? invitation_put(admin, tx, newcomer->kind, newcomer->tenant_no, user->no, false)
                         : invitation_join(admin, tx, newcomer->kind, newcomer->tenant_no, user->no, false);
}

/* ERR_EXISTS: the account is another's. ERR_LIMIT: too many members. */
static enum err invite(struct admin *admin, struct store_tx *tx, const struct newcomer *newcomer, struct user_row *ret_user)
{
    struct member_row member;
    if (member_store_count(tx, newcomer->kind, newcomer->tenant_no) >= MEMBERS_MAX) {
        return ERR_LIMIT;
    }
    enum err err = find_or_make_account(admin, tx, newcomer, ret_user);
    if (!err) {
        err = put(admin, tx, newcomer, ret_user);
    }
    if (!err) {
        err = group_store_remove_from_all(tx, newcomer->kind, newcomer->tenant_no, ret_user->no);
    }
    for (size_t i = 0; i < newcomer->group_count && !err; i++) {
        err = group_store_add(tx, newcomer->groups[i], ret_user->no);
    }
    if (!err) {
        err = member_store_find_no(tx, newcomer->kind, newcomer->tenant_no, ret_user->no, admin->arena, &member);
    }
    if (!err) {
        err = invitation_send(admin, tx, newcomer->kind, newcomer->tenant_no, &member);
    }
    return err ? err : access_changed(admin, tx, newcomer->kind, newcomer->tenant_no);
}

enum err member_join_administrators(struct admin *admin, struct store_tx *tx, int64_t user_no, enum tenant_kind kind,
                                    int64_t tenant_no)
{
    int64_t group_no = 0;
    enum err err = group_store_find_kind(tx, kind, tenant_no, GROUP_ADMINISTRATORS, &group_no);
    if (!err) {
        err = invitation_join(admin, tx, kind, tenant_no, user_no, false);
    }
    if (!err) {
        err = group_store_add(tx, group_no, user_no);
    }
    return err ? err : access_changed(admin, tx, kind, tenant_no);
}

enum err member_invite_administrator(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str email,
                                     struct str name)
{
    int64_t group_no = 0;
    struct user_row user;
    struct newcomer newcomer = {.kind = TENANT_ORGANIZATION, .tenant_no = organization_no,
                                .partner_no = admin->principal.partner_no, .email = email, .name = name.len ? name : email,
                                .is_administrator = true, .groups = &group_no, .group_count = 1};
    enum err err = group_store_find_kind(tx, TENANT_ORGANIZATION, organization_no, GROUP_ADMINISTRATORS, &group_no);
    return err ? err : invite(admin, tx, &newcomer, &user);
}

/* --- the API --- */

/* group_ids: the tenant's groups among them, others are ignored. False: the reply holds the error. */
static bool parse_groups(struct admin *admin, struct store_tx *tx, const struct json *body, int64_t **ret_nos, size_t *ret_count)
{
    const struct json *ids = json_get(body, "group_ids");
    size_t count = json_is_array(ids) ? json_count(ids) : 0, known = 0;
    int64_t *nos = arena_alloc(admin->arena, (count < PEOPLE_IDS_MAX ? count : PEOPLE_IDS_MAX) * sizeof *nos + 1);
    const struct json *id = count ? json_first(ids) : NULL;
    for (; id && known < PEOPLE_IDS_MAX; id = json_next(id)) {
        struct uuid uuid;
        struct group_row group;
        enum err err = uuid_parse(json_string(id), &uuid)
                           ? group_store_find(tx, admin->principal.tenant_kind, principal_tenant_no(&admin->principal), &uuid,
                                              admin->arena, &group)
                           : ERR_NOT_FOUND;
        if (err == ERR_NOT_FOUND) {
            continue;
        }
        if (admin_failed(admin, err) || !group_may_be_given(admin, &group)) {
            return false;
        }
        nos[known++] = group.no;
    }
    if (known == 0) {
        reply_error(admin->reply, 422, "You have to assign the user at least to one group");
        return false;
    }
    *ret_nos = nos;
    *ret_count = known;
    return true;
}

static bool parse_email(struct admin *admin, const struct json *body, struct str *ret_email)
{
    struct str email = {0};
    if (!form_text(admin, body, "email", 254, &email)) {
        return false;
    }
    if (str_is_blank(email)) {
        reply_error(admin->reply, 422, "Email can't be blank");
        return false;
    }
    if (!form_is_email(email)) {
        reply_error(admin->reply, 422, "Email is not an email");
        return false;
    }
    *ret_email = email;
    return true;
}

void member_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct newcomer newcomer = {.kind = admin->principal.tenant_kind, .tenant_no = principal_tenant_no(&admin->principal),
                                .partner_no = admin->principal.partner_no};
    struct user_row user;
    int64_t *groups = NULL;
    if (!parse_email(admin, body, &newcomer.email) || !form_required_text(admin, body, "name", 255, &newcomer.name) ||
        !parse_groups(admin, tx, body, &groups, &newcomer.group_count)) {
        return;
    }
    newcomer.groups = groups;
    enum err err = invite(admin, tx, &newcomer, &user);
    if (err == ERR_EXISTS) {
        reply_error(admin->reply, 422, "The user %.*s is already associated with another account", STR_ARG(newcomer.email));
        return;
    }
    if (err == ERR_LIMIT) {
        reply_error(admin->reply, 422, "Too many users");
        return;
    }
    if (!admin_failed(admin, err)) {
        people_audit(admin, tx, "user.create", "user", &user.id, "email", newcomer.email);
        answer(admin, tx, user.no, newcomer.kind == TENANT_PARTNER ? 201 : 200);
    }
}

struct gift {
    struct admin *admin;
    bool may;
};

static void look_at_group(const struct group_row *group, void *arg)
{
    struct gift *gift = arg;
    gift->may = gift->may && group_may_be_given(gift->admin, group);
}

/* Who is invited, or was deactivated, has no role yet or any more: what its groups would give counts. */
static bool may_give_its_groups(struct admin *admin, struct store_tx *tx, const struct member_row *member)
{
    struct gift gift = {admin, true};
    enum err err = group_store_of_user(tx, admin->principal.tenant_kind, principal_tenant_no(&admin->principal),
                                       member->user_no, look_at_group, &gift);
    return gift.may && !admin_failed(admin, err);
}

/* Nobody changes who may more than itself. False: 403 is answered. */
static bool may_be_changed(struct admin *admin, struct store_tx *tx, const struct member_row *member)
{
    const struct principal *principal = &admin->principal;
    struct role role;
    if (principal->kind != PRINCIPAL_USER || principal->role.tenant == ROLE_ADMINISTRATOR) {
        return true;
    }
    if (!access_role(admin->domain, member->user_no, principal->tenant_kind, principal_tenant_no(principal), &role)) {
        return may_give_its_groups(admin, tx, member);
    }
    bool may = role.tenant <= principal->role.tenant;
    for (size_t i = 0; i < AREA_COUNT; i++) {
        may = may && role.areas[i] <= principal->role.areas[i];
    }
    if (!may) {
        reply_error(admin->reply, 403, "Forbidden");
    }
    return may;
}

static bool set_groups(struct admin *admin, struct store_tx *tx, const struct member_row *member, const int64_t *groups,
                       size_t count)
{
    enum tenant_kind kind = admin->principal.tenant_kind;
    int64_t before = 0;
    if (!group_count_administrators(admin, tx, &before)) {
        return false;
    }
    enum err err = group_store_remove_from_all(tx, kind, principal_tenant_no(&admin->principal), member->user_no);
    for (size_t i = 0; i < count && !err; i++) {
        err = group_store_add(tx, groups[i], member->user_no);
    }
    return !admin_failed(admin, err) && group_keeps_administrators(admin, tx, before) &&
           !admin_failed(admin, access_changed(admin, tx, kind, principal_tenant_no(&admin->principal)));
}

void member_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct member_row member;
    int64_t *groups = NULL;
    size_t count = 0;
    if (!find(admin, tx, id, &member) || !may_be_changed(admin, tx, &member)) {
        return;
    }
    if (member.pending && form_has(body, "name")) {
        reply_error(admin->reply, 422, "User has not accepted the invitation yet");
        return;
    }
    if (form_has(body, "name") && (!form_required_text(admin, body, "name", 255, &member.name) ||
                                   admin_failed(admin, user_store_set_name(tx, member.user_no, member.name)))) {
        return;
    }
    if (form_has(body, "group_ids") && (!parse_groups(admin, tx, body, &groups, &count) ||
                                        !set_groups(admin, tx, &member, groups, count))) {
        return;
    }
    people_audit(admin, tx, "user.update", "user", &member.id, "name", member.name);
    answer(admin, tx, member.user_no, 200);
}

void member_deactivate(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct member_row member;
    enum tenant_kind kind = admin->principal.tenant_kind;
    int64_t tenant_no = principal_tenant_no(&admin->principal), before = 0;
    if (!find(admin, tx, id, &member) || !may_be_changed(admin, tx, &member)) {
        return;
    }
    if (member.deactivated_at == TIME_NONE) {
        if (!group_count_administrators(admin, tx, &before)) {
            return;
        }
        enum err err = member_store_deactivate(tx, kind, tenant_no, member.user_no, admin->domain->now_unix_ms());
        if (!err && !member.pending) {
            err = web_session_end_of_user(admin, tx, member.user_no, NULL);
        }
        if (admin_failed(admin, err) || !group_keeps_administrators(admin, tx, before) ||
            admin_failed(admin, access_changed(admin, tx, kind, tenant_no))) {
            return;
        }
        people_audit(admin, tx, "user.deactivate", "user", &member.id, "email", member.email);
    }
    answer(admin, tx, member.user_no, 200);
}

void member_reset_otp(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct member_row member;
    struct user_row user;
    if (!find(admin, tx, id, &member) || admin_failed(admin, user_store_find(tx, member.user_no, admin->arena, &user))) {
        return;
    }
    bool is_active = !member.pending && member.deactivated_at == TIME_NONE;
    if (!is_active || !administers_person(admin, tx, &user)) {
        reply_error(admin->reply, 403, "Forbidden");
        return;
    }
    if (!admin_failed(admin, user_store_set_otp(tx, user.no, STR(""), false, 0))) {
        people_audit(admin, tx, "user.reset_otp", "user", &user.id, "email", user.email);
        answer(admin, tx, user.no, 200);
    }
}

void member_resend_welcome(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct member_row member;
    if (!find(admin, tx, id, &member) || !may_be_changed(admin, tx, &member)) {
        return;
    }
    if (member.deactivated_at != TIME_NONE) {
        reply_error(admin->reply, 422, "User is deactivated");
        return;
    }
    if (!admin_failed(admin, invitation_send(admin, tx, admin->principal.tenant_kind,
                                             principal_tenant_no(&admin->principal), &member))) {
        people_audit(admin, tx, "user.resend_welcome", "user", &member.id, "email", member.email);
        answer(admin, tx, member.user_no, 200);
    }
}
