#include "model/customer/organization_edit.h"

#include "base/mem.h"
#include "model/customer/organization.h"
#include "model/customer/space.h"
#include "model/customer/suspension.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/audit.h"
#include "model/management/field_text.h"
#include "model/management/form.h"
#include "model/people/member.h"
#include "model/outbox/daily_summary.h"
#include "model/ports/user_store.h"

enum { NAME_CHARS_MAX = 255, EMAILS_MAX = 20, DOCUMENT_BYTES_MAX = 65536, ADMINISTRATORS_LOOKED_AT = 16 };

/* --- fields --- */

static bool form_name(struct admin *admin, const struct json *body, struct str *name)
{
    if (json_is_null(json_get(body, "name"))) {
        reply_error(admin->reply, 422, "Name can't be blank");
        return false;
    }
    return !form_has(body, "name") || form_required_text(admin, body, "name", NAME_CHARS_MAX, name);
}

/* null or blank: none. */
static bool form_display_name(struct admin *admin, const struct json *body, struct str *name)
{
    if (json_is_null(json_get(body, "display_name"))) {
        *name = (struct str){NULL, 0};
    }
    if (!form_text(admin, body, "display_name", NAME_CHARS_MAX, name)) {
        return false;
    }
    *name = name->len ? *name : (struct str){NULL, 0};
    return true;
}

static struct str text_of(struct arena *arena, const struct json *document)
{
    struct buf text;
    buf_init(&text, DOCUMENT_BYTES_MAX);
    json_write(&text, document);
    struct str result = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return result;
}

static bool set_contacts(struct admin *admin, const struct json *contacts, struct json *stored)
{
    static const char *const names[] = {"admin_email", "admin_name", "finance_email", "finance_name"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str text = {NULL, 0};
        bool email = i % 2 == 0;
        if (!json_get(contacts, names[i])) {
            continue;
        }
        if (!(email ? organization_parse_email(admin, contacts, names[i], &text)
                    : form_text(admin, contacts, names[i], NAME_CHARS_MAX, &text))) {
            return false;
        }
        json_set(stored, str_from_cstr(names[i]), text.len ? json_new_string(text) : json_new_null());
    }
    return true;
}

/* Key by key; null clears one. */
static bool form_contacts(struct admin *admin, const struct json *body, struct str *contacts)
{
    struct json *stored = NULL;
    const struct json *changes = json_get(body, "contacts");
    if (json_is_missing(changes)) {
        return true;
    }
    if (!json_is_object(changes)) {
        return form_invalid(admin, "contacts");
    }
    if (json_parse(*contacts, NULL, &stored) != ERR_OK) {
        stored = json_new_object();
    }
    bool valid = set_contacts(admin, changes, stored);
    *contacts = text_of(admin->arena, stored);
    json_free(stored);
    return valid;
}

/* --- writing --- */

static struct json *document_of(const struct organization_row *row)
{
    struct json *document = json_new_object(), *contacts = NULL;
    json_set(document, STR("name"), json_new_string(row->name));
    json_set(document, STR("display_name"), row->display_name.ptr ? json_new_string(row->display_name) : json_new_null());
    json_set(document, STR("sandbox"), json_new_bool(row->sandbox));
    json_set(document, STR("suspended"), json_new_bool(row->suspended));
    if (json_parse(row->contacts, NULL, &contacts) == ERR_OK) {
        json_set(document, STR("contacts"), contacts);
    }
    return document;
}

static void put_organization(struct domain *domain, void *organization)
{
    catalog_put_organization(domain->catalog, organization);
}

static bool save(struct admin *admin, struct store_tx *tx, const struct organization_row *before, const struct organization_row *row)
{
    char id[UUID_TEXT_BYTES];
    enum err err = organization_store_update(tx, row);
    if (!err && !str_eq(before->name, row->name)) {
        err = space_rename_root(admin, tx, row->no, organization_root_name(admin->arena, row->name));
    }
    if (admin_failed(admin, err)) {
        return false;
    }
    struct organization_info *info = arena_new(admin->arena, struct organization_info);
    *info = (struct organization_info){.no = row->no, .partner_no = row->partner_no, .id = row->id, .lab = row->lab,
                                       .suspended = row->suspended, .name = row->name};
    admin_on_commit(admin, put_organization, info);
    if (before->suspended != row->suspended) {
        suspension_of_organization(admin, tx, row->partner_no, row->no, row->suspended);
    }
    struct json *old = document_of(before), *new = document_of(row);
    uuid_format(&row->id, id);
    admin_audit(admin, tx, "organization.update", "organization", str_from_cstr(id), audit_diff(admin->arena, old, new));
    json_free(old);
    json_free(new);
    return true;
}

