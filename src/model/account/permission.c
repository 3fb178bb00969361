#include "model/account/permission.h"

#include <assert.h>

#include "codec/json/json.h"

enum subject { OF_TENANT, OF_SPACE, OF_AREA };

/* OF_TENANT: at least that role. OF_SPACE: at least that role in the space, or `tenant` over all. OF_AREA: at least that
 * level in the area. Administrators may everything. */
static const struct rule {
    enum subject subject;
    enum tenant_role tenant;
    enum space_role space;
    enum area area;
    enum area_level level;
} rules[PERMISSION_COUNT] = {
    [PERMISSION_UNSTATED] = {OF_TENANT, .tenant = ROLE_ADMINISTRATOR},
    [PERMISSION_ADMINISTRATOR] = {OF_TENANT, .tenant = ROLE_ADMINISTRATOR},
    [PERMISSION_MEMBER] = {OF_TENANT, .tenant = ROLE_MEMBER},
    [PERMISSION_VIEWER] = {OF_TENANT, .tenant = ROLE_VIEWER},
    [PERMISSION_DIRECTORY] = {OF_SPACE, .tenant = ROLE_VIEWER, .space = SPACE_ADMIN},
    [PERMISSION_VIEW] = {OF_SPACE, .tenant = ROLE_VIEWER, .space = SPACE_VIEW},
    [PERMISSION_EDIT] = {OF_SPACE, .tenant = ROLE_ADMINISTRATOR, .space = SPACE_EDIT},
    [PERMISSION_EDIT_OR_VIEWER] = {OF_SPACE, .tenant = ROLE_VIEWER, .space = SPACE_EDIT},
    [PERMISSION_ADMIN] = {OF_SPACE, .tenant = ROLE_ADMINISTRATOR, .space = SPACE_ADMIN},
    [PERMISSION_MODELS_READ] = {OF_AREA, .area = AREA_MODELS, .level = LEVEL_READ},
    [PERMISSION_MODELS_WRITE] = {OF_AREA, .area = AREA_MODELS, .level = LEVEL_WRITE},
    [PERMISSION_DEVICES_READ] = {OF_AREA, .area = AREA_DEVICES, .level = LEVEL_READ},
    [PERMISSION_DEVICES_SERVICE] = {OF_AREA, .area = AREA_DEVICES, .level = LEVEL_SERVICE},
    [PERMISSION_DEVICES_WRITE] = {OF_AREA, .area = AREA_DEVICES, .level = LEVEL_WRITE},
    [PERMISSION_CUSTOMERS_READ] = {OF_AREA, .area = AREA_CUSTOMERS, .level = LEVEL_READ},
    [PERMISSION_CUSTOMERS_WRITE] = {OF_AREA, .area = AREA_CUSTOMERS, .level = LEVEL_WRITE},
    [PERMISSION_LICENSES_READ] = {OF_AREA, .area = AREA_LICENSES, .level = LEVEL_READ},
    [PERMISSION_LICENSES_WRITE] = {OF_AREA, .area = AREA_LICENSES, .level = LEVEL_WRITE},
    [PERMISSION_TICKETS_READ] = {OF_AREA, .area = AREA_TICKETS, .level = LEVEL_READ},
    [PERMISSION_TICKETS_WRITE] = {OF_AREA, .area = AREA_TICKETS, .level = LEVEL_WRITE},
    [PERMISSION_SETTINGS_READ] = {OF_AREA, .area = AREA_SETTINGS, .level = LEVEL_READ},
    [PERMISSION_SETTINGS_WRITE] = {OF_AREA, .area = AREA_SETTINGS, .level = LEVEL_WRITE},
    [PERMISSION_USERS_READ] = {OF_AREA, .area = AREA_USERS, .level = LEVEL_READ},
    [PERMISSION_USERS_WRITE] = {OF_AREA, .area = AREA_USERS, .level = LEVEL_WRITE},
};

bool permission_in_space(enum permission permission, enum tenant_role tenant, enum space_role role)
{
    assert(permission < PERMISSION_COUNT);
    const struct rule *rule = &rules[permission];
    if (tenant == ROLE_ADMINISTRATOR) {
        return true;
    }
    switch (rule->subject) {
    case OF_TENANT:
        return tenant >= rule->tenant;
    case OF_SPACE:
        return tenant >= rule->tenant || role >= rule->space;
    case OF_AREA:
        break;
    }
    return false;
}

bool permission_of_role(enum permission permission, const struct role *role)
{
    assert(permission < PERMISSION_COUNT);
    const struct rule *rule = &rules[permission];
    if (rule->subject == OF_AREA && role->tenant != ROLE_ADMINISTRATOR) {
        return role->areas[rule->area] >= rule->level;
    }
    return role->tenant == ROLE_ADMINISTRATOR || permission_in_space(permission, role->tenant, role->highest);
}

bool permission_of(const struct principal *principal, enum permission permission)
{
    return principal->kind != PRINCIPAL_USER || permission_of_role(permission, &principal->role);
}

static const char *const area_names[AREA_COUNT] = {
    [AREA_MODELS] = "models",   [AREA_DEVICES] = "devices",   [AREA_CUSTOMERS] = "customers", [AREA_LICENSES] = "licenses",
    [AREA_TICKETS] = "tickets", [AREA_SETTINGS] = "settings", [AREA_USERS] = "users",
};
static const char *const level_names[] = {
    [LEVEL_NONE] = "none", [LEVEL_READ] = "read", [LEVEL_SERVICE] = "service", [LEVEL_WRITE] = "write"};
#define LEVEL_COUNT (sizeof level_names / sizeof level_names[0])

const char *permission_area_name(enum area area)
{
    return area < AREA_COUNT ? area_names[area] : NULL;
}

const char *permission_level_name(enum area_level level)
{
    return level < LEVEL_COUNT ? level_names[level] : NULL;
}

void permission_areas_parse(struct str json, enum area_level ret_areas[AREA_COUNT])
{
    struct json *areas = NULL;
    if (json_parse(json, NULL, &areas) != ERR_OK) {
        areas = NULL;
    }
    for (size_t i = 0; i < AREA_COUNT; i++) {
        struct str level = json_string(json_get(areas, area_names[i]));
        ret_areas[i] = LEVEL_NONE;
        for (size_t l = 0; l < LEVEL_COUNT; l++) {
            if (str_eq(level, str_from_cstr(level_names[l]))) {
                ret_areas[i] = (enum area_level)l;
            }
        }
    }
    json_free(areas);
}

static const char *const space_roles[] = {
    [SPACE_NONE] = "none", [SPACE_VIEW] = "view", [SPACE_EDIT] = "edit", [SPACE_ADMIN] = "admin"};

const char *space_role_name(enum space_role role)
{
    return space_roles[role];
}

bool space_role_parse(struct str text, enum space_role *ret_role)
{
    for (int role = SPACE_VIEW; role <= SPACE_ADMIN; role++) {
        if (str_eq(text, str_from_cstr(space_roles[role]))) {
            *ret_role = (enum space_role)role;
            return true;
        }
    }
    return false;
}
