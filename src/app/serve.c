/* muster serve. */
#include "app/commands.h"
#include "app/config.h"
#include "app/serve_options.h"
#include "app/server.h"

static const struct cli_option options[] = {SERVE_OPTIONS, {NULL, NULL, NULL}};

static int serve_run(const struct cli_command *command, const struct cli_values *values)
{
    struct config config;
    config_init(&config);
    int code = serve_options_apply(command, values, &config) ? 0 : EXIT_USAGE;
    struct server *server;
    if (code == 0 && server_start(&config, cli_value(command, values, "config"), &server) != ERR_OK) {
        code = 1;
    } else if (code == 0) {
        server_run(server, 0);
        server_stop(server);
    }
    config_deinit(&config);
    return code;
}

const struct cli_command command_serve = {
    .name = "serve",
    .usage = "[OPTIONS]",
    .summary = "Run the server: device API, MQTT hub, management APIs and portals.",
    .details = "Each address is ADDR:PORT or 'off'; port 0 takes a free port. What really listens is printed, then\n"
               "'ready'. SIGTERM ends the server cleanly, SIGHUP reloads certificates and reloadable settings.",
    .options = options,
    .run = serve_run,
};
