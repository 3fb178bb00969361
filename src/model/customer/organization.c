#include "model/customer/organization.h"

#include "codec/json/json.h"
#include "model/account/api_key.h"
#include "model/management/audit.h"
#include "model/maker/catalog.h"
#include "model/device/device_counts.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/management/form.h"
#include "model/people/group.h"
#include "model/people/member.h"
#include "model/customer/space.h"

static void put_organization(struct domain *domain, void *organization)
{
    catalog_put_organization(domain->catalog, organization);
}

/* A space's name has no "/", which separates the names of a path; a company's may have one ("Nordlys A/S"). */
struct str organization_root_name(struct arena *arena, struct str name)
{
    char *copy = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        copy[i] = name.ptr[i] == '/' ? '-' : name.ptr[i];
    }
    return (struct str){copy, name.len};
}

enum err organization_make(struct admin *admin, struct store_tx *tx, struct organization_row *row)
{
    row->id = uuid_random();
    row->created_at = admin->domain->now_unix_ms();
    enum err err = organization_store_insert(tx, row);
    if (!err) {
        err = groups_make_built_in(admin->domain, tx, TENANT_ORGANIZATION, row->no);
    }
    if (!err) {
        err = space_make_root(admin, tx, row->no, organization_root_name(admin->arena, row->name));
    }
    struct organization_info *info = arena_new(admin->arena, struct organization_info);
    *info = (struct organization_info){
        .no = row->no, .partner_no = row->partner_no, .id = row->id, .lab = row->lab, .name = row->name};
    admin_on_commit(admin, put_organization, info);
    return err;
}

void organization_write_contacts(struct json_writer *w, struct str contacts)
{
    static const char *const names[] = {"admin_email", "admin_name", "finance_email", "finance_name"};
    struct json *stored = NULL;
    if (json_parse(contacts, NULL, &stored) != ERR_OK) {
        stored = NULL;
    }
    json_name(w, "contacts");
    json_begin_object(w);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_field_node(w, names[i], json_get(stored, names[i]));
    }
    json_end_object(w);
    json_free(stored);
}

/* --- the organization's own view --- */

/* The partner's own addresses of the portal, else this installation's. */
static enum err write_domains(struct json_writer *w, struct admin *admin, struct store_tx *tx, int64_t partner_no)
{
    struct str text;
    struct json *settings = NULL;
    struct buf url;
    enum err err = tenant_settings_store_get(tx, TENANT_PARTNER, partner_no, admin->arena, &text);
    if (err || json_parse(text, &(struct json_limits){.bytes_max = SIZE_MAX}, &settings) != ERR_OK) {
        return err ? err : ERR_INTERNAL;
    }
    buf_init(&url, 512);
    if (admin->domain->urls) {
        admin->domain->urls->hub_url(admin->domain->urls, NULL, &url);
    }
    struct str domain = json_string(json_get(settings, "domain")), mobile = json_string(json_get(settings, "mobile_domain"));
    json_field_str(w, "domain", domain.len ? domain : buf_str(&url));
    json_field_str(w, "mobile_domain", mobile.len ? mobile : domain.len ? domain : buf_str(&url));
    buf_deinit(&url);
    json_free(settings);
    return ERR_OK;
}

static void write_statistics(struct json_writer *w, const struct organization_statistics *statistics)
{
    json_name(w, "statistics");
    json_begin_object(w);
    json_field_int(w, "devices", statistics->devices);
    json_field_int(w, "users", statistics->users);
    json_field_int(w, "groups", statistics->groups);
    json_field_int(w, "spaces", statistics->spaces);
    json_field_int(w, "open_tickets", statistics->open_tickets);
    json_field_int(w, "open_incidents", statistics->open_incidents);
    json_field_int(w, "pending_invoices", 0);
    json_end_object(w);
}

