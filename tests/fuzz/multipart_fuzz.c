/* The multipart parser on any bytes, twice: all at once and in steps whose size the first byte gives. Both must see the
 * same parts, and every byte of a part comes from the body. */
#undef NDEBUG
#include <assert.h>

#include "codec/multipart/multipart.h"

#define TRACE_BYTES_MAX ((size_t)16 * 1024 * 1024)

static void run(struct str boundary, const uint8_t *data, size_t size, size_t step, struct buf *trace)
{
    struct multipart parser;
    enum multipart_event event = MULTIPART_NEED_MORE;
    size_t taken = 0;
    multipart_init(&parser, boundary);
    for (size_t at = 0; at < size && event != MULTIPART_FAILED; at += step) {
        size_t len = size - at < step ? size - at : step;
        size_t used = 0, n = 0;
        do {
            event = multipart_parse(&parser, data + at + used, len - used, &n);
            used += n;
            assert(used <= len);
            if (event == MULTIPART_PART) {
                const struct multipart_part *part = &parser.part;
                assert(part->name.ptr && parser.parts <= MULTIPART_PARTS_MAX);
                buf_append_str(trace, part->name);
                buf_append_str(trace, part->filename);
                buf_append_str(trace, part->content_type);
            } else if (event == MULTIPART_DATA) {
                assert(parser.data.len > 0);
                taken += parser.data.len;
                buf_append_str(trace, parser.data);
            } else if (event == MULTIPART_PART_END) {
                buf_append_u8(trace, '\n');
            }
        } while (event != MULTIPART_NEED_MORE && event != MULTIPART_FAILED);
        assert(event == MULTIPART_FAILED || used == len);
    }
    assert(taken <= size);
    buf_printf(trace, "%d%d", event == MULTIPART_FAILED, multipart_is_complete(&parser));
    multipart_deinit(&parser);
}

/* A byte for the step, a line with the Content-Type, the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
    struct str boundary;
    if (!end || !multipart_boundary(str_from(data + 1, (size_t)(end - (data + 1))), &boundary)) {
        return 0;
    }
    size_t body = (size_t)(end + 1 - data);
    struct buf whole, steps;
    buf_init(&whole, TRACE_BYTES_MAX);
    buf_init(&steps, TRACE_BYTES_MAX);
    run(boundary, data + body, size - body, size, &whole);
    run(boundary, data + body, size - body, (size_t)data[0] + 1, &steps);
    assert(!whole.failed && str_eq(buf_str(&whole), buf_str(&steps)));
    buf_deinit(&whole);
    buf_deinit(&steps);
    return 0;
}
