/* Scenarios as text (README.md): one step a line, packets in and packets expected. */
#ifndef MUSTER_TESTS_SCRIPT_H
#define MUSTER_TESTS_SCRIPT_H

#include "world.h"

#define TOKENS_MAX 64
#define LINES_MAX 256

struct tokens {
    struct str list[TOKENS_MAX];
    size_t count;
};

struct script;

/* Where a scenario is played. `wait`, if there: returns when the client has something in its inbox, or has nothing to
 * come (`silence`: that is what is expected). */
struct stage {
    void (*open)(struct script *script, struct world_client *client, const struct tokens *tokens);
    bool (*is_open)(const struct script *script, const struct world_client *client);
    void (*send)(struct script *script, struct world_client *client, const uint8_t *data, size_t len);
    void (*close)(struct script *script, struct world_client *client);
    void (*wait)(struct script *script, struct world_client *client, bool silence);
};

struct scenario {
    const char *file;
    unsigned line; /* its first */
    struct str name, text;
};

struct script {
    const struct stage *stage;
    struct world *world;
    struct arena arena;
    const char *file;
    unsigned line;
    unsigned failures;
    bool quiet; /* failures are counted, not told */
    struct inbox { /* packets of the server not expected yet, as text */
        struct str lines[LINES_MAX];
        size_t first, count;
        bool closed_is_told;
        bool was_opened; /* ever */
    } inboxes[WORLD_CLIENTS_MAX];
};

void script_fail(struct script *script, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tokens_split(struct tokens *tokens, struct str line);
/* Value of `name=...`; false: no such token. */
bool tokens_get(const struct tokens *tokens, const char *name, struct str *ret_value);
bool tokens_has(const struct tokens *tokens, const char *word);
int64_t tokens_number(const struct tokens *tokens, const char *name, int64_t otherwise);
/* 0x1F or decimal; false: neither. */
bool number_parse(struct str text, int64_t *ret_number);

/* @dev1/config to and from v1/device/{id}/config. And x...3, at the end, to xxx. */
struct str topic_expand(struct script *script, struct str text);
struct str topic_shorten(struct script *script, struct str topic);

typedef void script_run_fn(void *context, const struct scenario *scenario);
/* Calls `run` for each scenario of a file; false: it cannot be read. */
bool script_run_file(const char *path, script_run_fn *run, void *context);
/* `NAME> packet` or `NAME< packet`; false: it is a step of the world. */
bool script_client_step(struct script *script, struct str line);
/* Fails for every packet that nobody expected. */
void script_expect_silence(struct script *script);

/* packet_in.c: builds what a client sends. */
void script_client_sends(struct script *script, struct world_client *client, const struct tokens *tokens);
/* packet_out.c: what the server sent, one line a packet. */
void script_collect(struct script *script);
/* step.c: everything that is not a client's. */
void script_world_step(struct script *script, const struct tokens *tokens);

#endif
