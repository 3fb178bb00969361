/* The MQTT server (mqtt.md). */
#ifndef MUSTER_HUB_HUB_H
#define MUSTER_HUB_HUB_H

#include "io/stream.h"
#include "model/domain.h"
#include "model/management/system_source.h"

struct hub;

struct hub_config {
    struct domain *domain;
    struct loop *const *loops;
    size_t loop_count;
    size_t connections_max;         /* 0: no limit */
    bool (*is_healthy)(void *user); /* storage works; NULL: always. Any thread */
    void *user;
};

struct hub *hub_new(const struct hub_config *config);
/* Loads stored sessions (mqtt.md 14.3). Before the loops run; after store_load, before store_start. */
enum err hub_load(struct hub *hub) MUST_CHECK;
/* Gives up what could not be stored, and tells those who wait for it. After the store and the loops have stopped and
 * loops_settle(), which must be called once more behind it. NULL is allowed. */
void hub_abandon(struct hub *hub);
void hub_free(struct hub *hub); /* after hub_abandon() */
/* A new MQTT connection, plain, TLS or WebSocket; on the stream's loop. Takes the stream. user = hub. */
void hub_accept(struct stream *stream, void *hub);
/* An open listener (mqtt.md 2.4): hub_accept_open() with this as its user. Listeners of one name share one topic space.
 * Before the loops run; freed with the hub. */
struct hub_door;
struct hub_door *hub_door_new(struct hub *hub, struct str name);
void hub_accept_open(struct stream *stream, void *door);
/* Which sessions are furthest behind; see system_source.h. Any thread. */
void hub_slow_consumers(struct hub *hub, struct slow_ask *ask);
/* Tells every client 0x8B and closes (mqtt.md 11); new CONNECTs get 0x8B. Any thread. */
void hub_drain(struct hub *hub);
bool hub_is_drained(const struct hub *hub);

#endif
