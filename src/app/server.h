/* The running server: every layer wired together. Used by `muster serve` and `muster demo`. */
#ifndef MUSTER_APP_SERVER_H
#define MUSTER_APP_SERVER_H

#include "app/config.h"

struct server;

/* Opens the store, binds the listeners and starts every thread; prints one line per listener ("listening mqtt
 * 127.0.0.1:1883"), the set-up link when nobody is there yet, and "ready". Signals SIGTERM, SIGINT and SIGHUP are
 * blocked in all threads from here on. config_path: what SIGHUP reads again; NULL: nothing. Takes nothing; config must
 * outlive the server. On failure one line is logged and everything is undone. */
enum err server_start(struct config *config, const char *config_path, struct server **ret_server) MUST_CHECK;
/* Ticks once a second and serves until SIGTERM or SIGINT, or until `child` (a pid, 0: none) ends. */
void server_run(struct server *server, int child);
/* Says goodbye to every client, commits what is queued, ends the threads, closes the store. */
void server_stop(struct server *server);

/* Where a listener really listens, e.g. "127.0.0.1:8080"; false: there is none of this kind. */
bool server_address(const struct server *server, enum listener_kind kind, char ret_text[NET_ADDRESS_TEXT_BYTES]);
struct domain *server_domain(struct server *server);

#endif
