#include "model/management/masked_url.h"

#define MASK "*****"

/* Where the part after "://" begins; 0: it is no URL. */
static size_t authority_of(struct str url)
{
    return str_starts_with(url, STR("https://")) ? 8 : str_starts_with(url, STR("http://")) ? 7 : 0;
}

/* The first of these characters from there on; the length: none. */
static size_t find_any(struct str url, size_t from, const char *characters)
{
    size_t at = from;
    while (at < url.len && !strchr(characters, url.ptr[at])) {
        at++;
    }
    return at;
}

/* Where the host begins, behind a name and password. */
static size_t host_of(struct str url, size_t authority, size_t end)
{
    for (size_t at = end; at > authority; at--) {
        if (url.ptr[at - 1] == '@') {
            return at;
        }
    }
    return authority;
}

struct str masked_url(struct arena *arena, struct str url)
{
    size_t authority = authority_of(url), path = find_any(url, authority, "/?#"), query = find_any(url, path, "?#");
    size_t host = host_of(url, authority, path);
    struct str scheme = str_sub(url, 0, authority), rest = str_sub(url, host, query - host);
    return arena_printf(arena, "%.*s%s%.*s%s", STR_ARG(scheme), host > authority ? MASK "@" : "", STR_ARG(rest),
                        query < url.len ? "?" MASK : "");
}

static struct str host_only(struct arena *arena, struct str url)
{
    size_t authority = authority_of(url), path = find_any(url, authority, "/?#"), host = host_of(url, authority, path);
    return arena_printf(arena, "%.*s%.*s" MASK, STR_ARG(str_sub(url, 0, authority)), STR_ARG(str_sub(url, host, path - host)));
}

struct json *masked_urls(struct arena *arena, const struct json *document)
{
    bool is_object = json_is_object(document);
    if (!is_object && !json_is_array(document)) {
        struct str text = json_string(document);
        return authority_of(text) ? json_new_string(host_only(arena, text)) : json_dup(document);
    }
    struct json *copy = is_object ? json_new_object() : json_new_array();
    for (const struct json *item = json_first(document); item; item = json_next(item)) {
        struct json *masked = masked_urls(arena, item);
        if (is_object) {
            json_set(copy, json_key(item), masked);
        } else {
            json_append(copy, masked);
        }
    }
    return copy;
}
