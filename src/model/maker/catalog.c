#include "model/maker/catalog.h"

#include <pthread.h>

#include "base/hashmap.h"
#include "base/mem.h"
#include "model/domain.h"
#include "model/ports/catalog_store.h"

/* Every kind of row is found by number; models and organizations by id as well. An entry is changed in place under the
 * lock: readers hold copies only. */
struct model_entry {
    struct hashmap_node by_no, by_id;
    struct model_info info;
    struct firmware_info firmware; /* version ptr NULL: none */
};
struct partner_entry {
    struct hashmap_node by_no;
    struct partner_info info;
};
struct organization_entry {
    struct hashmap_node by_no, by_id;
    struct organization_info info;
};
struct space_entry {
    struct hashmap_node by_no;
    int64_t no, parent_no;
};
struct name_entry {
    struct hashmap_node node;
    struct str text;
};

struct catalog {
    pthread_rwlock_t lock;
    struct hashmap models, models_by_id, partners, organizations, organizations_by_id;
    struct hashmap spaces;
    struct hashmap names;
};

struct catalog *catalog_new(void)
{
    struct catalog *catalog = mem_new(struct catalog);
    pthread_rwlock_init(&catalog->lock, NULL);
    hashmap_init(&catalog->models);
    hashmap_init(&catalog->models_by_id);
    hashmap_init(&catalog->partners);
    hashmap_init(&catalog->organizations);
    hashmap_init(&catalog->organizations_by_id);
    hashmap_init(&catalog->spaces);
    hashmap_init(&catalog->names);
    return catalog;
}

/* Frees the objects whose node in `map` lies `offset` bytes behind their start. */
static void free_entries(struct hashmap *map, size_t offset)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(map, &iter));) {
        mem_free((char *)node - offset);
    }
    hashmap_deinit(map);
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog) {
        return;
    }
    hashmap_deinit(&catalog->models_by_id);
    hashmap_deinit(&catalog->organizations_by_id);
    free_entries(&catalog->models, offsetof(struct model_entry, by_no));
    free_entries(&catalog->partners, offsetof(struct partner_entry, by_no));
    free_entries(&catalog->organizations, offsetof(struct organization_entry, by_no));
    free_entries(&catalog->spaces, offsetof(struct space_entry, by_no));
    free_entries(&catalog->names, offsetof(struct name_entry, node));
    pthread_rwlock_destroy(&catalog->lock);
    mem_free(catalog);
}

static bool model_has_no(const struct hashmap_node *node, const void *key)
{
    return container_of_const(node, struct model_entry, by_no)->info.no == *(const int64_t *)key;
}

static bool model_has_id(const struct hashmap_node *node, const void *key)
{
    return uuid_eq(&container_of_const(node, struct model_entry, by_id)->info.id, key);
}

static bool partner_has_no(const struct hashmap_node *node, const void *key)
{
    return container_of_const(node, struct partner_entry, by_no)->info.no == *(const int64_t *)key;
}

static bool organization_has_no(const struct hashmap_node *node, const void *key)
{
    return container_of_const(node, struct organization_entry, by_no)->info.no == *(const int64_t *)key;
}

static bool organization_has_id(const struct hashmap_node *node, const void *key)
{
    return uuid_eq(&container_of_const(node, struct organization_entry, by_id)->info.id, key);
}

static bool name_is(const struct hashmap_node *node, const void *key)
{
    return str_eq(container_of_const(node, struct name_entry, node)->text, *(const struct str *)key);
}

static struct model_entry *model_entry_find(struct catalog *catalog, int64_t no)
{
    struct hashmap_node *node = hashmap_find(&catalog->models, hash_u64((uint64_t)no), model_has_no, &no);
    return node ? container_of(node, struct model_entry, by_no) : NULL;
}

static struct partner_entry *partner_entry_find(struct catalog *catalog, int64_t no)
{
    struct hashmap_node *node = hashmap_find(&catalog->partners, hash_u64((uint64_t)no), partner_has_no, &no);
    return node ? container_of(node, struct partner_entry, by_no) : NULL;
}

static struct organization_entry *organization_entry_find(struct catalog *catalog, int64_t no)
{
    struct hashmap_node *node = hashmap_find(&catalog->organizations, hash_u64((uint64_t)no), organization_has_no, &no);
    return node ? container_of(node, struct organization_entry, by_no) : NULL;
}

