/* Short-lived objects of up to a kilobyte, kept for reuse by the thread that frees them. Within a turn of a loop more of
 * them come and go than malloc keeps ready for a thread, and what was allocated on another thread costs malloc a lock.
 * What a thread keeps is limited; it is freed when the thread ends. With a memory sanitizer nothing is kept, so that it
 * sees each object's end. Any thread. */
#ifndef MUSTER_BASE_POOL_H
#define MUSTER_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

void *pool_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1))); /* not initialised */
void *pool_zeroed(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void pool_free(void *ptr, size_t size); /* with the size that was asked for; NULL is accepted */

#define pool_new(type) ((type *)pool_zeroed(sizeof(type)))

/* For the test: the same whatever sanitizer. */
void pool_keep_always(bool keep);

#endif
