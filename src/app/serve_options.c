#include "app/serve_options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

static void replace(char **text, const char *value)
{
    if (value) {
        mem_free(*text);
        *text = mem_dup(value, strlen(value) + 1);
    }
}

bool serve_options_apply(const struct cli_command *command, const struct cli_values *values, struct config *config)
{
    const char *file = cli_value(command, values, "config");
    if (file && config_read_file(config, file, stderr) != 0) {
        return false;
    }
    static const enum listener_kind kinds[] = {LISTENER_HTTP, LISTENER_HTTPS, LISTENER_MQTT, LISTENER_MQTTS,
                                               LISTENER_METRICS, LISTENER_MQTT_OPEN};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *address = cli_value(command, values, listener_kind_name(kinds[i]));
        if (address && !config_set_listener(config, kinds[i], address, stderr)) {
            return false;
        }
    }
    replace(&config->data_dir, cli_value(command, values, "data"));
    replace(&config->portal_dir, cli_value(command, values, "portal-dir"));
    enum log_level level = LOG_INFO;
    log_level_parse(str_from_cstr(config->settings.server_log_level), &level);
    log_setup(level, strcmp(config->settings.server_log_format, "json") == 0 ? LOG_JSON : LOG_LOGFMT, STDERR_FILENO);
    return true;
}
