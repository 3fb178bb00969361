#include "model/account/standing.h"

#include "model/account/credentials.h"
#include "model/account/permission.h"
#include "model/account/web_session.h"
#include "model/domain.h"

void standing_init(struct standing *standing, struct domain *domain, const struct principal *principal, struct str key,
                   struct str cookie, bool is_tls)
{
    *standing = (struct standing){.principal = *principal};
    if (principal->kind == PRINCIPAL_API_KEY) {
        domain_key_hash(domain, key, standing->credential);
    } else if (!web_session_token_hash(domain, cookie, is_tls, standing->credential)) {
        memset(standing->credential, 0, sizeof standing->credential); /* no session's: it ends with the first look */
    }
}

bool standing_renew(struct standing *standing, struct domain *domain)
{
    const struct principal *was = &standing->principal;
    struct principal now;
    bool stands = was->kind == PRINCIPAL_API_KEY
                      ? credentials_check_key_hash(domain, standing->credential, &now) == CREDENTIAL_OK
                      : web_session_look(domain, standing->credential, was->tenant_kind, &now);
    if (!stands || now.tenant_kind != was->tenant_kind || principal_tenant_no(&now) != principal_tenant_no(was)) {
        return false;
    }
    now.needs = was->needs;
    standing->principal = now;
    return permission_of(&now, (enum permission)now.needs);
}
