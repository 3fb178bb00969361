#include "model/outbox/administrators.h"

#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/audit.h"
#include "model/ports/device_store.h"
#include "model/ports/user_store.h"

struct recipients {
    struct arena arena;
    struct str emails[ADMINISTRATORS_MAILED_MAX];
    size_t count;
};

static void note_recipient(struct str email, void *arg)
{
    struct recipients *recipients = arg;
    if (recipients->count < ADMINISTRATORS_MAILED_MAX) {
        recipients->emails[recipients->count++] = arena_str(&recipients->arena, email);
    }
}

enum err mail_queue_administrators(struct domain *domain, struct store_tx *tx, const struct mail *mail)
{
    struct recipients recipients = {.count = 0};
    arena_init(&recipients.arena);
    enum err err = membership_store_administrators(tx, (enum tenant_kind)mail->tenant_kind, mail->tenant_no, note_recipient,
                                                   &recipients);
    if (!err) {
        err = mail_queue_each(domain, tx, mail, recipients.emails, recipients.count);
    }
    arena_deinit(&recipients.arena);
    return err;
}

enum err mail_claimed(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str what, int64_t space_no)
{
    struct organization_info organization = {0};
    struct partner_info partner = {0};
    struct device_space space = {0};
    struct audit_actor actor;
    enum err err = device_space_find(tx, space_no, admin->arena, &space);
    catalog_organization(admin->domain->catalog, organization_no, &organization);
    catalog_partner(admin->domain->catalog, admin->principal.partner_no, &partner);
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    bool by_maker = admin->principal.tenant_kind == TENANT_PARTNER;
    struct mail mail = {
        .kind = MAIL_CLAIM,
        .tenant_kind = TENANT_ORGANIZATION,
        .tenant_no = organization_no,
        .tenant_name = by_maker ? partner.name : organization.name,
        .by = admin->principal.kind == PRINCIPAL_USER ? actor.name : STR(""),
        .title = what,
        .where = space.path,
        .link_path = STR("/app/devices"),
    };
    return err && err != ERR_NOT_FOUND ? err : mail_queue_administrators(admin->domain, tx, &mail);
}
