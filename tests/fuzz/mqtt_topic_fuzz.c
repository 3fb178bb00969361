/* Topic filters and names: any bytes up to the first newline are a filter, the rest a name. Matching is compared with
 * a second, plain implementation. */
#undef NDEBUG
#include <assert.h>

#include "codec/mqtt/topic.h"

#define LEVELS 128

static size_t split(struct str text, struct str *ret)
{
    size_t count = 0, from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i == text.len || text.ptr[i] == '/') {
            if (count == LEVELS) {
                return 0;
            }
            ret[count++] = str_from(text.ptr + from, i - from);
            from = i + 1;
        }
    }
    return count;
}

/* -1: too many levels for this implementation. */
static int plain_match(struct str filter, struct str name)
{
    struct str f[LEVELS], n[LEVELS];
    size_t fs = split(filter, f), ns = split(name, n);
    if (fs == 0 || ns == 0) {
        return -1;
    }
    bool wild_first = str_eq(f[0], STR("+")) || str_eq(f[0], STR("#"));
    if (name.ptr[0] == '$' && wild_first) {
        return 0;
    }
    bool hash = str_eq(f[fs - 1], STR("#"));
    size_t fixed = hash ? fs - 1 : fs;
    if (hash ? ns < fixed : ns != fixed) {
        return 0;
    }
    for (size_t i = 0; i < fixed; i++) {
        if (!str_eq(f[i], STR("+")) && !str_eq(f[i], n[i])) {
            return 0;
        }
    }
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str name = str_from(data, size);
    struct str text = str_split(&name, '\n');
    const struct topic_limits limits = {.bytes_max = 512, .levels_max = 16};
    struct topic_filter filter;
    if (!topic_filter_parse(text, NULL, &filter)) {
        assert(!topic_filter_is_valid(text, NULL) && !topic_filter_is_valid(text, &limits));
        return 0;
    }
    assert(filter.filter.len > 0 && topic_has_wildcard(filter.filter) == filter.has_wildcard);
    if (topic_filter_is_valid(text, &limits)) {
        assert(filter.filter.len <= 512 && topic_levels(filter.filter) <= 16);
    }
    if (!filter.has_wildcard) {
        assert(topic_name_is_valid(filter.filter, NULL) && topic_matches(filter.filter, filter.filter));
    }
    if (!name.ptr || !topic_name_is_valid(name, NULL)) {
        return 0;
    }
    int expected = plain_match(filter.filter, name);
    assert(expected < 0 || topic_matches(filter.filter, name) == (expected == 1));
    return 0;
}
