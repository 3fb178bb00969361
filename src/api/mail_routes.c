/* Mails and the mail relay (management-api.md 8.2, 10.2). */
#include "api/admin_call.h"
#include "model/outbox/mail_list.h"

static void tenant_mails(struct call *call, struct store_tx *tx)
{
    mail_list(call_admin(call), tx, MAILS_OF_TENANT, call_page(call));
}

static void tenant_mail_retry(struct call *call, struct store_tx *tx)
{
    mail_retry(call_admin(call), tx, MAILS_OF_TENANT, call->params[0]);
}

static void all_mails(struct call *call, struct store_tx *tx)
{
    mail_list(call_admin(call), tx, MAILS_OF_INSTALLATION, call_page(call));
}

static void any_mail_retry(struct call *call, struct store_tx *tx)
{
    mail_retry(call_admin(call), tx, MAILS_OF_INSTALLATION, call->params[0]);
}

static void smtp_test(struct call *call, struct store_tx *tx)
{
    mail_test(call_admin(call), tx, call->body);
}

const struct route mail_routes[] = {
    {"GET", "/core/v1/partner/mails", ACCESS_PARTNER, PLACE_READ, ROUTE_SECRET_REPLY | NEEDS(ADMINISTRATOR), tenant_mails},
    {"POST", "/core/v1/partner/mails/:id/retry", ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_SECRET_REPLY | NEEDS(ADMINISTRATOR), tenant_mail_retry},
    {"GET", "/core/v1/organization/mails", ACCESS_ORGANIZATION, PLACE_READ,
     ROUTE_SECRET_REPLY | NEEDS(ADMINISTRATOR), tenant_mails},
    {"POST", "/core/v1/organization/mails/:id/retry", ACCESS_ORGANIZATION, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_SECRET_REPLY | NEEDS(ADMINISTRATOR), tenant_mail_retry},
    {"GET", "/core/v1/system/mails", ACCESS_SYSTEM, PLACE_READ, ROUTE_SECRET_REPLY, all_mails},
    {"POST", "/core/v1/system/mails/:id/retry", ACCESS_SYSTEM, PLACE_REGISTRY, ROUTE_WRITE | ROUTE_SECRET_REPLY,
     any_mail_retry},
    {"POST", "/core/v1/system/settings/smtp/test", ACCESS_SYSTEM, PLACE_REGISTRY, ROUTE_WRITE | ROUTE_SECRET_REPLY,
     smtp_test},
    {0},
};
