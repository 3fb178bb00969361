#include "model/people/invitation.h"

#include "model/account/password_reset.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/audit.h"
#include "model/outbox/mail.h"

static struct str tenant_name(struct domain *domain, enum tenant_kind kind, int64_t tenant_no)
{
    struct partner_info partner = {0};
    struct organization_info organization = {0};
    if (kind == TENANT_PARTNER) {
        catalog_partner(domain->catalog, tenant_no, &partner);
        return partner.name;
    }
    catalog_organization(domain->catalog, tenant_no, &organization);
    return organization.name;
}

enum err invitation_send(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                         const struct member_row *member)
{
    struct domain *domain = admin->domain;
    struct audit_actor actor;
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    struct mail mail = {
        .kind = MAIL_INVITATION,
        .tenant_kind = (int)kind,
        .tenant_no = tenant_no,
        .to = member->email,
        .tenant_name = tenant_name(domain, kind, tenant_no),
        .by = admin->principal.kind == PRINCIPAL_USER ? actor.name : STR(""),
        .link_path = kind == TENANT_PARTNER ? STR("/partners/") : STR("/app/"),
    };
    if (member->has_password) {
        return mail_queue(domain, tx, &mail);
    }
    char token[RESET_TOKEN_CHARS + 1];
    uint8_t hash[SHA256_BYTES];
    random_base62(token, RESET_TOKEN_CHARS);
    domain_key_hash(domain, (struct str){token, RESET_TOKEN_CHARS}, hash);
    mail.link_path = arena_printf(admin->arena, "/invitation/%s", token);
    mail.link_expires_at = domain->now_unix_ms() + INVITATION_LIFE_MS;
    enum err err = password_reset_store_put(tx, member->user_no, hash, mail.link_expires_at);
    if (!err) {
        err = mail_queue(domain, tx, &mail);
    }
    secret_wipe(token, sizeof token);
    secret_wipe((void *)(uintptr_t)mail.link_path.ptr, mail.link_path.len); /* the arena's copy is our own */
    return err;
}
