/* A partner's settings (management-api.md 5.10), its name and short code among them, and the legacy registration key
 * (device-api.md 2.2). */
#include "base/crypto.h"
#include "model/account/permission.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/maker/partner.h"
#include "model/maker/partner_host.h"
#include "model/management/audit.h"
#include "model/management/form.h"
#include "model/outbox/webhook_settings.h"
#include "model/ports/tenant_store.h"

enum { NAME_CHARS_MAX = 255, SHORT_CODE_CHARS = 4, PRODUCT_NAME_CHARS_MAX = 80, DOCUMENT_BYTES_MAX = 256 * 1024 };
#define LOGO_BYTES_MAX ((size_t)128 * 1024)

/* Everything of one call. */
struct settings_edit {
    struct admin *admin;
    struct store_tx *tx;
    struct partner_row row;
    struct json *own;        /* domain, mobile_domain, branding, self_signup, notifications */
    struct str legacy_sealed; /* ptr NULL: there was never one */
    bool legacy_on;
    bool warns;              /* the short code of registered devices changes */
    const char *local_host;  /* where the caller came in */
};

static bool load(struct settings_edit *edit, struct admin *admin, struct store_tx *tx)
{
    int64_t no = admin->principal.partner_no;
    struct str text;
    *edit = (struct settings_edit){.admin = admin, .tx = tx};
    enum err err = partner_store_find(tx, no, admin->arena, &edit->row);
    if (!err) {
        err = partner_store_legacy_key(tx, no, admin->arena, &edit->legacy_sealed, &edit->legacy_on);
    }
    if (!err) {
        err = tenant_settings_store_get(tx, TENANT_PARTNER, no, admin->arena, &text);
    }
    if (!err) {
        err = json_parse(text, &(struct json_limits){.bytes_max = DOCUMENT_BYTES_MAX}, &edit->own);
    }
    return !admin_failed(admin, err);
}

/* --- showing --- */

static void write_url(struct json_writer *w, const char *name, struct url_source *urls,
                      void (*append)(struct url_source *source, const char *local_host, struct buf *out),
                      const char *local_host)
{
    struct buf url;
    buf_init(&url, 512);
    append(urls, local_host, &url);
    json_field_str(w, name, buf_str(&url));
    buf_deinit(&url);
}

static void write_branding(struct json_writer *w, const struct json *branding)
{
    static const char *const names[] = {"logo", "color", "product_name"};
    json_name(w, "branding");
    json_begin_object(w);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_field_node(w, names[i], json_get(branding, names[i]));
    }
    json_end_object(w);
}

/* Mails are wanted unless they were switched off. */
static bool is_on(const struct json *switches, const char *name)
{
    return !json_is_bool(json_get(switches, name)) || json_bool(json_get(switches, name));
}

static void write_legacy(struct json_writer *w, const struct settings_edit *edit)
{
    struct buf key;
    buf_init(&key, 256);
    json_name(w, "legacy_registration");
    json_begin_object(w);
    json_field_bool(w, "enabled", edit->legacy_on);
    if (!edit->legacy_on || !seal_open(edit->admin->domain->keys.seal_key, edit->legacy_sealed, &key)) {
        json_field_null(w, "partner_key");
    } else if (edit->admin->principal.scope != SCOPE_FULL ||
               !permission_of(&edit->admin->principal, PERMISSION_SETTINGS_WRITE)) {
        json_field_cstr(w, "partner_key", "*****");
    } else {
        json_field_str(w, "partner_key", buf_str(&key));
    }
    json_end_object(w);
    secret_wipe(key.data, key.len);
    buf_deinit(&key);
}

