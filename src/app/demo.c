/* muster demo: a server on loopback that sets itself up and has live devices. Everything after the set-up itself goes
 * through the public doors: the management APIs by HTTP, the devices by `muster simulate` in a process of its own. */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/config.h"
#include "app/serve_options.h"
#include "app/server.h"
#include "app/setup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "notify/http_client.h"

#define DEMO_EMAIL "demo@example.com"
#define DEMO_PARTNER "Northlight"
enum { DEMO_DEVICES = 5, PASSWORD_CHARS = 16, WAIT_FOR_DEVICES_MS = 15000 };

struct demo {
    struct setup_result keys;
    char password[PASSWORD_CHARS + 1];
    char base_url[128];
    struct http_client *http;
    char hardware_key[40], model_id[40];
    int64_t spaces[DEMO_DEVICES]; /* of `rooms` */
};

/* Which simulated device (client/device.c names them) stands in which room. */
static const struct {
    const char *space, *device;
} rooms[DEMO_DEVICES] = {
    {"Lobby", "Lobby panel"}, {"Boiler room", "Boiler room sensor"}, {"North entrance", "North entrance"},
    {"Roof", "Rooftop unit"}, {"Workshop", "Workshop meter"},
};

/* ---- the management APIs ------------------------------------------------------------------------------------------ */

/* One call; the parsed reply (json_free) or NULL with a line on stderr. `body` is JSON text or NULL. */
static struct json *call(struct demo *demo, const char *method, const char *path, const char *key, const char *body)
{
    char url[512];
    snprintf(url, sizeof url, "%s/core/v1/%s", demo->base_url, path);
    struct http_exchange exchange = {
        .method = method, .url = url, .authorization = key, .body = str_from_cstr(body)};
    struct json *reply = NULL;
    enum err err = http_call(demo->http, &exchange);
    if (err || exchange.status < 200 || exchange.status > 299 || json_parse(buf_str(&exchange.reply), NULL, &reply)) {
        fprintf(stderr, "muster demo: %s %s: %ld %.*s\n", method, path, exchange.status, STR_ARG(buf_str(&exchange.reply)));
        reply = NULL;
    }
    buf_deinit(&exchange.reply);
    return reply;
}

static void copy_string(char *out, size_t size, const struct json *node)
{
    snprintf(out, size, "%.*s", STR_ARG(json_string(node)));
}

static bool make_model(struct demo *demo)
{
    struct json *model = call(demo, "POST", "partner/models", demo->keys.partner_key,
                              "{\"name\":\"Climate Panel\",\"sku\":\"CP-55\",\"communication_protocol\":\"mqtt\","
                              "\"device_type\":\"physical\",\"authentication_method\":\"cloud_id\","
                              "\"offline_threshold_minutes\":1,"
                              "\"suggested_commands\":[\"reboot\",\"dump\"]}");
    if (!model) {
        return false;
    }
    copy_string(demo->model_id, sizeof demo->model_id, json_get(model, "id"));
    json_free(model);
    char path[256];
    snprintf(path, sizeof path, "partner/models/%s/commands", demo->model_id);
    json_free(call(demo, "POST", path, demo->keys.partner_key,
                   "{\"name\":\"set_target\",\"friendly_name\":\"Set target temperature\",\"active\":true,"
                   "\"description\":\"The panel keeps the room at this temperature.\",\"timeout_seconds\":60,"
                   "\"custom_fields\":[{\"name\":\"celsius\",\"label\":\"Degrees Celsius\",\"type\":\"number\","
                   "\"required\":true}]}"));
    snprintf(path, sizeof path, "partner/models/%s/publish", demo->model_id);
    json_free(call(demo, "POST", path, demo->keys.partner_key, NULL));
    snprintf(path, sizeof path, "partner/models/%s/hardware_keys", demo->model_id);
    struct json *keys = call(demo, "GET", path, demo->keys.partner_key, NULL);
    copy_string(demo->hardware_key, sizeof demo->hardware_key,
                json_get(json_at(json_get(keys, "data"), 0), "key"));
    json_free(keys);
    return demo->hardware_key[0] != 0;
}

static bool make_spaces(struct demo *demo)
{
    struct json *building = call(demo, "POST", "organization/spaces", demo->keys.organization_key,
                                 "{\"name\":\"Harbour Building\",\"space_type\":\"building\"}");
    int64_t parent = 0;
    bool ok = json_int(json_get(building, "id"), &parent);
    json_free(building);
    for (int i = 0; ok && i < DEMO_DEVICES; i++) {
        char body[160];
        snprintf(body, sizeof body, "{\"name\":\"%s\",\"space_type\":\"room\",\"parent_id\":%lld}", rooms[i].space,
                 (long long)parent);
        struct json *space = call(demo, "POST", "organization/spaces", demo->keys.organization_key, body);
        ok = json_int(json_get(space, "id"), &demo->spaces[i]);
        json_free(space);
    }
    return ok;
}

static void assign_device(struct demo *demo, const struct json *device)
{
    struct str id = json_string(json_get(device, "id"));
    int64_t space = demo->spaces[0];
    for (int i = 0; i < DEMO_DEVICES; i++) {
        if (str_eq(json_string(json_get(device, "name")), str_from_cstr(rooms[i].device))) {
            space = demo->spaces[i];
        }
    }
    char body[256];
    snprintf(body, sizeof body, "{\"device_ids\":[\"%.*s\"],\"organization_id\":\"%s\",\"space_id\":%lld}", STR_ARG(id),
             demo->keys.organization_id, (long long)space);
    json_free(call(demo, "POST", "partner/devices/assign", demo->keys.partner_key, body));
}

