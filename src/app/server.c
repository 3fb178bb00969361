/* Start: store -> domain -> listeners bound -> hub and api -> loops. Stop: the other way round, each step after the
 * one above it is quiet. The thread that calls server_run is the control thread: it waits for signals, gives the
 * domain its tick and reloads; it serves nobody. */
#include "app/server.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"
#include "app/installation.h"
#include "app/settings_desk.h"
#include "app/setup_link.h"
#include "app/system_info.h"
#include "app/url_source.h"
#include "app/virtual/virtual_devices.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "hub/hub.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/tls.h"
#include "model/account/setup.h"
#include "notify/sender.h"
#include "store/store.h"

enum { LOOPS_MAX = 64, NETWORKS_MAX = 64, FILES_RESERVE = 512, DRAIN_MS = 5000, GATHER_US_MAX = 10000 };

struct server {
    struct config *config;
    const char *config_path;
    struct installation installation;
    struct listener_urls urls;
    struct system_info info;
    char setup_token[SETUP_TOKEN_CHARS + 1]; /* empty: none is needed */
    struct loop *loops[LOOPS_MAX];
    pthread_t threads[LOOPS_MAX];
    unsigned loop_count, thread_count;
    struct tls_server *tls;
    char certificate[PATH_MAX], private_key[PATH_MAX];
    struct connection_limits *limits;
    struct network_set *proxies; /* server.trusted_proxies */
    struct listener *listeners[CONFIG_LISTENERS_MAX];
    enum listener_kind kinds[CONFIG_LISTENERS_MAX];
    unsigned listener_count;
    struct api *api;
    struct hub *hub;
    struct sender *sender;
    struct virtual_devices *virtuals;
    int signals;
    struct settings_desk desk;
    int64_t comings_and_goings, comings_and_goings_trimmed; /* of connections, as of the last tick and the last trim */
};

static unsigned usable_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > LOOPS_MAX ? LOOPS_MAX : (unsigned)count;
}

/* The soft limit of open files is raised to the hard one; a share is kept for storage. */
static size_t connections_allowed(const struct settings *settings)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return 512;
    }
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NOFILE, &files);
    size_t reserve = files.rlim_cur > 2 * FILES_RESERVE ? FILES_RESERVE : (size_t)files.rlim_cur / 2;
    size_t by_files = (size_t)files.rlim_cur - reserve;
    size_t wanted = (size_t)settings->server_connections_max;
    return wanted && wanted < by_files ? wanted : by_files;
}

static unsigned parse_networks(const char *text, struct network *networks, unsigned max)
{
    unsigned count = 0;
    struct str rest = str_from_cstr(text);
    while (rest.len && count < max) {
        struct str part = str_trim(str_split(&rest, ','));
        if (part.len && network_parse(part, &networks[count])) {
            count++;
        }
    }
    return count;
}

static bool file_path(char *out, const char *dir, const char *name)
{
    int length = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    return length > 0 && length < PATH_MAX;
}

/* The operator's certificate, or a self-signed one made at the first start. */
static enum err open_tls(struct server *server)
{
    const struct settings *settings = &server->config->settings;
    if (settings->tls_certificate[0]) {
        snprintf(server->certificate, sizeof server->certificate, "%s", settings->tls_certificate);
        snprintf(server->private_key, sizeof server->private_key, "%s", settings->tls_private_key);
    } else {
        if (!file_path(server->certificate, server->config->data_dir, "tls-certificate.pem") ||
            !file_path(server->private_key, server->config->data_dir, "tls-key.pem")) {
            return ERR_INVALID;
        }
        enum err err = tls_self_signed(server->certificate, server->private_key, NULL);
        if (err) {
            return err;
        }
    }
    return tls_server_new(server->certificate, server->private_key, &server->tls);
}

static void accept_mqtt_websocket(struct stream *stream, void *user)
{
    struct server *server = user;
    hub_accept(stream, server->hub);
}

static bool check_health(void *user)
{
    const struct server *server = user;
    return store_is_healthy(server->installation.store);
}

/* Which door a listener's connections go through. */
static void (*accept_function(enum listener_kind kind))(struct stream *stream, void *user)
{
    switch (kind) {
    case LISTENER_HTTP:
    case LISTENER_HTTPS:
        return api_accept;
    case LISTENER_METRICS:
        return api_accept_metrics;
    case LISTENER_MQTT:
    case LISTENER_MQTTS:
        return hub_accept;
    case LISTENER_MQTT_OPEN:
    case LISTENER_MQTTS_OPEN:
        return hub_accept_open;
    case LISTENER_KIND_COUNT:
        break;
    }
    return NULL;
}