/* Renames are rare, so every name ever used is kept: copies handed out stay valid as long as the catalogue. */
static struct str intern(struct catalog *catalog, struct str text)
{
    uint64_t hash = hash_str(text);
    struct hashmap_node *node = hashmap_find(&catalog->names, hash, name_is, &text);
    if (node) {
        return container_of(node, struct name_entry, node)->text;
    }
    struct name_entry *entry = mem_alloc(sizeof *entry + text.len + 1);
    char *copy = (char *)(entry + 1);
    if (text.len) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    entry->text = (struct str){copy, text.len};
    hashmap_insert(&catalog->names, &entry->node, hash);
    return entry->text;
}

bool catalog_model(struct catalog *catalog, int64_t no, struct model_info *ret_model)
{
    pthread_rwlock_rdlock(&catalog->lock);
    struct model_entry *entry = model_entry_find(catalog, no);
    if (entry) {
        *ret_model = entry->info;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return entry != NULL;
}

bool catalog_model_by_id(struct catalog *catalog, const struct uuid *id, struct model_info *ret_model)
{
    pthread_rwlock_rdlock(&catalog->lock);
    struct hashmap_node *node =
        hashmap_find(&catalog->models_by_id, hash_bytes(id->bytes, sizeof id->bytes), model_has_id, id);
    if (node) {
        *ret_model = container_of(node, struct model_entry, by_id)->info;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return node != NULL;
}

bool catalog_partner(struct catalog *catalog, int64_t no, struct partner_info *ret_partner)
{
    pthread_rwlock_rdlock(&catalog->lock);
    struct partner_entry *entry = partner_entry_find(catalog, no);
    if (entry) {
        *ret_partner = entry->info;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return entry != NULL;
}

bool catalog_organization(struct catalog *catalog, int64_t no, struct organization_info *ret_organization)
{
    pthread_rwlock_rdlock(&catalog->lock);
    struct organization_entry *entry = organization_entry_find(catalog, no);
    if (entry) {
        *ret_organization = entry->info;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return entry != NULL;
}

bool catalog_organization_by_id(struct catalog *catalog, const struct uuid *id, struct organization_info *ret)
{
    pthread_rwlock_rdlock(&catalog->lock);
    struct hashmap_node *node = hashmap_find(&catalog->organizations_by_id, hash_bytes(id->bytes, sizeof id->bytes),
                                             organization_has_id, id);
    if (node) {
        *ret = container_of(node, struct organization_entry, by_id)->info;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return node != NULL;
}

void catalog_put_model(struct catalog *catalog, const struct model_info *model)
{
    pthread_rwlock_wrlock(&catalog->lock);
    struct model_entry *entry = model_entry_find(catalog, model->no);
    bool is_new = !entry;
    if (is_new) {
        entry = mem_new(struct model_entry);
    }
    entry->info = *model;
    entry->info.name = intern(catalog, model->name);
    if (is_new) {
        hashmap_insert(&catalog->models, &entry->by_no, hash_u64((uint64_t)model->no));
        hashmap_insert(&catalog->models_by_id, &entry->by_id, hash_bytes(model->id.bytes, sizeof model->id.bytes));
    }
    pthread_rwlock_unlock(&catalog->lock);
}

void catalog_set_firmware(struct catalog *catalog, int64_t model_no, struct str version, const struct uuid *file_id)
{
    pthread_rwlock_wrlock(&catalog->lock);
    struct model_entry *entry = model_entry_find(catalog, model_no);
    if (entry) {
        entry->firmware = (struct firmware_info){*file_id, version.ptr ? intern(catalog, version) : version};
    }
    pthread_rwlock_unlock(&catalog->lock);
}

bool catalog_firmware(struct catalog *catalog, int64_t model_no, struct firmware_info *ret_firmware)
{
    pthread_rwlock_rdlock(&catalog->lock);
    const struct model_entry *entry = model_entry_find(catalog, model_no);
    bool found = entry && entry->firmware.version.ptr;
    if (found) {
        *ret_firmware = entry->firmware;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return found;
}

void catalog_remove_model(struct catalog *catalog, int64_t no)
{
    pthread_rwlock_wrlock(&catalog->lock);
    struct model_entry *entry = model_entry_find(catalog, no);
    if (entry) {
        hashmap_remove(&catalog->models, &entry->by_no);
        hashmap_remove(&catalog->models_by_id, &entry->by_id);
        mem_free(entry);
    }
    pthread_rwlock_unlock(&catalog->lock);
}

void catalog_put_partner(struct catalog *catalog, const struct partner_info *partner)
{
    pthread_rwlock_wrlock(&catalog->lock);
    struct partner_entry *entry = partner_entry_find(catalog, partner->no);
    bool is_new = !entry;
    if (is_new) {
        entry = mem_new(struct partner_entry);
    }
    entry->info = *partner;
    entry->info.name = intern(catalog, partner->name);
    entry->info.short_code = intern(catalog, partner->short_code);
    if (is_new) {
        hashmap_insert(&catalog->partners, &entry->by_no, hash_u64((uint64_t)partner->no));
    }
    pthread_rwlock_unlock(&catalog->lock);
}

void catalog_put_organization(struct catalog *catalog, const struct organization_info *organization)
{
    pthread_rwlock_wrlock(&catalog->lock);
    struct organization_entry *entry = organization_entry_find(catalog, organization->no);
    bool is_new = !entry;
    if (is_new) {
        entry = mem_new(struct organization_entry);
    }
    entry->info = *organization;
    entry->info.name = intern(catalog, organization->name);
    if (is_new) {
        hashmap_insert(&catalog->organizations, &entry->by_no, hash_u64((uint64_t)organization->no));
        hashmap_insert(&catalog->organizations_by_id, &entry->by_id,
                       hash_bytes(organization->id.bytes, sizeof organization->id.bytes));
    }
    pthread_rwlock_unlock(&catalog->lock);
}

static bool space_has_no(const struct hashmap_node *node, const void *key)
{
    return container_of_const(node, struct space_entry, by_no)->no == *(const int64_t *)key;
}

static struct space_entry *space_entry_find(struct catalog *catalog, int64_t no)
{
    struct hashmap_node *node = hashmap_find(&catalog->spaces, hash_u64((uint64_t)no), space_has_no, &no);
    return node ? container_of(node, struct space_entry, by_no) : NULL;
}

void catalog_put_space(struct catalog *catalog, int64_t no, int64_t parent_no)
{
    pthread_rwlock_wrlock(&catalog->lock);
    struct space_entry *entry = space_entry_find(catalog, no);
    if (!entry) {
        entry = mem_new(struct space_entry);
        entry->no = no;
        hashmap_insert(&catalog->spaces, &entry->by_no, hash_u64((uint64_t)no));
    }
    entry->parent_no = parent_no;
    pthread_rwlock_unlock(&catalog->lock);
}

void catalog_remove_space(struct catalog *catalog, int64_t no)
{
    pthread_rwlock_wrlock(&catalog->lock);
    struct space_entry *entry = space_entry_find(catalog, no);
    if (entry) {
        hashmap_remove(&catalog->spaces, &entry->by_no);
        mem_free(entry);
    }
    pthread_rwlock_unlock(&catalog->lock);
}

bool catalog_space_is_within(struct catalog *catalog, int64_t no, int64_t ancestor_no)
{
    pthread_rwlock_rdlock(&catalog->lock);
    while (no && no != ancestor_no) {
        struct space_entry *entry = space_entry_find(catalog, no);
        no = entry ? entry->parent_no : 0;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return no != 0;
}

size_t catalog_space_chain(struct catalog *catalog, int64_t no, int64_t *ret_nos, size_t max)
{
    size_t count = 0;
    pthread_rwlock_rdlock(&catalog->lock);
    for (struct space_entry *entry; count < max && (entry = space_entry_find(catalog, no)); no = entry->parent_no) {
        ret_nos[count++] = no;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return count;
}

bool catalog_partner_is_active(struct catalog *catalog, int64_t partner_no)
{
    struct partner_info partner;
    return catalog_partner(catalog, partner_no, &partner) && !partner.suspended;
}

bool catalog_organization_is_active(struct catalog *catalog, int64_t organization_no)
{
    struct organization_info organization;
    return catalog_organization(catalog, organization_no, &organization) && !organization.suspended &&
           catalog_partner_is_active(catalog, organization.partner_no);
}

static void on_partner(const struct partner_info *partner, void *catalog)
{
    catalog_put_partner(catalog, partner);
}

static void on_organization(const struct organization_info *organization, void *catalog)
{
    catalog_put_organization(catalog, organization);
}

static void on_model(const struct model_info *model, void *catalog)
{
    catalog_put_model(catalog, model);
}

static void on_space(int64_t no, int64_t parent_no, void *catalog)
{
    catalog_put_space(catalog, no, parent_no);
}

enum err catalog_load(struct domain *domain, struct store_tx *tx)
{
    enum err err = catalog_store_partners(tx, on_partner, domain->catalog);
    if (!err) {
        err = catalog_store_organizations(tx, on_organization, domain->catalog);
    }
    if (!err) {
        err = catalog_store_models(tx, on_model, domain->catalog);
    }
    if (!err) {
        err = catalog_store_spaces(tx, on_space, domain->catalog);
    }
    return err;
}
