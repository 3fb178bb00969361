#include "api/router.h"

#include <assert.h>

#include "base/mem.h"
#include "codec/http1/http1.h"

#define METHODS_MAX 6

struct node {
    struct str name;          /* empty in a parameter's node and in the root */
    struct node *fixed;       /* children, in a list */
    struct node *parameter;
    struct node *sibling;
    const struct route *routes[METHODS_MAX];
    size_t route_count;
    struct buf allow;
};

struct router {
    struct node root;
};

struct router *router_new(void)
{
    return mem_new(struct router);
}

static void node_free_below(struct node *node)
{
    buf_deinit(&node->allow);
    for (struct node *child = node->fixed; child;) {
        struct node *next = child->sibling;
        node_free_below(child);
        mem_free(child);
        child = next;
    }
    if (node->parameter) {
        node_free_below(node->parameter);
        mem_free(node->parameter);
    }
}

void router_free(struct router *router)
{
    if (router) {
        node_free_below(&router->root);
        mem_free(router);
    }
}

/* --- building --- */

static struct node *fixed_child(const struct node *node, struct str name)
{
    struct node *child = node->fixed;
    while (child && !str_eq(child->name, name)) {
        child = child->sibling;
    }
    return child;
}

static struct node *node_new(struct str name)
{
    struct node *node = mem_new(struct node);
    node->name = name;
    buf_init(&node->allow, 128);
    return node;
}

static struct node *child_make(struct node *node, struct str segment)
{
    if (segment.len > 0 && segment.ptr[0] == ':') {
        if (!node->parameter) {
            node->parameter = node_new((struct str){NULL, 0});
        }
        return node->parameter;
    }
    struct node *child = fixed_child(node, segment);
    if (!child) {
        child = node_new(segment);
        child->sibling = node->fixed;
        node->fixed = child;
    }
    return child;
}

static const struct route *node_route(const struct node *node, struct str method)
{
    for (size_t i = 0; i < node->route_count; i++) {
        if (str_eq(str_from_cstr(node->routes[i]->method), method)) {
            return node->routes[i];
        }
    }
    return NULL;
}

static void allow_add(struct node *node, const char *method)
{
    if (node->allow.len > 0) {
        buf_append_cstr(&node->allow, ", ");
    }
    buf_append_cstr(&node->allow, method);
    if (str_eq(str_from_cstr(method), STR("GET"))) {
        buf_append_cstr(&node->allow, ", HEAD");
    }
}

static void route_add(struct router *router, const struct route *route)
{
    struct node *node = &router->root;
    if (node->allow.max == 0) {
        buf_init(&node->allow, 128);
    }
    struct str rest = str_from_cstr(route->path);
    assert(rest.len > 0 && rest.ptr[0] == '/');
    rest = str_sub(rest, 1, rest.len);
    while (rest.ptr && rest.len > 0) {
        node = child_make(node, str_split(&rest, '/'));
    }
    if (!node_route(node, str_from_cstr(route->method))) {
        assert(node->route_count < METHODS_MAX);
        node->routes[node->route_count++] = route;
        allow_add(node, route->method);
    }
}

void router_add(struct router *router, const struct route *table)
{
    for (const struct route *route = table; route->method; route++) {
        route_add(router, route);
    }
}

/* --- finding --- */

enum route_result router_find(const struct router *router, struct str method, struct str path, struct arena *arena,
                              struct route_match *ret_match)
{
    struct str segments[HTTP1_SEGMENTS_MAX];
    size_t count;
    enum err err = http1_path_split(path, arena, segments, &count);
    if (err != ERR_OK) {
        return err == ERR_LIMIT ? ROUTE_UNKNOWN : ROUTE_BAD_PATH;
    }
    struct route_match match = {0};
    const struct node *node = &router->root;
    size_t params = 0;
    for (size_t i = 0; i < count; i++) {
        const struct node *child = fixed_child(node, segments[i]);
        if (!child) {
            child = node->parameter;
            if (!child || params == CALL_PARAMS_MAX) {
                return ROUTE_UNKNOWN;
            }
            match.params[params++] = segments[i];
        }
        node = child;
    }
    if (node->route_count == 0) {
        return ROUTE_UNKNOWN;
    }
    bool head = str_eq(method, STR("HEAD"));
    match.route = node_route(node, head ? STR("GET") : method);
    match.allow = buf_str(&node->allow);
    *ret_match = match;
    return match.route ? ROUTE_FOUND : ROUTE_OTHER_METHODS;
}