static struct bound_listener *bound_listener(struct bound_listeners *listeners, enum listener_kind kind)
{
    switch (kind) {
    case LISTENER_HTTP:
        return &listeners->http;
    case LISTENER_HTTPS:
        return &listeners->https;
    case LISTENER_MQTT:
        return &listeners->mqtt;
    case LISTENER_MQTTS:
        return &listeners->mqtts;
    case LISTENER_METRICS:
    case LISTENER_MQTT_OPEN:
    case LISTENER_MQTTS_OPEN:
    case LISTENER_KIND_COUNT:
        break;
    }
    return NULL;
}

static void note_bound(struct bound_listeners *listeners, enum listener_kind kind, const struct listener *opened)
{
    struct bound_listener *bound = bound_listener(listeners, kind);
    if (bound && !bound->on) {
        *bound = (struct bound_listener){true, *listener_address(opened)};
    }
}

static void *accept_user(struct server *server, const struct listener_spec *spec)
{
    if (spec->kind == LISTENER_MQTT_OPEN || spec->kind == LISTENER_MQTTS_OPEN) {
        return hub_door_new(server->hub, str_from_cstr(spec->name));
    }
    return spec->kind == LISTENER_MQTT || spec->kind == LISTENER_MQTTS ? (void *)server->hub : (void *)server->api;
}

static bool is_tls_kind(enum listener_kind kind)
{
    return kind == LISTENER_HTTPS || kind == LISTENER_MQTTS || kind == LISTENER_MQTTS_OPEN;
}

static enum err open_listener(struct server *server, const struct listener_spec *spec)
{
    bool is_tls = is_tls_kind(spec->kind);
    struct listener_config listener = {
        .tls = is_tls ? server->tls : NULL,
        .limits = server->limits,
        .proxies = spec->proxy_protocol ? server->proxies : NULL,
        .peer_speaks_first = true, /* in TLS, HTTP and MQTT */
        .loops = server->loops,
        .loop_count = server->loop_count,
        .on_accept = accept_function(spec->kind),
        .user = accept_user(server, spec),
    };
    if (!net_address_parse(str_from_cstr(spec->host), spec->port, &listener.address)) {
        return ERR_INVALID;
    }
    struct listener *opened;
    enum err err = listener_open(&listener, &opened);
    if (err == ERR_EXISTS && spec->fallback_port) {
        printf("port %u is taken: %s uses another\n", spec->port, listener_kind_name(spec->kind));
        net_address_parse(str_from_cstr(spec->host), 0, &listener.address);
        err = listener_open(&listener, &opened);
    }
    if (err) {
        log_event(LOG_ERROR, "listener_failed", log_s("kind", listener_kind_name(spec->kind)), log_s("host", spec->host),
                  log_i("port", spec->port), log_s("error", err == ERR_EXISTS ? "address in use" : err_name(err)));
        return err;
    }
    server->kinds[server->listener_count] = spec->kind;
    server->listeners[server->listener_count++] = opened;
    note_bound(&server->urls.first, spec->kind, opened);
    if (!spec->proxy_protocol) {
        note_bound(&server->urls.direct, spec->kind, opened);
    }
    return ERR_OK;
}

static bool needs_tls(const struct config *config)
{
    for (unsigned i = 0; i < config->listener_count; i++) {
        if (is_tls_kind(config->listeners[i].kind)) {
            return true;
        }
    }
    return false;
}

static enum err open_doors(struct server *server)
{
    enum err err = needs_tls(server->config) ? open_tls(server) : ERR_OK;
    if (err) {
        return err;
    }
    server->urls.tls = server->tls;
    struct network exempt[NETWORKS_MAX], proxies[NETWORKS_MAX];
    const struct settings *settings = &server->config->settings;
    server->proxies = network_set_new(proxies, parse_networks(settings->server_trusted_proxies, proxies, NETWORKS_MAX));
    unsigned exempt_count = parse_networks(settings->server_limits_exempt, exempt, NETWORKS_MAX);
    size_t connections_max = connections_allowed(settings);
    server->limits =
        connection_limits_new(connections_max, (size_t)settings->server_connections_per_address, exempt, exempt_count);
    server->loop_count = settings->server_loops ? (unsigned)settings->server_loops : usable_cores();
    if (server->loop_count > LOOPS_MAX) {
        server->loop_count = LOOPS_MAX;
    }
    for (unsigned i = 0; i < server->loop_count; i++) {
        server->loops[i] = loop_new(i);
        loop_set_gather(server->loops[i], settings->server_gather_us > GATHER_US_MAX ? GATHER_US_MAX
                                                                                     : (unsigned)settings->server_gather_us);
    }
    server->hub = hub_new(&(struct hub_config){.domain = &server->installation.domain,
                                               .loops = server->loops,
                                               .loop_count = server->loop_count,
                                               .connections_max = connections_max,
                                               .is_healthy = check_health,
                                               .user = server});
    server->sender = sender_new(&server->installation.domain);
    server->virtuals = virtual_devices_new(&server->installation.domain, &server->urls);
    server->api = api_new(&(struct api_config){
        .domain = &server->installation.domain,
        .loops = server->loops,
        .loop_count = server->loop_count,
        .portal_dir = server->config->portal_dir,
        .is_healthy = check_health,
        .on_mqtt_websocket = accept_mqtt_websocket,
        .user = server,
    });
    system_info_init(&server->info, server->hub, server->tls, &server->desk);
    server->installation.domain.system = &server->info.source;
    for (unsigned i = 0; i < server->config->listener_count; i++) {
        if ((err = open_listener(server, &server->config->listeners[i])) != ERR_OK) {
            return err;
        }
    }
    return hub_load(server->hub);
}

