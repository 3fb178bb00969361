#include "app/simulate/scenario.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/config/config_file.h"

enum { DEVICES_MAX = 1000000, RATE_MAX = 100000 };

enum value_kind { VALUE_TEXT, VALUE_DURATION, VALUE_NUMBER, VALUE_COUNT, VALUE_RATE, VALUE_KILLS };

struct key {
    const char *section, *name;
    enum value_kind kind;
    size_t offset; /* in struct scenario */
    const char *help;
};

#define AT(member) offsetof(struct scenario, member)
#define RATE(id, key, help) {"rates", #key, VALUE_RATE, AT(rates) + ACTION_##id * sizeof(double), help},

static const struct key keys[] = {
    {"run", "duration", VALUE_DURATION, AT(duration_ms), "how long all this goes on, e.g. 10m"},
    {"run", "settle", VALUE_DURATION, AT(settle_ms), "how long what is under way then may take; default 5m"},
    {"run", "seed", VALUE_NUMBER, AT(seed), "of the lots that are drawn; default 1"},
    {"server", "url", VALUE_TEXT, AT(url), "of the API, e.g. http://127.0.0.1:8080"},
    {"server", "keys", VALUE_TEXT, AT(keys), "file with the line that 'muster setup' printed"},
    {"server", "command", VALUE_TEXT, AT(command), "starts the server; without it one runs already"},
    {"server", "log", VALUE_TEXT, AT(log), "file that the server's output is appended to"},
    {"server", "kill_at", VALUE_KILLS, 0, "when it is killed (SIGKILL) and started again, e.g. 2m 5m 450s"},
    {"fleet", "http", VALUE_COUNT, AT(devices[DEVICE_HTTP]), "devices that poll over HTTP"},
    {"fleet", "mqtt_generation_1", VALUE_COUNT, AT(devices[DEVICE_MQTT1]), "devices on MQTT with topics of generation 1"},
    {"fleet", "mqtt_generation_2", VALUE_COUNT, AT(devices[DEVICE_MQTT2]), "devices on MQTT with topics of generation 2"},
    {"fleet", "children", VALUE_COUNT, AT(devices[DEVICE_CHILD]), "children, spread over the devices"},
    {"fleet", "report_every", VALUE_DURATION, AT(report_every_ms), "between two reports of one device; default 10s"},
    {"fleet", "spaces", VALUE_COUNT, AT(spaces), "spaces that they are in; default 10"},
    {"fleet", "licenses", VALUE_COUNT, AT(licenses), "licences that there are"},
    {"fleet", "connections", VALUE_COUNT, AT(connections), "HTTP connections that all calls share; default 64"},
    SCENARIO_ACTIONS(RATE)
};
enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

const char *action_name(enum action action)
{
#define NAME(id, key, help) [ACTION_##id] = #key,
    static const char *const names[ACTION_COUNT] = {SCENARIO_ACTIONS(NAME)};
#undef NAME
    return names[action];
}

void scenario_init(struct scenario *scenario)
{
    *scenario = (struct scenario){.seed = 1, .spaces = 10, .connections = 64, .report_every_ms = 10000,
                                  .settle_ms = 300000};
}

/* ---- values: NULL, or what they must be -------------------------------------------------------------------------- */

static const char *read_text(char *out, struct str value)
{
    if (!value.len || value.len >= SCENARIO_TEXT_BYTES) {
        return "must be a text of at most 1023 bytes";
    }
    snprintf(out, SCENARIO_TEXT_BYTES, "%.*s", STR_ARG(value));
    return NULL;
}

static const char *read_count(unsigned *out, struct str value)
{
    uint64_t number;
    if (!config_to_unsigned(value, DEVICES_MAX, &number)) {
        return "must be a whole number up to 1000000";
    }
    *out = (unsigned)number;
    return NULL;
}

static const char *read_rate(double *out, struct str value)
{
    double rate;
    if (!str_to_double(value, &rate) || !(rate >= 0 && rate <= RATE_MAX)) {
        return "must be a number a second, up to 100000";
    }
    *out = rate;
    return NULL;
}

static const char *read_kills(struct scenario *scenario, struct str value)
{
    while (value.len) {
        struct str word = str_split(&value, ' ');
        if (!word.len) {
            continue;
        }
        uint64_t at_ms;
        if (scenario->kills == SCENARIO_KILLS_MAX || !config_to_duration_ms(word, &at_ms) ||
            (scenario->kills && at_ms <= scenario->kill_at_ms[scenario->kills - 1])) {
            return "must be up to 32 times that ascend, e.g. 2m 5m 450s";
        }
        scenario->kill_at_ms[scenario->kills++] = at_ms;
    }
    return NULL;
}

