#include "model/sign_up/sign_up.h"

#include "model/account/attempts.h"
#include "model/account/credentials_table.h"
#include "model/account/user.h"
#include "model/customer/organization.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/maker/partner_host.h"
#include "model/maker/partner_switch.h"
#include "model/management/audit.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/outbox/administrators.h"
#include "model/people/member.h"
#include "model/sign_up/sign_up_link.h"

enum { NAME_CHARS_MAX = 255 };

/* --- by oneself --- */

/* The partner that offers sign-up on this host. False: nobody does, or the reply is an error. */
static bool find_partner(struct admin *admin, struct store_tx *tx, struct str host, struct partner_info *ret_partner)
{
    bool on = false;
    int64_t partner_no = 0;
    enum err err = partner_host_find(tx, host, &partner_no);
    if (!err) {
        err = partner_switch_read(tx, partner_no, PARTNER_SELF_SIGNUP, admin->arena, &on);
    }
    if (err && err != ERR_NOT_FOUND) {
        admin_failed(admin, err);
        return false;
    }
    return !err && on && catalog_partner_is_active(admin->domain->catalog, partner_no) &&
           catalog_partner(admin->domain->catalog, partner_no, ret_partner);
}

void sign_up_offer(struct admin *admin, struct store_tx *tx, struct str host)
{
    struct partner_info partner = {0};
    bool offered = find_partner(admin, tx, host, &partner);
    if (reply_is_error(admin->reply)) {
        return;
    }
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_bool(&w, "self_signup", offered);
    field_text(&w, "partner", offered ? partner.name : (struct str){NULL, 0});
    json_end_object(&w);
    admin->reply->status = 200;
}

/* Puts the row of an address that asks, or renews it. ERR_EXISTS: nothing is put, for a mail has just gone to it, or too many of
 * the partner's have just gone to anybody. */
static enum err put(struct admin *admin, struct store_tx *tx, struct sign_up_row *row, struct mail *mail)
{
    struct sign_up_link link;
    struct sign_up_row present;
    int64_t now = admin->domain->now_unix_ms();
    enum err err = sign_up_store_find_email(tx, row->partner_no, false, row->email, admin->arena, &present);
    if (!err && present.expires_at - SIGN_UP_LIFE_MS > now - SIGN_UP_PAUSE_MS && present.expires_at - SIGN_UP_LIFE_MS <= now) {
        return ERR_EXISTS;
    }
    if (mail_burst_left(admin->domain, tx, mail) <= 0) {
        return ERR_EXISTS;
    }
    if (err == ERR_NOT_FOUND && sign_up_store_waiting(tx, row->partner_no) >= SIGN_UPS_MAX) {
        return ERR_BUSY;
    }
    row->no = err ? 0 : present.no;
    row->expires_at = now + SIGN_UP_LIFE_MS;
    sign_up_link_make(admin->domain, &link, row->expires_at, mail);
    err = err && err != ERR_NOT_FOUND ? err : row->no ? sign_up_store_renew(tx, row, link.hash)
                                                      : sign_up_store_insert(tx, row, link.hash);
    if (!err) {
        err = mail_queue(admin->domain, tx, mail);
    }
    secret_wipe(&link, sizeof link);
    return err;
}

void sign_up_ask(struct admin *admin, struct store_tx *tx, struct str host, const struct json *body, bool address_exempt)
{
    struct partner_info partner = {0};
    struct sign_up_row row = {.id = uuid_random(), .created_at = admin->domain->now_unix_ms()};
    if (!find_partner(admin, tx, host, &partner)) {
        if (!reply_is_error(admin->reply)) {
            reply_error(admin->reply, 404, "Sign-up is not offered here");
        }
        return;
    }
    if (!form_required_text(admin, body, "email", MAIL_ADDRESS_BYTES_MAX, &row.email)) {
        return;
    }
    if (!form_is_email(row.email) || !mail_address_is_valid(row.email)) {
        reply_error(admin->reply, 422, "Email is not an email");
        return;
    }
    if (!signin_attempt_take(admin->domain, admin->address, row.email, address_exempt, admin->reply)) {
        return;
    }
    row.partner_no = partner.no;
    struct mail mail = {.kind = MAIL_SIGN_UP, .tenant_kind = TENANT_PARTNER, .tenant_no = partner.no, .to = row.email,
                        .tenant_name = partner.name};
    enum err err = put(admin, tx, &row, &mail);
    if (err == ERR_EXISTS || !admin_failed(admin, err)) {
        admin_reply_success(admin);
    }
}

