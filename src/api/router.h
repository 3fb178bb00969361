/* Finds the row of the route tables for a method and a path. A trie of path segments: fixed names before parameters, and
 * a name that is fixed is never a parameter (device-api.md 1.2.4). Built at start, then read by any thread. */
#ifndef MUSTER_API_ROUTER_H
#define MUSTER_API_ROUTER_H

#include "api/call.h"

struct router;

struct router *router_new(void);
void router_free(struct router *router); /* NULL is accepted */
/* Adds the rows of a table up to the one with method NULL; borrows them. Of equal rows the first counts. */
void router_add(struct router *router, const struct route *table);

enum route_result {
    ROUTE_FOUND,
    ROUTE_UNKNOWN,        /* 404 Unknown endpoint */
    ROUTE_OTHER_METHODS,  /* 405; *ret_allow is the value of the Allow header, the router's */
    ROUTE_BAD_PATH,       /* 400: not properly escaped UTF-8 */
};
struct route_match {
    const struct route *route;
    struct str params[CALL_PARAMS_MAX]; /* in the arena or borrowed from path */
    struct str allow;
};
enum route_result router_find(const struct router *router, struct str method, struct str path, struct arena *arena,
                              struct route_match *ret_match);

#endif
