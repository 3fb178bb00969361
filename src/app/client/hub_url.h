/* mqtt_hub_url of a registration (device-api.md 2.1). */
#ifndef MUSTER_APP_CLIENT_HUB_URL_H
#define MUSTER_APP_CLIENT_HUB_URL_H

#include "io/net.h"

/* "mqtt://host:port" or "mqtts://host:port" with a numeric host; without a port the usual one. False: it is neither. */
bool hub_url_parse(struct str url, struct net_address *ret_address, bool *ret_tls);

#endif
