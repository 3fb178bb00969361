#include "model/outbox/webhook_settings.h"

#include "base/crypto.h"
#include "model/account/permission.h"
#include "model/domain.h"
#include "model/management/form.h"
#include "model/management/masked_url.h"
#include "model/outbox/webhook.h"
#include "model/ports/delivery_store.h"

enum { URL_BYTES_MAX = 2048, SECRET_CHARS = 43, SECRET_CHARS_MAX = 255, SEALED_BYTES_MAX = 4096, EVENTS_BYTES_MAX = 1024 };

#define SECRET_MASK STR("*****")

static enum err find_webhook(struct admin *admin, struct store_tx *tx, struct webhook_row *ret_row)
{
    *ret_row = (struct webhook_row){.partner_no = admin->principal.partner_no, .url = STR("")};
    enum err err = webhook_store_find(tx, admin->principal.partner_no, admin->arena, ret_row);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static struct str open_secret(struct admin *admin, const struct webhook_row *row)
{
    struct buf plain;
    struct str secret = STR("");
    buf_init(&plain, SEALED_BYTES_MAX);
    if (row->secret_sealed.len && seal_open(admin->domain->keys.seal_key, row->secret_sealed, &plain)) {
        secret = arena_str(admin->arena, buf_str(&plain));
        secret_wipe(plain.data, plain.len);
    }
    buf_deinit(&plain);
    return secret;
}

static void write_events(struct json_writer *w, const struct webhook_row *row)
{
    if (row->events.ptr) {
        json_field_raw(w, "events", row->events);
        return;
    }
    json_name(w, "events");
    json_begin_array(w);
    for (size_t i = 0; webhook_event_types[i]; i++) {
        json_put_cstr(w, webhook_event_types[i]);
    }
    json_end_array(w);
}

bool webhook_settings_write(struct admin *admin, struct store_tx *tx, struct json_writer *w)
{
    struct webhook_row row;
    if (admin_failed(admin, find_webhook(admin, tx, &row))) {
        return false;
    }
    if (!row.url.len) {
        json_field_null(w, "webhook");
        return true;
    }
    json_name(w, "webhook");
    json_begin_object(w);
    bool is_shown = admin->principal.scope == SCOPE_FULL && permission_of(&admin->principal, PERMISSION_SETTINGS_WRITE);
    json_field_str(w, "url", is_shown ? row.url : masked_url(admin->arena, row.url));
    json_field_str(w, "secret", is_shown ? open_secret(admin, &row) : SECRET_MASK);
    write_events(w, &row);
    json_end_object(w);
    return true;
}

struct json *webhook_settings_document(struct admin *admin, struct store_tx *tx)
{
    struct webhook_row row;
    if (find_webhook(admin, tx, &row) != ERR_OK || !row.url.len) {
        return NULL;
    }
    struct json *document = json_new_object(), *events = NULL;
    json_set(document, STR("webhook_url"), json_new_string(masked_url(admin->arena, row.url)));
    if (row.events.ptr && json_parse(row.events, NULL, &events) == ERR_OK) {
        json_set(document, STR("webhook_events"), events);
    }
    return document;
}

/* --- changes --- */

static bool url_is_valid(struct str url)
{
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c <= 0x20 || c >= 0x7f) {
            return false;
        }
    }
    struct str rest = str_starts_with(url, STR("https://")) ? str_sub(url, 8, url.len)
                      : str_starts_with(url, STR("http://")) ? str_sub(url, 7, url.len)
                                                              : STR("");
    return rest.len && rest.ptr[0] != '/' && rest.ptr[0] != ':' && url.len <= URL_BYTES_MAX;
}

static bool change_url(struct admin *admin, const struct json *webhook, struct webhook_row *row)
{
    const struct json *value = json_get(webhook, "url");
    if (!value) {
        return true;
    }
    if (json_is_null(value)) {
        row->url = STR("");
        return true;
    }
    return form_text(admin, webhook, "url", URL_BYTES_MAX, &row->url) &&
           (!row->url.len || url_is_valid(row->url) || form_invalid(admin, "url"));
}

static bool is_event_type(struct str text)
{
    for (size_t i = 0; webhook_event_types[i]; i++) {
        if (str_eq(text, str_from_cstr(webhook_event_types[i]))) {
            return true;
        }
    }
    return false;
}

static bool change_events(struct admin *admin, const struct json *webhook, struct webhook_row *row)
{
    const struct json *events = json_get(webhook, "events");
    if (json_is_missing(events)) {
        row->events = events ? (struct str){NULL, 0} : row->events;
        return true;
    }
    if (!json_is_array(events)) {
        return form_invalid(admin, "events");
    }
    for (const struct json *item = json_first(events); item; item = json_next(item)) {
        if (!is_event_type(json_string(item))) {
            return form_invalid(admin, "events");
        }
    }
    struct buf text;
    buf_init(&text, EVENTS_BYTES_MAX);
    json_write(&text, events);
    bool fits = !text.failed;
    row->events = arena_str(admin->arena, buf_str(&text));
    buf_deinit(&text);
    return fits || form_invalid(admin, "events");
}

static void seal_secret(struct admin *admin, struct str secret, struct webhook_row *row)
{
    struct buf sealed;
    buf_init(&sealed, SEALED_BYTES_MAX);
    seal(admin->domain->keys.seal_key, secret, &sealed);
    row->secret_sealed = arena_str(admin->arena, buf_str(&sealed));
    buf_deinit(&sealed);
}

static bool change_secret(struct admin *admin, const struct json *webhook, struct webhook_row *row)
{
    struct str secret = SECRET_MASK;
    const struct json *value = json_get(webhook, "secret");
    if (!form_text(admin, webhook, "secret", SECRET_CHARS_MAX, &secret)) {
        return false;
    }
    if (secret.len && !str_eq(secret, SECRET_MASK)) {
        seal_secret(admin, secret, row);
    } else if (json_is_null(value) || !row->secret_sealed.len) {
        char fresh[SECRET_CHARS + 1];
        random_base62(fresh, SECRET_CHARS);
        seal_secret(admin, str_from_cstr(fresh), row);
        secret_wipe(fresh, sizeof fresh);
    }
    return true;
}

bool webhook_settings_change(struct admin *admin, struct store_tx *tx, const struct json *webhook)
{
    struct webhook_row row;
    if (admin_failed(admin, find_webhook(admin, tx, &row))) {
        return false;
    }
    if (json_is_null(webhook)) {
        row.url = STR("");
    } else if (!json_is_object(webhook)) {
        return form_invalid(admin, "webhook");
    } else if (!change_url(admin, webhook, &row) || !change_events(admin, webhook, &row)) {
        return false;
    }
    return change_secret(admin, webhook, &row) && !admin_failed(admin, webhook_store_put(tx, &row));
}
