#include "model/ticket/ticket_mail.h"

#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/maker/partner_switch.h"
#include "model/management/audit.h"
#include "model/outbox/mail.h"
#include "model/ports/group_store.h"

struct recipients {
    struct arena *arena;
    struct str addresses[TICKET_MAIL_RECIPIENTS_MAX];
    size_t count;
};

static void add_recipient(const struct group_user *user, void *arg)
{
    struct recipients *to = arg;
    if (user->pending) {
        return;
    }
    for (size_t i = 0; i < to->count; i++) {
        if (str_eq(to->addresses[i], user->email)) {
            return;
        }
    }
    if (to->count < TICKET_MAIL_RECIPIENTS_MAX) {
        to->addresses[to->count++] = arena_str(to->arena, user->email);
    }
}

static enum err partners_people(struct store_tx *tx, int64_t partner_no, struct recipients *to)
{
    static const enum group_kind kinds[] = {GROUP_SUPPORT, GROUP_ADMINISTRATORS};
    bool wanted;
    enum err err = partner_switch_read(tx, partner_no, PARTNER_TICKET_EMAILS, to->arena, &wanted);
    for (size_t i = 0; i < 2 && !err && wanted; i++) {
        int64_t group_no;
        err = group_store_find_kind(tx, TENANT_PARTNER, partner_no, kinds[i], &group_no);
        err = err ? err : group_store_users(tx, group_no, add_recipient, to);
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    return err;
}

enum err ticket_mail(struct admin *admin, struct store_tx *tx, const struct ticket_row *ticket,
                     const struct ticket_comment_row *comment)
{
    struct audit_actor actor;
    struct partner_info partner = {0};
    struct organization_info organization = {0};
    bool by_partner = admin->principal.tenant_kind == TENANT_PARTNER;
    struct recipients to = {.arena = admin->arena};
    char id[UUID_TEXT_BYTES];
    uuid_format(&ticket->id, id);
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    catalog_partner(admin->domain->catalog, ticket->partner_no, &partner);
    catalog_organization(admin->domain->catalog, ticket->organization_no, &organization);
    struct mail mail = {
        .kind = comment ? MAIL_TICKET_COMMENT : MAIL_TICKET,
        .tenant_kind = by_partner ? TENANT_ORGANIZATION : TENANT_PARTNER,
        .tenant_no = by_partner ? ticket->organization_no : ticket->partner_no,
        .title = ticket->title,
        .text = comment ? comment->text : ticket->description,
        .by = admin->principal.kind == PRINCIPAL_USER ? actor.name : STR(""),
        .tenant_name = by_partner ? partner.name : organization.name,
        .link_path = arena_printf(admin->arena, "%s/tickets/%s", by_partner ? "/app" : "/partners", id),
    };
    enum err err = ERR_OK;
    if (!by_partner) {
        err = partners_people(tx, ticket->partner_no, &to);
    } else if (ticket->user_email.ptr) {
        to.addresses[to.count++] = ticket->user_email;
    }
    for (size_t i = 0; i < to.count && !err; i++) {
        mail.to = to.addresses[i];
        err = mail_queue(admin->domain, tx, &mail);
    }
    return err;
}