static void answer(struct settings_edit *edit, const char *local_host)
{
    struct admin *admin = edit->admin;
    struct url_source *urls = admin->domain->urls;
    const struct json *notifications = json_get(edit->own, "notifications");
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    json_field_str(&w, "name", edit->row.name);
    json_field_str(&w, "short_code", edit->row.short_code);
    write_url(&w, "public_url", urls, urls->hub_url, local_host);
    write_url(&w, "mqtt_url", urls, urls->mqtt_url, local_host);
    json_field_node(&w, "domain", json_get(edit->own, "domain"));
    json_field_node(&w, "mobile_domain", json_get(edit->own, "mobile_domain"));
    write_branding(&w, json_get(edit->own, "branding"));
    json_field_bool(&w, "self_signup", json_bool(json_get(edit->own, "self_signup")));
    json_name(&w, "notifications");
    json_begin_object(&w);
    json_field_bool(&w, "referral_emails", is_on(notifications, "referral_emails"));
    json_field_bool(&w, "ticket_emails", is_on(notifications, "ticket_emails"));
    json_end_object(&w);
    write_legacy(&w, edit);
    if (edit->warns) {
        json_name(&w, "warnings");
        json_begin_array(&w);
        json_put_cstr(&w, "Cloud IDs and QR codes made with the former short code keep it");
        json_end_array(&w);
    }
    if (webhook_settings_write(admin, edit->tx, &w)) {
        json_end_object(&w);
        admin->reply->status = 200;
    }
}

void partner_settings(struct admin *admin, struct store_tx *tx, const char *local_host)
{
    struct settings_edit edit;
    if (load(&edit, admin, tx)) {
        answer(&edit, local_host);
    }
    json_free(edit.own);
}

/* --- fields --- */

static bool form_name(struct settings_edit *edit, const struct json *body)
{
    if (json_is_null(json_get(body, "name"))) {
        reply_error(edit->admin->reply, 422, "Name can't be blank");
        return false;
    }
    return !form_has(body, "name") || form_required_text(edit->admin, body, "name", NAME_CHARS_MAX, &edit->row.name);
}

static bool form_short_code(struct settings_edit *edit, const struct json *body)
{
    struct str code = edit->row.short_code;
    if (!form_text(edit->admin, body, "short_code", NAME_CHARS_MAX, &code)) {
        return false;
    }
    bool valid = code.len == SHORT_CODE_CHARS;
    for (size_t i = 0; valid && i < code.len; i++) {
        char c = code.ptr[i];
        valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    }
    if (!valid) {
        return form_invalid(edit->admin, "short_code");
    }
    bool changed = !str_eq(code, edit->row.short_code);
    edit->row.short_code = code;
    return !changed || !admin_failed(edit->admin, partner_store_has_devices(edit->tx, edit->row.no, &edit->warns));
}

/* "https://cloud.example.com", without a path; null: none. Whose host it is, the partner that people sign up with there is. */
static bool form_domain(struct settings_edit *edit, const struct json *body, const char *field)
{
    struct str url = {NULL, 0};
    if (!json_get(body, field)) {
        return true;
    }
    if (!form_text(edit->admin, body, field, NAME_CHARS_MAX, &url)) {
        return false;
    }
    size_t scheme = str_starts_with(url, STR("https://")) ? 8 : str_starts_with(url, STR("http://")) ? 7 : 0;
    bool valid = url.len == 0 || (scheme && partner_host_of(url).len > 0);
    for (size_t i = scheme; valid && i < url.len; i++) {
        char c = url.ptr[i];
        valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || memchr("-.:[]", c, 5);
    }
    if (!valid) {
        return form_invalid(edit->admin, field);
    }
    bool taken = false;
    if (url.len && !partner_host_eq(url, json_string(json_get(edit->own, field))) &&
        admin_failed(edit->admin, partner_host_is_taken(edit->admin->domain, edit->tx, edit->row.no, url, edit->local_host, &taken))) {
        return false;
    }
    if (taken) {
        return form_taken(edit->admin, field);
    }
    json_set(edit->own, str_from_cstr(field), url.len ? json_new_string(url) : json_new_null());
    return true;
}

static bool is_color(struct str text)
{
    bool valid = text.len == 7 && text.ptr[0] == '#';
    for (size_t i = 1; valid && i < text.len; i++) {
        char c = text.ptr[i];
        valid = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    }
    return valid;
}

