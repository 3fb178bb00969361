/* What handlers read of a request's head: the first line is the target, which is looked up in the program's route tables
 * and whose query is read as the lists do; the second the value of a header (Range, If-None-Match), the third a body. */
#undef NDEBUG
#include <assert.h>

#include "api/admin_call.h"
#include "api/api_internal.h"
#include "base/utf8.h"
#include "codec/http1/byte_range.h"

static const struct router *router(void)
{
    static struct router *all;
    if (!all) {
        size_t count;
        const struct route *const *tables = api_route_tables(&count);
        all = router_new();
        for (size_t i = 0; i < count; i++) {
            router_add(all, tables[i]);
        }
    }
    return all;
}

static void read_query(struct call *call)
{
    static const char *const names[] = {"page", "per_page", "order", "filter", "from", "to", "status"};
    struct str text;
    int64_t number = 0, time = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (call_query(call, names[i], &text)) {
            assert(text.len > 0 && utf8_is_valid(text));
        }
        (void)call_query_int(call, names[i], &number);
    }
    struct page page = call_page(call);
    assert(page.number >= 1 && page.size >= 1 && page_offset(page) >= 0);
    struct paging paging;
    call_paging(call, 30, 100, &paging);
    assert(paging.per_page >= 1 && paging.per_page <= 100 && paging.offset >= 0);
    (void)call_is_ascending(call);
    struct audit_filter filter;
    bool valid = call_audit_filter(call, &filter);
    assert(valid == !reply_is_error(&call->reply));
    valid = call_query_time(call, "from", &time);
    assert(valid || call->reply.status == 422);
}

static void read_route(struct str target)
{
    static const struct str methods[] = {STR_INIT("GET"), STR_INIT("POST"), STR_INIT("DELETE"), STR_INIT("BREW")};
    struct arena arena;
    struct str path = str_split(&target, '?');
    arena_init(&arena);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct route_match match = {.route = NULL};
        enum route_result result = router_find(router(), methods[i], path, &arena, &match);
        assert((result == ROUTE_FOUND) == (match.route != NULL));
        assert(result != ROUTE_OTHER_METHODS || match.allow.len > 0);
        for (size_t j = 0; result == ROUTE_FOUND && j < CALL_PARAMS_MAX; j++) {
            assert(utf8_is_valid(match.params[j]));
        }
    }
    arena_deinit(&arena);
}

static void read_header(struct str value)
{
    for (uint64_t size = 0; size < 3000; size += 999) {
        uint64_t from = 0, length = 0;
        if (byte_range_parse(value, size, &from, &length) == BYTE_RANGE_PART) {
            assert(length > 0 && from < size && length <= size - from);
        }
    }
    (void)etag_list_has(value, STR("\"abc\""));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_from(data, size);
    struct str target = str_split(&rest, '\n');
    struct str header = rest.ptr ? str_split(&rest, '\n') : STR("");
    struct http_call *http_call = mem_new(struct http_call);
    struct call *call = &http_call->call;
    struct str query = target;
    read_route(target);
    read_header(header);
    (void)str_split(&query, '?');
    call->query = query.ptr ? query : STR("");
    call->method = STR("GET");
    arena_init(&call->arena);
    reply_init(&call->reply);
    if (rest.ptr && json_parse(rest, NULL, &call->body) == ERR_OK && !json_is_object(call->body)) {
        json_free(call->body);
        call->body = NULL;
    }
    read_query(call);
    json_free(call->body);
    reply_deinit(&call->reply);
    arena_deinit(&call->arena);
    mem_free(http_call);
    return 0;
}
