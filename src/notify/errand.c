#include "notify/errand.h"

#include "base/crypto.h"
#include "base/mem.h"

struct errand *errand_new(enum errand_kind kind, int64_t no)
{
    struct errand *errand = mem_new(struct errand);
    errand->kind = kind;
    errand->no = no;
    arena_init(&errand->arena);
    return errand;
}

static void wipe(const char *text, size_t len)
{
    if (text) {
        secret_wipe((void *)(uintptr_t)text, len); /* the arena's copy is our own */
    }
}

void errand_free(struct errand *errand)
{
    wipe(errand->body.ptr, errand->body.len);
    wipe(errand->password, errand->password ? strlen(errand->password) : 0);
    arena_deinit(&errand->arena);
    mem_free(errand);
}
