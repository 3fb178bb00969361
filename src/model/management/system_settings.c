#include "model/management/system_settings.h"

#include "model/domain.h"
#include "model/management/audit.h"
#include "model/management/form.h"
#include "model/management/system_source.h"
#include "model/outbox/mail_relay.h"
#include "model/ports/setup_store.h"

enum { CHANGES_MAX = 200, WHY_BYTES_MAX = 1024, URL_BYTES_MAX = 1024 };

/* The changes of one call, until they are committed. */
struct settings_edit {
    struct admin *admin;
    struct mail_relay relay;
    struct setting_change changes[CHANGES_MAX];
    size_t count;
};

static void write_url(struct json_writer *w, const char *name, struct url_source *urls,
                      void (*append)(struct url_source *source, const char *local_host, struct buf *out))
{
    struct buf url;
    buf_init(&url, URL_BYTES_MAX);
    append(urls, NULL, &url);
    json_field_str(w, name, buf_str(&url));
    buf_deinit(&url);
}

static void write_settings(struct admin *admin, const struct mail_relay *relay)
{
    struct domain *domain = admin->domain;
    struct json_writer w;
    buf_clear(&admin->reply->body);
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    if (domain->urls) {
        json_name(&w, "urls");
        json_begin_object(&w);
        write_url(&w, "hub_url", domain->urls, domain->urls->hub_url);
        write_url(&w, "hub_url_static_cert", domain->urls, domain->urls->static_cert_url);
        write_url(&w, "mqtt_hub_url", domain->urls, domain->urls->mqtt_url);
        json_end_object(&w);
    }
    if (domain->system) {
        domain->system->settings_write(domain->system, &w);
    }
    json_name(&w, "smtp");
    mail_relay_write(&w, relay);
    json_end_object(&w);
    admin->reply->status = 200;
}

void system_settings(struct admin *admin, struct store_tx *tx)
{
    struct mail_relay relay;
    if (!admin_failed(admin, mail_relay_load(admin->domain, tx, admin->arena, &relay))) {
        write_settings(admin, &relay);
    }
}

/* --- changes --- */

static bool read_change(struct settings_edit *edit, struct str section, struct str name, const struct json *value)
{
    struct admin *admin = edit->admin;
    struct buf why;
    if (edit->count == CHANGES_MAX) {
        return form_invalid(admin, "settings");
    }
    struct setting_change *change = &edit->changes[edit->count++];
    *change = (struct setting_change){.section = arena_str(admin->arena, section), .name = arena_str(admin->arena, name),
                                      .arena = admin->arena};
    buf_init(&why, WHY_BYTES_MAX);
    bool ok = admin->domain->system->setting_check(admin->domain->system, change, value, &why);
    if (!ok) {
        reply_error(admin->reply, 422, "%.*s", STR_ARG(buf_str(&why)));
    }
    buf_deinit(&why);
    return ok;
}

static bool read_changes(struct settings_edit *edit, const struct json *settings)
{
    if (!json_is_object(settings) || !edit->admin->domain->system) {
        return form_invalid(edit->admin, "settings");
    }
    for (const struct json *section = json_first(settings); section; section = json_next(section)) {
        if (!json_is_object(section)) {
            return form_invalid(edit->admin, "settings");
        }
        for (const struct json *value = json_first(section); value; value = json_next(value)) {
            if (!read_change(edit, json_key(section), json_key(value), value)) {
                return false;
            }
        }
    }
    return true;
}

static enum err store_change(struct admin *admin, struct store_tx *tx, const struct setting_change *change)
{
    struct str key = arena_printf(admin->arena, SETTING_KEY_PREFIX "%.*s.%.*s", STR_ARG(change->section), STR_ARG(change->name));
    return change->is_reset ? setting_store_clear(tx, key) : setting_store_set(tx, key, change->after);
}

static void audit_changes(const struct settings_edit *edit, struct store_tx *tx)
{
    struct admin *admin = edit->admin;
    struct json *before = json_new_object(), *after = json_new_object();
    for (size_t i = 0; i < edit->count; i++) {
        const struct setting_change *change = &edit->changes[i];
        struct str name = arena_printf(admin->arena, "%.*s.%.*s", STR_ARG(change->section), STR_ARG(change->name));
        json_set(before, name, json_new_string(change->before));
        json_set(after, name, json_new_string(change->after));
    }
    admin_audit(admin, tx, "system.settings", "installation", STR(""),
                edit->count ? audit_diff(admin->arena, before, after) : STR(""));
    json_free(before);
    json_free(after);
}

/* The reply tells what holds from now on. */
static void take_effect(struct domain *domain, void *arg)
{
    struct settings_edit *edit = arg;
    if (edit->count > 0) {
        domain->system->settings_apply(domain->system, edit->changes, edit->count);
    }
    write_settings(edit->admin, &edit->relay);
}

void system_settings_update(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct settings_edit *edit = arena_new(admin->arena, struct settings_edit);
    const struct json *settings = json_get(body, "settings");
    const struct json *smtp = json_get(body, "smtp");
    edit->admin = admin;
    if ((settings && !read_changes(edit, settings)) || (smtp && !mail_relay_change(admin, tx, smtp))) {
        return;
    }
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < edit->count; i++) {
        err = store_change(admin, tx, &edit->changes[i]);
    }
    if (!err) {
        err = mail_relay_load(admin->domain, tx, admin->arena, &edit->relay);
    }
    if (admin_failed(admin, err)) {
        return;
    }
    audit_changes(edit, tx);
    write_settings(admin, &edit->relay);
    admin_on_commit(admin, take_effect, edit);
}