void organization_info(struct admin *admin, struct store_tx *tx)
{
    struct organization_row row;
    struct organization_statistics statistics = {0};
    struct partner_info partner = {0};
    if (admin_failed(admin, organization_store_find(tx, admin->principal.organization_no, admin->arena, &row)) ||
        admin_failed(admin, organization_store_statistics(tx, row.no, &statistics))) {
        return;
    }
    catalog_partner(admin->domain->catalog, row.partner_no, &partner);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_uuid(&w, "id", &row.id);
    json_field_str(&w, "name", row.name);
    json_field_time(&w, "created_at", row.created_at);
    json_field_bool(&w, "lab", row.lab);
    json_field_str(&w, "partner", partner.name);
    if (admin_failed(admin, write_domains(&w, admin, tx, row.partner_no))) {
        return;
    }
    json_field_cstr(&w, "pricing_plan", "self-hosted");
    organization_write_contacts(&w, row.contacts);
    write_statistics(&w, &statistics);
    json_end_object(&w);
    admin->reply->status = 200;
}

void organization_overview(struct admin *admin, struct store_tx *tx)
{
    int64_t no = admin->principal.organization_no;
    struct organization_statistics statistics = {0};
    if (admin_failed(admin, organization_store_statistics(tx, no, &statistics))) {
        return;
    }
    struct device_counts counts = device_counts_of(admin->domain, &admin->principal);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_name(&w, "devices");
    device_counts_write(&w, &counts, false);
    json_field_int(&w, "spaces", statistics.spaces);
    json_field_int(&w, "open_incidents", statistics.open_incidents);
    json_end_object(&w);
    admin->reply->status = 200;
}

/* --- the partner's view --- */

static void organization_write(struct json_writer *w, const struct organization_row *row, int64_t devices_count)
{
    json_begin_object(w);
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    if (row->display_name.ptr) {
        json_field_str(w, "display_name", row->display_name);
    } else {
        json_field_null(w, "display_name");
    }
    json_field_bool(w, "lab", row->lab);
    json_field_bool(w, "sandbox", row->sandbox);
    json_field_bool(w, "suspended", row->suspended);
    organization_write_contacts(w, row->contacts);
    json_field_int(w, "devices_count", devices_count);
    json_field_time(w, "created_at", row->created_at);
    json_end_object(w);
}

struct organization_listing {
    struct envelope envelope;
    struct store_tx *tx;
};

static void list_row(const struct organization_row *row, void *arg)
{
    struct organization_listing *listing = arg;
    organization_write(&listing->envelope.w, row, organization_store_device_count(listing->tx, row->no));
}

void organization_list(struct admin *admin, struct store_tx *tx, struct str search, struct page page)
{
    int64_t partner_no = admin->principal.partner_no;
    struct organization_listing listing = {.tx = tx};
    envelope_begin(&listing.envelope, admin->reply, TENANT_PARTNER, page);
    if (!admin_failed(admin, organization_store_list(tx, partner_no, search, page, list_row, &listing))) {
        envelope_end(&listing.envelope, organization_store_count(tx, partner_no, search));
    }
}

bool organization_find(struct admin *admin, struct store_tx *tx, struct str id, struct organization_row *ret_row)
{
    struct uuid uuid;
    struct organization_info info;
    if (!uuid_parse(id, &uuid) || !catalog_organization_by_id(admin->domain->catalog, &uuid, &info) ||
        info.partner_no != admin->principal.partner_no) {
        reply_error(admin->reply, 404, "Organization not found");
        return false;
    }
    return !admin_failed(admin, organization_store_find(tx, info.no, admin->arena, ret_row));
}

void organization_answer(struct admin *admin, struct store_tx *tx, const struct organization_row *row)
{
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    organization_write(&w, row, organization_store_device_count(tx, row->no));
    admin->reply->status = 200;
}

void organization_read(struct admin *admin, struct store_tx *tx, struct str id)
{
    struct organization_row row;
    if (organization_find(admin, tx, id, &row)) {
        organization_answer(admin, tx, &row);
    }
}

bool organization_parse_email(struct admin *admin, const struct json *body, const char *field, struct str *ret_email)
{
    if (!form_text(admin, body, field, 255, ret_email)) {
        return false;
    }
    if (ret_email->len && !form_is_email(*ret_email)) {
        reply_error(admin->reply, 422, "%.*s is not an email", STR_ARG(form_label(admin->arena, field)));
        return false;
    }
    return true;
}

