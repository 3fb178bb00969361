#include "model/account/access.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hashmap.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "model/account/credentials_table.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/management/admin.h"
#include "model/ports/access_store.h"

enum { CHAIN_MAX = 64, VISIBLE_BYTES_MAX = 1 << 20 };

/* Arrays are sorted by the number of the person, or the subject, and searched by it. */
struct member {
    int64_t user_no;
    struct role role;
};
struct group_link {
    int64_t user_no, group_no;
};
struct tenant_access {
    struct hashmap_node node;
    enum tenant_kind kind;
    int64_t no;
    size_t member_count, link_count, grant_count;
    size_t member_cap, link_cap, grant_cap;
    struct member *members;
    struct group_link *links;
    struct access_grant *grants;
};

struct access_table {
    pthread_rwlock_t lock;
    struct hashmap tenants;
};

struct access_table *access_new(void)
{
    struct access_table *access = mem_new(struct access_table);
    pthread_rwlock_init(&access->lock, NULL);
    hashmap_init(&access->tenants);
    return access;
}

static void tenant_free(struct tenant_access *tenant)
{
    if (tenant) {
        mem_free(tenant->members);
        mem_free(tenant->links);
        mem_free(tenant->grants);
        mem_free(tenant);
    }
}

void access_free(struct access_table *access)
{
    if (!access) {
        return;
    }
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&access->tenants, &iter));) {
        tenant_free(container_of(node, struct tenant_access, node));
    }
    hashmap_deinit(&access->tenants);
    pthread_rwlock_destroy(&access->lock);
    mem_free(access);
}

struct tenant_key {
    enum tenant_kind kind;
    int64_t no;
};

static uint64_t hash_of(struct tenant_key key)
{
    return hash_u64((uint64_t)key.no * 4 + (uint64_t)key.kind);
}

static bool is_tenant(const struct hashmap_node *node, const void *key)
{
    const struct tenant_access *tenant = container_of_const(node, struct tenant_access, node);
    const struct tenant_key *wanted = key;
    return tenant->kind == wanted->kind && tenant->no == wanted->no;
}

/* Under the lock. */
static struct tenant_access *tenant_find(const struct access_table *access, enum tenant_kind kind, int64_t no)
{
    struct tenant_key key = {kind, no};
    struct hashmap_node *node = hashmap_find(&access->tenants, hash_of(key), is_tenant, &key);
    return node ? container_of(node, struct tenant_access, node) : NULL;
}

/* --- reading from the store --- */

#define APPEND(array, count, cap, value)                                              \
    do {                                                                              \
        if ((count) == (cap)) {                                                       \
            (cap) = (cap) ? 2 * (cap) : 8;                                            \
            (array) = mem_realloc((array), (cap) * sizeof *(array));                  \
        }                                                                             \
        (array)[(count)++] = (value);                                                 \
    } while (0)

static void on_member(int64_t user_no, void *arg)
{
    struct tenant_access *tenant = arg;
    struct member member = {.user_no = user_no, .role.tenant = ROLE_MEMBER};
    APPEND(tenant->members, tenant->member_count, tenant->member_cap, member);
}

static int by_user(const void *user_no, const void *member)
{
    int64_t left = *(const int64_t *)user_no, right = ((const struct member *)member)->user_no;
    return left < right ? -1 : left > right;
}

static struct member *member_find(const struct tenant_access *tenant, int64_t user_no)
{
    return tenant->member_count ? bsearch(&user_no, tenant->members, tenant->member_count, sizeof *tenant->members, by_user)
                                : NULL;
}

static void raise_role(struct role *role, enum tenant_role tenant)
{
    if (role->tenant < tenant) {
        role->tenant = tenant;
    }
}

static void on_group(int64_t user_no, int64_t group_no, enum group_kind group, struct str permissions, void *arg)
{
    struct tenant_access *tenant = arg;
    struct member *member = member_find(tenant, user_no);
    if (!member) {
        return;
    }
    APPEND(tenant->links, tenant->link_count, tenant->link_cap, ((struct group_link){user_no, group_no}));
    enum area_level areas[AREA_COUNT];
    switch (group) {
    case GROUP_ADMINISTRATORS:
        raise_role(&member->role, ROLE_ADMINISTRATOR);
        return;
    case GROUP_VIEWERS:
        raise_role(&member->role, ROLE_VIEWER);
        return;
    case GROUP_SUPPORT:
    case GROUP_OWN:
        break;
    }
    if (tenant->kind == TENANT_PARTNER) {
        permission_areas_parse(permissions, areas);
        for (size_t i = 0; i < AREA_COUNT; i++) {
            member->role.areas[i] = areas[i] > member->role.areas[i] ? areas[i] : member->role.areas[i];
        }
    }
}

static void on_grant(const struct access_grant *grant, void *arg)
{
    struct tenant_access *tenant = arg;
    APPEND(tenant->grants, tenant->grant_count, tenant->grant_cap, *grant);
}

