#include "model/account/credentials.h"

#include "base/mem.h"
#include "model/account/access.h"
#include "model/account/attempts.h"
#include "model/maker/catalog.h"
#include "model/account/credentials_table.h"
#include "model/device/device_table.h"
#include "model/domain.h"
#include "model/ports/setup_store.h"
#include "model/ports/user_store.h"
#include "model/account/web_session.h"

#define API_KEY_BYTES_MAX 128 /* longer texts are not looked up; ours have 46 */
#define ACCESS_KEY_BYTES_MAX 128

struct credentials *credentials_new(void)
{
    struct credentials *credentials = mem_new(struct credentials);
    pthread_rwlock_init(&credentials->lock, NULL);
    hashmap_init(&credentials->api_keys);
    hashmap_init(&credentials->sessions);
    credentials->signin_attempts = attempts_new();
    credentials->access = access_new();
    return credentials;
}

void credentials_free(struct credentials *credentials)
{
    if (!credentials) {
        return;
    }
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&credentials->api_keys, &iter));) {
        mem_free(container_of(node, struct api_key_entry, node));
    }
    iter = (struct hashmap_iter){0};
    for (struct hashmap_node *node; (node = hashmap_next(&credentials->sessions, &iter));) {
        mem_free(container_of(node, struct session_entry, node));
    }
    hashmap_deinit(&credentials->api_keys);
    hashmap_deinit(&credentials->sessions);
    attempts_free(credentials->signin_attempts);
    access_free(credentials->access);
    pthread_rwlock_destroy(&credentials->lock);
    mem_free(credentials);
}

static bool has_key_hash(const struct hashmap_node *node, const void *key_hash)
{
    return bytes_eq_constant_time(container_of_const(node, struct api_key_entry, node)->key_hash, key_hash,
                                  SHA256_BYTES);
}

void credentials_put_api_key(struct credentials *credentials, const struct api_key_row *row)
{
    struct api_key_entry *entry = mem_new(struct api_key_entry);
    entry->no = row->no;
    entry->tenant_kind = row->tenant_kind;
    entry->tenant_no = row->tenant_no;
    entry->scope = row->scope;
    entry->expires_at = row->expires_at;
    memcpy(entry->key_hash, row->key_hash, sizeof entry->key_hash);
    entry->last_used_at = entry->stored_used_at = row->last_used_at;
    pthread_rwlock_wrlock(&credentials->lock);
    hashmap_insert(&credentials->api_keys, &entry->node, hash_bytes(entry->key_hash, sizeof entry->key_hash));
    pthread_rwlock_unlock(&credentials->lock);
}

void credentials_remove_api_key(struct credentials *credentials, const uint8_t key_hash[SHA256_BYTES])
{
    pthread_rwlock_wrlock(&credentials->lock);
    struct hashmap_node *node =
        hashmap_find(&credentials->api_keys, hash_bytes(key_hash, SHA256_BYTES), has_key_hash, key_hash);
    if (node) {
        hashmap_remove(&credentials->api_keys, node);
        mem_free(container_of(node, struct api_key_entry, node));
    }
    pthread_rwlock_unlock(&credentials->lock);
}

/* The tenant's numbers in the principal. False: the tenant is gone. */
static bool tenant_fill(struct domain *domain, struct principal *principal, int64_t tenant_no)
{
    if (principal->tenant_kind == TENANT_PARTNER) {
        principal->partner_no = tenant_no;
        return true;
    }
    struct organization_info organization;
    if (!catalog_organization(domain->catalog, tenant_no, &organization)) {
        return false;
    }
    principal->organization_no = tenant_no;
    principal->partner_no = organization.partner_no;
    return true;
}

static bool tenant_is_active(struct domain *domain, const struct principal *principal)
{
    return principal->tenant_kind == TENANT_PARTNER
               ? catalog_partner_is_active(domain->catalog, principal->partner_no)
               : catalog_organization_is_active(domain->catalog, principal->organization_no);
}

