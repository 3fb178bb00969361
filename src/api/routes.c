/* Every route of the program, table by table. */
#include "api/api_internal.h"
#include "api/openapi/openapi.h"

static const struct route *const tables[] = {
    customer_routes,
    device_bulk_routes,
    device_relation_routes,
    device_routes,
    installation_routes,
    incident_routes,
    file_routes,
    license_routes,
    live_routes,
    mail_routes,
    merge_routes,
    model_part_routes,
    organization_device_routes,
    organization_routes,
    partner_device_routes,
    partner_routes,
    rollout_routes,
    rule_routes,
    people_routes,
    session_routes,
    sign_up_routes,
    space_routes,
    support_routes,
    system_routes,
    virtual_routes,
    webhook_routes,
    openapi_routes,
};

const struct route *const *api_route_tables(size_t *ret_count)
{
    *ret_count = sizeof tables / sizeof tables[0];
    return tables;
}

struct api *api_new(const struct api_config *config)
{
    return api_new_with(config, tables, sizeof tables / sizeof tables[0]);
}
