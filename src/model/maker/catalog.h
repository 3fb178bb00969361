/* Partners, organizations and models in memory: few, read on every path. Loaded at start, replaced after the commit
 * that changed them (registry writer's thread), read by any thread under a short lock; lookups copy. */
#ifndef MUSTER_MODEL_CATALOG_H
#define MUSTER_MODEL_CATALOG_H

#include "base/err.h"
#include "model/device/device_table.h"

struct catalog;
struct domain;
struct store_tx;

struct model_info {
    int64_t no, partner_no;
    struct uuid id;
    enum protocol protocol;
    enum device_type device_type;
    bool auth_cloud_id;                 /* authentication method: Cloud ID, else MAC & serial number */
    bool published;
    uint8_t api_version;                /* 0..7 */
    uint32_t offline_threshold_minutes; /* 0: off */
    struct str name;                    /* valid as long as the catalogue: names are interned, never freed */
};
/* The firmware of a model that was uploaded last. */
struct firmware_info {
    struct uuid file_id;
    struct str version;                 /* valid as long as the catalogue */
};
struct partner_info {
    int64_t no;
    struct uuid id;
    bool suspended;
    struct str name, short_code;
};
struct organization_info {
    int64_t no, partner_no;
    struct uuid id;
    bool lab, suspended;
    struct str name;
};

struct catalog *catalog_new(void);
void catalog_free(struct catalog *catalog);
bool catalog_model(struct catalog *catalog, int64_t no, struct model_info *ret_model);
bool catalog_model_by_id(struct catalog *catalog, const struct uuid *id, struct model_info *ret_model);
bool catalog_partner(struct catalog *catalog, int64_t no, struct partner_info *ret_partner);
bool catalog_organization(struct catalog *catalog, int64_t no, struct organization_info *ret_organization);
bool catalog_organization_by_id(struct catalog *catalog, const struct uuid *id, struct organization_info *ret);
void catalog_put_model(struct catalog *catalog, const struct model_info *model);
/* version ptr NULL: the model has no firmware (any more). */
void catalog_set_firmware(struct catalog *catalog, int64_t model_no, struct str version, const struct uuid *file_id);
bool catalog_firmware(struct catalog *catalog, int64_t model_no, struct firmware_info *ret_firmware); /* false: it has none */
void catalog_remove_model(struct catalog *catalog, int64_t no);
void catalog_put_partner(struct catalog *catalog, const struct partner_info *partner);
void catalog_put_organization(struct catalog *catalog, const struct organization_info *organization);
/* Which space lies in which (parent 0: a root); spaces of all organizations have numbers of their own. */
void catalog_put_space(struct catalog *catalog, int64_t no, int64_t parent_no);
void catalog_remove_space(struct catalog *catalog, int64_t no);
/* True: it is the other one or lies below it. */
bool catalog_space_is_within(struct catalog *catalog, int64_t no, int64_t ancestor_no);
/* The space and those above it, the root last: how many of at most `max`. */
size_t catalog_space_chain(struct catalog *catalog, int64_t no, int64_t *ret_nos, size_t max);
/* Exists, and neither it nor (for organizations) its partner is suspended. */
bool catalog_partner_is_active(struct catalog *catalog, int64_t partner_no);
bool catalog_organization_is_active(struct catalog *catalog, int64_t organization_no);
/* Fills domain->catalog at start. */
enum err catalog_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;

#endif