static const char *read_value(struct scenario *scenario, const struct key *key, struct str value)
{
    void *at = (char *)scenario + key->offset;
    uint64_t number;
    switch (key->kind) {
    case VALUE_TEXT:
        return read_text(at, value);
    case VALUE_COUNT:
        return read_count(at, value);
    case VALUE_RATE:
        return read_rate(at, value);
    case VALUE_KILLS:
        return read_kills(scenario, value);
    case VALUE_NUMBER:
        if (!str_to_u64(value, &number)) {
            return "must be a whole number";
        }
        memcpy(at, &number, sizeof number);
        return NULL;
    case VALUE_DURATION:
        if (!config_to_duration_ms(value, &number) || number == 0) {
            return "must be a time above 0, e.g. 10m";
        }
        memcpy(at, &number, sizeof number);
        return NULL;
    }
    return NULL;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

struct reading {
    struct scenario *scenario;
    bool given[KEY_COUNT];
};

static bool is_section(struct str section)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (str_eq(section, str_from_cstr(keys[i].section))) {
            return true;
        }
    }
    return false;
}

static void on_item(void *user, const struct config_item *item, struct config_mistakes *mistakes)
{
    struct reading *reading = user;
    if (!item->name.ptr) {
        if (!is_section(item->section) || item->section_name.len) {
            config_mistake_add(mistakes, item->line, "unknown section [%.*s]", STR_ARG(item->section));
        }
        return;
    }
    if (!is_section(item->section)) { /* said at its beginning, or there was none */
        if (!item->section.len) {
            config_mistake_add(mistakes, item->line, "'%.*s' stands before the first [section]", STR_ARG(item->name));
        }
        return;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (str_eq(item->section, str_from_cstr(keys[i].section)) && str_eq(item->name, str_from_cstr(keys[i].name))) {
            const char *mistake = reading->given[i] ? "stands here for the second time"
                                                    : read_value(reading->scenario, &keys[i], item->value);
            reading->given[i] = true;
            if (mistake) {
                config_mistake_add(mistakes, item->line, "%s %s", keys[i].name, mistake);
            }
            return;
        }
    }
    config_mistake_add(mistakes, item->line, "unknown key '%.*s' in [%.*s]", STR_ARG(item->name), STR_ARG(item->section));
}

/* What several keys must be together; NULL: they are. */
static const char *whole_mistake(const struct scenario *s)
{
    unsigned speakers = s->devices[DEVICE_HTTP] + s->devices[DEVICE_MQTT1] + s->devices[DEVICE_MQTT2];
    if (!s->url[0] || !s->keys[0]) {
        return "[server] needs url and keys";
    }
    if (!s->duration_ms) {
        return "[run] needs a duration";
    }
    if (!speakers) {
        return "[fleet] needs devices";
    }
    if (!s->spaces || !s->connections) {
        return "[fleet] needs a space and a connection at least";
    }
    if (s->kills && !s->command[0]) {
        return "kill_at needs the command that starts the server";
    }
    if (s->kills && s->kill_at_ms[s->kills - 1] >= s->duration_ms) {
        return "kill_at must be before the end of the run";
    }
    return NULL;
}

bool scenario_parse(struct scenario *scenario, struct str text, const char *name, FILE *errors)
{
    struct config_mistakes mistakes;
    struct reading reading = {.scenario = scenario};
    config_mistakes_init(&mistakes);
    enum err err = config_parse(text, on_item, &reading, &mistakes);
    for (size_t i = 0; i < mistakes.count; i++) {
        fprintf(errors, "%s:%u: %s\n", name, mistakes.items[i].line, mistakes.items[i].text);
    }
    bool ok = err == ERR_OK && mistakes.count == 0;
    config_mistakes_deinit(&mistakes);
    const char *mistake = ok ? whole_mistake(scenario) : NULL;
    if (mistake) {
        fprintf(errors, "%s: %s\n", name, mistake);
    }
    size_t len = strlen(scenario->url);
    while (len && scenario->url[len - 1] == '/') {
        scenario->url[--len] = 0;
    }
    return ok && !mistake;
}

bool scenario_read_file(struct scenario *scenario, const char *path, FILE *errors)
{
    struct buf text;
    char part[8192];
    size_t got;
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(errors, "%s: cannot be read: %s\n", path, strerror(errno));
        return false;
    }
    buf_init(&text, CONFIG_FILE_BYTES_MAX);
    while ((got = fread(part, 1, sizeof part, file)) > 0) {
        buf_append(&text, part, got);
    }
    bool ok = !ferror(file) && !text.failed;
    if (!ok) {
        fprintf(errors, "%s: cannot be read, or too large\n", path);
    }
    fclose(file);
    ok = ok && scenario_parse(scenario, buf_str(&text), path, errors);
    buf_deinit(&text);
    return ok;
}

void scenario_print_keys(FILE *out)
{
    const char *section = "";
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(section, keys[i].section) != 0) {
            section = keys[i].section;
            fprintf(out, "[%s]%s\n", section, strcmp(section, "rates") == 0 ? "  per second; default 0" : "");
        }
        fprintf(out, "  %-20s %s\n", keys[i].name, keys[i].help);
    }
}