static void *loop_thread(void *arg)
{
    loop_run(arg);
    return NULL;
}

static enum err start_threads(struct server *server)
{
    enum err err = store_start(server->installation.store);
    for (unsigned i = 0; err == ERR_OK && i < server->loop_count; i++) {
        if (pthread_create(&server->threads[i], NULL, loop_thread, server->loops[i]) != 0) {
            return ERR_IO;
        }
        char name[16];
        snprintf(name, sizeof name, "loop-%u", i);
        pthread_setname_np(server->threads[i], name);
        server->thread_count++;
    }
    err = err ? err : sender_start(server->sender);
    return err ? err : virtual_devices_start(server->virtuals);
}

static void reload_limits(struct server *server, const struct settings *settings)
{
    struct network exempt[NETWORKS_MAX], proxies[NETWORKS_MAX];
    unsigned count = parse_networks(settings->server_limits_exempt, exempt, NETWORKS_MAX);
    network_set_change(server->proxies, proxies, parse_networks(settings->server_trusted_proxies, proxies, NETWORKS_MAX));
    connection_limits_change(server->limits, connections_allowed(settings),
                             (size_t)settings->server_connections_per_address, exempt, count);
}

static void reload_certificate(struct server *server, const struct settings *settings)
{
    if (!server->tls) {
        return;
    }
    if (settings->tls_certificate[0]) {
        snprintf(server->certificate, sizeof server->certificate, "%s", settings->tls_certificate);
        snprintf(server->private_key, sizeof server->private_key, "%s", settings->tls_private_key);
    }
    if (tls_server_reload(server->tls, server->certificate, server->private_key) == ERR_OK) {
        log_event(LOG_INFO, "certificate_reloaded");
    }
}

static void settings_changed(void *user, const struct settings *now)
{
    reload_limits(user, now);
}

static enum err open_store(struct server *server)
{
    const struct config *config = server->config;
    enum err err = installation_open(&server->installation, config->data_dir, &config->settings, &server->urls.source);
    if (!err) {
        settings_desk_init(&server->desk, &server->installation.domain, server->config, settings_changed, server);
        settings_desk_load(&server->desk, server->installation.store);
        setup_link_make(server->installation.store, &server->installation.domain, server->setup_token,
                        sizeof server->setup_token);
    }
    return err;
}

static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The page's address: HTTPS where there is a listener for it, loopback's plain HTTP otherwise. */
static void print_setup_link(struct server *server)
{
    const struct bound_listener *plain = &server->urls.first.http;
    bool use_plain = plain->on && net_address_is_loopback(&plain->address);
    struct buf url;
    buf_init(&url, 512);
    listener_urls_append(&url, use_plain ? "http" : "https", use_plain ? plain : &server->urls.first.https, NULL);
    buf_append_u8(&url, 0);
    setup_link_print((const char *)url.data, server->setup_token);
    buf_deinit(&url);
    secret_wipe(server->setup_token, sizeof server->setup_token);
}

static void announce(struct server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++) {
        char address[NET_ADDRESS_TEXT_BYTES];
        net_address_format(listener_address(server->listeners[i]), address);
        printf("listening %s %s\n", listener_kind_name(server->kinds[i]), address);
    }
    if (server->setup_token[0]) {
        print_setup_link(server);
    }
    printf("ready\n");
    fflush(stdout);
}

enum err server_start(struct config *config, const char *config_path, struct server **ret_server)
{
    struct server *server = mem_new(struct server);
    server->config = config;
    server->config_path = config_path;
    server->signals = block_signals();
    listener_urls_init(&server->urls, &server->installation.domain);
    enum err err = open_store(server);
    if (!err) {
        err = open_doors(server);
    }
    if (!err) {
        err = start_threads(server);
    }
    if (err) {
        server_stop(server);
        return err;
    }
    announce(server);
    *ret_server = server;
    return ERR_OK;
}

