/* What the files of hub_stream_fuzz share. */
#ifndef MUSTER_TESTS_HUB_STREAM_H
#define MUSTER_TESTS_HUB_STREAM_H

#include "hub_stream_watch.h"

#define CLIENTS 4

struct fuzz {
    struct world *w;
    struct watch watches[CLIENTS];
    struct ledger *ledger;
    unsigned connections;
    char prefix[64]; /* v1/device/{id of dev1}/ */
};

/* --- hub_stream_fuzz.c --- */
struct watch *watch_of(struct fuzz *f, const struct world_client *client);
void send_packet(struct fuzz *f, struct world_client *client, enum mqtt_version version, const struct mqtt_packet *packet);
/* `@`: below the device's prefix, or anywhere on an open listener. */
struct str topic_write(const struct fuzz *f, const struct world_client *client, const char *text, char *out, size_t size);
/* With its number in the ledger, `telemetry` as a sample. Retained ones have none: they come again. */
struct str payload_of(struct fuzz *f, const struct world_client *client, const struct mqtt_publish *p, unsigned topic,
                      bool telemetry, char *out, size_t size);
void send_acknowledgement(struct fuzz *f, struct world_client *client, enum mqtt_type type, uint16_t packet_id, uint8_t reason);
void send_subscribe(struct fuzz *f, struct world_client *client, const struct mqtt_packet *packet);

/* --- hub_stream_rare.c: what other clients say, and what else happens to devices --- */
void rare_login(struct fuzz *f, struct world_client *client, uint8_t flags, const uint8_t *options);
void rare_packet(struct fuzz *f, struct world_client *client, uint8_t kind, const uint8_t *options);
void rare_owner(struct fuzz *f, uint8_t amount);
void rare_event(struct fuzz *f, uint8_t amount);

#endif
