#include "app/config.h"

#include <fcntl.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/settings_table.h"
#include "base/buf.h"
#include "base/mem.h"
#include "codec/config/config_file.h"

static const char *const kind_names[LISTENER_KIND_COUNT] = {
    [LISTENER_HTTP] = "http",   [LISTENER_HTTPS] = "https",     [LISTENER_MQTT] = "mqtt",
    [LISTENER_MQTTS] = "mqtts", [LISTENER_METRICS] = "metrics",
    [LISTENER_MQTT_OPEN] = "mqtt-open", [LISTENER_MQTTS_OPEN] = "mqtts-open",
};

const char *listener_kind_name(enum listener_kind kind)
{
    return kind_names[kind];
}

static bool parse_kind(struct str text, enum listener_kind *ret_kind)
{
    for (int kind = 0; kind <= LISTENER_METRICS; kind++) {
        if (str_eq(text, str_from_cstr(kind_names[kind]))) {
            *ret_kind = (enum listener_kind)kind;
            return true;
        }
    }
    return false;
}


void config_init(struct config *config)
{
    *config = (struct config){.data_dir = str_dup(STR("./muster-data"))};
    settings_init(&config->settings);
    static const struct {
        enum listener_kind kind;
        uint16_t port;
    } defaults[] = {{LISTENER_HTTP, 8080}, {LISTENER_HTTPS, 8443}, {LISTENER_MQTT, 1883}, {LISTENER_MQTTS, 8883}};
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        config->listeners[config->listener_count++] =
            (struct listener_spec){.kind = defaults[i].kind, .host = "127.0.0.1", .port = defaults[i].port};
    }
}

void config_deinit(struct config *config)
{
    settings_deinit(&config->settings);
    mem_free(config->data_dir);
    mem_free(config->portal_dir);
    *config = (struct config){.data_dir = NULL};
}

static void remove_listeners(struct config *config, enum listener_kind kind)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].kind != kind) {
            config->listeners[kept++] = config->listeners[i];
        }
    }
    config->listener_count = kept;
}

static bool is_open(enum listener_kind kind)
{
    return kind == LISTENER_MQTT_OPEN || kind == LISTENER_MQTTS_OPEN;
}

/* Text of what is wrong, or NULL. */
static const char *add_listener(struct config *config, enum listener_kind kind, struct str text, struct str name,
                                bool allow_remote, bool proxy_protocol)
{
    struct config_address address;
    struct net_address checked;
    if (!config_to_address(text, &address)) {
        return "must be ADDR:PORT or off";
    }
    if (address.is_off) {
        return NULL;
    }
    struct listener_spec spec = {.kind = kind, .port = address.port, .proxy_protocol = proxy_protocol};
    if (address.host.len >= sizeof spec.host || !net_address_parse(address.host, address.port, &checked)) {
        return "must name a numeric address or localhost";
    }
    if (is_open(kind) && !allow_remote && !net_address_is_loopback(&checked)) {
        return "of an open listener must be loopback, or needs allow_remote = yes beside it";
    }
    if (config->listener_count == CONFIG_LISTENERS_MAX) {
        return "is one listener too many (at most 32)";
    }
    memcpy(spec.host, address.host.ptr, address.host.len);
    snprintf(spec.name, sizeof spec.name, "%.*s", STR_ARG(name));
    config->listeners[config->listener_count++] = spec;
    return NULL;
}

