/* Runs scenario files: hub_replay FILE... Each scenario runs with one loop and with two. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "script.h"

void script_fail(struct script *script, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%u: ", script->file, script->line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    script->failures++;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

void tokens_split(struct tokens *tokens, struct str line)
{
    tokens->count = 0;
    while (line.len > 0 && tokens->count < TOKENS_MAX) {
        struct str word = str_split(&line, ' ');
        if (word.len > 0) {
            tokens->list[tokens->count++] = word;
        }
    }
}

bool tokens_get(const struct tokens *tokens, const char *name, struct str *ret_value)
{
    size_t len = strlen(name);
    for (size_t i = 1; i < tokens->count; i++) {
        struct str t = tokens->list[i];
        if (t.len > len && t.ptr[len] == '=' && memcmp(t.ptr, name, len) == 0) {
            *ret_value = str_sub(t, len + 1, t.len);
            return true;
        }
    }
    return false;
}

bool tokens_has(const struct tokens *tokens, const char *word)
{
    for (size_t i = 1; i < tokens->count; i++) {
        if (str_eq(tokens->list[i], str_from_cstr(word))) {
            return true;
        }
    }
    return false;
}

bool number_parse(struct str text, int64_t *ret_number)
{
    if (str_starts_with(text, STR("0x"))) {
        char copy[32] = "";
        memcpy(copy, text.ptr, text.len < 31 ? text.len : 31);
        *ret_number = (int64_t)strtoll(copy, NULL, 16);
        return true;
    }
    return str_to_i64(text, ret_number);
}

int64_t tokens_number(const struct tokens *tokens, const char *name, int64_t otherwise)
{
    struct str value;
    int64_t number = otherwise;
    if (tokens_get(tokens, name, &value)) {
        number_parse(value, &number);
    }
    return number;
}

struct str topic_expand(struct script *s, struct str text)
{
    if (!str_starts_with(text, STR("@"))) {
        return text;
    }
    struct str rest = str_sub(text, 1, text.len);
    struct str name = str_split(&rest, '/');
    struct world_device *d = world_device(s->world, name);
    char id[UUID_TEXT_BYTES] = "00000000-0000-4000-8000-000000000000";
    if (d) {
        uuid_format(&d->brief.id, id);
    }
    return arena_printf(&s->arena, DEVICE_PREFIX "%s/%.*s", id, STR_ARG(rest));
}

struct str topic_shorten(struct script *s, struct str topic)
{
    struct uuid id;
    struct str rest;
    if (device_topic_split(topic, &id, &rest)) {
        for (size_t i = 0; i < s->world->device_count; i++) {
            if (uuid_eq(&s->world->devices[i].brief.id, &id)) {
                return arena_printf(&s->arena, "@%s/%.*s", s->world->devices[i].name, STR_ARG(rest));
            }
        }
    }
    return topic;
}

/* --- expectations ------------------------------------------------------------------------------------------------- */

/* Every expected word is among the actual ones; `!word` is not, neither alone nor as a name. */
static bool line_fits(struct str actual, const struct tokens *expected)
{
    struct tokens have;
    tokens_split(&have, actual);
    if (have.count == 0 || !str_eq(have.list[0], expected->list[0])) {
        return false;
    }
    for (size_t i = 1; i < expected->count; i++) {
        struct str want = expected->list[i];
        bool negated = want.ptr[0] == '!';
        want = negated ? str_sub(want, 1, want.len) : want;
        bool found = false;
        for (size_t k = 1; k < have.count; k++) {
            struct str word = have.list[k];
            found |= str_eq(word, want);
            found |= negated && str_starts_with(word, want) && word.len > want.len && word.ptr[want.len] == '=';
        }
        if (found == negated) {
            return false;
        }
    }
    return true;
}

static void expect_line(struct script *s, struct world_client *client, const struct tokens *expected, struct str line)
{
    struct inbox *inbox = &s->inboxes[client - s->world->clients];
    bool nothing = str_eq(expected->list[0], STR("nothing"));
    if (inbox->first == inbox->count) {
        if (!nothing) {
            script_fail(s, "%s got nothing, expected: %.*s", client->name, STR_ARG(line));
        }
        return;
    }
    struct str actual = inbox->lines[inbox->first];
    if (nothing) {
        script_fail(s, "%s got: %.*s, expected nothing", client->name, STR_ARG(actual));
        return;
    }
    inbox->first++;
    if (!line_fits(actual, expected)) {
        script_fail(s, "%s got: %.*s\n    expected: %.*s", client->name, STR_ARG(actual), STR_ARG(line));
    }
}

static void expect_silence(struct script *s)
{
    for (size_t i = 0; i < s->world->client_count; i++) {
        struct inbox *inbox = &s->inboxes[i];
        for (; inbox->first < inbox->count; inbox->first++) {
            script_fail(s, "%s got at the end: %.*s", s->world->clients[i].name, STR_ARG(inbox->lines[inbox->first]));
        }
    }
}

