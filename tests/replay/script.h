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

struct script {
    struct world *world;
    struct arena arena;
    const char *file;
    unsigned line;
    unsigned failures;
    struct inbox { /* packets of the server not expected yet, as text */
        struct str lines[LINES_MAX];
        size_t first, count;
        bool closed_is_told;
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

/* @dev1/config to and from v1/device/{id}/config. */
struct str topic_expand(struct script *script, struct str text);
struct str topic_shorten(struct script *script, struct str topic);

/* packet_in.c: builds what a client sends. */
void script_client_sends(struct script *script, struct world_client *client, const struct tokens *tokens);
/* packet_out.c: what the server sent, one line a packet. */
void script_collect(struct script *script);
/* step.c: everything that is not a client's. */
void script_world_step(struct script *script, const struct tokens *tokens);

#endif