enum credential_result credentials_check_api_key(struct domain *domain, struct str key, struct principal *ret_principal)
{
    uint8_t key_hash[SHA256_BYTES];
    if (key.len == 0 || key.len > API_KEY_BYTES_MAX) {
        return CREDENTIAL_UNKNOWN;
    }
    domain_key_hash(domain, key, key_hash);
    return credentials_check_key_hash(domain, key_hash, ret_principal);
}

enum credential_result credentials_check_key_hash(struct domain *domain, const uint8_t key_hash[SHA256_BYTES],
                                                  struct principal *ret_principal)
{
    int64_t now = domain->now_unix_ms();
    struct principal principal = {.kind = PRINCIPAL_API_KEY};
    int64_t tenant_no = 0;
    struct credentials *credentials = domain->credentials;
    pthread_rwlock_rdlock(&credentials->lock);
    struct hashmap_node *node =
        hashmap_find(&credentials->api_keys, hash_bytes(key_hash, SHA256_BYTES), has_key_hash, key_hash);
    if (node) {
        struct api_key_entry *entry = container_of(node, struct api_key_entry, node);
        if (entry->expires_at == TIME_NONE || now < entry->expires_at) {
            principal.scope = entry->scope;
            principal.tenant_kind = entry->tenant_kind;
            principal.api_key_no = entry->no;
            principal.expires_at = entry->expires_at == TIME_NONE ? 0 : entry->expires_at;
            tenant_no = entry->tenant_no;
            atomic_store_explicit(&entry->last_used_at, now, memory_order_relaxed);
        }
    }
    pthread_rwlock_unlock(&credentials->lock);
    if (!tenant_no || !tenant_fill(domain, &principal, tenant_no)) {
        return CREDENTIAL_UNKNOWN;
    }
    *ret_principal = principal;
    return tenant_is_active(domain, &principal) ? CREDENTIAL_OK : CREDENTIAL_SUSPENDED;
}

enum credential_result credentials_check_device(struct domain *domain, struct str id, struct str access_key,
                                                struct device_brief *ret_device)
{
    struct uuid uuid;
    struct device_brief device;
    if (access_key.len == 0 || access_key.len > ACCESS_KEY_BYTES_MAX || !uuid_parse(id, &uuid) ||
        !device_table_find(domain->devices, &uuid, &device)) {
        return CREDENTIAL_UNKNOWN;
    }
    uint8_t key_hash[SHA256_BYTES];
    domain_key_hash(domain, access_key, key_hash);
    if (!bytes_eq_constant_time(key_hash, device.key_hash, sizeof key_hash)) {
        return CREDENTIAL_UNKNOWN;
    }
    *ret_device = device;
    return device.suspended ? CREDENTIAL_SUSPENDED : CREDENTIAL_OK;
}

static void on_api_key(const struct api_key_row *row, void *credentials)
{
    credentials_put_api_key(credentials, row);
}

static enum err load_addresses(struct domain *domain, struct store_tx *tx)
{
    struct arena arena;
    arena_init(&arena);
    struct str public_url, mqtt_url;
    enum err err = setting_store_get(tx, STR("public_url"), &arena, &public_url);
    if (!err) {
        err = setting_store_get(tx, STR("mqtt_url"), &arena, &mqtt_url);
    }
    if (!err) {
        credentials_set_address(domain->credentials->public_url, public_url);
        credentials_set_address(domain->credentials->mqtt_url, mqtt_url);
    }
    arena_deinit(&arena);
    return err;
}

enum err credentials_load(struct domain *domain, struct store_tx *tx)
{
    enum err err = api_key_store_each(tx, on_api_key, domain->credentials);
    if (!err) {
        err = web_sessions_load(domain, tx);
    }
    if (!err) {
        err = access_load(domain, tx);
    }
    if (!err) {
        err = load_addresses(domain, tx);
    }
    if (!err) {
        bool has_user = false;
        err = user_store_any(tx, &has_user);
        atomic_store(&domain->credentials->has_user, has_user);
    }
    return err;
}
