/* What both runners of scenarios have in common: words, expectations, clients' lines, files. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

void script_fail(struct script *script, const char *format, ...)
{
    va_list args;
    script->failures++;
    if (script->quiet) {
        return;
    }
    va_start(args, format);
    fprintf(stderr, "%s:%u: ", script->file, script->line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
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

/* `x...5000`: 5000 times what stands before the dots last. */
static struct str last_repeated(struct script *s, struct str text)
{
    const char *dots = memmem(text.ptr, text.len, "...", 3);
    int64_t times;
    if (!dots || dots == text.ptr || !str_to_i64(str_sub(text, (size_t)(dots - text.ptr) + 3, text.len), &times)) {
        return text;
    }
    size_t before = (size_t)(dots - text.ptr) - 1;
    char *made = arena_alloc(&s->arena, before + (size_t)times);
    memcpy(made, text.ptr, before);
    memset(made + before, dots[-1], (size_t)times);
    return str_from(made, before + (size_t)times);
}

struct str topic_expand(struct script *s, struct str text)
{
    text = last_repeated(s, text);
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

/* `name=*`: whatever the value is. */
static bool word_fits(struct str word, struct str want)
{
    return str_ends_with(want, STR("=*")) ? str_starts_with(word, str_sub(want, 0, want.len - 1)) : str_eq(word, want);
}

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
            found |= word_fits(word, want);
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

void script_expect_silence(struct script *s)
{
    for (size_t i = 0; i < s->world->client_count; i++) {
        struct inbox *inbox = &s->inboxes[i];
        for (; inbox->first < inbox->count; inbox->first++) {
            script_fail(s, "%s got at the end: %.*s", s->world->clients[i].name, STR_ARG(inbox->lines[inbox->first]));
        }
    }
}

bool script_client_step(struct script *s, struct str line)
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
    } else if (!s->inboxes[client - s->world->clients].was_opened) {
        script_fail(s, "%s was never connected", client->name);
    } else {
        if (s->stage->wait) {
            s->stage->wait(s, client, str_eq(tokens.list[0], STR("nothing")));
        }
        expect_line(s, client, &tokens, rest);
    }
    return true;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

/* Scenarios begin with a line `== name`. */
static void split_file(const char *path, struct str text, script_run_fn *run, void *context)
{
    struct scenario scenario = {.file = path};
    unsigned line = 1;
    while (text.len > 0) {
        const char *start = text.ptr;
        struct str row = str_split(&text, '\n');
        if (str_starts_with(row, STR("== "))) {
            if (scenario.name.len > 0) {
                scenario.text.len = (size_t)(start - scenario.text.ptr);
                run(context, &scenario);
            }
            scenario.name = str_trim(str_sub(row, 3, row.len));
            scenario.text.ptr = row.ptr + row.len + 1;
            scenario.line = line + 1;
        }
        line++;
        if (text.len == 0 && scenario.name.len > 0) {
            scenario.text.len = (size_t)(row.ptr + row.len - scenario.text.ptr);
            run(context, &scenario);
        }
    }
}

bool script_run_file(const char *path, script_run_fn *run, void *context)
{
    struct buf text;
    char chunk[65536];
    buf_init(&text, (size_t)16 * 1024 * 1024);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot open %s\n", path);
        return false;
    }
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;) {
        buf_append(&text, chunk, got);
    }
    fclose(file);
    while (text.len > 0 && text.data[text.len - 1] == '\n') {
        text.len--;
    }
    split_file(path, buf_str(&text), run, context);
    buf_deinit(&text);
    return true;
}
