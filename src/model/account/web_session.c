#include "model/account/web_session.h"

#include "base/mem.h"
#include "model/management/admin.h"
#include "model/maker/catalog.h"
#include "model/account/access.h"
#include "model/account/credentials_table.h"
#include "model/domain.h"

static bool has_token_hash(const struct hashmap_node *node, const void *token_hash)
{
    return bytes_eq_constant_time(container_of_const(node, struct session_entry, node)->row.token_hash, token_hash,
                                  SHA256_BYTES);
}

/* Under the lock. */
static struct session_entry *entry_find(struct credentials *credentials, const uint8_t token_hash[SHA256_BYTES])
{
    struct hashmap_node *node =
        hashmap_find(&credentials->sessions, hash_bytes(token_hash, SHA256_BYTES), has_token_hash, token_hash);
    return node ? container_of(node, struct session_entry, node) : NULL;
}

static void entry_put(struct credentials *credentials, const struct web_session_row *row)
{
    struct session_entry *entry = mem_new(struct session_entry);
    entry->row = *row;
    entry->row.address = STR("");
    entry->last_used_at = entry->stored_used_at = row->last_used_at;
    pthread_rwlock_wrlock(&credentials->lock);
    hashmap_insert(&credentials->sessions, &entry->node, hash_bytes(row->token_hash, SHA256_BYTES));
    pthread_rwlock_unlock(&credentials->lock);
}

static bool cookie_value(struct str header, struct str name, struct str *ret_value)
{
    while (header.ptr) {
        struct str value = str_trim(str_split(&header, ';'));
        struct str key = str_split(&value, '=');
        if (value.ptr && str_eq(str_trim(key), name)) {
            *ret_value = str_trim(value);
            return true;
        }
    }
    return false;
}

bool web_session_token_hash(struct domain *domain, struct str cookie_header, bool is_tls,
                            uint8_t ret_hash[SHA256_BYTES])
{
    /* On TLS only the __Host- cookie counts: one set by somebody on the way of a plain connection must not. */
    struct str token;
    if (!cookie_value(cookie_header, is_tls ? STR(WEB_SESSION_COOKIE_TLS) : STR(WEB_SESSION_COOKIE_PLAIN), &token) ||
        token.len != WEB_SESSION_TOKEN_CHARS) {
        return false;
    }
    domain_key_hash(domain, token, ret_hash);
    return true;
}

static bool find(struct domain *domain, const uint8_t token_hash[SHA256_BYTES], bool is_use, struct web_session_row *ret_row)
{
    struct credentials *credentials = domain->credentials;
    int64_t now = domain->now_unix_ms();
    bool found = false;
    pthread_rwlock_rdlock(&credentials->lock);
    struct session_entry *entry = entry_find(credentials, token_hash);
    if (entry && now - atomic_load_explicit(&entry->last_used_at, memory_order_relaxed) <= WEB_SESSION_IDLE_MAX_MS) {
        if (is_use) {
            atomic_store_explicit(&entry->last_used_at, now, memory_order_relaxed);
        }
        *ret_row = entry->row;
        found = true;
    }
    pthread_rwlock_unlock(&credentials->lock);
    return found;
}

bool web_session_find(struct domain *domain, const uint8_t token_hash[SHA256_BYTES], struct web_session_row *ret_row)
{
    return find(domain, token_hash, true, ret_row);
}

bool web_session_acts_for(struct domain *domain, const uint8_t token_hash[SHA256_BYTES], enum tenant_kind kind,
                          int64_t tenant_no)
{
    struct credentials *credentials = domain->credentials;
    pthread_rwlock_rdlock(&credentials->lock);
    struct session_entry *entry = entry_find(credentials, token_hash);
    bool acts = entry && domain->now_unix_ms() - atomic_load(&entry->last_used_at) <= WEB_SESSION_IDLE_MAX_MS &&
                tenant_no == (kind == TENANT_PARTNER ? entry->row.partner_no : entry->row.organization_no);
    int64_t user_no = entry ? entry->row.user_no : 0;
    pthread_rwlock_unlock(&credentials->lock);
    struct role role;
    return acts && access_role(domain, user_no, kind, tenant_no, &role) &&
           (kind == TENANT_PARTNER ? catalog_partner_is_active(domain->catalog, tenant_no)
                                           : catalog_organization_is_active(domain->catalog, tenant_no));
}

