#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

/* Blocks form a list; only the head is filled. An allocation that needs a block of its own is put behind the head, so
 * that the room left in the head stays usable. */
struct arena_block {
    struct arena_block *next;
    size_t size; /* of data */
    size_t used;
    size_t padding; /* keeps data 16-byte aligned */
    uint8_t data[];
};

#define BLOCK_BYTES_FIRST (1024 - sizeof(struct arena_block))
#define BLOCK_BYTES_MAX (64 * 1024 - sizeof(struct arena_block))

void arena_init(struct arena *arena)
{
    *arena = (struct arena){NULL, 0};
}

static void blocks_free(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        mem_free(block);
        block = next;
    }
}

void arena_deinit(struct arena *arena)
{
    blocks_free(arena->head);
    arena_init(arena);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = NULL;
    struct arena_block *block = arena->head;
    while (block) {
        struct arena_block *next = block->next;
        if (!keep && block->size == BLOCK_BYTES_FIRST) {
            keep = block;
        } else {
            mem_free(block);
        }
        block = next;
    }
    if (keep) {
        keep->next = NULL;
        keep->used = 0;
    }
    *arena = (struct arena){keep, 0};
}

static struct arena_block *block_new(size_t size)
{
    struct arena_block *block = mem_alloc(sizeof *block + size);
    *block = (struct arena_block){.size = size};
    return block;
}

static struct arena_block *block_with_room(struct arena *arena, size_t size)
{
    struct arena_block *head = arena->head;
    if (head && head->size - head->used >= size) {
        return head;
    }
    size_t block_size = BLOCK_BYTES_FIRST;
    while (head && block_size < BLOCK_BYTES_MAX && block_size <= head->size) {
        block_size = (block_size + sizeof *head) * 2 - sizeof *head;
    }
    if (head && size > block_size / 2) {
        struct arena_block *own = block_new(size);
        own->next = head->next;
        head->next = own;
        return own;
    }
    struct arena_block *block = block_new(size > block_size ? size : block_size);
    block->next = head;
    arena->head = block;
    return block;
}

static void *arena_alloc_raw(struct arena *arena, size_t size)
{
    assert(size < SIZE_MAX / 2);
    size = (size + 15) & ~(size_t)15;
    if (size == 0) {
        size = 16;
    }
    struct arena_block *block = block_with_room(arena, size);
    void *ptr = block->data + block->used;
    block->used += size;
    arena->used_bytes += size;
    return ptr;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc_raw(arena, size), 0, size);
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = arena_alloc_raw(arena, s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    copy[s.len] = '\0';
    return (struct str){copy, s.len};
}

const char *arena_cstr(struct arena *arena, struct str s)
{
    return arena_str(arena, s).ptr;
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    char *text = arena_alloc_raw(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){text, (size_t)len};
}
