/* Pieces of 64 KiB of one reserved range of addresses, each with objects of one size. The piece of an object, and whether
 * malloc has made it, follow from its address. A class keeps one empty piece at most; the memory of others is given back. */
#include "base/slab.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/list.h"
#include "base/mem.h"

#define PIECE_BYTES ((size_t)64 * 1024)
#define EXTENT_BYTES ((size_t)4 * 1024 * 1024) /* made usable at once; only what is touched is resident */
#define RANGE_BYTES ((size_t)1 << (sizeof(void *) > 4 ? 36 : 28))
#define FINE_STEP_BYTES 8u
#define FINE_BYTES_MAX 512u
#define COARSE_STEP_BYTES 16u
#define FINE_CLASSES (FINE_BYTES_MAX / FINE_STEP_BYTES)
#define CLASS_COUNT (FINE_CLASSES + (SLAB_BYTES_MAX - FINE_BYTES_MAX) / COARSE_STEP_BYTES)

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(HAS_SANITIZER)
static bool uses = false;
#else
static bool uses = true;
#endif

struct object {
    struct object *next;
};

struct piece {
    struct list node;      /* in its class while it has room, or among the empty ones */
    struct object *free;   /* freed ones */
    uint32_t begun;        /* objects that were handed out once; those behind were never touched */
    uint32_t used, room;
    uint32_t object_bytes;
    uint32_t class;
    uint32_t unused;
};
_Static_assert(sizeof(struct piece) % 16 == 0, "objects that follow are aligned");

struct class {
    pthread_mutex_t lock;
    struct list partial; /* pieces with room */
};

static struct class classes[CLASS_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uintptr_t range; /* 0: there is none */
static struct {
    pthread_mutex_t lock;
    size_t begun, usable; /* bytes of the range */
    struct list empty;    /* pieces whose memory was given back but for their first page */
} pieces = {.lock = PTHREAD_MUTEX_INITIALIZER};

void slab_use_always(bool use)
{
    uses = use;
}

static void reserve(void)
{
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        pthread_mutex_init(&classes[i].lock, NULL);
        list_init(&classes[i].partial);
    }
    list_init(&pieces.empty);
    void *at = mmap(NULL, RANGE_BYTES + PIECE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        return; /* an address space that was limited: malloc does as well */
    }
    range = ((uintptr_t)at + PIECE_BYTES - 1) & ~(uintptr_t)(PIECE_BYTES - 1);
    /* A page of two megabytes would be resident for the first bytes of it. */
    madvise(at, RANGE_BYTES + PIECE_BYTES, MADV_NOHUGEPAGE);
}

static bool is_in_range(const void *ptr)
{
    return range != 0 && (uintptr_t)ptr - range < RANGE_BYTES;
}

static struct piece *piece_of(const void *object)
{
    return (struct piece *)((uintptr_t)object & ~(uintptr_t)(PIECE_BYTES - 1));
}

/* NULL: the range or the system's memory is used up. */
static struct piece *take_piece(void)
{
    struct piece *piece = NULL;
    pthread_mutex_lock(&pieces.lock);
    if (!list_is_empty(&pieces.empty)) {
        piece = list_entry(pieces.empty.next, struct piece, node);
        list_remove(&piece->node);
    } else {
        if (pieces.begun == pieces.usable && pieces.usable < RANGE_BYTES &&
            mprotect((void *)(range + pieces.usable), EXTENT_BYTES, PROT_READ | PROT_WRITE) == 0) {
            pieces.usable += EXTENT_BYTES;
        }
        if (pieces.begun < pieces.usable) {
            piece = (struct piece *)(range + pieces.begun);
            pieces.begun += PIECE_BYTES;
        }
    }
    pthread_mutex_unlock(&pieces.lock);
    return piece;
}

static void give_piece(struct piece *piece)
{
    const size_t header_bytes = 4096; /* or more, where pages are larger: then less is given back */
    madvise((char *)piece + header_bytes, PIECE_BYTES - header_bytes, MADV_DONTNEED);
    pthread_mutex_lock(&pieces.lock);
    list_append(&pieces.empty, &piece->node);
    pthread_mutex_unlock(&pieces.lock);
}

