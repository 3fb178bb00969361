/* muster setup: the set-up page without a browser (portal.md 2). */
#include "app/setup.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/config.h"
#include "app/installation.h"
#include "app/url_source.h"
#include "base/log.h"
#include "codec/json/json.h"
#include "store/store.h"

static bool fill_result(const struct setup_run *run, struct setup_result *result)
{
    if (reply_is_error(&run->reply) || run->op.err) {
        struct str text = reply_error_text(&run->reply);
        if (!text.len) {
            text = str_from_cstr(err_name(run->op.err));
        }
        fprintf(stderr, "muster setup: %.*s\n", STR_ARG(text));
        return false;
    }
    uuid_format(&run->partner_id, result->partner_id);
    uuid_format(&run->organization_id, result->organization_id);
    memcpy(result->partner_key, run->partner_key, sizeof result->partner_key);
    memcpy(result->organization_key, run->organization_key, sizeof result->organization_key);
    return true;
}

static bool run_setup(struct installation *installation, const char *partner, const char *email, struct str password,
                      struct setup_result *result)
{
    if (!setup_is_needed(&installation->domain)) {
        fprintf(stderr, "muster setup: this installation is set up already\n");
        return false;
    }
    struct str name = str_from_cstr(email);
    name = str_split(&name, '@');
    struct setup_request request = {
        .name = name,
        .email = str_from_cstr(email),
        .password = password,
        .partner_name = str_from_cstr(partner),
        .makes_api_keys = true,
    };
    struct setup_run *run = setup_run_new(&installation->domain, &request);
    setup_run_prepare(run);
    if (!reply_is_error(&run->reply) && store_run_now(installation->store, &run->op) != ERR_OK && !run->op.err) {
        run->op.err = ERR_STORAGE;
    }
    bool ok = fill_result(run, result);
    setup_run_free(run);
    return ok;
}

bool setup_data_folder(const char *data_dir, const char *partner, const char *email, struct str password,
                       struct setup_result *ret_result)
{
    struct settings settings;
    settings_init(&settings);
    struct installation installation;
    struct listener_urls urls;
    listener_urls_init(&urls, &installation.domain);
    enum err err = installation_open(&installation, data_dir, &settings, &urls.source);
    if (err) {
        fprintf(stderr, "muster setup: the data folder %s %s\n", data_dir,
                err == ERR_BUSY ? "is in use by a running server" : "cannot be opened");
        settings_deinit(&settings);
        return false;
    }
    bool ok = run_setup(&installation, partner, email, password, ret_result);
    installation_close(&installation);
    settings_deinit(&settings);
    return ok;
}

/* First line of the file, without its end. False: cannot be read. */
static bool read_password(const char *path, char *out, size_t size, struct str *ret_password)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, out, size) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (got < 0) {
        return false;
    }
    struct str text = str_from(out, (size_t)got);
    struct str line = str_split(&text, '\n');
    if (line.len && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    *ret_password = line;
    return true;
}

static void print_result(const struct setup_result *result)
{
    struct buf out;
    buf_init(&out, 4096);
    struct json_writer w;
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_field_cstr(&w, "partner_id", result->partner_id);
    json_field_cstr(&w, "partner_key", result->partner_key);
    json_field_cstr(&w, "organization_id", result->organization_id);
    json_field_cstr(&w, "organization_key", result->organization_key);
    json_end_object(&w);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    fflush(stdout);
    secret_wipe(out.data, out.len);
    buf_deinit(&out);
}

static const struct cli_option options[] = {
    {"data", "DIR", "the data folder; default ./muster-data"},
    {"partner", "NAME", "company name of the partner"},
    {"email", "ADDR", "e-mail address of the administrator"},
    {"password-file", "FILE", "file whose first line is the administrator's password (12 characters or more)"},
    {NULL, NULL, NULL},
};

static int setup_run_command(const struct cli_command *command, const struct cli_values *values)
{
    static const char *const required[] = {"partner", "email", "password-file"};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        if (!cli_value(command, values, required[i])) {
            fprintf(stderr, "muster setup: option --%s is required\n", required[i]);
            return EXIT_USAGE;
        }
    }
    log_setup(LOG_WARN, LOG_LOGFMT, STDERR_FILENO);
    const char *file = cli_value(command, values, "password-file");
    const char *data_dir = cli_value(command, values, "data");
    char buffer[PASSWORD_BYTES_MAX + 2];
    struct str password;
    if (!read_password(file, buffer, sizeof buffer, &password)) {
        fprintf(stderr, "muster setup: %s cannot be read\n", file);
        return 1;
    }
    struct setup_result result;
    bool ok = setup_data_folder(data_dir ? data_dir : "./muster-data", cli_value(command, values, "partner"),
                                cli_value(command, values, "email"), password, &result);
    secret_wipe(buffer, sizeof buffer);
    if (!ok) {
        return 1;
    }
    print_result(&result);
    secret_wipe(&result, sizeof result);
    return 0;
}

const struct cli_command command_setup = {
    .name = "setup",
    .usage = "--data DIR --partner NAME --email ADDR --password-file FILE",
    .summary = "Set an installation up without a browser and print its keys.",
    .details = "Prints one JSON line with partner_id, partner_key, organization_id and organization_key (the lab\n"
               "organization's). The person is administrator of both. The keys are shown only here.",
    .options = options,
    .run = setup_run_command,
};