static void set_contact(struct json *contacts, const char *name, struct str value)
{
    json_set(contacts, str_from_cstr(name), value.len ? json_new_string(value) : json_new_null());
}

/* Who is to administer the new organization. */
struct first_administrator {
    struct str email, name; /* the contact */
    bool me, customer;
};

static bool parse_contacts(struct admin *admin, const struct json *body, struct first_administrator *first,
                           struct str *ret_contacts)
{
    struct str finance_email = {0}, finance_name = {0};
    if (!form_required_text(admin, body, "admin_contact_email", 254, &first->email) ||
        !organization_parse_email(admin, body, "admin_contact_email", &first->email) ||
        !form_text(admin, body, "admin_contact_name", 255, &first->name) ||
        !organization_parse_email(admin, body, "finance_contact_email", &finance_email) ||
        !form_text(admin, body, "finance_contact_name", 255, &finance_name)) {
        return false;
    }
    struct json *contacts = json_new_object();
    set_contact(contacts, "admin_email", first->email);
    set_contact(contacts, "admin_name", first->name);
    set_contact(contacts, "finance_email", finance_email);
    set_contact(contacts, "finance_name", finance_name);
    struct buf text;
    buf_init(&text, 16384);
    json_write(&text, contacts);
    *ret_contacts = arena_str(admin->arena, buf_str(&text));
    buf_deinit(&text);
    json_free(contacts);
    return true;
}

/* "customer" (the contact, by invitation), "me" or "both". */
static bool parse_administrator(struct admin *admin, const struct json *body, struct first_administrator *first)
{
    struct str who = STR("customer");
    if (!form_text(admin, body, "admin", 16, &who)) {
        return false;
    }
    bool both = str_eq(who, STR("both"));
    first->me = both || str_eq(who, STR("me"));
    first->customer = both || str_eq(who, STR("customer"));
    return first->me || first->customer || form_invalid(admin, "admin");
}

static enum err insert_customer(struct admin *admin, struct store_tx *tx, struct organization_row *row,
                                const struct first_administrator *first, char ret_key[API_KEY_CHARS + 1])
{
    enum err err = organization_make(admin, tx, row);
    if (!err && first->me && admin->principal.kind == PRINCIPAL_USER) {
        err = member_join_administrators(admin, tx, admin->principal.user_no, TENANT_ORGANIZATION, row->no);
    }
    if (!err && first->customer) {
        err = member_invite_administrator(admin, tx, row->no, first->email, first->name);
        err = err == ERR_EXISTS ? ERR_OK : err; /* the contact is who asks */
    }
    struct api_key_row key = {.tenant_kind = TENANT_ORGANIZATION, .tenant_no = row->no, .name = STR("Default"),
                              .scope = SCOPE_FULL, .expires_at = TIME_NONE};
    return err ? err : api_key_make(admin, tx, &key, ret_key);
}

void organization_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct organization_row row = {.partner_no = admin->principal.partner_no};
    struct first_administrator first = {0};
    if (!form_required_text(admin, body, "name", 255, &row.name)) {
        return;
    }
    if (!parse_contacts(admin, body, &first, &row.contacts) || !form_bool(admin, body, "sandbox", &row.sandbox) ||
        !parse_administrator(admin, body, &first)) {
        return;
    }
    char key[API_KEY_CHARS + 1];
    if (admin_failed(admin, insert_customer(admin, tx, &row, &first, key))) {
        return;
    }
    char id[UUID_TEXT_BYTES];
    uuid_format(&row.id, id);
    struct json *after = json_new_object();
    json_set(after, STR("name"), json_new_string(row.name));
    admin_audit(admin, tx, "organization.create", "organization", str_from_cstr(id),
                audit_diff(admin->arena, NULL, after));
    json_free(after);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_uuid(&w, "id", &row.id);
    json_field_str(&w, "name", row.name);
    json_field_bool(&w, "lab", false);
    json_field_time(&w, "created_at", row.created_at);
    organization_write_contacts(&w, row.contacts);
    json_field_str(&w, "api_key", (struct str){key, API_KEY_CHARS});
    json_end_object(&w);
    admin->reply->status = 200;
    secret_wipe(key, sizeof key);
}
