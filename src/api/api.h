/* The HTTPS server: device API, management APIs, live stream, portal files. */
#ifndef MUSTER_API_API_H
#define MUSTER_API_API_H

#include "io/stream.h"
#include "model/domain.h"

struct api;

struct api_config {
    struct domain *domain;
    struct loop *const *loops;
    size_t loop_count;
    const char *portal_dir;   /* serve the portal from disk instead of the embedded files; NULL: embedded */
    bool (*is_healthy)(void *user);
    /* A client asked for WebSocket at /mqtt and the reply 101 is written: takes the stream (on its loop). */
    void (*on_mqtt_websocket)(struct stream *stream, void *user);
    void *user;
};

struct api *api_new(const struct api_config *config);
void api_free(struct api *api); /* after the loops ended */
/* A new HTTP or HTTPS connection; on the stream's loop. Takes the stream. For listener_config.on_accept, user = api. */
void api_accept(struct stream *stream, void *api);
/* A connection of the metrics listener: only GET /metrics. */
void api_accept_metrics(struct stream *stream, void *api);
/* Ends idle connections and lets calls under way finish; new calls get 503. Any thread. */
void api_drain(struct api *api);
bool api_is_drained(const struct api *api);

#endif
