#include "model/sign_up/referral.h"

#include "base/crypto.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/audit.h"
#include "model/management/envelope.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/outbox/mail.h"
#include "model/sign_up/sign_up_link.h"

enum { NAME_CHARS_MAX = 255, MESSAGE_CHARS_MAX = 4096 };

static const char *const status_names[] = {[SIGN_UP_PENDING] = "pending", [SIGN_UP_ACCEPTED] = "accepted",
                                           [SIGN_UP_REVOKED] = "revoked", [SIGN_UP_EXPIRED] = "expired"};

bool referral_status_parse(struct str text, int *ret_status)
{
    for (int i = SIGN_UP_PENDING; i <= SIGN_UP_EXPIRED; i++) {
        if (str_eq(text, str_from_cstr(status_names[i]))) {
            *ret_status = i;
            return true;
        }
    }
    return false;
}

static enum sign_up_status status_of(const struct domain *domain, const struct sign_up_row *row)
{
    return row->revoked_at != TIME_NONE    ? SIGN_UP_REVOKED
           : row->accepted_at != TIME_NONE ? SIGN_UP_ACCEPTED
           : row->expires_at <= domain->now_unix_ms() ? SIGN_UP_EXPIRED
                                                      : SIGN_UP_PENDING;
}

static void write_referral(struct json_writer *w, const struct domain *domain, const struct sign_up_row *row)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "email", row->email);
    field_text(w, "organization_name", row->organization_name);
    field_text(w, "message", row->message);
    json_field_cstr(w, "status", status_names[status_of(domain, row)]);
    field_text(w, "created_by", row->created_by);
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "expires_at", row->expires_at);
    json_field_time(w, "accepted_at", row->accepted_at);
    json_name(w, "organization");
    if (row->organization_no) {
        json_begin_object(w);
        json_field_uuid(w, "id", &row->organization_id);
        json_field_str(w, "name", row->made_name);
        json_end_object(w);
    } else {
        json_put_null(w);
    }
    json_end_object(w);
}

struct listing {
    struct envelope envelope;
    const struct domain *domain;
};

static void list_row(const struct sign_up_row *row, void *arg)
{
    struct listing *listing = arg;
    write_referral(&listing->envelope.w, listing->domain, row);
}

void referral_list(struct admin *admin, struct store_tx *tx, int status, struct page page)
{
    struct listing listing = {.domain = admin->domain};
    struct sign_up_filter filter = {admin->principal.partner_no, admin->domain->now_unix_ms(), status};
    envelope_begin(&listing.envelope, admin->reply, TENANT_PARTNER, page);
    if (!admin_failed(admin, sign_up_store_list(tx, &filter, page, list_row, &listing))) {
        envelope_end(&listing.envelope, sign_up_store_count(tx, &filter));
    }
}

static void answer(struct admin *admin, const struct sign_up_row *row, unsigned status)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    write_referral(&w, admin->domain, row);
    admin->reply->status = status;
}

static void audit(struct admin *admin, struct store_tx *tx, const char *action, const struct sign_up_row *row)
{
    char id[UUID_TEXT_BYTES];
    struct json *after = json_new_object();
    uuid_format(&row->id, id);
    json_set(after, STR("email"), json_new_string(row->email));
    admin_audit(admin, tx, action, "referral", str_from_cstr(id), audit_diff(admin->arena, NULL, after));
    json_free(after);
}

/* Stored with a fresh link, which is mailed. */
static enum err send(struct admin *admin, struct store_tx *tx, struct sign_up_row *row)
{
    struct partner_info partner = {0};
    struct sign_up_link link;
    struct mail mail = {.kind = MAIL_REFERRAL, .tenant_kind = TENANT_PARTNER, .tenant_no = row->partner_no, .to = row->email,
                        .by = row->created_by, .text = row->message};
    catalog_partner(admin->domain->catalog, row->partner_no, &partner);
    mail.tenant_name = partner.name;
    row->expires_at = admin->domain->now_unix_ms() + REFERRAL_LIFE_MS;
    sign_up_link_make(admin->domain, &link, row->expires_at, &mail);
    enum err err = row->no ? sign_up_store_renew(tx, row, link.hash) : sign_up_store_insert(tx, row, link.hash);
    if (!err) {
        err = mail_queue(admin->domain, tx, &mail);
    }
    secret_wipe(&link, sizeof link);
    return err;
}

