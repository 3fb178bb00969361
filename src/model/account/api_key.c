#include "model/account/api_key.h"

#include "base/clock.h"
#include "model/management/audit.h"
#include "model/account/credentials.h"
#include "model/domain.h"
#include "model/management/envelope.h"
#include "model/management/form.h"

#define API_KEYS_MAX 500 /* of one tenant */

static int64_t tenant_no_of(const struct principal *principal)
{
    return principal->tenant_kind == TENANT_PARTNER ? principal->partner_no : principal->organization_no;
}

static void put_key(struct domain *domain, void *row)
{
    credentials_put_api_key(domain->credentials, row);
}

enum err api_key_make(struct admin *admin, struct store_tx *tx, struct api_key_row *row,
                      char ret_key[API_KEY_CHARS + 1])
{
    memcpy(ret_key, row->tenant_kind == TENANT_PARTNER ? "mp_" : "mo_", 3);
    random_base62(ret_key + 3, API_KEY_CHARS - 3);
    row->id = uuid_random();
    domain_key_hash(admin->domain, (struct str){ret_key, API_KEY_CHARS}, row->key_hash);
    row->created_at = admin->domain->now_unix_ms();
    row->revoked_at = row->last_used_at = TIME_NONE;
    enum err err = api_key_store_insert(tx, row);
    struct api_key_row *copy = arena_new(admin->arena, struct api_key_row);
    *copy = *row;
    admin_on_commit(admin, put_key, copy);
    return err;
}

static void write_fields(struct json_writer *w, const struct api_key_row *row)
{
    json_field_uuid(w, "id", &row->id);
    json_field_str(w, "name", row->name);
    json_field_cstr(w, "scope", row->scope == SCOPE_FULL ? "full" : "read");
    json_field_time(w, "created_at", row->created_at);
    json_field_time(w, "expires_at", row->expires_at);
    json_field_time(w, "last_used_at", row->last_used_at);
}

static void write_row(const struct api_key_row *row, void *arg)
{
    struct json_writer *w = arg;
    json_begin_object(w);
    write_fields(w, row);
    json_end_object(w);
}

void api_key_list(struct admin *admin, struct store_tx *tx, struct page page)
{
    const struct principal *principal = &admin->principal;
    struct envelope list;
    envelope_begin(&list, admin->reply, principal->tenant_kind, page);
    enum err err =
        api_key_store_list(tx, principal->tenant_kind, tenant_no_of(principal), page, write_row, &list.w);
    if (!admin_failed(admin, err)) {
        envelope_end(&list, api_key_store_count(tx, principal->tenant_kind, tenant_no_of(principal)));
    }
}

static bool parse_scope(struct admin *admin, const struct json *body, enum key_scope *ret_scope)
{
    struct str scope = STR("full");
    if (!form_text(admin, body, "scope", 16, &scope)) {
        return false;
    }
    if (!str_eq(scope, STR("full")) && !str_eq(scope, STR("read"))) {
        return form_invalid(admin, "scope");
    }
    *ret_scope = str_eq(scope, STR("full")) ? SCOPE_FULL : SCOPE_READ;
    return true;
}

/* ISO text or a number, in the future. */
static bool parse_expiry(struct admin *admin, const struct json *body, int64_t *ret_expires_at)
{
    const struct json *value = json_get(body, "expires_at");
    *ret_expires_at = TIME_NONE;
    if (json_is_missing(value)) {
        return true;
    }
    int64_t at;
    bool is_time = json_is_number(value) ? time_from_number(json_number(value), &at)
                                         : time_parse_iso(json_string(value), &at);
    if (!is_time || at <= admin->domain->now_unix_ms()) {
        return form_invalid(admin, "expires_at");
    }
    *ret_expires_at = at;
    return true;
}

void api_key_create(struct admin *admin, struct store_tx *tx, const struct json *body)
{
    const struct principal *principal = &admin->principal;
    struct api_key_row row = {.tenant_kind = principal->tenant_kind, .tenant_no = tenant_no_of(principal)};
    if (!form_required_text(admin, body, "name", 255, &row.name) || !parse_scope(admin, body, &row.scope) ||
        !parse_expiry(admin, body, &row.expires_at)) {
        return;
    }
    if (api_key_store_count(tx, row.tenant_kind, row.tenant_no) >= API_KEYS_MAX) {
        reply_error(admin->reply, 422, "Too many API keys");
        return;
    }
    char key[API_KEY_CHARS + 1];
    if (admin_failed(admin, api_key_make(admin, tx, &row, key))) {
        return;
    }
    char id[UUID_TEXT_BYTES];
    uuid_format(&row.id, id);
    struct json *after = json_new_object();
    json_set(after, STR("name"), json_new_string(row.name));
    json_set(after, STR("scope"), json_new_string(row.scope == SCOPE_FULL ? STR("full") : STR("read")));
    admin_audit(admin, tx, "api_key.create", "api_key", str_from_cstr(id), audit_diff(admin->arena, NULL, after));
    json_free(after);
    struct json_writer w;
    json_writer_init(&w, &admin->reply->body);
    json_begin_object(&w);
    write_fields(&w, &row);
    json_field_str(&w, "key", (struct str){key, API_KEY_CHARS});
    json_end_object(&w);
    admin->reply->status = 201;
    secret_wipe(key, sizeof key);
}

static void remove_key(struct domain *domain, void *key_hash)
{
    credentials_remove_api_key(domain->credentials, key_hash);
}

void api_key_revoke(struct admin *admin, struct store_tx *tx, struct str id)
{
    const struct principal *principal = &admin->principal;
    struct uuid uuid;
    struct api_key_row row;
    enum err err = uuid_parse(id, &uuid) ? api_key_store_find(tx, principal->tenant_kind, tenant_no_of(principal),
                                                              &uuid, admin->arena, &row)
                                         : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        reply_error(admin->reply, 404, "API key not found");
        return;
    }
    if (admin_failed(admin, err) ||
        admin_failed(admin, api_key_store_revoke(tx, row.no, admin->domain->now_unix_ms()))) {
        return;
    }
    uint8_t *key_hash = arena_alloc(admin->arena, SHA256_BYTES);
    memcpy(key_hash, row.key_hash, SHA256_BYTES);
    admin_on_commit(admin, remove_key, key_hash);
    struct event *event = event_new(EVENT_API_KEY_REVOKED, NULL);
    event->api_key_no = row.no;
    event->partner_no = principal->partner_no;
    event->organization_no = principal->organization_no;
    store_tx_emit(tx, event);
    admin_audit(admin, tx, "api_key.revoke", "api_key", id, STR(""));
    admin_reply_success(admin);
}
