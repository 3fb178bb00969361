#include "model/outbox/mail_relay.h"

#include "base/crypto.h"
#include "model/domain.h"
#include "model/management/form.h"
#include "model/outbox/mail.h"
#include "model/ports/setup_store.h"

enum { TEXT_CHARS_MAX = 255, SEALED_BYTES_MAX = 4096, PORT_DEFAULT = 587 };

#define PASSWORD_MASK STR("*****")

static const char *const security_names[] = {[MAIL_PLAIN] = "none", [MAIL_STARTTLS] = "starttls", [MAIL_TLS] = "tls"};

static bool parse_security(struct str text, enum mail_security *ret_security)
{
    for (size_t i = 0; i < sizeof security_names / sizeof security_names[0]; i++) {
        if (str_eq(text, str_from_cstr(security_names[i]))) {
            *ret_security = (enum mail_security)i;
            return true;
        }
    }
    return false;
}

/* The store keeps texts: sealed, then base64. */
static struct str open_password(struct domain *domain, struct arena *arena, struct str stored)
{
    struct buf sealed, plain;
    struct str password = STR("");
    buf_init(&sealed, SEALED_BYTES_MAX);
    buf_init(&plain, SEALED_BYTES_MAX);
    if (stored.len && base64_decode(stored, &sealed) && seal_open(domain->keys.seal_key, buf_str(&sealed), &plain)) {
        password = arena_str(arena, buf_str(&plain));
    }
    if (plain.data) {
        secret_wipe(plain.data, plain.len);
    }
    buf_deinit(&sealed);
    buf_deinit(&plain);
    return password;
}

static struct str seal_password(struct domain *domain, struct arena *arena, struct str password)
{
    struct buf sealed, text;
    buf_init(&sealed, SEALED_BYTES_MAX);
    buf_init(&text, 2 * SEALED_BYTES_MAX);
    if (password.len) {
        seal(domain->keys.seal_key, password, &sealed);
        base64_encode(&text, sealed.data, sealed.len);
    }
    struct str stored = arena_str(arena, buf_str(&text));
    buf_deinit(&sealed);
    buf_deinit(&text);
    return stored;
}

enum err mail_relay_load(struct domain *domain, struct store_tx *tx, struct arena *arena, struct mail_relay *ret_relay)
{
    struct mail_relay relay = {.port = PORT_DEFAULT, .security = MAIL_STARTTLS};
    struct str port = STR(""), security = STR(""), password = STR("");
    const struct {
        struct str key;
        struct str *text;
    } stored[] = {
        {STR("smtp_host"), &relay.host}, {STR("smtp_port"), &port},         {STR("smtp_security"), &security},
        {STR("smtp_user"), &relay.user}, {STR("smtp_password"), &password}, {STR("smtp_from"), &relay.from},
    };
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        enum err err = setting_store_get(tx, stored[i].key, arena, stored[i].text);
        if (err) {
            return err;
        }
    }
    (void)str_to_i64(port, &relay.port);
    (void)parse_security(security, &relay.security);
    relay.password = open_password(domain, arena, password);
    *ret_relay = relay;
    return ERR_OK;
}

enum err mail_relay_exists(struct store_tx *tx, bool *ret_exists)
{
    struct arena arena;
    struct str host;
    arena_init(&arena);
    enum err err = setting_store_get(tx, STR("smtp_host"), &arena, &host);
    *ret_exists = !err && host.len > 0;
    arena_deinit(&arena);
    return err;
}

void mail_relay_write(struct json_writer *w, const struct mail_relay *relay)
{
    json_begin_object(w);
    json_field_str(w, "host", relay->host);
    json_field_int(w, "port", relay->port);
    json_field_cstr(w, "security", security_names[relay->security]);
    json_field_str(w, "user", relay->user);
    if (relay->password.len) {
        json_field_str(w, "password", PASSWORD_MASK);
    } else {
        json_field_null(w, "password");
    }
    json_field_str(w, "from", relay->from);
    json_end_object(w);
}

/* A host name or an address: nothing that could change the URL it becomes a part of. */
static bool host_is_valid(struct str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && !strchr(".-_:", c)) {
            return false;
        }
    }
    return true;
}

/* Null and "" both empty it. */
static bool parse_text(struct admin *admin, const struct json *body, const char *field, struct str *text)
{
    const struct json *value = json_get(body, field);
    if (json_is_null(value)) {
        *text = STR("");
        return true;
    }
    return form_text(admin, body, field, TEXT_CHARS_MAX, text);
}

static bool parse(struct admin *admin, const struct json *body, struct mail_relay *relay)
{
    struct str security = str_from_cstr(security_names[relay->security]), password = PASSWORD_MASK;
    if (!parse_text(admin, body, "host", &relay->host) || !form_int(admin, body, "port", 1, 65535, &relay->port) ||
        !form_text(admin, body, "security", TEXT_CHARS_MAX, &security) ||
        !parse_text(admin, body, "user", &relay->user) || !parse_text(admin, body, "password", &password) ||
        !parse_text(admin, body, "from", &relay->from)) {
        return false;
    }
    if (!str_eq(password, PASSWORD_MASK)) {
        relay->password = password;
    }
    if (!host_is_valid(relay->host)) {
        return form_invalid(admin, "host");
    }
    if (!parse_security(security, &relay->security)) {
        return form_invalid(admin, "security");
    }
    if (relay->host.len && !relay->from.len) {
        return form_missing(admin, "from");
    }
    return !relay->from.len || mail_address_is_valid(relay->from) || form_invalid(admin, "from");
}

bool mail_relay_change(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    struct mail_relay relay;
    if (!json_is_object(body)) {
        return form_invalid(admin, "smtp");
    }
    if (admin_failed(admin, mail_relay_load(admin->domain, tx, admin->arena, &relay)) || !parse(admin, body, &relay)) {
        return false;
    }
    const struct {
        struct str key, value;
    } values[] = {
        {STR("smtp_host"), relay.host},
        {STR("smtp_port"), arena_printf(admin->arena, "%lld", (long long)relay.port)},
        {STR("smtp_security"), str_from_cstr(security_names[relay.security])},
        {STR("smtp_user"), relay.user},
        {STR("smtp_password"), seal_password(admin->domain, admin->arena, relay.password)},
        {STR("smtp_from"), relay.from},
    };
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof values / sizeof values[0]; i++) {
        err = setting_store_set(tx, values[i].key, values[i].value);
    }
    return !admin_failed(admin, err);
}
