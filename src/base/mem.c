#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
    static const char line[] = "level=error event=out_of_memory\n";
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written; /* nothing is left to do about it */
    abort();
}

void *mem_alloc(size_t size)
{
    void *ptr = malloc(size ? size : 1);
    if (!ptr) {
        out_of_memory();
    }
    return ptr;
}

void *mem_calloc(size_t count, size_t size)
{
    void *ptr = calloc(count ? count : 1, size ? size : 1);
    if (!ptr) {
        out_of_memory();
    }
    return ptr;
}

void *mem_realloc(void *ptr, size_t size)
{
    void *grown = realloc(ptr, size ? size : 1);
    if (!grown) {
        out_of_memory();
    }
    return grown;
}

void *mem_dup(const void *ptr, size_t size)
{
    void *copy = mem_alloc(size);
    if (size > 0) {
        memcpy(copy, ptr, size);
    }
    return copy;
}

void *mem_aligned(size_t alignment, size_t size)
{
    void *ptr = aligned_alloc(alignment, size);
    if (!ptr) {
        out_of_memory();
    }
    return ptr;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_trim(void)
{
    malloc_trim(0);
}
