/* A PUBLISH of a client, or of its Will, on its way into the domain and to subscribers (mqtt.md 3.2, 3.5, 6). */
#ifndef MUSTER_HUB_PUBLISH_H
#define MUSTER_HUB_PUBLISH_H

#include "hub/connection.h"

/* Checks, processes and relays. The answer, if there is one (QoS 1 and 2), is given when the effect is committed. */
void publish_for_session(struct session *session, const struct mqtt_publish *publish, struct answer *answer);
/* Refuses: gives the answer, counts, tells the live tail. */
void publish_refuse(struct session *session, const struct mqtt_publish *publish, struct answer *answer,
                    enum mqtt_reason reason, const char *text);
void publish_refused(struct session *session, const struct refusal *refusal);

/* An uplink with an HTTP twin (uplink.c). */
struct uplink_request {
    struct session *session;
    const struct device_brief *device;
    enum topic_id topic;
    const struct mqtt_publish *publish;
    struct answer *answer;
};
void uplink_start(const struct uplink_request *request);
void uplinks_deinit(struct hub_loop *loop);

/* The id of a QoS 2 publish whose effect is in this turn's batch goes into the same transaction. */
void inbound_stored_with_effect(struct session *session, uint16_t packet_id);

#endif
