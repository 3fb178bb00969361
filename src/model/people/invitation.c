#include "model/people/invitation.h"

#include "model/account/access.h"
#include "model/account/password_reset.h"
#include "model/account/user.h"
#include "model/domain.h"
#include "model/management/audit.h"
#include "model/management/form.h"
#include "model/outbox/mail.h"
#include "model/ports/tenant_store.h"

/* As the transaction has it: a tenant that it makes is not in the catalogue yet. */
static enum err tenant_name(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, struct str *ret_name)
{
    struct partner_row partner;
    struct organization_row organization;
    enum err err = kind == TENANT_PARTNER ? partner_store_find(tx, tenant_no, admin->arena, &partner)
                                          : organization_store_find(tx, tenant_no, admin->arena, &organization);
    if (!err) {
        *ret_name = kind == TENANT_PARTNER ? partner.name : organization.name;
    }
    return err;
}

struct link_token {
    char text[RESET_TOKEN_CHARS + 1];
    uint8_t hash[SHA256_BYTES];
    int64_t expires_at;
};

static void make_token(struct admin *admin, struct link_token *ret_token, struct mail *mail)
{
    random_base62(ret_token->text, RESET_TOKEN_CHARS);
    domain_key_hash(admin->domain, (struct str){ret_token->text, RESET_TOKEN_CHARS}, ret_token->hash);
    ret_token->expires_at = admin->domain->now_unix_ms() + INVITATION_LIFE_MS;
    mail->link_path = arena_printf(admin->arena, "/invitation/%s", ret_token->text);
    mail->link_expires_at = ret_token->expires_at;
}

static enum err put_token(struct admin *admin, struct store_tx *tx, struct mail *mail, const struct member_row *member)
{
    struct link_token token;
    enum err err;
    make_token(admin, &token, mail);
    if (member->pending) {
        struct member_invitation invitation = {.user_no = member->user_no, .external = member->external,
                                               .now = admin->domain->now_unix_ms(), .expires_at = token.expires_at};
        memcpy(invitation.token_hash, token.hash, sizeof token.hash);
        err = member_store_invite(tx, (enum tenant_kind)mail->tenant_kind, mail->tenant_no, &invitation);
    } else {
        err = password_reset_store_put(tx, member->user_no, token.hash, token.expires_at, false);
    }
    secret_wipe(&token, sizeof token);
    return err;
}

enum err invitation_send(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                         const struct member_row *member)
{
    struct domain *domain = admin->domain;
    struct audit_actor actor;
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    struct mail mail = {
        .kind = member->pending ? MAIL_JOIN : MAIL_INVITATION,
        .tenant_kind = (int)kind,
        .tenant_no = tenant_no,
        .to = member->email,
        .by = admin->principal.kind == PRINCIPAL_USER ? actor.name : STR(""),
        .link_path = kind == TENANT_PARTNER ? STR("/partners/") : STR("/app/"),
    };
    enum err err = tenant_name(admin, tx, kind, tenant_no, &mail.tenant_name);
    if (err) {
        return err;
    }
    if (member->has_password && !member->pending) {
        return mail_queue(domain, tx, &mail);
    }
    err = put_token(admin, tx, &mail, member);
    if (!err) {
        err = mail_queue(domain, tx, &mail);
    }
    secret_wipe((void *)(uintptr_t)mail.link_path.ptr, mail.link_path.len); /* the arena's copy is our own */
    return err;
}

struct others {
    enum tenant_kind kind;
    int64_t tenant_no;
    bool any;
};

static void note_other(const struct membership_row *row, void *arg)
{
    struct others *others = arg;
    others->any |= row->kind != others->kind || row->tenant_no != others->tenant_no;
}

enum err invitation_needs_consent(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                                  int64_t user_no, bool has_password, bool *ret_needs)
{
    struct others others = {kind, tenant_no, false};
    bool asks_itself = admin->principal.kind == PRINCIPAL_USER && admin->principal.user_no == user_no;
    enum err err = membership_store_each(tx, user_no, note_other, &others);
    *ret_needs = !asks_itself && (has_password || others.any);
    return err;
}

enum err invitation_put(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                        bool external)
{
    struct member_invitation invitation = {.user_no = user_no, .external = external,
                                           .now = admin->domain->now_unix_ms()};
    random_bytes(invitation.token_hash, sizeof invitation.token_hash); /* nobody has that token; the mail brings another */
    return member_store_invite(tx, kind, tenant_no, &invitation);
}

enum err invitation_join(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                         bool external)
{
    enum err err = member_store_put(tx, kind, tenant_no, user_no, external, admin->domain->now_unix_ms());
    return err ? err : password_reset_store_delete(tx, user_no);
}

/* The session acts for the new tenant if it acted for none of its kind. */
static enum err act_for_it(struct admin *admin, struct store_tx *tx, struct web_session_row *session, enum tenant_kind kind,
                           int64_t tenant_no)
{
    int64_t *acted_for = kind == TENANT_PARTNER ? &session->partner_no : &session->organization_no;
    if (*acted_for) {
        return ERR_OK;
    }
    *acted_for = tenant_no;
    return web_session_set_tenants(admin, tx, session->token_hash, session->partner_no, session->organization_no);
}

void invitation_accept(struct admin *admin, struct store_tx *tx, const struct web_session_row *session, const struct json *body)
{
    struct str token = json_string(json_get(body, "token"));
    struct web_session_row changed = *session;
    uint8_t hash[SHA256_BYTES];
    enum tenant_kind kind;
    int64_t user_no, tenant_no;
    char id[UUID_TEXT_BYTES];
    if (token.len == 0) {
        form_missing(admin, "token");
        return;
    }
    domain_key_hash(admin->domain, str_sub(token, 0, 2 * RESET_TOKEN_CHARS), hash);
    enum err err = member_store_find_invitation(tx, hash, admin->domain->now_unix_ms(), &user_no, &kind, &tenant_no);
    if (err == ERR_NOT_FOUND || (!err && user_no != session->user_no)) { /* another's link is none */
        reply_error(admin->reply, 404, "Invitation not found");
        return;
    }
    if (!err) {
        err = member_store_accept(tx, kind, tenant_no, user_no);
    }
    if (!err) {
        err = password_reset_store_delete(tx, user_no); /* as invitation_join */
    }
    if (!err) {
        err = act_for_it(admin, tx, &changed, kind, tenant_no);
    }
    if (admin_failed(admin, err) || admin_failed(admin, access_changed(admin, tx, kind, tenant_no))) {
        return;
    }
    uuid_format(&session->user_id, id);
    admin->principal.tenant_kind = kind; /* the log of the tenant that was joined */
    *(kind == TENANT_PARTNER ? &admin->principal.partner_no : &admin->principal.organization_no) = tenant_no;
    admin_audit(admin, tx, "user.join", "user", str_from_cstr(id), STR(""));
    session_write(admin, tx, &changed);
}
