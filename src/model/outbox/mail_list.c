#include "model/outbox/mail_list.h"

#include "base/crypto.h"
#include "model/domain.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/people/authority.h"
#include "model/management/form.h"
#include "model/outbox/mail.h"
#include "model/outbox/mail_relay.h"
#include "model/outbox/mail_text.h"
#include "model/ports/user_store.h"

enum { LINK_BYTES_MAX = 4096 };

static const char *const state_names[] = {
    [MAIL_WAITING] = "waiting", [MAIL_SENT] = "sent", [MAIL_FAILED] = "failed", [MAIL_LISTED] = "listed"};

struct mail_listing {
    struct envelope envelope;
    struct admin *admin;
    struct store_tx *tx;
    enum mail_scope scope;
};

static int scope_kind(const struct admin *admin, enum mail_scope scope)
{
    return scope == MAILS_OF_INSTALLATION ? 0 : (int)admin->principal.tenant_kind;
}

static int64_t scope_no(const struct admin *admin, enum mail_scope scope)
{
    return scope == MAILS_OF_INSTALLATION                         ? 0
           : admin->principal.tenant_kind == TENANT_ORGANIZATION ? admin->principal.organization_no
                                                                  : admin->principal.partner_no;
}

/* What a tenant's mails say is the tenant's (management-api.md 7): who runs the installation sees that they went. */
static bool is_of_others(const struct mail_listing *listing, const struct mail_row *row)
{
    return row->tenant_kind && !administers(listing->admin, (enum tenant_kind)row->tenant_kind, row->tenant_no);
}

/* With a one-time link its reader becomes that person: it is for who could do all the same without. A link that who has an
 * account can use signed in only is for the administrators of the tenant that invites. */
static bool link_may_be_shown(const struct mail_listing *listing, const struct mail_row *row)
{
    struct admin *admin = listing->admin;
    if (row->link_expires_at == TIME_NONE) {
        return true;
    }
    if (is_of_others(listing, row)) {
        return false;
    }
    struct user_row user;
    bool needs_session = row->kind == MAIL_JOIN || row->kind == MAIL_REFERRAL || row->kind == MAIL_SIGN_UP;
    enum err err = needs_session ? ERR_NOT_FOUND
                                 : user_store_find_email(listing->tx, row->recipient, admin->arena, &user);
    return err ? err == ERR_NOT_FOUND : administers_person(admin, listing->tx, &user);
}

static void write_link(const struct mail_listing *listing, struct json_writer *w, const struct mail_row *row)
{
    const struct admin *admin = listing->admin;
    bool is_dead = row->link_expires_at != TIME_NONE && row->link_expires_at <= admin->domain->now_unix_ms();
    struct buf link;
    buf_init(&link, LINK_BYTES_MAX);
    bool is_delivered_here = row->state == MAIL_LISTED || row->state == MAIL_FAILED; /* management-api.md 8.2 */
    if (row->link_sealed.ptr && is_delivered_here && !is_dead && admin->principal.scope == SCOPE_FULL && link_may_be_shown(listing, row) &&
        seal_open(admin->domain->keys.seal_key, row->link_sealed, &link)) {
        json_field_str(w, "link", buf_str(&link));
        secret_wipe(link.data, link.len);
    } else {
        json_field_null(w, "link");
    }
    buf_deinit(&link);
}

static void write_mail(const struct mail_listing *listing, struct json_writer *w, const struct mail_row *row)
{
    bool is_told = listing->scope == MAILS_OF_TENANT || !is_of_others(listing, row);
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_cstr(w, "kind", mail_kind_name(row->kind));
    json_field_str(w, "to", row->recipient);
    field_text(w, "subject", is_told ? row->subject : (struct str){NULL, 0});
    field_text(w, "text", is_told ? row->text : (struct str){NULL, 0});
    write_link(listing, w, row);
    json_field_cstr(w, "state", state_names[row->state]);
    json_field_int(w, "attempts", row->attempts);
    field_text(w, "error", row->error);
    json_field_time(w, "next_attempt_at", row->due_at);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "finished_at", row->finished_at);
    json_end_object(w);
}

static void list_row(const struct mail_row *row, void *arg)
{
    struct mail_listing *listing = arg;
    write_mail(listing, &listing->envelope.w, row);
}

void mail_list(struct admin *admin, struct store_tx *tx, enum mail_scope scope, struct page page)
{
    struct mail_listing listing = {.admin = admin, .tx = tx, .scope = scope};
    int kind = scope_kind(admin, scope);
    int64_t no = scope_no(admin, scope);
    envelope_begin(&listing.envelope, admin->reply, kind == TENANT_ORGANIZATION ? TENANT_ORGANIZATION : TENANT_PARTNER, page);
    if (!admin_failed(admin, mail_store_list(tx, kind, no, page, list_row, &listing))) {
        envelope_end(&listing.envelope, mail_store_count(tx, kind, no));
    }
}

static void write_reply(struct admin *admin, struct store_tx *tx, enum mail_scope scope, const struct mail_row *row,
                        unsigned status)
{
    struct mail_listing listing = {.admin = admin, .tx = tx, .scope = scope};
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    write_mail(&listing, &w, row);
    admin->reply->status = status;
}

void mail_retry(struct admin *admin, struct store_tx *tx, enum mail_scope scope, struct str id)
{
    struct uuid uuid;
    struct mail_row row;
    enum err err = uuid_parse(id, &uuid) ? mail_store_find_id(tx, scope_kind(admin, scope), scope_no(admin, scope), &uuid,
                                                              admin->arena, &row)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "Mail not found");
        return;
    }
    if (!err) {
        err = mail_again(admin->domain, tx, &row);
    }
    if (err == ERR_STATE) {
        reply_error(admin->reply, 422, "Mail is not to be sent again");
    } else if (!admin_failed(admin, err)) {
        admin_audit(admin, tx, "mail.retry", "mail", id, STR(""));
        write_reply(admin, tx, scope, &row, 200);
    }
}

static void note_newest(const struct mail_row *row, void *arg)
{
    *(int64_t *)arg = row->no;
}

void mail_test(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct mail mail = {.kind = MAIL_TEST};
    struct mail_row row;
    int64_t no = 0;
    if (!form_required_text(admin, body, "to", MAIL_ADDRESS_BYTES_MAX, &mail.to)) {
        return;
    }
    if (!mail_address_is_valid(mail.to)) {
        form_invalid(admin, "to");
        return;
    }
    enum err err = mail_queue(admin->domain, tx, &mail);
    if (!err) {
        err = mail_store_list(tx, 0, 0, (struct page){1, 1}, note_newest, &no);
    }
    if (!err) {
        err = mail_store_find(tx, no, admin->arena, &row);
    }
    if (!admin_failed(admin, err)) {
        admin_audit(admin, tx, "mail.test", "mail", STR(""), STR(""));
        write_reply(admin, tx, MAILS_OF_INSTALLATION, &row, 201);
    }
}
