/* Reference count of objects that are immutable once shared between threads. */
#ifndef MUSTER_BASE_REF_H
#define MUSTER_BASE_REF_H

#include <stdatomic.h>
#include <stdbool.h>

struct ref {
    _Atomic unsigned count;
};

static inline void ref_init(struct ref *ref)
{
    atomic_init(&ref->count, 1);
}
static inline void ref_get(struct ref *ref)
{
    atomic_fetch_add_explicit(&ref->count, 1, memory_order_relaxed);
}
static inline bool ref_put(struct ref *ref) /* true: this was the last one, free the object */
{
    return atomic_fetch_sub_explicit(&ref->count, 1, memory_order_acq_rel) == 1;
}

#endif
