/* What a route needs of whoever calls it, and what a role may (management-api.md 7). Routes name a permission; what it
 * means stands in one table. Roles are of people: API keys act as their tenant. */
#ifndef MUSTER_MODEL_PERMISSION_H
#define MUSTER_MODEL_PERMISSION_H

#include "base/str.h"
#include "model/account/principal.h"

enum permission {
    PERMISSION_UNSTATED, /* administrators */
    PERMISSION_ADMINISTRATOR,
    PERMISSION_MEMBER,   /* whoever has any role in the tenant */
    /* organizations: all of it */
    PERMISSION_VIEWER,
    PERMISSION_DIRECTORY, /* names of users and groups: viewers, and who gives access to a space */
    /* organizations: in the space that the call is about; lists show what may be viewed */
    PERMISSION_VIEW,
    PERMISSION_EDIT,
    PERMISSION_EDIT_OR_VIEWER, /* viewers read it too */
    PERMISSION_ADMIN,
    /* partners */
    PERMISSION_MODELS_READ,
    PERMISSION_MODELS_WRITE,
    PERMISSION_DEVICES_READ,
    PERMISSION_DEVICES_SERVICE,
    PERMISSION_DEVICES_WRITE,
    PERMISSION_CUSTOMERS_READ,
    PERMISSION_CUSTOMERS_WRITE,
    PERMISSION_LICENSES_READ,
    PERMISSION_LICENSES_WRITE,
    PERMISSION_TICKETS_READ,
    PERMISSION_TICKETS_WRITE,
    PERMISSION_SETTINGS_READ,
    PERMISSION_SETTINGS_WRITE,
    PERMISSION_USERS_READ,
    PERMISSION_USERS_WRITE,
    PERMISSION_COUNT,
};

/* Whether this role can have the permission at all: in a space, somewhere. What the call is about is checked when it is
 * known (access.h). */
bool permission_of_role(enum permission permission, const struct role *role);
/* The same for whoever calls: keys have every permission. */
bool permission_of(const struct principal *principal, enum permission permission);
/* With this role in the space the call is about. */
bool permission_in_space(enum permission permission, enum tenant_role tenant, enum space_role role);

/* "models", "devices", ... and "none", "read", "service", "write"; NULL outside the enums. */
const char *permission_area_name(enum area area);
const char *permission_level_name(enum area_level level);
/* "view", "edit", "admin"; "none". */
const char *space_role_name(enum space_role role);
/* False: no such role ("none" is none). */
bool space_role_parse(struct str text, enum space_role *ret_role);
/* The levels of a group's areas as they are stored: a JSON object, "models":"read" and so on; what is not named is none. */
void permission_areas_parse(struct str json, enum area_level ret_areas[AREA_COUNT]);

#endif