/* --- the link --- */

static bool find_link(struct admin *admin, struct store_tx *tx, struct str token, struct sign_up_row *ret_row)
{
    uint8_t hash[SHA256_BYTES];
    domain_key_hash(admin->domain, str_sub(token, 0, 2 * SIGN_UP_TOKEN_CHARS), hash);
    enum err err = sign_up_store_find_token(tx, hash, admin->domain->now_unix_ms(), admin->arena, ret_row);
    bool is_open = !err && catalog_partner_is_active(admin->domain->catalog, ret_row->partner_no), offered = true;
    if (err == ERR_NOT_FOUND || (!err && !is_open)) {
        reply_error(admin->reply, 404, "Sign-up link not found");
        return false;
    }
    if (!err && !ret_row->referral) {
        err = partner_switch_read(tx, ret_row->partner_no, PARTNER_SELF_SIGNUP, admin->arena, &offered);
    }
    if (!err && !offered) { /* switched off after the link was mailed */
        reply_error(admin->reply, 404, "Sign-up is not offered here");
        return false;
    }
    return !admin_failed(admin, err);
}

/* *ret_no 0: there is no account of this address. */
static enum err find_account(struct admin *admin, struct store_tx *tx, struct str email, struct user_row *ret_user)
{
    enum err err = user_store_find_email(tx, email, admin->arena, ret_user);
    if (err == ERR_NOT_FOUND) {
        *ret_user = (struct user_row){0};
        return ERR_OK;
    }
    return err;
}

void sign_up_read(struct admin *admin, struct store_tx *tx, struct str token)
{
    struct sign_up_row row;
    struct user_row user;
    struct partner_info partner = {0};
    if (!find_link(admin, tx, token, &row) || admin_failed(admin, find_account(admin, tx, row.email, &user))) {
        return;
    }
    catalog_partner(admin->domain->catalog, row.partner_no, &partner);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_cstr(&w, "kind", row.referral ? "referral" : "sign_up");
    json_field_str(&w, "email", row.email);
    json_field_str(&w, "partner", partner.name);
    field_text(&w, "organization_name", row.organization_name);
    json_field_time(&w, "expires_at", row.expires_at);
    json_field_bool(&w, "has_account", user.no != 0);
    json_end_object(&w);
    admin->reply->status = 200;
}

/* Whoever holds the link has the mailbox; of an account that there is that is not enough. */
static bool is_signed_in(struct admin *admin, const struct user_row *user, const struct sign_up_completion *completion)
{
    if (!user->no || user->no == completion->session_user_no) {
        return true;
    }
    reply_error(admin->reply, 422, "Sign in to accept this invitation");
    return false;
}

static bool read_completion(struct admin *admin, struct store_tx *tx, const struct json *body, struct sign_up_completion *completion)
{
    struct sign_up_row row;
    struct user_row user;
    if (!find_link(admin, tx, completion->token, &row) || admin_failed(admin, find_account(admin, tx, row.email, &user)) ||
        !is_signed_in(admin, &user, completion) ||
        !form_required_text(admin, body, "organization_name", NAME_CHARS_MAX, &completion->organization_name)) {
        return false;
    }
    completion->has_account = user.no != 0;
    if (completion->has_account) {
        completion->name = user.name;
        return true;
    }
    if (!form_required_text(admin, body, "name", NAME_CHARS_MAX, &completion->name)) {
        return false;
    }
    completion->password = json_string(json_get(body, "password")); /* never trimmed */
    return completion->password.len ? password_is_acceptable(admin, completion->password) : form_missing(admin, "password");
}

#define ATTEMPT_ACCOUNT STR("sign-up link")

static void give_back_attempt(struct admin *admin)
{
    attempts_give_back(admin->domain->credentials->signin_attempts, admin->domain->now_unix_ms(), admin->address, ATTEMPT_ACCOUNT);
}

bool sign_up_begin(struct admin *admin, struct store_tx *tx, const struct json *body, struct sign_up_completion *completion)
{
    if (!signin_attempt_take(admin->domain, admin->address, ATTEMPT_ACCOUNT, completion->address_exempt, admin->reply)) {
        return false;
    }
    bool complete = read_completion(admin, tx, body, completion);
    if (!complete && admin->reply->status != 404) { /* the link was right, and no hash is computed */
        give_back_attempt(admin);
    }
    return complete;
}

bool sign_up_hash(struct admin *admin, struct sign_up_completion *completion)
{
    return completion->has_account || !admin_failed(admin, password_hash(completion->password, completion->password_hash));
}