bool config_set_listener(struct config *config, enum listener_kind kind, const char *text, FILE *errors)
{
    remove_listeners(config, kind);
    const char *mistake = add_listener(config, kind, str_from_cstr(text), STR("open"), false, false);
    if (mistake) {
        fprintf(errors, "muster: --%s %s, not '%s'\n", listener_kind_name(kind), mistake, text);
    }
    return mistake == NULL;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

struct reading {
    struct config *config;
    bool replaced[LISTENER_KIND_COUNT]; /* the defaults of this kind are gone */
    /* the [listener NAME] section that is being read */
    bool in_listener, has_kind, has_address, is_open, allow_remote, proxy_protocol;
    char name[64];
    enum listener_kind kind;
    char address[128];
    unsigned section_line, address_line;
    unsigned proxy_line; /* the first listener with proxy_protocol; 0: none */
};

/* A [listener] section is complete when the next one begins: only then both lines of it are known. */
static void end_listener(struct reading *reading, struct config_mistakes *mistakes)
{
    if (!reading->in_listener) {
        return;
    }
    reading->in_listener = false;
    if (!reading->has_kind || !reading->has_address) {
        config_mistake_add(mistakes, reading->section_line, "this listener has no %s",
                           reading->has_kind ? "address" : "kind");
        return;
    }
    if (reading->is_open && reading->kind != LISTENER_MQTT && reading->kind != LISTENER_MQTTS) {
        config_mistake_add(mistakes, reading->section_line, "only a listener for mqtt or mqtts can be open");
        return;
    }
    if (reading->proxy_protocol && reading->kind == LISTENER_METRICS) {
        config_mistake_add(mistakes, reading->section_line, "a listener for metrics has no proxy_protocol");
        return;
    }
    if (reading->is_open) {
        reading->kind = reading->kind == LISTENER_MQTT ? LISTENER_MQTT_OPEN : LISTENER_MQTTS_OPEN;
    }
    if (!reading->replaced[reading->kind]) {
        remove_listeners(reading->config, reading->kind);
        reading->replaced[reading->kind] = true;
    }
    const char *mistake = add_listener(reading->config, reading->kind, str_from_cstr(reading->address),
                                       str_from_cstr(reading->name), reading->allow_remote, reading->proxy_protocol);
    if (reading->proxy_protocol && !reading->proxy_line) {
        reading->proxy_line = reading->section_line;
    }
    if (mistake) {
        config_mistake_add(mistakes, reading->address_line, "address %s, not '%s'", mistake, reading->address);
    }
}

static void read_listener_item(struct reading *reading, const struct config_item *item, struct config_mistakes *mistakes)
{
    if (str_eq(item->name, STR("kind"))) {
        reading->has_kind = parse_kind(item->value, &reading->kind);
        if (!reading->has_kind) {
            config_mistake_add(mistakes, item->line, "kind must be http, https, mqtt, mqtts or metrics, not '%.*s'",
                               STR_ARG(item->value));
            reading->in_listener = false;
        }
    } else if (str_eq(item->name, STR("address"))) {
        snprintf(reading->address, sizeof reading->address, "%.*s", STR_ARG(item->value));
        reading->has_address = true;
        reading->address_line = item->line;
    } else if (str_eq(item->name, STR("access"))) {
        reading->is_open = str_eq(item->value, STR("open"));
        if (!reading->is_open && !str_eq(item->value, STR("credentials"))) {
            config_mistake_add(mistakes, item->line, "access must be credentials or open, not '%.*s'", STR_ARG(item->value));
        }
    } else if (str_eq(item->name, STR("allow_remote"))) {
        if (!config_to_bool(item->value, &reading->allow_remote)) {
            config_mistake_add(mistakes, item->line, "allow_remote must be yes or no, not '%.*s'", STR_ARG(item->value));
        }
    } else if (str_eq(item->name, STR("proxy_protocol"))) {
        if (!config_to_bool(item->value, &reading->proxy_protocol)) {
            config_mistake_add(mistakes, item->line, "proxy_protocol must be yes or no, not '%.*s'", STR_ARG(item->value));
        }
    } else {
        config_mistake_add(mistakes, item->line, "unknown setting '%.*s' in [listener]", STR_ARG(item->name));
    }
}

static void begin_section(struct reading *reading, const struct config_item *item, struct config_mistakes *mistakes)
{
    end_listener(reading, mistakes);
    if (str_eq(item->section, STR("listener"))) {
        reading->in_listener = true;
        reading->has_kind = reading->has_address = reading->is_open = false;
        reading->allow_remote = reading->proxy_protocol = false;
        snprintf(reading->name, sizeof reading->name, "%.*s", STR_ARG(item->section_name));
        reading->section_line = item->line;
    } else if (!settings_has_section(item->section)) {
        config_mistake_add(mistakes, item->line, "unknown section [%.*s]", STR_ARG(item->section));
    }
}

static void on_item(void *user, const struct config_item *item, struct config_mistakes *mistakes)
{
    struct reading *reading = user;
    if (!item->name.ptr) {
        begin_section(reading, item, mistakes);
    } else if (str_eq(item->section, STR("listener"))) {
        if (reading->in_listener) {
            read_listener_item(reading, item, mistakes);
        }
    } else if (settings_has_section(item->section)) {
        char text[256];
        if (!settings_set(&reading->config->settings, item->section, item->name, item->value, text, sizeof text)) {
            config_mistake_add(mistakes, item->line, "%s", text);
        } else {
            reading->config->given.set[settings_find(item->section, item->name)] = true;
        }
    } else if (!item->section.len) {
        config_mistake_add(mistakes, item->line, "'%.*s' stands before the first [section]", STR_ARG(item->name));
    }
}

static bool read_whole_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    char part[8192];
    ssize_t got;
    while ((got = read(fd, part, sizeof part)) > 0) {
        buf_append(out, part, (size_t)got);
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return got == 0 && !out->failed;
}

int config_read_file(struct config *config, const char *path, FILE *errors)
{
    struct buf text;
    buf_init(&text, CONFIG_FILE_BYTES_MAX);
    errno = EFBIG;
    if (!read_whole_file(path, &text)) {
        fprintf(errors, "%s: cannot be read: %s\n", path, strerror(errno));
        buf_deinit(&text);
        return -1;
    }
    struct config_mistakes mistakes;
    config_mistakes_init(&mistakes);
    struct reading reading = {.config = config};
    enum err err = config_parse(buf_str(&text), on_item, &reading, &mistakes);
    end_listener(&reading, &mistakes);
    if (reading.proxy_line && !config->settings.server_trusted_proxies[0]) {
        config_mistake_add(&mistakes, reading.proxy_line, "proxy_protocol needs trusted_proxies in [server]");
    }
    for (size_t i = 0; i < mistakes.count; i++) {
        fprintf(errors, "%s:%u: %s\n", path, mistakes.items[i].line, mistakes.items[i].text);
    }
    int count = (int)mistakes.count;
    config_mistakes_deinit(&mistakes);
    buf_deinit(&text);
    return count || err == ERR_OK ? count : 1;
}
