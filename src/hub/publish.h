/* A PUBLISH of a client, or of its Will, on its way into the domain and to subscribers (mqtt.md 3.2, 3.5, 6). Loop thread
 * only. */
#ifndef MUSTER_HUB_PUBLISH_H
#define MUSTER_HUB_PUBLISH_H

#include "hub/connection.h"

/* Checks, processes and relays. Takes the answer (NULL: QoS 0, or a Will) and gives it when the effect is committed; borrows
 * publish for the call. */
void publish_for_session(struct session *session, const struct mqtt_publish *publish, struct answer *answer);
/* Refuses: gives the answer, counts, tells the live tail. */
void publish_refuse(struct session *session, const struct mqtt_publish *publish, struct answer *answer,
                    enum mqtt_reason reason, const char *text);
/* Only counts and tells. */
void publish_refused(struct session *session, const struct refusal *refusal);

#endif
