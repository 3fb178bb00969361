/* People from outside: accounts of the partner or of another of its organizations, who have here only what a group or a
 * space grants (management-api.md 3.8, 7). */
#include "model/account/access.h"
#include "model/management/form.h"
#include "model/people/group.h"
#include "model/people/invitation.h"
#include "model/people/people_audit.h"
#include "model/ports/member_store.h"
#include "model/ports/user_store.h"

/* An active account of the same partner; what is elsewhere is not told of. ERR_NOT_FOUND. */
static enum err find_stranger(struct admin *admin, struct store_tx *tx, struct str email, struct user_row *ret_user)
{
    struct member_home home;
    enum err err = user_store_find_email(tx, email, admin->arena, ret_user);
    if (!err) {
        err = member_store_home(tx, ret_user->no, admin->principal.partner_no, &home);
    }
    return err ? err : home.in_partner || home.in_organization ? ERR_OK : ERR_NOT_FOUND;
}

/* By its own consent, as whoever has an account. */
static enum err bring_in(struct admin *admin, struct store_tx *tx, const struct group_row *group, const struct user_row *user)
{
    struct member_row member;
    bool needs_consent = false;
    enum err err = invitation_needs_consent(admin, tx, group->tenant_kind, group->tenant_no, user->no, true, &needs_consent);
    if (err) {
        return err;
    }
    if (!needs_consent) {
        return invitation_join(admin, tx, group->tenant_kind, group->tenant_no, user->no, true);
    }
    err = invitation_put(admin, tx, group->tenant_kind, group->tenant_no, user->no, true);
    if (!err) {
        err = member_store_find_no(tx, group->tenant_kind, group->tenant_no, user->no, admin->arena, &member);
    }
    return err ? err : invitation_send(admin, tx, group->tenant_kind, group->tenant_no, &member);
}

static enum err add(struct admin *admin, struct store_tx *tx, const struct group_row *group, const struct user_row *user)
{
    struct member_row member;
    enum err err = member_store_find_no(tx, group->tenant_kind, group->tenant_no, user->no, admin->arena, &member);
    if (err == ERR_NOT_FOUND) {
        err = bring_in(admin, tx, group, user);
    } else if (!err && member.deactivated_at != TIME_NONE) {
        err = ERR_NOT_FOUND; /* was shut out: comes back by an invitation only */
    }
    if (!err) {
        err = group_store_add(tx, group->no, user->no);
    }
    return err ? err : access_changed(admin, tx, group->tenant_kind, group->tenant_no);
}

void group_add_external_user(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct group_row group;
    struct user_row user;
    struct str email;
    if (!group_find(admin, tx, id, &group) || !group_may_be_given(admin, &group)) {
        return;
    }
    if (str_is_blank(json_string(json_get(body, "email")))) {
        form_missing(admin, "email");
        return;
    }
    if (!form_required_text(admin, body, "email", 254, &email)) {
        return;
    }
    enum err err = find_stranger(admin, tx, email, &user);
    if (!err) {
        err = add(admin, tx, &group, &user);
    }
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "User not found");
    } else if (!admin_failed(admin, err)) {
        people_audit(admin, tx, "group.add_external_user", "group", &group.id, "email", email);
        group_read(admin, tx, id);
    }
}