/* The simulated devices register by themselves; as soon as all are there, each gets its room. */
static void assign_devices(struct demo *demo)
{
    uint64_t until_ms = clock_monotonic_ms() + WAIT_FOR_DEVICES_MS;
    while (clock_monotonic_ms() < until_ms) {
        struct json *list = call(demo, "GET", "partner/devices", demo->keys.partner_key, NULL);
        const struct json *devices = json_get(list, "data");
        if (json_count(devices) >= DEMO_DEVICES) {
            for (const struct json *device = json_first(devices); device; device = json_next(device)) {
                assign_device(demo, device);
            }
            json_free(list);
            return;
        }
        json_free(list);
        usleep(100 * 1000);
    }
}

/* ---- the simulated devices ---------------------------------------------------------------------------------------- */

static pid_t start_simulator(const struct demo *demo)
{
    char devices[16], key[48], url[140];
    snprintf(devices, sizeof devices, "%d", DEMO_DEVICES);
    snprintf(key, sizeof key, "%s", demo->hardware_key);
    snprintf(url, sizeof url, "%s", demo->base_url);
    char program[] = "/proc/self/exe", name[] = "muster", word[] = "simulate", o1[] = "--http", o2[] = "--hardware-key",
         o3[] = "--devices", o4[] = "--interval", interval[] = "2", o5[] = "--quiet";
    char *const words[] = {name, word, o1, url, o2, key, o3, devices, o4, interval, o5, NULL};
    fflush(NULL);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* the devices end with the server, whatever ends it */
        if (getppid() == parent) {
            execv(program, words);
        }
        _exit(127);
    }
    return child;
}

/* ---- the data folder ---------------------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static void print_sign_in(const struct demo *demo, const struct server *server)
{
    char http[NET_ADDRESS_TEXT_BYTES] = "", metrics[NET_ADDRESS_TEXT_BYTES] = "";
    server_address(server, LISTENER_HTTP, http);
    printf("\n  Partner portal       http://%s/partners/\n"
           "  Organization portal  http://%s/app/\n\n"
           "  E-mail               %s\n"
           "  Password             %s\n\n",
           http, http, DEMO_EMAIL, demo->password);
    if (server_address(server, LISTENER_METRICS, metrics)) {
        printf("  Metrics              http://%s/metrics\n\n", metrics);
    }
    printf("%d simulated devices are live. Ctrl-C ends the demo and removes its data.\n", DEMO_DEVICES);
    fflush(stdout);
}

static int run_demo(struct demo *demo, struct config *config)
{
    struct server *server;
    if (server_start(config, NULL, &server) != ERR_OK) {
        return 1;
    }
    char http[NET_ADDRESS_TEXT_BYTES];
    pid_t child = -1;
    demo->http = http_client_new();
    bool ok = server_address(server, LISTENER_HTTP, http);
    snprintf(demo->base_url, sizeof demo->base_url, "http://%s", http);
    if (ok && make_model(demo) && make_spaces(demo)) {
        child = start_simulator(demo);
        assign_devices(demo);
        print_sign_in(demo, server);
        server_run(server, child);
    }
    if (child > 0) {
        kill(child, SIGTERM);
        waitpid(child, NULL, 0);
    }
    http_client_free(demo->http);
    server_stop(server);
    return child > 0 ? 0 : 1;
}

static const struct cli_option options[] = {SERVE_OPTIONS, {NULL, NULL, NULL}};

static int demo_run(const struct cli_command *command, const struct cli_values *values)
{
    struct config config;
    config_init(&config);
    config_set_listener(&config, LISTENER_METRICS, "127.0.0.1:9464", stderr);
    if (!serve_options_apply(command, values, &config)) {
        config_deinit(&config);
        return EXIT_USAGE;
    }
    for (unsigned i = 0; i < config.listener_count; i++) {
        config.listeners[i].fallback_port = true;
    }
    log_setup(LOG_WARN, LOG_LOGFMT, STDERR_FILENO);
    char folder[] = "/tmp/muster-demo-XXXXXX";
    bool is_temporary = cli_value(command, values, "data") == NULL;
    if (is_temporary) {
        if (!mkdtemp(folder)) {
            fprintf(stderr, "muster demo: no temporary folder: %s\n", strerror(errno));
            config_deinit(&config);
            return 1;
        }
        mem_free(config.data_dir);
        config.data_dir = mem_dup(folder, sizeof folder);
    }
    struct demo demo = {.http = NULL};
    random_base62(demo.password, PASSWORD_CHARS);
    int code = setup_data_folder(config.data_dir, DEMO_PARTNER, DEMO_EMAIL, str_from_cstr(demo.password), &demo.keys)
                   ? run_demo(&demo, &config)
                   : 1;
    if (is_temporary) {
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    config_deinit(&config);
    return code;
}

const struct cli_command command_demo = {
    .name = "demo",
    .usage = "[OPTIONS]",
    .summary = "Run a server on loopback that sets itself up, with five live devices.",
    .details = "Prints the portals' addresses and a random password. A port that is taken is replaced by a free one.\n"
               "Without --data everything is kept in a temporary folder and removed at the end; with it the folder must\n"
               "be new, and stays.",
    .options = options,
    .run = demo_run,
};
