/* The devices that the server itself simulates (management-api.md 5.7, portal.md 8.2). They are clients like any other:
 * they register, connect and poll over connections to the server's own listeners. Two threads of their own: a loop for
 * the MQTT connections, and one that makes the blocking HTTP calls of polling devices. */
#ifndef MUSTER_APP_VIRTUAL_DEVICES_H
#define MUSTER_APP_VIRTUAL_DEVICES_H

#include "app/url_source.h"
#include "base/err.h"

struct virtual_devices;

/* Becomes the domain's simulator. `domain` and `urls` outlive it; before the store's threads start. */
struct virtual_devices *virtual_devices_new(struct domain *domain, const struct listener_urls *urls);
/* Once the listeners serve: begins, and goes on with what was running when the program ended. */
enum err virtual_devices_start(struct virtual_devices *virtuals) MUST_CHECK;
/* Ends the threads, as power loss ends devices: what runs goes on after the next start. Before the doors close. NULL, or
 * one that was not started, is accepted. */
void virtual_devices_stop(struct virtual_devices *virtuals);
/* When the store has stopped and the loops have ended; NULL is accepted. */
void virtual_devices_free(struct virtual_devices *virtuals);

#endif
