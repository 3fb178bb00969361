#include "model/people/authority.h"

#include "model/account/access.h"

bool administers(struct admin *admin, enum tenant_kind kind, int64_t tenant_no)
{
    const struct principal *principal = &admin->principal;
    struct role role;
    if (principal->kind == PRINCIPAL_API_KEY) {
        return principal->scope == SCOPE_FULL && principal->tenant_kind == kind && principal_tenant_no(principal) == tenant_no;
    }
    return principal->kind == PRINCIPAL_USER && access_role(admin->domain, principal->user_no, kind, tenant_no, &role) &&
           role.tenant == ROLE_ADMINISTRATOR;
}

struct look {
    struct admin *admin;
    bool any, all;
};

static void look_at(const struct membership_row *row, void *arg)
{
    struct look *look = arg;
    look->any = true;
    look->all = look->all && administers(look->admin, row->kind, row->tenant_no);
}

bool administers_person(struct admin *admin, struct store_tx *tx, const struct user_row *person)
{
    struct look look = {admin, false, true};
    if (admin->principal.kind == PRINCIPAL_USER && admin->principal.user_no == person->no) {
        return true;
    }
    return !person->system_admin && membership_store_each(tx, person->no, look_at, &look) == ERR_OK && look.any && look.all;
}