static bool is_logo(struct str text)
{
    static const struct str kinds[] = {STR_INIT("data:image/png;base64,"), STR_INIT("data:image/jpeg;base64,"),
                                       STR_INIT("data:image/webp;base64,")};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (str_starts_with(text, kinds[i])) {
            struct buf bytes;
            buf_init(&bytes, LOGO_BYTES_MAX);
            bool valid = base64_decode(str_sub(text, kinds[i].len, text.len), &bytes) && !bytes.failed && bytes.len > 0;
            buf_deinit(&bytes);
            return valid;
        }
    }
    return false;
}

/* Key by key; null clears one. */
static bool form_branding(struct settings_edit *edit, const struct json *body)
{
    static const struct {
        const char *name;
        size_t chars_max;
        bool (*fits)(struct str text);
    } fields[] = {{"logo", LOGO_BYTES_MAX * 2, is_logo}, {"color", 7, is_color}, {"product_name", PRODUCT_NAME_CHARS_MAX, NULL}};
    const struct json *changes = json_get(body, "branding");
    if (json_is_missing(changes)) {
        return true;
    }
    if (!json_is_object(changes)) {
        return form_invalid(edit->admin, "branding");
    }
    const struct json *stored = json_get(edit->own, "branding");
    struct json *branding = stored ? json_dup(stored) : json_new_object();
    bool valid = true;
    for (size_t i = 0; valid && i < sizeof fields / sizeof fields[0]; i++) {
        struct str text = {NULL, 0};
        if (json_get(changes, fields[i].name)) {
            valid = form_text(edit->admin, changes, fields[i].name, fields[i].chars_max, &text) &&
                    (!text.len || !fields[i].fits || fields[i].fits(text) || form_invalid(edit->admin, fields[i].name));
            json_set(branding, str_from_cstr(fields[i].name), text.len ? json_new_string(text) : json_new_null());
        }
    }
    json_set(edit->own, STR("branding"), branding);
    return valid;
}

static bool form_switch(struct settings_edit *edit, const struct json *from, struct json *to, const char *name)
{
    bool value = false;
    if (!form_has(from, name)) {
        return true;
    }
    if (!form_bool(edit->admin, from, name, &value)) {
        return false;
    }
    json_set(to, str_from_cstr(name), json_new_bool(value));
    return true;
}

static bool form_notifications(struct settings_edit *edit, const struct json *body)
{
    const struct json *changes = json_get(body, "notifications"), *stored = json_get(edit->own, "notifications");
    if (json_is_missing(changes)) {
        return true;
    }
    if (!json_is_object(changes)) {
        return form_invalid(edit->admin, "notifications");
    }
    struct json *switches = stored ? json_dup(stored) : json_new_object();
    bool valid = form_switch(edit, changes, switches, "referral_emails") && form_switch(edit, changes, switches, "ticket_emails");
    json_set(edit->own, STR("notifications"), switches);
    return valid;
}

/* --- the legacy key: made when it is first switched on, the same one from then on --- */

static bool make_legacy_key(struct settings_edit *edit)
{
    char text[UUID_TEXT_BYTES];
    struct uuid key = uuid_random();
    struct buf sealed;
    buf_init(&sealed, 256);
    uuid_format(&key, text);
    seal(edit->admin->domain->keys.seal_key, str_from_cstr(text), &sealed);
    edit->legacy_sealed = arena_str(edit->admin->arena, buf_str(&sealed));
    buf_deinit(&sealed);
    secret_wipe(text, sizeof text);
    return true;
}

