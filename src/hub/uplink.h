/* Uplinks: publishes of a device, or its Will, that are a call of the domain like over HTTPS (mqtt.md 3.2, 6). Loop thread
 * only. */
#ifndef MUSTER_HUB_UPLINK_H
#define MUSTER_HUB_UPLINK_H

#include "hub/connection.h"

struct uplink_request {
    struct session *session;
    const struct device_brief *device;
    enum topic_id topic;
    const struct mqtt_publish *publish;
    struct answer *answer; /* NULL: QoS 0, or a Will */
};
/* Hands it to the domain and relays it when that has carried it out. The answer is taken, and given then; everything else
 * of the request is borrowed for the call. */
void uplink_start(const struct uplink_request *request);
/* Frees what the loop keeps for uplinks to come; none runs any more. */
void uplinks_deinit(struct hub_loop *loop);

#endif