void organization_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct organization_row before, row;
    if (!organization_find(admin, tx, id, &before)) {
        return;
    }
    row = before;
    if (!form_name(admin, body, &row.name) || !form_display_name(admin, body, &row.display_name) ||
        !form_bool(admin, body, "sandbox", &row.sandbox) || !form_contacts(admin, body, &row.contacts) ||
        !form_bool(admin, body, "suspended", &row.suspended)) {
        return;
    }
    if (row.lab && row.suspended) {
        reply_error(admin->reply, 422, "The lab organization cannot be suspended");
        return;
    }
    if (save(admin, tx, &before, &row)) {
        organization_answer(admin, tx, &row);
    }
}

struct administrators {
    struct arena *arena;
    struct str but; /* who does not count */
    struct str emails[ADMINISTRATORS_LOOKED_AT];
    size_t count;
};

static void note_administrator(struct str email, void *arg)
{
    struct administrators *others = arg;
    if (others->count < ADMINISTRATORS_LOOKED_AT && !str_eq_nocase(email, others->but)) {
        others->emails[others->count++] = arena_str(others->arena, email);
    }
}

/* A partner helps a customer to its first administrator, until one has come; from then on the customer's own
 * administrators invite (management-api.md 5.9, 7). */
static bool is_theirs_to_invite(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str email)
{
    struct administrators others = {.arena = admin->arena, .but = email};
    enum err err = membership_store_administrators(tx, TENANT_ORGANIZATION, organization_no, note_administrator, &others);
    for (size_t i = 0; i < others.count && err == ERR_OK; i++) { /* oldest first */
        struct user_row user;
        err = user_store_find_email(tx, others.emails[i], admin->arena, &user);
        if (err == ERR_OK && user.password_hash.len > 0) {
            reply_error(admin->reply, 422, "The organization has an administrator already");
            return false;
        }
    }
    return !admin_failed(admin, err);
}

void organization_invite(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body)
{
    struct organization_row row;
    struct json *contacts = NULL;
    struct str email = {NULL, 0}, name = {NULL, 0};
    if (!organization_find(admin, tx, id, &row) || !organization_parse_email(admin, body, "email", &email) ||
        !form_text(admin, body, "name", NAME_CHARS_MAX, &name)) {
        return;
    }
    if (json_parse(row.contacts, NULL, &contacts) == ERR_OK && !email.len) { /* the contact the customer was made with */
        email = arena_str(admin->arena, json_string(json_get(contacts, "admin_email")));
        name = name.len ? name : arena_str(admin->arena, json_string(json_get(contacts, "admin_name")));
    }
    json_free(contacts);
    if (!email.len) {
        form_missing(admin, "email");
        return;
    }
    if (!is_theirs_to_invite(admin, tx, row.no, email)) {
        return;
    }
    enum err err = member_invite_administrator(admin, tx, row.no, email, name.len ? name : email);
    if (err == ERR_EXISTS) {
        reply_error(admin->reply, 422, "The user %.*s is already associated with another account", STR_ARG(email));
    } else if (err == ERR_LIMIT) {
        reply_error(admin->reply, 422, "Too many users");
    } else if (!admin_failed(admin, err)) {
        admin_audit(admin, tx, "organization.invite", "organization", id, STR(""));
        admin_reply_success(admin);
    }
}

/* --- the organization's own settings --- */

static enum err read_settings(struct admin *admin, struct store_tx *tx, struct organization_row *ret_row, struct json **ret_settings)
{
    struct str text;
    enum err err = organization_store_find(tx, admin->principal.organization_no, admin->arena, ret_row);
    if (!err) {
        err = tenant_settings_store_get(tx, TENANT_ORGANIZATION, ret_row->no, admin->arena, &text);
    }
    return err ? err : json_parse(text, NULL, ret_settings);
}

static void answer_settings(struct admin *admin, const struct organization_row *row, const struct json *settings)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_str(&w, "name", row->name);
    field_text(&w, "display_name", row->display_name);
    organization_write_contacts(&w, row->contacts);
    json_name(&w, "notification_emails");
    if (json_get(settings, "notification_emails")) {
        json_put_node(&w, json_get(settings, "notification_emails"));
    } else {
        json_put_raw(&w, STR("[]"));
    }
    json_field_node(&w, "daily_report_hour", json_get(settings, "daily_report_hour"));
    json_end_object(&w);
    admin->reply->status = 200;
}

void organization_settings(struct admin *admin, struct store_tx *tx)
{
    struct organization_row row;
    struct json *settings = NULL;
    if (!admin_failed(admin, read_settings(admin, tx, &row, &settings))) {
        answer_settings(admin, &row, settings);
    }
    json_free(settings);
}