struct principal web_session_principal(const struct web_session_row *row)
{
    return (struct principal){
        .kind = PRINCIPAL_USER,
        .scope = SCOPE_FULL,
        .user_no = row->user_no,
        .user_id = row->user_id,
        .system_admin = row->system_admin,
        .tenant_kind = row->partner_no ? TENANT_PARTNER : TENANT_ORGANIZATION,
        .partner_no = row->partner_no,
        .organization_no = row->partner_no ? 0 : row->organization_no,
    };
}

static bool act_for(struct domain *domain, const struct web_session_row *row, enum tenant_kind wanted,
                    struct principal *principal)
{
    if (wanted == TENANT_PARTNER) {
        principal->tenant_kind = TENANT_PARTNER;
        principal->partner_no = row->partner_no;
        return row->partner_no && catalog_partner_is_active(domain->catalog, row->partner_no) &&
               access_role(domain, row->user_no, TENANT_PARTNER, row->partner_no, &principal->role);
    }
    struct organization_info organization;
    if (wanted == TENANT_ORGANIZATION) {
        if (!row->organization_no || !catalog_organization_is_active(domain->catalog, row->organization_no) ||
            !catalog_organization(domain->catalog, row->organization_no, &organization)) {
            return false;
        }
        principal->tenant_kind = TENANT_ORGANIZATION;
        principal->organization_no = row->organization_no;
        principal->partner_no = organization.partner_no;
        return access_role(domain, row->user_no, TENANT_ORGANIZATION, row->organization_no, &principal->role);
    }
    return true;
}

static bool person_of(struct domain *domain, const struct web_session_row *row, enum tenant_kind wanted,
                      struct principal *ret_principal)
{
    struct principal principal = {
        .kind = PRINCIPAL_USER,
        .scope = SCOPE_FULL, /* what it may is its role's */
        .user_no = row->user_no,
        .user_id = row->user_id,
        .system_admin = row->system_admin,
    };
    if (!act_for(domain, row, wanted, &principal)) {
        return false;
    }
    *ret_principal = principal;
    return true;
}

bool web_session_look(struct domain *domain, const uint8_t token_hash[SHA256_BYTES], enum tenant_kind wanted,
                      struct principal *ret_principal)
{
    struct web_session_row row;
    return find(domain, token_hash, false, &row) && person_of(domain, &row, wanted, ret_principal);
}

bool web_session_resolve(struct domain *domain, struct str cookie_header, bool is_tls, enum tenant_kind wanted,
                         struct principal *ret_principal, char ret_csrf[CSRF_TOKEN_CHARS + 1])
{
    uint8_t token_hash[SHA256_BYTES];
    struct web_session_row row;
    if (!web_session_token_hash(domain, cookie_header, is_tls, token_hash) ||
        !find(domain, token_hash, true, &row) || !person_of(domain, &row, wanted, ret_principal)) {
        return false;
    }
    memcpy(ret_csrf, row.csrf_token, sizeof row.csrf_token);
    return true;
}

static void put_opened(struct domain *domain, void *row)
{
    entry_put(domain->credentials, row);
}

