#include "codec/http1/byte_range.h"

/* Digits only, as RFC 9110 has them: no sign, no blanks. Absurdly large positions count as the end. */
static bool read_position(struct str text, uint64_t *ret_value)
{
    if (text.len == 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    if (!str_to_u64(text, ret_value)) {
        *ret_value = UINT64_MAX;
    }
    return true;
}

enum byte_range_result byte_range_parse(struct str value, uint64_t size, uint64_t *ret_from, uint64_t *ret_length)
{
    static const struct str unit = STR_INIT("bytes=");
    uint64_t first, last;
    if (!value.ptr || !str_eq_nocase(str_sub(value, 0, unit.len), unit) || memchr(value.ptr, ',', value.len)) {
        return BYTE_RANGE_WHOLE;
    }
    struct str rest = str_trim(str_sub(value, unit.len, value.len));
    struct str from = str_split(&rest, '-');
    if (!rest.ptr) {
        return BYTE_RANGE_WHOLE;
    }
    if (from.len == 0) { /* the last so many bytes */
        if (!read_position(rest, &last)) {
            return BYTE_RANGE_WHOLE;
        }
        if (last == 0 || size == 0) {
            return BYTE_RANGE_UNSATISFIABLE;
        }
        *ret_length = last < size ? last : size;
        *ret_from = size - *ret_length;
        return BYTE_RANGE_PART;
    }
    last = UINT64_MAX;
    if (!read_position(from, &first) || (rest.len > 0 && !read_position(rest, &last)) || last < first) {
        return BYTE_RANGE_WHOLE;
    }
    if (first >= size) {
        return BYTE_RANGE_UNSATISFIABLE;
    }
    last = last < size ? last : size - 1;
    *ret_from = first;
    *ret_length = last - first + 1;
    return BYTE_RANGE_PART;
}

bool etag_list_has(struct str list, struct str etag)
{
    while (list.ptr && list.len > 0) {
        struct str one = str_trim(str_split(&list, ','));
        if (str_starts_with(one, STR("W/"))) {
            one = str_sub(one, 2, one.len);
        }
        if (str_eq(one, etag) || str_eq(one, STR("*"))) {
            return true;
        }
    }
    return false;
}
