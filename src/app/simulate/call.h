/* One thing that is asked of the server until it answers: a request on one of the shared HTTP connections, or a publish at
 * QoS 1 of a device. What was lost (the connection ended before the answer), refused for a while (429) or could not be done
 * (503) is sent again; `lost` counts the times that the server may have done it without our knowing.
 *
 * A publish is answered as its HTTP twin would be (mqtt.md 6): 200, or 422 with the Reason String as {"error": ...}. */
#ifndef MUSTER_APP_SIMULATE_CALL_H
#define MUSTER_APP_SIMULATE_CALL_H

#include "app/simulate/world.h"

struct call {
    struct list node;            /* where it waits */
    struct list open;            /* in world.calls */
    struct world *world;
    struct timer again;
    char *path;                  /* owned; of a publish: the topic behind the device's prefix */
    const char *method, *key;    /* borrowed */
    struct buf body;
    uint64_t idempotency;        /* 0: no Idempotency-Key */
    struct sim_device *publisher; /* not NULL: a publish of this device */
    uint16_t packet_id;
    unsigned lost;
    /* for `done` */
    void (*done)(struct call *call, unsigned status, const struct json *reply);
    struct sim_device *device;
    void *object;
    uint64_t number, number_too;
};

/* A new call; the path is a format. Fill in what is needed, then call_submit. Key NULL: without Authorization. */
struct call *call_new(struct world *world, const char *method, const char *key,
                      void (*done)(struct call *call, unsigned status, const struct json *reply), const char *path, ...)
    __attribute__((format(printf, 5, 6)));
/* The same for a publish of an MQTT device. */
struct call *call_new_publish(struct sim_device *publisher, const char *topic,
                              void (*done)(struct call *call, unsigned status, const struct json *reply));
/* Begins the body, a JSON object; the caller ends it. */
struct json_writer call_body(struct call *call);
/* Takes the call. `done` is called once, with an answer; the call is freed behind it. */
void call_submit(struct call *call);
/* The answer is here; `lost` is not touched. For the two ways that calls travel. */
void call_answer(struct call *call, unsigned status, const struct json *reply);
/* No answer will come. Sends it again after a moment. */
void call_again(struct call *call, bool may_have_counted);
/* A reply that was not to be expected: a difference, told with its text. */
void call_unexpected(const struct call *call, unsigned status, const struct json *reply);
bool call_succeeded(unsigned status);
/* Those that are not answered, when a scenario ends before its time: after the loop. */
void calls_free(struct world *world);

/* ---- the connections ---- */

struct http_pool *http_pool_new(struct world *world);
void http_pool_free(struct http_pool *pool);
void http_pool_send(struct http_pool *pool, struct call *call); /* takes it */

/* ---- publishes (device_mqtt.c) ---- */

void device_publish(struct sim_device *device, struct call *call); /* takes it */

#endif