static enum err end_excess(struct admin *admin, struct store_tx *tx, int64_t user_no)
{
    uint8_t token_hash[SHA256_BYTES];
    enum err err;
    while (!(err = web_session_store_excess(tx, user_no, WEB_SESSIONS_OF_USER_MAX, token_hash))) {
        err = web_session_end(admin, tx, token_hash);
        if (err) {
            return err;
        }
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err web_session_open(struct admin *admin, struct store_tx *tx, struct web_session_row *row,
                          char ret_token[WEB_SESSION_TOKEN_CHARS + 1])
{
    struct domain *domain = admin->domain;
    random_base62(ret_token, WEB_SESSION_TOKEN_CHARS);
    domain_key_hash(domain, (struct str){ret_token, WEB_SESSION_TOKEN_CHARS}, row->token_hash);
    random_base62(row->csrf_token, CSRF_TOKEN_CHARS);
    row->address = admin->address;
    row->created_at = row->last_used_at = domain->now_unix_ms();
    struct web_session_row *copy = arena_new(admin->arena, struct web_session_row);
    *copy = *row;
    admin_on_commit(admin, put_opened, copy);
    enum err err = web_session_store_insert(tx, row);
    return err ? err : end_excess(admin, tx, row->user_no);
}

struct tenants_change {
    uint8_t token_hash[SHA256_BYTES];
    int64_t partner_no, organization_no;
};

static void put_tenants(struct domain *domain, void *arg)
{
    const struct tenants_change *change = arg;
    pthread_rwlock_wrlock(&domain->credentials->lock);
    struct session_entry *entry = entry_find(domain->credentials, change->token_hash);
    if (entry) {
        entry->row.partner_no = change->partner_no;
        entry->row.organization_no = change->organization_no;
    }
    pthread_rwlock_unlock(&domain->credentials->lock);
}

enum err web_session_set_tenants(struct admin *admin, struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES],
                                 int64_t partner_no, int64_t organization_no)
{
    struct tenants_change *change = arena_new(admin->arena, struct tenants_change);
    memcpy(change->token_hash, token_hash, SHA256_BYTES);
    change->partner_no = partner_no;
    change->organization_no = organization_no;
    admin_on_commit(admin, put_tenants, change);
    return web_session_store_set_tenants(tx, token_hash, partner_no, organization_no);
}

static void remove_one(struct domain *domain, void *token_hash)
{
    pthread_rwlock_wrlock(&domain->credentials->lock);
    struct session_entry *entry = entry_find(domain->credentials, token_hash);
    if (entry) {
        hashmap_remove(&domain->credentials->sessions, &entry->node);
        mem_free(entry);
    }
    pthread_rwlock_unlock(&domain->credentials->lock);
}

enum err web_session_end(struct admin *admin, struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES])
{
    uint8_t *copy = arena_alloc(admin->arena, SHA256_BYTES);
    memcpy(copy, token_hash, SHA256_BYTES);
    admin_on_commit(admin, remove_one, copy);
    return web_session_store_delete(tx, token_hash);
}

struct user_end {
    int64_t user_no;
    uint8_t except[SHA256_BYTES];
};

static void remove_of_user(struct domain *domain, void *arg)
{
    const struct user_end *end = arg;
    struct credentials *credentials = domain->credentials;
    pthread_rwlock_wrlock(&credentials->lock);
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&credentials->sessions, &iter));) {
        struct session_entry *entry = container_of(node, struct session_entry, node);
        if (entry->row.user_no == end->user_no && memcmp(entry->row.token_hash, end->except, SHA256_BYTES) != 0) {
            hashmap_remove(&credentials->sessions, node);
            mem_free(entry);
        }
    }
    pthread_rwlock_unlock(&credentials->lock);
}

enum err web_session_end_of_user(struct admin *admin, struct store_tx *tx, int64_t user_no,
                                 const uint8_t except[SHA256_BYTES])
{
    struct user_end *end = arena_new(admin->arena, struct user_end);
    end->user_no = user_no;
    if (except) {
        memcpy(end->except, except, SHA256_BYTES);
    }
    admin_on_commit(admin, remove_of_user, end);
    return web_session_store_delete_of_user(tx, user_no, except);
}

static void on_session(const struct web_session_row *row, void *credentials)
{
    entry_put(credentials, row);
}

enum err web_sessions_load(struct domain *domain, struct store_tx *tx)
{
    return web_session_store_each(tx, on_session, domain->credentials);
}
