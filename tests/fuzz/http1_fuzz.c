/* The HTTP/1.1 parser on a stream of any bytes, twice: all at once and in steps whose size the first byte gives. Both
 * must see the same requests. Of each request the path and the query are taken apart. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/http1/http1.h"

#define TRACE_BYTES_MAX ((size_t)16 * 1024 * 1024)

static void check_target(const struct http1_head *head)
{
    struct arena arena;
    struct str segments[HTTP1_SEGMENTS_MAX];
    size_t count;
    arena_init(&arena);
    if (http1_path_split(head->path, &arena, segments, &count) == ERR_OK) {
        assert(count <= HTTP1_SEGMENTS_MAX);
    }
    struct str rest = head->query;
    struct str name, value;
    enum err err = ERR_OK;
    while (err != ERR_NOT_FOUND) {
        err = http1_query_next(&rest, &arena, &name, &value);
    }
    arena_deinit(&arena);
}

static void trace_head(const struct http1_head *head, struct buf *trace)
{
    assert(head->method.len > 0 && head->path.len > 0 && !(head->is_chunked && head->has_content_length));
    buf_append_str(trace, head->method);
    buf_append_str(trace, head->target);
    for (size_t i = 0; i < head->header_count; i++) {
        struct str value = head->headers[i].value;
        assert(head->headers[i].name.len > 0);
        assert(value.len == 0 || (!memchr(value.ptr, '\n', value.len) && !memchr(value.ptr, '\r', value.len)));
        buf_append_str(trace, head->headers[i].name);
        buf_append_str(trace, value);
    }
    buf_printf(trace, "%llu%d%d%d", (unsigned long long)head->content_length, head->is_chunked, head->keep_alive,
               head->expects_continue);
    check_target(head);
}

static void run(const uint8_t *data, size_t size, size_t step, struct buf *trace)
{
    struct http1_parser parser;
    enum http1_event event = HTTP1_NEED_MORE;
    http1_parser_init(&parser, NULL);
    for (size_t at = 0; at < size && event != HTTP1_FAILED; at += step) {
        size_t len = size - at < step ? size - at : step;
        size_t used = 0;
        do {
            size_t n;
            event = http1_parse(&parser, data + at + used, len - used, &n);
            used += n;
            assert(used <= len);
            if (event == HTTP1_HEAD) {
                trace_head(http1_head(&parser), trace);
            } else if (event == HTTP1_BODY) {
                buf_append_str(trace, http1_body(&parser));
            } else if (event == HTTP1_COMPLETE) {
                buf_append_u8(trace, '\n');
                http1_next(&parser);
            } else if (event == HTTP1_FAILED) {
                assert(http1_error(&parser) >= HTTP1_BAD_REQUEST);
                buf_printf(trace, "error %d", (int)http1_error(&parser));
            }
        } while (event != HTTP1_NEED_MORE && event != HTTP1_FAILED);
        assert(event == HTTP1_FAILED || used == len);
    }
    http1_parser_deinit(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct buf whole, steps;
    buf_init(&whole, TRACE_BYTES_MAX);
    buf_init(&steps, TRACE_BYTES_MAX);
    run(data + 1, size - 1, size, &whole);
    run(data + 1, size - 1, (size_t)data[0] + 1, &steps);
    assert(!whole.failed && str_eq(buf_str(&whole), buf_str(&steps)));
    buf_deinit(&whole);
    buf_deinit(&steps);
    return 0;
}
