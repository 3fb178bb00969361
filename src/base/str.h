/* {pointer, length} strings. A `struct str` borrows its bytes and need not end in NUL. */
#ifndef MUSTER_BASE_STR_H
#define MUSTER_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A string literal as a struct str; also usable in static initialisers. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal) {(literal), sizeof(literal) - 1}
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from_cstr(const char *cstr)
{
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct str str_from(const void *ptr, size_t len)
{
    return (struct str){ptr, len};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_is_empty(struct str s)
{
    return s.len == 0;
}

bool str_eq_nocase(struct str a, struct str b);          /* ASCII case-insensitive */
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
bool str_contains_nocase(struct str haystack, struct str needle);
struct str str_trim(struct str s);                       /* without leading and trailing ASCII blanks */
bool str_is_blank(struct str s);
struct str str_sub(struct str s, size_t from, size_t len); /* clamped */
/* Splits at the first `sep`: returns the part before it and moves *rest behind it; the whole string, and an empty
 * rest with ptr NULL, when there is none. */
struct str str_split(struct str *rest, char sep);
/* Whole string as a decimal number; false (and *ret_value untouched) on anything else or overflow. */
bool str_to_i64(struct str s, int64_t *ret_value);
bool str_to_u64(struct str s, uint64_t *ret_value);
bool str_to_double(struct str s, double *ret_value);
/* Heap copy with a NUL behind it; the caller frees it with free(). */
char *str_dup(struct str s);
int str_cmp(struct str a, struct str b);                 /* bytewise order */

#endif