static bool form_emails(struct admin *admin, const struct json *body, struct json *settings)
{
    const struct json *emails = json_get(body, "notification_emails");
    if (!emails) {
        return true;
    }
    if ((!json_is_array(emails) && !json_is_null(emails)) || json_count(emails) > EMAILS_MAX) {
        return form_invalid(admin, "notification_emails");
    }
    struct json *stored = json_new_array();
    for (const struct json *email = json_first(emails); email; email = json_next(email)) {
        struct str text = str_trim(json_string(email));
        if (!form_is_email(text) || text.len > NAME_CHARS_MAX) {
            json_free(stored);
            reply_error(admin->reply, 422, "Notification emails is not an email");
            return false;
        }
        json_append(stored, json_new_string(text));
    }
    json_set(settings, STR("notification_emails"), stored);
    return true;
}

/* The hour of the daily incident summary (model/outbox/daily_summary.h); null: none is sent. */
static bool form_report_hour(struct admin *admin, const struct json *body, struct json *settings)
{
    int64_t hour = -1;
    if (!json_get(body, "daily_report_hour")) {
        return true;
    }
    if (!form_int(admin, body, "daily_report_hour", 0, 23, &hour)) {
        return false;
    }
    json_set(settings, STR("daily_report_hour"), hour < 0 ? json_new_null() : json_new_number((double)hour));
    return true;
}

static bool save_settings(struct admin *admin, struct store_tx *tx, const struct organization_row *row,
                          const struct json *before, const struct json *settings)
{
    char id[UUID_TEXT_BYTES];
    if (json_eq(before, settings)) {
        return true;
    }
    uuid_format(&row->id, id);
    if (admin_failed(admin, tenant_settings_store_put(tx, TENANT_ORGANIZATION, row->no, text_of(admin->arena, settings))) ||
        admin_failed(admin, daily_summary_schedule(admin->domain, tx, row->no, settings))) {
        return false;
    }
    admin_audit(admin, tx, "settings.update", "organization", str_from_cstr(id), audit_diff(admin->arena, before, settings));
    return true;
}

void organization_settings_update(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct organization_row before, row;
    struct json *settings = NULL;
    if (admin_failed(admin, read_settings(admin, tx, &before, &settings))) {
        return;
    }
    struct json *settings_before = json_dup(settings);
    row = before;
    if (form_name(admin, body, &row.name) && form_display_name(admin, body, &row.display_name) &&
        form_contacts(admin, body, &row.contacts) && form_emails(admin, body, settings) &&
        form_report_hour(admin, body, settings) && save_settings(admin, tx, &row, settings_before, settings) &&
        save(admin, tx, &before, &row)) {
        answer_settings(admin, &row, settings);
    }
    json_free(settings_before);
    json_free(settings);
}

/* --- many customers at once --- */

static void run_one(struct batch *batch, struct admin *admin, struct store_tx *tx, size_t index)
{
    const struct json *item = container_of(batch, struct organization_bulk, batch)->items[index];
    if (!json_is_object(item)) {
        form_invalid(admin, "item");
    } else {
        organization_create(admin, tx, item);
    }
}

bool organization_bulk_init(struct organization_bulk *bulk, struct admin *admin, const struct json *body)
{
    size_t count = json_count(body);
    if (count == 0 || count > ORGANIZATIONS_PER_BULK_MAX) {
        reply_error(admin->reply, 422, count ? "Too many items, maximum is %d" : "Body can't be blank", ORGANIZATIONS_PER_BULK_MAX);
        return false;
    }
    *bulk = (struct organization_bulk){.batch = {
        .domain = admin->domain,
        .arena = admin->arena,
        .principal = admin->principal,
        .address = admin->address,
        .count = count,
        .run = run_one,
    }};
    bulk->items = arena_alloc(admin->arena, count * sizeof *bulk->items);
    const struct json *item = json_first(body);
    for (size_t i = 0; i < count; i++, item = json_next(item)) {
        bulk->items[i] = item;
    }
    return true;
}

void organization_bulk_write(const struct organization_bulk *bulk, struct reply *reply)
{
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_name(&w, "results");
    json_begin_array(&w);
    for (size_t i = 0; i < bulk->batch.count; i++) {
        const struct reply *one = &bulk->batch.replies[i];
        json_begin_object(&w);
        json_field_bool(&w, "success", !reply_is_error(one));
        if (reply_is_error(one)) {
            json_field_str(&w, "error", reply_error_text(one));
        } else {
            json_field_raw(&w, "organization", buf_str(&one->body));
        }
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    reply->status = 200;
}