static bool store_legacy(struct settings_edit *edit)
{
    uint8_t hash[SHA256_BYTES];
    struct buf key;
    buf_init(&key, 256);
    bool opens = edit->legacy_sealed.ptr && seal_open(edit->admin->domain->keys.seal_key, edit->legacy_sealed, &key);
    if (edit->legacy_on && !opens) { /* none yet, or sealed under another installation's key file */
        make_legacy_key(edit);
        buf_clear(&key);
        opens = seal_open(edit->admin->domain->keys.seal_key, edit->legacy_sealed, &key);
    }
    domain_key_hash(edit->admin->domain, buf_str(&key), hash);
    enum err err = partner_store_set_legacy_key(edit->tx, edit->row.no, edit->legacy_sealed, edit->legacy_on ? hash : NULL);
    secret_wipe(key.data, key.len);
    buf_deinit(&key);
    return !admin_failed(edit->admin, edit->legacy_on && !opens ? ERR_INTERNAL : err);
}

/* true, false, or the object as it is shown. */
static bool change_legacy(struct settings_edit *edit, const struct json *body)
{
    const struct json *value = json_get(body, "legacy_registration");
    bool on = edit->legacy_on;
    if (json_is_object(value)) {
        value = json_get(value, "enabled");
    }
    if (json_is_missing(value)) {
        return true;
    }
    if (!json_to_bool(value, &on)) {
        return form_invalid(edit->admin, "legacy_registration");
    }
    bool changed = on != edit->legacy_on;
    edit->legacy_on = on;
    return !changed || store_legacy(edit);
}

/* --- the change --- */

static struct json *document_of(const struct settings_edit *edit)
{
    struct json *document = json_dup(edit->own), *webhook = webhook_settings_document(edit->admin, edit->tx);
    json_set(document, STR("name"), json_new_string(edit->row.name));
    json_set(document, STR("short_code"), json_new_string(edit->row.short_code));
    json_set(document, STR("legacy_registration"), json_new_bool(edit->legacy_on));
    json_set(document, STR("webhook"), webhook ? webhook : json_new_null());
    return document;
}

static void put_partner(struct domain *domain, void *partner)
{
    catalog_put_partner(domain->catalog, partner);
}

static bool save(struct settings_edit *edit)
{
    struct buf text;
    buf_init(&text, DOCUMENT_BYTES_MAX);
    json_write(&text, edit->own);
    bool fits = !text.failed;
    enum err err = partner_store_update(edit->tx, &edit->row);
    if (!err && fits) {
        err = tenant_settings_store_put(edit->tx, TENANT_PARTNER, edit->row.no, buf_str(&text));
    }
    buf_deinit(&text);
    if (err == ERR_EXISTS) {
        return form_taken(edit->admin, "short_code");
    }
    if (!fits) {
        reply_error(edit->admin->reply, 413, "Payload too large");
        return false;
    }
    struct partner_info *info = arena_new(edit->admin->arena, struct partner_info);
    *info = (struct partner_info){.no = edit->row.no, .id = edit->row.id, .suspended = edit->row.suspended,
                                  .name = edit->row.name, .short_code = edit->row.short_code};
    admin_on_commit(edit->admin, put_partner, info);
    return !admin_failed(edit->admin, err);
}

static bool change(struct settings_edit *edit, const struct json *body)
{
    const struct json *webhook = json_get(body, "webhook");
    return form_name(edit, body) && form_short_code(edit, body) && form_domain(edit, body, "domain") &&
           form_domain(edit, body, "mobile_domain") && form_branding(edit, body) &&
           form_switch(edit, body, edit->own, "self_signup") && form_notifications(edit, body) &&
           (!webhook || webhook_settings_change(edit->admin, edit->tx, webhook)) && change_legacy(edit, body) && save(edit);
}

void partner_settings_update(struct admin *admin, struct store_tx *tx, const struct json *body, const char *local_host)
{
    struct settings_edit edit;
    if (load(&edit, admin, tx)) {
        edit.local_host = local_host;
        struct json *before = document_of(&edit);
        if (change(&edit, body)) {
            struct json *after = document_of(&edit);
            admin_audit(admin, tx, "settings.update", "partner", STR(""), audit_diff(admin->arena, before, after));
            json_free(after);
            answer(&edit, local_host);
        }
        json_free(before);
    }
    json_free(edit.own);
}
