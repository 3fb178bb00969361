/* A small MQTT 5 (or 3.1.1) client over io/stream for the simulator and the bench: it frames and decodes what comes,
 * keeps the connection alive, and hands packets up. One loop; no queue, no retransmission: its users decide. */
#ifndef MUSTER_APP_CLIENT_MQTT_CLIENT_H
#define MUSTER_APP_CLIENT_MQTT_CLIENT_H

#include "base/timer_wheel.h"
#include "codec/mqtt/mqtt.h"
#include "io/stream.h"

struct mqtt_client;

struct mqtt_client_ops {
    /* Every packet from the server but PINGRESP; the packet borrows the receive buffer. */
    void (*on_packet)(struct mqtt_client *client, const struct mqtt_packet *packet);
    /* The connection is gone (or never came up). The client may be started again from here on. */
    void (*on_closed)(struct mqtt_client *client);
};

struct mqtt_client {
    const struct mqtt_client_ops *ops;
    struct loop *loop;
    struct stream *stream;       /* NULL: not connected */
    struct timer ping;
    struct mqtt_connect connect; /* its strings are the user's and must live as long as the client */
    uint16_t next_packet_id;
    bool established;            /* a TCP (TLS) connection is up */
};

void mqtt_client_init(struct mqtt_client *client, struct loop *loop, const struct mqtt_client_ops *ops);
/* Connects and sends client->connect as soon as the transport is up. tls NULL: plain. */
void mqtt_client_start(struct mqtt_client *client, const struct net_address *to, struct tls_client *tls);
void mqtt_client_send(struct mqtt_client *client, const struct mqtt_packet *packet);
/* PUBLISH without properties, the hot path. Returns the packet id (0 with QoS 0). */
uint16_t mqtt_client_publish(struct mqtt_client *client, struct str topic, struct str payload, uint8_t qos);
uint16_t mqtt_client_packet_id(struct mqtt_client *client);
/* SUBSCRIBE with QoS 1 to these topics below the prefix; at most MQTT_CLIENT_TOPICS_MAX. */
enum { MQTT_CLIENT_TOPICS_MAX = 8 };
void mqtt_client_subscribe(struct mqtt_client *client, const char *prefix, const char *const topics[], size_t count);
/* DISCONNECT, then a clean end; on_closed follows. */
void mqtt_client_stop(struct mqtt_client *client);
void mqtt_client_abort(struct mqtt_client *client); /* on_closed follows if it was connected */

#endif
