/* People and their groups, for partners and organizations alike (management-api.md 3.8, 5.10). */
#include "api/admin_call.h"
#include "model/people/group.h"
#include "model/people/member.h"
#include "model/people/system_people.h"

static void users_list(struct call *call, struct store_tx *tx)
{
    member_list(call_admin(call), tx, call_page(call));
}

static void users_read(struct call *call, struct store_tx *tx)
{
    member_read(call_admin(call), tx, call->params[0]);
}

static void users_create(struct call *call, struct store_tx *tx)
{
    member_create(call_admin(call), tx, call->body);
}

static void users_update(struct call *call, struct store_tx *tx)
{
    member_update(call_admin(call), tx, call->params[0], call->body);
}

static void users_deactivate(struct call *call, struct store_tx *tx)
{
    member_deactivate(call_admin(call), tx, call->params[0]);
}

static void users_reset_otp(struct call *call, struct store_tx *tx)
{
    member_reset_otp(call_admin(call), tx, call->params[0]);
}

static void users_resend_welcome(struct call *call, struct store_tx *tx)
{
    member_resend_welcome(call_admin(call), tx, call->params[0]);
}

static void groups_list(struct call *call, struct store_tx *tx)
{
    group_list(call_admin(call), tx, call_page(call));
}

static void groups_read(struct call *call, struct store_tx *tx)
{
    group_read(call_admin(call), tx, call->params[0]);
}

static void groups_create(struct call *call, struct store_tx *tx)
{
    group_create(call_admin(call), tx, call->body);
}

static void groups_update(struct call *call, struct store_tx *tx)
{
    group_update(call_admin(call), tx, call->params[0], call->body);
}

static void groups_delete(struct call *call, struct store_tx *tx)
{
    group_delete(call_admin(call), tx, call->params[0]);
}

static void groups_add_users(struct call *call, struct store_tx *tx)
{
    group_add_users(call_admin(call), tx, call->params[0], call->body);
}

static void groups_remove_users(struct call *call, struct store_tx *tx)
{
    group_remove_users(call_admin(call), tx, call->params[0], call->body);
}

static void groups_add_external_user(struct call *call, struct store_tx *tx)
{
    group_add_external_user(call_admin(call), tx, call->params[0], call->body);
}

static void any_users_reset_otp(struct call *call, struct store_tx *tx)
{
    system_reset_otp(call_admin(call), tx, call->body);
}

#define PARTNER(path) "/core/v1/partner" path
#define ORGANIZATION(path) "/core/v1/organization" path
#define CREATE (ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY)

const struct route people_routes[] = {
    {"GET", ORGANIZATION("/users"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(DIRECTORY), users_list},
    {"GET", ORGANIZATION("/users/:id"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(DIRECTORY), users_read},
    {"POST", ORGANIZATION("/users"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(ADMINISTRATOR), users_create},
    {"POST", ORGANIZATION("/users/:id/deactivate"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), users_deactivate},
    {"POST", ORGANIZATION("/users/:id/resend_welcome"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), users_resend_welcome},
    {"POST", ORGANIZATION("/users/:id/reset_otp"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), users_reset_otp},
    {"GET", ORGANIZATION("/groups"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(DIRECTORY), groups_list},
    {"GET", ORGANIZATION("/groups/:id"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(DIRECTORY), groups_read},
    {"POST", ORGANIZATION("/groups"), ACCESS_ORGANIZATION, PLACE_REGISTRY, CREATE | NEEDS(ADMINISTRATOR), groups_create},
    {"PUT", ORGANIZATION("/groups/:id"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), groups_update},
    {"DELETE", ORGANIZATION("/groups/:id"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), groups_delete},
    {"POST", ORGANIZATION("/groups/:id/add_users"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), groups_add_users},
    {"POST", ORGANIZATION("/groups/:id/remove_users"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), groups_remove_users},
    {"POST", ORGANIZATION("/groups/:id/add_external_user"), ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), groups_add_external_user},

    {"GET", PARTNER("/users"), ACCESS_PARTNER, PLACE_READ, NEEDS(USERS_READ), users_list},
    {"GET", PARTNER("/users/:id"), ACCESS_PARTNER, PLACE_READ, NEEDS(USERS_READ), users_read},
    {"POST", PARTNER("/users"), ACCESS_PARTNER, PLACE_REGISTRY, CREATE | NEEDS(USERS_WRITE), users_create},
    {"PATCH", PARTNER("/users/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(USERS_WRITE), users_update},
    {"POST", PARTNER("/users/:id/deactivate"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(USERS_WRITE), users_deactivate},
    {"POST", PARTNER("/users/:id/resend_welcome"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(USERS_WRITE), users_resend_welcome},
    {"POST", PARTNER("/users/:id/reset_otp"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(ADMINISTRATOR), users_reset_otp},
    {"GET", PARTNER("/groups"), ACCESS_PARTNER, PLACE_READ, NEEDS(USERS_READ), groups_list},
    {"GET", PARTNER("/groups/:id"), ACCESS_PARTNER, PLACE_READ, NEEDS(USERS_READ), groups_read},
    {"POST", PARTNER("/groups"), ACCESS_PARTNER, PLACE_REGISTRY, CREATE | NEEDS(USERS_WRITE), groups_create},
    {"PATCH", PARTNER("/groups/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(USERS_WRITE), groups_update},
    {"PUT", PARTNER("/groups/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(USERS_WRITE), groups_update},
    {"DELETE", PARTNER("/groups/:id"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(USERS_WRITE), groups_delete},
    {"POST", PARTNER("/groups/:id/add_users"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(USERS_WRITE), groups_add_users},
    {"POST", PARTNER("/groups/:id/remove_users"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | NEEDS(USERS_WRITE), groups_remove_users},

    {"POST", "/core/v1/system/users/reset_otp", ACCESS_SYSTEM, PLACE_REGISTRY, ROUTE_WRITE, any_users_reset_otp},
    {0},
};
