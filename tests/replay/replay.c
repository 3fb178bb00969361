/* Runs scenario files in the virtual world: hub_replay_test FILE... Each scenario runs with one loop and with two. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "script.h"

/* --- links of the virtual world ----------------------------------------------------------------------------------- */

static void stage_open(struct script *s, struct world_client *client, const struct tokens *t)
{
    char peer[64] = "192.0.2.1";
    struct str from, space, id;
    if (tokens_get(t, "from", &from) && from.len < sizeof peer) {
        memcpy(peer, from.ptr, from.len);
        peer[from.len] = '\0';
    }
    bool local = tokens_has(t, "local"), open = tokens_get(t, "open", &id);
    world_open(client, peer, local);
    world_record(s->world, WORLD_OPEN, client, (local ? 1 : 0) | (open ? 2 : 0));
    if (open) { /* a client of the open listener `space` */
        space = STR("open");
        tokens_get(t, "space", &space);
        client->connection->space = hub_open_space(&s->world->core, space);
    }
    s->inboxes[client - s->world->clients].closed_is_told = false;
}

static bool stage_is_open(const struct script *s, const struct world_client *client)
{
    (void)s;
    return client->connection != NULL;
}

static void stage_send(struct script *s, struct world_client *client, const uint8_t *data, size_t len)
{
    (void)s;
    world_send(client, data, len);
}

static void stage_close(struct script *s, struct world_client *client)
{
    (void)s;
    world_close(client);
}

static const struct stage virtual_stage = {
    .open = stage_open, .is_open = stage_is_open, .send = stage_send, .close = stage_close};

/* --- a scenario --------------------------------------------------------------------------------------------------- */

static void run_line(struct script *s, struct str line)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#' || str_starts_with(line, STR("differs ")) ||
        str_eq(line, STR("two loops"))) {
        return;
    }
    if (!script_client_step(s, line)) {
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

static unsigned run_scenario(const struct scenario *scenario, unsigned loops)
{
    struct script *s = mem_new(struct script);
    struct str text = scenario->text;
    s->file = scenario->file;
    s->line = scenario->line;
    s->stage = &virtual_stage;
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
        script_expect_silence(s);
    }
    unsigned failures = s->failures;
    if (s->world->record) {
        write_seed(s, scenario->line);
        s->world->record = NULL;
    }
    buf_deinit(&record);
    world_free(s->world);
    arena_deinit(&s->arena);
    mem_free(s);
    return failures;
}

enum { LOOPS_MAX = 3 }; /* with two, "another loop" and "all other loops" are the same */

struct totals {
    unsigned scenarios, failed;
};

static void run_with_each(void *context, const struct scenario *scenario)
{
    struct totals *totals = context;
    totals->scenarios++;
    for (unsigned loops = str_starts_with(scenario->text, STR("two loops\n")) ? 2 : 1; loops <= LOOPS_MAX; loops++) {
        if (run_scenario(scenario, loops) > 0) {
            fprintf(stderr, "FAILED: %.*s (%u loop%s)\n", STR_ARG(scenario->name), loops, loops > 1 ? "s" : "");
            totals->failed++;
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct totals totals = {0, 0};
    for (int i = 1; i < argc; i++) {
        if (!script_run_file(argv[i], run_with_each, &totals)) {
            return 2;
        }
    }
    printf("%u scenarios, %u failed\n", totals.scenarios, totals.failed);
    return totals.failed > 0 || totals.scenarios == 0;
}
