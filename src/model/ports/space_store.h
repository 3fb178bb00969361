/* Port: the location tree of an organization (management-api.md 3.5). Strings of rows that are found are copied into the
 * arena, those of rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_SPACE_STORE_H
#define MUSTER_MODEL_PORTS_SPACE_STORE_H

#include "model/ports/row.h"

struct space_row {
    int64_t no;         /* the id seen outside */
    int64_t organization_no;
    int64_t parent_no;  /* 0: the root */
    struct str name, space_type;
    struct str path;    /* names joined by "/", the root first */
    int64_t depth;      /* 0: the root */
    struct str config;  /* JSON object */
    int64_t devices_count; /* when read: directly in it */
    int64_t created_at;
};

struct space_filter {
    int64_t id;                              /* 0: any */
    int64_t parent_no;                       /* 0: any */
    struct str name, path_includes;          /* part of it, in any case; empty: any */
    struct str space_type;                   /* exact; empty: any */
    int64_t created_before, created_after;   /* TIME_NONE: any */
    struct str visible_spaces;               /* JSON array of numbers: only these and what lies below; ptr NULL: all */
};

/* Sets row->no. ERR_EXISTS: a sibling has the name. */
enum err space_store_insert(struct store_tx *tx, struct space_row *row) MUST_CHECK;
/* Of this organization; ERR_NOT_FOUND. */
enum err space_store_find(struct store_tx *tx, int64_t organization_no, int64_t no, struct arena *arena,
                          struct space_row *ret_row) MUST_CHECK;
enum err space_store_find_root(struct store_tx *tx, int64_t organization_no, struct arena *arena,
                               struct space_row *ret_row) MUST_CHECK;
/* The child with exactly this name; ERR_NOT_FOUND. */
enum err space_store_find_child(struct store_tx *tx, int64_t parent_no, struct str name, struct arena *arena,
                                struct space_row *ret_row) MUST_CHECK;
/* Oldest first. */
enum err space_store_list(struct store_tx *tx, int64_t organization_no, const struct space_filter *filter,
                          int64_t limit, int64_t offset, void (*visit)(const struct space_row *row, void *arg),
                          void *arg) MUST_CHECK;
/* Name, parent, type, configuration and path become those of `row`; the paths of what lies below follow. ERR_EXISTS: a
 * sibling has the name. */
enum err space_store_update(struct store_tx *tx, const struct space_row *row) MUST_CHECK;
/* How many levels lie below it: 0 without children. */
enum err space_store_height(struct store_tx *tx, int64_t no, int64_t *ret_levels) MUST_CHECK;
/* Neither a space nor a device is directly in it. */
enum err space_store_is_empty(struct store_tx *tx, int64_t no, bool *ret_empty) MUST_CHECK;
enum err space_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;
/* The spaces above it, the root first. */
enum err space_store_above(struct store_tx *tx, int64_t no, void (*visit)(const struct space_row *row, void *arg),
                           void *arg) MUST_CHECK;
/* The space and all below it, depth first: each before those in it. */
enum err space_store_below(struct store_tx *tx, int64_t no, void (*visit)(const struct space_row *row, void *arg),
                           void *arg) MUST_CHECK;

#endif
