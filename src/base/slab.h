/* Objects that live long and come in great numbers, such as what belongs to each connection: packed densely by size, eight
 * bytes apart, without a header each, and apart from what lives shortly, so that what was freed is either used again or
 * given back to the system. Objects of more than SLAB_BYTES_MAX, and all with a memory sanitizer, come from malloc. Any
 * thread. */
#ifndef MUSTER_BASE_SLAB_H
#define MUSTER_BASE_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#define SLAB_BYTES_MAX 8192u

/* Not initialised. Aligned to 16 bytes if `size` is a multiple of that, else to 8. */
void *slab_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *slab_zeroed(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *slab_realloc(void *ptr, size_t size) __attribute__((returns_nonnull)); /* of slab_alloc; NULL: a new one */
void slab_free(void *ptr); /* of slab_alloc, of whatever size; NULL is accepted */

#define slab_new(type) ((type *)slab_zeroed(sizeof(type)))

/* What the objects there are take in slabs. For measuring: other threads must not allocate meanwhile. */
size_t slab_used_bytes(void);

/* For the test: from slabs whatever sanitizer. What was allocated before is freed as before. */
void slab_use_always(bool use);

#endif