/* SIGHUP: the settings marked reloadable are taken over, the others keep their value until the next start. */
static void reload(struct server *server)
{
    const struct settings *now = domain_settings(&server->installation.domain);
    if (!server->config_path) {
        reload_certificate(server, now);
        return;
    }
    struct config fresh;
    config_init(&fresh);
    if (config_read_file(&fresh, server->config_path, stderr) != 0) {
        log_event(LOG_ERROR, "reload_refused", log_s("file", server->config_path));
    } else if (settings_desk_reload(&server->desk, &fresh)) {
        log_event(LOG_INFO, "settings_reloaded", log_s("file", server->config_path));
        reload_certificate(server, domain_settings(&server->installation.domain));
    } else {
        log_event(LOG_ERROR, "reload_refused", log_s("file", server->config_path),
                  log_s("error", "reloaded too often: settings change with the next start, certificates do now"));
        reload_certificate(server, now);
    }
    config_deinit(&fresh);
}

/* True when it is time to end. */
static bool handle_signals(struct server *server, int child)
{
    struct signalfd_siginfo info;
    while (read(server->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        switch (info.ssi_signo) {
        case SIGHUP:
            reload(server);
            break;
        case SIGCHLD:
            if (child > 0 && waitpid(child, NULL, WNOHANG) == child) {
                return true;
            }
            break;
        default:
            return true;
        }
    }
    return false;
}

/* Handshakes and CONNECTs of many at once leave holes in the heap that idle connections never fill: what is free is given
 * back when the burst is over. */
static void trim_after_burst(struct server *server)
{
    enum { QUIET_MAX = 20, TRIM_AFTER = 250 };
    int64_t changes = 2 * metric_get(METRIC_CONNECTIONS_ACCEPTED) - metric_get(METRIC_CONNECTIONS);
    bool quiet = changes - server->comings_and_goings <= QUIET_MAX;
    server->comings_and_goings = changes;
    if (quiet && changes - server->comings_and_goings_trimmed >= TRIM_AFTER) {
        mem_trim();
        server->comings_and_goings_trimmed = changes;
    }
}

void server_run(struct server *server, int child)
{
    uint64_t next_tick_ms = clock_monotonic_ms() + 1000;
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        int wait_ms = next_tick_ms > now_ms ? (int)(next_tick_ms - now_ms) : 0;
        struct pollfd waiting = {.fd = server->signals, .events = POLLIN};
        if (poll(&waiting, 1, wait_ms) > 0 && handle_signals(server, child)) {
            return;
        }
        if (clock_monotonic_ms() >= next_tick_ms) {
            domain_tick(&server->installation.domain);
            trim_after_burst(server);
            next_tick_ms += 1000;
        }
    }
}

/* Gives the clients their goodbyes, for a bounded time. */
static void drain(struct server *server)
{
    for (unsigned i = 0; i < server->listener_count; i++) {
        listener_close(server->listeners[i]);
    }
    server->listener_count = 0;
    if (!server->thread_count) {
        return;
    }
    hub_drain(server->hub);
    api_drain(server->api);
    uint64_t until_ms = clock_monotonic_ms() + DRAIN_MS;
    while (clock_monotonic_ms() < until_ms && !(hub_is_drained(server->hub) && api_is_drained(server->api))) {
        poll(NULL, 0, 5);
    }
}

void server_stop(struct server *server)
{
    virtual_devices_stop(server->virtuals);
    drain(server);
    sender_stop(server->sender);
    if (server->installation.store) {
        store_stop(server->installation.store); /* completions still reach the loops */
    }
    for (unsigned i = 0; i < server->thread_count; i++) {
        loop_stop(server->loops[i]);
    }
    for (unsigned i = 0; i < server->thread_count; i++) {
        pthread_join(server->threads[i], NULL);
    }
    loops_settle(server->loops, server->loop_count);
    hub_abandon(server->hub);
    loops_settle(server->loops, server->loop_count);
    hub_free(server->hub);
    api_free(server->api);
    sender_free(server->sender);
    virtual_devices_free(server->virtuals);
    for (unsigned i = 0; i < server->loop_count; i++) {
        loop_free(server->loops[i]);
    }
    connection_limits_free(server->limits);
    network_set_free(server->proxies);
    tls_server_free(server->tls);
    if (server->installation.store) {
        installation_close(&server->installation);
    }
    settings_desk_deinit(&server->desk);
    if (server->signals >= 0) {
        close(server->signals);
    }
    mem_free(server);
}

bool server_address(const struct server *server, enum listener_kind kind, char ret_text[NET_ADDRESS_TEXT_BYTES])
{
    for (unsigned i = 0; i < server->listener_count; i++) {
        if (server->kinds[i] == kind) {
            net_address_format(listener_address(server->listeners[i]), ret_text);
            return true;
        }
    }
    return false;
}

struct domain *server_domain(struct server *server)
{
    return &server->installation.domain;
}