/* --- a scenario --------------------------------------------------------------------------------------------------- */

/* `NAME> packet` or `NAME< packet`; false: it is a step of the world. */
static bool client_step(struct script *s, struct str line)
{
    struct str rest = line;
    struct str head = str_split(&rest, ' ');
    char name[32] = "";
    if (head.len < 2 || head.len > sizeof name || (head.ptr[head.len - 1] != '>' && head.ptr[head.len - 1] != '<')) {
        return false;
    }
    memcpy(name, head.ptr, head.len - 1);
    struct world_client *client = world_client(s->world, name);
    struct tokens tokens;
    tokens_split(&tokens, rest);
    if (!client || tokens.count == 0) {
        script_fail(s, "cannot understand this line");
    } else if (head.ptr[head.len - 1] == '>') {
        script_client_sends(s, client, &tokens);
    } else {
        expect_line(s, client, &tokens, rest);
    }
    return true;
}

static void run_line(struct script *s, struct str line)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#') {
        return;
    }
    if (!client_step(s, line)) {
        struct tokens tokens;
        tokens_split(&tokens, line);
        script_world_step(s, &tokens);
    }
    script_collect(s);
}

/* REPLAY_SEEDS=FOLDER: each scenario's packets as a seed for tests/fuzz/hub_stream_fuzz.c. */
static void write_seed(const struct script *s, unsigned first_line)
{
    char path[4096];
    const char *slash = strrchr(s->file, '/');
    snprintf(path, sizeof path, "%s/%s-%u", getenv("REPLAY_SEEDS"), slash ? slash + 1 : s->file, first_line);
    FILE *file = fopen(path, "wb");
    if (file) {
        fwrite(s->world->record->data, 1, s->world->record->len, file);
        fclose(file);
    }
}

static unsigned run_scenario(const char *file, unsigned first_line, struct str text, unsigned loops)
{
    struct script *s = mem_new(struct script);
    s->file = file;
    s->line = first_line;
    for (size_t i = 0; i < WORLD_CLIENTS_MAX; i++) {
        s->inboxes[i].closed_is_told = true;
    }
    arena_init(&s->arena);
    s->world = world_new(loops);
    struct buf record;
    buf_init(&record, (size_t)1024 * 1024);
    buf_append_u8(&record, 0);
    s->world->record = getenv("REPLAY_SEEDS") && loops == 1 ? &record : NULL;
    while (text.len > 0 && s->failures == 0) {
        run_line(s, str_split(&text, '\n'));
        s->line++;
    }
    if (s->failures == 0) {
        expect_silence(s);
    }
    unsigned failures = s->failures;
    if (s->world->record) {
        write_seed(s, first_line);
        s->world->record = NULL;
    }
    buf_deinit(&record);
    world_free(s->world);
    arena_deinit(&s->arena);
    mem_free(s);
    return failures;
}

struct totals {
    unsigned scenarios, failed;
};

static void run_both(const char *file, unsigned line, struct str name, struct str text, struct totals *totals)
{
    totals->scenarios++;
    for (unsigned loops = 1; loops <= 2; loops++) {
        if (run_scenario(file, line, text, loops) > 0) {
            fprintf(stderr, "FAILED: %.*s (%u loop%s)\n", STR_ARG(name), loops, loops > 1 ? "s" : "");
            totals->failed++;
            return;
        }
    }
}

/* Scenarios begin with a line `== name`. */
static void run_file(const char *path, struct str text, struct totals *totals)
{
    struct str name = STR(""), body = {text.ptr, 0};
    unsigned line = 1, body_line = 1;
    while (text.len > 0) {
        const char *start = text.ptr;
        struct str row = str_split(&text, '\n');
        if (str_starts_with(row, STR("== "))) {
            if (name.len > 0) {
                run_both(path, body_line, name, str_from(body.ptr, (size_t)(start - body.ptr)), totals);
            }
            name = str_trim(str_sub(row, 3, row.len));
            body.ptr = row.ptr + row.len + 1;
            body_line = line + 1;
        }
        line++;
        if (text.len == 0 && name.len > 0) {
            run_both(path, body_line, name, str_from(body.ptr, (size_t)(row.ptr + row.len - body.ptr)), totals);
        }
    }
}

int main(int argc, char **argv)
{
    struct totals totals = {0, 0};
    for (int i = 1; i < argc; i++) {
        struct buf text;
        char chunk[65536];
        buf_init(&text, (size_t)16 * 1024 * 1024);
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            fprintf(stderr, "cannot open %s\n", argv[i]);
            return 2;
        }
        for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) {
            buf_append(&text, chunk, got);
        }
        fclose(file);
        while (text.len > 0 && text.data[text.len - 1] == '\n') {
            text.len--;
        }
        run_file(argv[i], buf_str(&text), &totals);
        buf_deinit(&text);
    }
    printf("%u scenarios, %u failed\n", totals.scenarios, totals.failed);
    return totals.failed > 0 || totals.scenarios == 0;
}
