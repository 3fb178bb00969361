/* muster reset-link: a way back in for who lost the password (portal.md 2.4). It opens the data folder itself, so it works
 * only on the machine, and not beside a running server. */
#include <stdio.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/config.h"
#include "app/installation.h"
#include "app/url_source.h"
#include "base/log.h"
#include "model/account/password_reset.h"
#include "model/account/setup.h"
#include "store/store.h"

static void print_link(struct installation *installation, const char *token)
{
    struct buf url;
    buf_init(&url, 1024);
    if (!setup_public_url(&installation->domain, &url)) {
        buf_append_cstr(&url, "http://127.0.0.1:8080"); /* the default listener */
    }
    printf("Reset link (valid 24 hours, one use): %.*s/reset/%s\n", STR_ARG(buf_str(&url)), token);
    fflush(stdout);
    buf_deinit(&url);
}

static bool make_link(struct installation *installation, const char *email)
{
    struct reset_link link;
    reset_link_prepare(&link, &installation->domain, str_from_cstr(email));
    enum err err = store_run_now(installation->store, &link.op);
    err = link.op.err ? link.op.err : err;
    if (err == ERR_NOT_FOUND) {
        fprintf(stderr, "muster reset-link: no active account has the address %s\n", email);
    } else if (err) {
        fprintf(stderr, "muster reset-link: %s\n", err_name(err));
    } else {
        print_link(installation, link.token);
    }
    secret_wipe(&link, sizeof link);
    return !err;
}

static int reset_link_run_command(const struct cli_command *command, const struct cli_values *values)
{
    static const char *const required[] = {"data", "email"};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        if (!cli_value(command, values, required[i])) {
            fprintf(stderr, "muster reset-link: option --%s is required\n", required[i]);
            return EXIT_USAGE;
        }
    }
    log_setup(LOG_WARN, LOG_LOGFMT, STDERR_FILENO);
    const char *data_dir = cli_value(command, values, "data");
    if (access(data_dir, F_OK) != 0) { /* opening it would make one */
        fprintf(stderr, "muster reset-link: there is no data folder %s\n", data_dir);
        return 1;
    }
    struct settings settings;
    settings_init(&settings);
    struct installation installation;
    struct listener_urls urls;
    listener_urls_init(&urls, &installation.domain);
    bool ok = false;
    enum err err = installation_open(&installation, data_dir, &settings, &urls.source);
    if (err) {
        fprintf(stderr, "muster reset-link: the data folder %s %s\n", data_dir,
                err == ERR_BUSY ? "is in use by a running server: stop it first" : "cannot be opened");
    } else {
        ok = make_link(&installation, cli_value(command, values, "email"));
        installation_close(&installation);
    }
    settings_deinit(&settings);
    return ok ? 0 : 1;
}

static const struct cli_option options[] = {
    {"data", "DIR", "the data folder of the server, which must not run"},
    {"email", "ADDR", "e-mail address of the administrator"},
    {NULL, NULL, NULL},
};

const struct cli_command command_reset_link = {
    .name = "reset-link",
    .usage = "--data DIR --email ADDR",
    .summary = "Print a one-time link that sets a new password.",
    .details = "For an administrator who lost access. Stop the server first. A new link voids the person's earlier one.\n"
               "Using it turns the person's one-time codes off and ends the person's sessions.",
    .options = options,
    .run = reset_link_run_command,
};
