#include "api/api.h"

#include <assert.h>

#include "api/api_internal.h"
#include "api/upload_slots.h"
#include "api/core_routes.h"
#include "base/mem.h"

static void drain_loop(struct task *task);

struct api *api_new_with(const struct api_config *config, const struct route *const *tables, size_t table_count)
{
    struct api *api = mem_new(struct api);
    api->config = *config;
    api->domain = config->domain;
    api->router = router_new();
    router_add(api->router, core_routes);
    for (size_t i = 0; i < table_count; i++) {
        router_add(api->router, tables[i]);
    }
    api->metrics_router = router_new();
    router_add(api->metrics_router, metrics_routes);
    api->portal = portal_new(config->portal_dir);
    api->device_rates = rate_limit_new();
    api->address_rates = rate_limit_new();
    api->upload_slots = upload_slots_new();
    api->management_rates = rate_limit_new();
    api->loop_count = config->loop_count;
    api->loops = mem_calloc(config->loop_count, sizeof *api->loops);
    for (size_t i = 0; i < config->loop_count; i++) {
        struct api_loop *home = &api->loops[i];
        home->api = api;
        home->loop = config->loops[i];
        home->drain_task.run = drain_loop;
        home->date_s = INT64_MIN;
        list_init(&home->connections);
    }
    return api;
}

void api_free(struct api *api)
{
    if (!api) {
        return;
    }
    for (size_t i = 0; i < api->loop_count; i++) {
        struct api_loop *home = &api->loops[i];
        assert(list_is_empty(&home->connections));
        while (home->spare_calls) {
            struct http_call *call = home->spare_calls;
            home->spare_calls = call->next_spare;
            http_call_free(NULL, call);
        }
    }
    mem_free(api->loops);
    router_free(api->router);
    router_free(api->metrics_router);
    portal_free(api->portal);
    rate_limit_free(api->device_rates);
    rate_limit_free(api->address_rates);
    upload_slots_free(api->upload_slots);
    rate_limit_free(api->management_rates);
    mem_free(api);
}

struct api_loop *api_loop_of(struct api *api, struct loop *loop)
{
    for (size_t i = 0; i < api->loop_count; i++) {
        if (api->loops[i].loop == loop) {
            return &api->loops[i];
        }
    }
    assert(false && "a stream of a loop that is not the server's");
    return NULL;
}

static size_t parse_networks(const char *list, struct network *networks)
{
    struct str rest = str_from_cstr(list);
    size_t count = 0;
    while (rest.ptr && count < NETWORKS_MAX) {
        struct str part = str_trim(str_split(&rest, ','));
        if (part.len > 0 && network_parse(part, &networks[count])) { /* the configuration was checked when it was read */
            count++;
        }
    }
    return count;
}

void api_loop_refresh(struct api_loop *home)
{
    const struct settings *settings = domain_settings(home->api->domain);
    if (settings == home->settings) {
        return;
    }
    home->settings = settings;
    home->limits.head_bytes_max = settings->http_headers_max;
    home->exempt_count = parse_networks(settings->server_limits_exempt, home->exempt);
    home->proxy_count = parse_networks(settings->server_trusted_proxies, home->proxies);
}

void api_accept(struct stream *stream, void *user)
{
    struct api *api = user;
    http_connection_open(api, stream, api->router);
}

void api_accept_metrics(struct stream *stream, void *user)
{
    struct api *api = user;
    http_connection_open(api, stream, api->metrics_router);
}

static void drain_loop(struct task *task)
{
    struct api_loop *home = container_of(task, struct api_loop, drain_task);
    list_each_safe(it, &home->connections) {
        http_connection_drain(list_entry(it, struct http_connection, node));
    }
}

void api_drain(struct api *api)
{
    if (!atomic_exchange(&api->draining, true)) {
        for (size_t i = 0; i < api->loop_count; i++) {
            mailbox_post(loop_mailbox(api->loops[i].loop), &api->loops[i].drain_task);
        }
    }
}

bool api_is_drained(const struct api *api)
{
    return atomic_load_explicit(&api->connection_count, memory_order_acquire) == 0;
}
