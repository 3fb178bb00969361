#include "model/people/system_people.h"

#include "model/domain.h"
#include "model/management/audit.h"
#include "model/management/form.h"
#include "model/ports/user_store.h"

struct line {
    struct admin *admin;
    struct store_tx *tx;
    struct audit_entry entry;
};

static void write_line(const struct membership_row *row, void *arg)
{
    struct line *line = arg;
    line->entry.actor.tenant_kind = row->kind;
    line->entry.actor.tenant_no = row->tenant_no;
    audit_write(line->admin->domain, line->tx, &line->entry);
}

void system_reset_otp(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct str email;
    struct user_row user;
    char id[UUID_TEXT_BYTES];
    if (!form_required_text(admin, body, "email", 254, &email)) {
        return;
    }
    enum err err = user_store_find_email(tx, email, admin->arena, &user);
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "User not found");
        return;
    }
    if (admin_failed(admin, err) || admin_failed(admin, user_store_set_otp(tx, user.no, STR(""), false, 0))) {
        return;
    }
    uuid_format(&user.id, id);
    admin_audit(admin, tx, "user.reset_otp", "user", str_from_cstr(id), STR(""));
    struct line line = {admin, tx, {.action = "user.reset_otp", .object_kind = "user", .object_id = str_from_cstr(id)}};
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &line.entry.actor);
    if (!admin_failed(admin, membership_store_each(tx, user.no, write_line, &line))) {
        admin_reply_success(admin);
    }
}