/* One of this address that there is. False: none, or the reply is an error. */
static bool answer_present(struct admin *admin, struct store_tx *tx, const struct sign_up_row *wanted)
{
    struct sign_up_row row;
    enum err err = sign_up_store_find_email(tx, wanted->partner_no, true, wanted->email, admin->arena, &row);
    if (err == ERR_NOT_FOUND) {
        return false;
    }
    if (!err && status_of(admin->domain, &row) == SIGN_UP_EXPIRED) {
        row.organization_name = wanted->organization_name.ptr ? wanted->organization_name : row.organization_name;
        row.message = wanted->message.ptr ? wanted->message : row.message;
        err = send(admin, tx, &row);
        audit(admin, tx, "referral.renew", &row);
    }
    if (!admin_failed(admin, err)) {
        answer(admin, &row, 200);
    }
    return true;
}

static bool parse(struct admin *admin, const struct json *body, struct sign_up_row *row)
{
    if (!form_required_text(admin, body, "email", MAIL_ADDRESS_BYTES_MAX, &row->email)) {
        return false;
    }
    if (!form_is_email(row->email) || !mail_address_is_valid(row->email)) {
        reply_error(admin->reply, 422, "Email is not an email");
        return false;
    }
    if (!form_text(admin, body, "organization_name", NAME_CHARS_MAX, &row->organization_name) ||
        !form_text(admin, body, "message", MESSAGE_CHARS_MAX, &row->message)) {
        return false;
    }
    row->organization_name = row->organization_name.len ? row->organization_name : (struct str){NULL, 0};
    row->message = row->message.len ? row->message : (struct str){NULL, 0};
    return true;
}

void referral_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct audit_actor actor;
    struct sign_up_row row = {.partner_no = admin->principal.partner_no, .id = uuid_random(), .referral = true,
                              .created_at = admin->domain->now_unix_ms(), .accepted_at = TIME_NONE, .revoked_at = TIME_NONE};
    struct sign_up_filter pending = {.partner_no = row.partner_no, .now = row.created_at, .status = SIGN_UP_PENDING};
    if (!parse(admin, body, &row) || answer_present(admin, tx, &row)) {
        return;
    }
    if (sign_up_store_count(tx, &pending) >= REFERRALS_MAX) {
        reply_error(admin->reply, 422, "Too many referrals");
        return;
    }
    audit_actor_of_principal(tx, &admin->principal, admin->address, admin->arena, &actor);
    row.created_by = admin->principal.kind == PRINCIPAL_USER ? actor.name : (struct str){NULL, 0};
    if (!admin_failed(admin, send(admin, tx, &row))) {
        audit(admin, tx, "referral.create", &row);
        answer(admin, &row, 201);
    }
}

void referral_revoke(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct uuid uuid;
    struct sign_up_row row;
    enum err err = uuid_parse(id, &uuid) ? sign_up_store_find(tx, admin->principal.partner_no, &uuid, admin->arena, &row)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND || (!err && row.revoked_at != TIME_NONE)) {
        reply_error(admin->reply, 404, "Referral not found");
        return;
    }
    if (!err && row.accepted_at != TIME_NONE) {
        reply_error(admin->reply, 422, "Referral was accepted");
        return;
    }
    if (!err) {
        err = sign_up_store_revoke(tx, row.no, admin->domain->now_unix_ms());
    }
    if (!admin_failed(admin, err)) {
        audit(admin, tx, "referral.revoke", &row);
        admin_reply_success(admin);
    }
}