/* Grants of one person or group; *ret_count of them. */
static const struct access_grant *grants_of(const struct tenant_access *tenant, enum access_subject subject, int64_t subject_no,
                                            size_t *ret_count)
{
    size_t low = 0, high = tenant->grant_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct access_grant *grant = &tenant->grants[mid];
        if (grant->subject < subject || (grant->subject == subject && grant->subject_no < subject_no)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    size_t end = low;
    while (end < tenant->grant_count && tenant->grants[end].subject == subject &&
           tenant->grants[end].subject_no == subject_no) {
        end++;
    }
    *ret_count = end - low;
    return tenant->grants ? tenant->grants + low : NULL;
}

/* Calls `visit` with every grant that counts for the person: its own, then its groups'. */
static void each_grant(const struct tenant_access *tenant, int64_t user_no,
                       void (*visit)(const struct access_grant *grant, void *arg), void *arg)
{
    size_t count;
    const struct access_grant *grants = grants_of(tenant, SUBJECT_USER, user_no, &count);
    for (size_t i = 0; i < count; i++) {
        visit(&grants[i], arg);
    }
    size_t low = 0, high = tenant->link_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (tenant->links[mid].user_no < user_no) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    for (size_t l = low; l < tenant->link_count && tenant->links[l].user_no == user_no; l++) {
        grants = grants_of(tenant, SUBJECT_GROUP, tenant->links[l].group_no, &count);
        for (size_t i = 0; i < count; i++) {
            visit(&grants[i], arg);
        }
    }
}

static void raise_highest(const struct access_grant *grant, void *arg)
{
    enum space_role *highest = arg;
    *highest = grant->role > *highest ? grant->role : *highest;
}

static enum err tenant_read(struct store_tx *tx, enum tenant_kind kind, int64_t no, struct tenant_access **ret_tenant)
{
    struct tenant_access *tenant = mem_new(struct tenant_access);
    tenant->kind = kind;
    tenant->no = no;
    enum err err = access_store_members(tx, kind, no, on_member, tenant);
    if (!err) {
        err = access_store_groups(tx, kind, no, on_group, tenant);
    }
    if (!err && kind == TENANT_ORGANIZATION) {
        err = access_store_grants(tx, no, on_grant, tenant);
    }
    if (err) {
        tenant_free(tenant);
        return err;
    }
    for (size_t i = 0; i < tenant->member_count; i++) {
        each_grant(tenant, tenant->members[i].user_no, raise_highest, &tenant->members[i].role.highest);
    }
    *ret_tenant = tenant;
    return ERR_OK;
}

/* Takes tenant. */
static void tenant_put(struct access_table *access, struct tenant_access *tenant)
{
    pthread_rwlock_wrlock(&access->lock);
    struct tenant_access *former = tenant_find(access, tenant->kind, tenant->no);
    if (former) {
        hashmap_remove(&access->tenants, &former->node);
    }
    hashmap_insert(&access->tenants, &tenant->node, hash_of((struct tenant_key){tenant->kind, tenant->no}));
    pthread_rwlock_unlock(&access->lock);
    tenant_free(former);
}

/* --- changes --- */

/* A copy in the call's arena, which a roll back drops by itself. */
static void put_committed(struct domain *domain, void *arg)
{
    const struct tenant_access *draft = arg;
    struct tenant_access *tenant = mem_new(struct tenant_access);
    *tenant = *draft;
    tenant->members = mem_dup(draft->members, draft->member_count * sizeof *draft->members);
    tenant->links = mem_dup(draft->links, draft->link_count * sizeof *draft->links);
    tenant->grants = mem_dup(draft->grants, draft->grant_count * sizeof *draft->grants);
    tenant_put(domain->credentials->access, tenant);
}

static void *to_arena(struct arena *arena, const void *from, size_t size)
{
    void *copy = arena_alloc(arena, size + 1);
    if (size) {
        memcpy(copy, from, size);
    }
    return copy;
}

enum err access_changed(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no)
{
    struct tenant_access *tenant = NULL;
    enum err err = tenant_read(tx, kind, tenant_no, &tenant);
    if (err) {
        return err;
    }
    struct tenant_access *draft = arena_new(admin->arena, struct tenant_access);
    *draft = *tenant;
    draft->members = to_arena(admin->arena, tenant->members, tenant->member_count * sizeof *tenant->members);
    draft->links = to_arena(admin->arena, tenant->links, tenant->link_count * sizeof *tenant->links);
    draft->grants = to_arena(admin->arena, tenant->grants, tenant->grant_count * sizeof *tenant->grants);
    tenant_free(tenant);
    admin_on_commit(admin, put_committed, draft);
    return ERR_OK;
}

struct loading {
    struct store_tx *tx;
    struct access_table *access;
    enum err err;
};

static void on_tenant(enum tenant_kind kind, int64_t no, void *arg)
{
    struct loading *loading = arg;
    struct tenant_access *tenant;
    if (!loading->err) {
        loading->err = tenant_read(loading->tx, kind, no, &tenant);
        if (!loading->err) {
            tenant_put(loading->access, tenant);
        }
    }
}

enum err access_load(struct domain *domain, struct store_tx *tx)
{
    struct loading loading = {.tx = tx, .access = domain->credentials->access};
    enum err err = access_store_tenants(tx, on_tenant, &loading);
    return err ? err : loading.err;
}

/* --- questions --- */

bool access_role(struct domain *domain, int64_t user_no, enum tenant_kind kind, int64_t tenant_no, struct role *ret_role)
{
    struct access_table *access = domain->credentials->access;
    pthread_rwlock_rdlock(&access->lock);
    const struct tenant_access *tenant = tenant_find(access, kind, tenant_no);
    const struct member *member = tenant ? member_find(tenant, user_no) : NULL;
    if (member) {
        *ret_role = member->role;
    }
    pthread_rwlock_unlock(&access->lock);
    return member != NULL;
}

bool access_sees_all(const struct principal *principal)
{
    return principal->kind != PRINCIPAL_USER || principal->tenant_kind == TENANT_PARTNER ||
           principal->role.tenant >= ROLE_VIEWER;
}

struct climb {
    int64_t chain[CHAIN_MAX]; /* the space and those above it */
    size_t count;
    enum space_role role;
};

static void take_if_above(const struct access_grant *grant, void *arg)
{
    struct climb *climb = arg;
    for (size_t i = 0; i < climb->count && grant->role > climb->role; i++) {
        if (climb->chain[i] == grant->space_no) {
            climb->role = grant->role;
        }
    }
}

enum space_role access_space_role(struct domain *domain, const struct principal *principal, int64_t space_no)
{
    if (principal->kind != PRINCIPAL_USER || principal->role.tenant == ROLE_ADMINISTRATOR) {
        return SPACE_ADMIN;
    }
    struct access_table *access = domain->credentials->access;
    struct climb climb = {.role = principal->role.tenant >= ROLE_VIEWER ? SPACE_VIEW : SPACE_NONE};
    climb.count = catalog_space_chain(domain->catalog, space_no, climb.chain, CHAIN_MAX);
    pthread_rwlock_rdlock(&access->lock);
    const struct tenant_access *tenant = tenant_find(access, TENANT_ORGANIZATION, principal->organization_no);
    if (tenant && member_find(tenant, principal->user_no)) {
        each_grant(tenant, principal->user_no, take_if_above, &climb);
    }
    pthread_rwlock_unlock(&access->lock);
    return climb.role;
}

enum err access_in_space(struct domain *domain, const struct principal *principal, int64_t space_no)
{
    if (principal->kind != PRINCIPAL_USER || principal->tenant_kind == TENANT_PARTNER) {
        return ERR_OK;
    }
    enum space_role role = access_space_role(domain, principal, space_no);
    if (role == SPACE_NONE) {
        return ERR_NOT_FOUND;
    }
    return permission_in_space((enum permission)principal->needs, principal->role.tenant, role) ? ERR_OK : ERR_DENIED;
}

bool access_check(struct admin *admin, int64_t space_no, const char *thing)
{
    enum err err = access_in_space(admin->domain, &admin->principal, space_no);
    if (err == ERR_DENIED) {
        reply_error(admin->reply, 403, "Forbidden");
    } else if (err) {
        reply_error(admin->reply, 404, "%s not found", thing);
    }
    return err == ERR_OK;
}

struct listing {
    enum permission needs;
    struct json_writer w;
};

static void list_space(const struct access_grant *grant, void *arg)
{
    struct listing *listing = arg;
    if (permission_in_space(listing->needs, ROLE_MEMBER, grant->role)) {
        json_put_int(&listing->w, grant->space_no);
    }
}

struct str access_visible_spaces(struct domain *domain, const struct principal *principal, struct arena *arena)
{
    struct access_table *access = domain->credentials->access;
    if (access_sees_all(principal)) {
        return (struct str){NULL, 0};
    }
    struct listing listing = {.needs = (enum permission)principal->needs};
    struct buf text;
    buf_init(&text, VISIBLE_BYTES_MAX);
    json_writer_init(&listing.w, &text);
    json_begin_array(&listing.w);
    pthread_rwlock_rdlock(&access->lock);
    const struct tenant_access *tenant = tenant_find(access, TENANT_ORGANIZATION, principal->organization_no);
    if (tenant && member_find(tenant, principal->user_no)) {
        each_grant(tenant, principal->user_no, list_space, &listing);
    }
    pthread_rwlock_unlock(&access->lock);
    json_end_array(&listing.w);
    struct str list = text.failed ? STR("[]") : arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return list;
}
