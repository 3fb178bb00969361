/* Memory pool of one packet or request: many allocations, freed together. Not thread-safe; one owner at a time. */
#ifndef MUSTER_BASE_ARENA_H
#define MUSTER_BASE_ARENA_H

#include "base/str.h"

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used_bytes;
};

void arena_init(struct arena *arena);
void arena_deinit(struct arena *arena); /* also of a zeroed arena */
void arena_reset(struct arena *arena);  /* frees all but one small block */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull)); /* zeroed, 16-byte aligned */
struct str arena_str(struct arena *arena, struct str s);      /* copy, NUL behind it */
const char *arena_cstr(struct arena *arena, struct str s);    /* copy as C string */
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

#endif