static uint32_t class_of(size_t size)
{
    if (size <= FINE_BYTES_MAX) {
        return size > 0 ? (uint32_t)((size - 1) / FINE_STEP_BYTES) : 0;
    }
    return (uint32_t)(FINE_CLASSES + (size - FINE_BYTES_MAX - 1) / COARSE_STEP_BYTES);
}

static uint32_t object_bytes(uint32_t class)
{
    return class < FINE_CLASSES ? (class + 1) * FINE_STEP_BYTES
                                : FINE_BYTES_MAX + (class - FINE_CLASSES + 1) * COARSE_STEP_BYTES;
}

static struct piece *new_piece(uint32_t class)
{
    struct piece *piece = take_piece();
    if (piece) {
        *piece = (struct piece){.class = class, .object_bytes = object_bytes(class)};
        piece->room = (uint32_t)((PIECE_BYTES - sizeof *piece) / piece->object_bytes);
        list_append(&classes[class].partial, &piece->node);
    }
    return piece;
}

static void *object_at(struct piece *piece, uint32_t index)
{
    return (char *)(piece + 1) + (size_t)index * piece->object_bytes;
}

void *slab_alloc(size_t size)
{
    pthread_once(&once, reserve);
    if (!uses || range == 0 || size > SLAB_BYTES_MAX) {
        return mem_alloc(size);
    }
    uint32_t index = class_of(size);
    struct class *class = &classes[index];
    pthread_mutex_lock(&class->lock);
    struct piece *piece = list_is_empty(&class->partial) ? new_piece(index)
                                                         : list_entry(class->partial.next, struct piece, node);
    if (!piece) {
        pthread_mutex_unlock(&class->lock);
        return mem_alloc(size);
    }
    struct object *object = piece->free;
    if (object) {
        piece->free = object->next;
    } else {
        object = object_at(piece, piece->begun++);
    }
    if (++piece->used == piece->room) {
        list_remove(&piece->node);
    }
    pthread_mutex_unlock(&class->lock);
    return object;
}

void *slab_zeroed(size_t size)
{
    return memset(slab_alloc(size), 0, size);
}

void slab_free(void *ptr)
{
    if (!ptr) {
        return;
    }
    if (!is_in_range(ptr)) {
        mem_free(ptr);
        return;
    }
    struct piece *piece = piece_of(ptr);
    struct class *class = &classes[piece->class];
    struct object *object = ptr;
    pthread_mutex_lock(&class->lock);
    object->next = piece->free;
    piece->free = object;
    if (piece->used-- == piece->room) {
        list_append(&class->partial, &piece->node); /* behind those that have been there longer: they fill up first */
    }
    bool is_only = class->partial.next == &piece->node && class->partial.prev == &piece->node;
    bool is_over = piece->used == 0 && !is_only;
    if (is_over) {
        list_remove(&piece->node);
    }
    pthread_mutex_unlock(&class->lock);
    if (is_over) {
        give_piece(piece);
    }
}

void *slab_realloc(void *ptr, size_t size)
{
    if (!ptr) {
        return slab_alloc(size);
    }
    if (!is_in_range(ptr)) {
        return mem_realloc(ptr, size); /* it has outgrown the slabs before */
    }
    size_t had = piece_of(ptr)->object_bytes;
    if (size <= had && class_of(size) == piece_of(ptr)->class) {
        return ptr;
    }
    void *moved = slab_alloc(size);
    memcpy(moved, ptr, size < had ? size : had);
    slab_free(ptr);
    return moved;
}

size_t slab_used_bytes(void)
{
    size_t bytes = 0;
    for (size_t at = 0; at < pieces.begun; at += PIECE_BYTES) {
        const struct piece *piece = (const struct piece *)(range + at);
        bytes += (size_t)piece->used * piece->object_bytes; /* an empty one keeps its header: used is 0 */
    }
    return bytes;
}
