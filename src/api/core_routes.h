/* The routes that the server itself answers. */
#ifndef MUSTER_API_CORE_ROUTES_H
#define MUSTER_API_CORE_ROUTES_H

#include "api/call.h"

extern const struct route core_routes[];    /* "/", "/healthz", "/mqtt" */
extern const struct route metrics_routes[]; /* of the metrics listener */
const struct route *mqtt_websocket_route(void);

#endif