static struct str contacts_of(struct admin *admin, struct str email, struct str name)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, 16384);
    json_writer_init(&w, &text);
    json_begin_object(&w);
    json_field_str(&w, "admin_email", email);
    json_field_str(&w, "admin_name", name);
    json_end_object(&w);
    struct str contacts = arena_str(admin->arena, buf_str(&text));
    buf_deinit(&text);
    return contacts;
}

static enum err make_account(struct admin *admin, struct store_tx *tx, const struct sign_up_completion *completion,
                             struct str email, struct user_row *user)
{
    *user = (struct user_row){.id = uuid_random(), .email = email, .name = completion->name,
                              .password_hash = str_from_cstr(completion->password_hash),
                              .created_at = admin->domain->now_unix_ms()};
    return user_store_insert(tx, user);
}

/* The partner hears of its referral (management-api.md 5.10, notifications). */
static enum err tell_partner(struct admin *admin, struct store_tx *tx, const struct sign_up_row *row,
                             const struct sign_up_completion *completion)
{
    bool wanted = false;
    enum err err = row->referral ? partner_switch_read(tx, row->partner_no, PARTNER_REFERRAL_EMAILS, admin->arena, &wanted) : ERR_OK;
    if (err || !wanted) {
        return err;
    }
    struct mail mail = {.kind = MAIL_REFERRAL_ACCEPTED, .tenant_kind = TENANT_PARTNER, .tenant_no = row->partner_no,
                        .by = completion->name, .title = completion->organization_name, .link_path = STR("/partners/customers")};
    return mail_queue_administrators(admin->domain, tx, &mail);
}

/* In the partner's log and in the new organization's own. */
static void audit(struct admin *admin, struct store_tx *tx, const struct organization_row *organization, const struct user_row *user)
{
    char id[UUID_TEXT_BYTES], user_id[UUID_TEXT_BYTES];
    struct json *after = json_new_object();
    uuid_format(&organization->id, id);
    uuid_format(&user->id, user_id);
    json_set(after, STR("name"), json_new_string(organization->name));
    admin->principal = (struct principal){.kind = PRINCIPAL_USER, .tenant_kind = TENANT_PARTNER, .user_no = user->no,
                                          .user_id = user->id, .partner_no = organization->partner_no};
    admin_audit(admin, tx, "organization.sign_up", "organization", str_from_cstr(id), audit_diff(admin->arena, NULL, after));
    admin->principal.tenant_kind = TENANT_ORGANIZATION;
    admin->principal.organization_no = organization->no;
    admin_audit(admin, tx, "user.join", "user", str_from_cstr(user_id), STR(""));
    json_free(after);
}

static enum err finish(struct admin *admin, struct store_tx *tx, const struct sign_up_row *row,
                       const struct sign_up_completion *completion, struct organization_row *organization, struct user_row *user)
{
    enum err err = user->no ? ERR_OK : make_account(admin, tx, completion, row->email, user);
    if (!err) {
        err = organization_make(admin, tx, organization);
    }
    if (!err) {
        err = member_join_administrators(admin, tx, user->no, TENANT_ORGANIZATION, organization->no);
    }
    if (!err) {
        err = row->referral ? sign_up_store_accept(tx, row->no, admin->domain->now_unix_ms(), organization->no)
                            : sign_up_store_delete(tx, row->no);
    }
    return err ? err : tell_partner(admin, tx, row, completion);
}

void sign_up_complete(struct admin *admin, struct store_tx *tx, struct sign_up_completion *completion)
{
    struct sign_up_row row;
    struct user_row user;
    if (!find_link(admin, tx, completion->token, &row) || admin_failed(admin, find_account(admin, tx, row.email, &user)) ||
        !is_signed_in(admin, &user, completion)) { /* again: much may have happened meanwhile */
        return;
    }
    if (!user.no && completion->has_account) {
        reply_error(admin->reply, 404, "Sign-up link not found");
        return;
    }
    struct organization_row organization = {.partner_no = row.partner_no, .name = completion->organization_name,
                                            .contacts = contacts_of(admin, row.email, completion->name)};
    if (admin_failed(admin, finish(admin, tx, &row, completion, &organization, &user))) {
        return;
    }
    audit(admin, tx, &organization, &user);
    give_back_attempt(admin);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_name(&w, "organization");
    json_begin_object(&w);
    json_field_uuid(&w, "id", &organization.id);
    json_field_str(&w, "name", organization.name);
    json_end_object(&w);
    json_end_object(&w);
    admin->reply->status = 201;
}
