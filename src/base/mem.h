/* Heap allocation. Sizes that a peer decides are bounded before they get here, so failure means the machine is out of
 * memory: Muster then logs one line and aborts, and starts again from what is on disk (docs/decisions/0001). */
#ifndef MUSTER_BASE_MEM_H
#define MUSTER_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *ptr, size_t size) __attribute__((returns_nonnull));
void *mem_dup(const void *ptr, size_t size) __attribute__((returns_nonnull));
/* At an address that is a multiple of `alignment`, as is `size`; not initialised. */
void *mem_aligned(size_t alignment, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(2)));
void mem_free(void *ptr); /* NULL is accepted */
/* Gives memory that was freed back to the system. Takes milliseconds, in which allocations of others may wait: for quiet
 * moments. Any thread. */
void mem_trim(void);

#define mem_new(type) ((type *)mem_calloc(1, sizeof(type)))

/* The object that holds this member. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
/* The same for a pointer to const. */
#define container_of_const(ptr, type, member) \
    ((const type *)(const void *)((const char *)(ptr)-offsetof(type, member)))

#endif
