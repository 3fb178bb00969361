/* What belongs to a partner's model besides its own fields (management-api.md 5.4): configuration schema, parameters,
 * telemetry keys, widgets. */
#include "api/admin_call.h"
#include "model/maker/model_parameters.h"
#include "model/maker/model_schema.h"
#include "model/maker/telemetry_key.h"

static void schema_read(struct call *call, struct store_tx *tx)
{
    model_schema_read(call_admin(call), tx, call->params[0]);
}

static void schema_put(struct call *call, struct store_tx *tx)
{
    model_schema_put(call_admin(call), tx, call->params[0], call->body);
}

static void schema_delete(struct call *call, struct store_tx *tx)
{
    model_schema_delete(call_admin(call), tx, call->params[0]);
}

static void parameters_read(struct call *call, struct store_tx *tx)
{
    model_parameters_read(call_admin(call), tx, call->params[0]);
}

static void parameters_put(struct call *call, struct store_tx *tx)
{
    model_parameters_put(call_admin(call), tx, call->params[0], call->body);
}

static void keys_read(struct call *call, struct store_tx *tx)
{
    telemetry_keys_read(call_admin(call), tx, call->params[0]);
}

static void keys_put(struct call *call, struct store_tx *tx)
{
    telemetry_keys_put(call_admin(call), tx, call->params[0], call->body);
}

static void widgets_read(struct call *call, struct store_tx *tx)
{
    model_widgets_read(call_admin(call), tx, call->params[0]);
}

static void widgets_put(struct call *call, struct store_tx *tx)
{
    model_widgets_put(call_admin(call), tx, call->params[0], call->body);
}

#define MODEL(path) "/core/v1/partner/models/:m" path

const struct route model_part_routes[] = {
    {"GET", MODEL("/config_schema"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), schema_read},
    {"PUT", MODEL("/config_schema"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_BULK_BODY | NEEDS(MODELS_WRITE), schema_put},
    {"DELETE", MODEL("/config_schema"), ACCESS_PARTNER, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(MODELS_WRITE), schema_delete},
    {"GET", MODEL("/parameters"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), parameters_read},
    {"PUT", MODEL("/parameters"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_ARRAY_BODY | NEEDS(MODELS_WRITE), parameters_put},
    {"GET", MODEL("/telemetry_keys"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), keys_read},
    {"PUT", MODEL("/telemetry_keys"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_ARRAY_BODY | NEEDS(MODELS_WRITE), keys_put},
    {"GET", MODEL("/widgets"), ACCESS_PARTNER, PLACE_READ, NEEDS(MODELS_READ), widgets_read},
    {"PUT", MODEL("/widgets"), ACCESS_PARTNER, PLACE_REGISTRY,
     ROUTE_WRITE | ROUTE_ARRAY_BODY | NEEDS(MODELS_WRITE), widgets_put},
    {0},
};
