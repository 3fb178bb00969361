/* The JSON parser on any bytes. What it accepts must write, parse again to an equal tree and write the same bytes; the
 * streaming writer must make valid JSON of any text. */
#undef NDEBUG
#include <assert.h>

#include "base/utf8.h"
#include "codec/json/json.h"

#define TEXT_BYTES_MAX ((size_t)8 * 1024 * 1024)

static void check_tree(const struct json *doc)
{
    static const struct json_limits limits = {.bytes_max = TEXT_BYTES_MAX};
    struct json *again = NULL;
    struct buf first, second;
    buf_init(&first, TEXT_BYTES_MAX);
    buf_init(&second, TEXT_BYTES_MAX);
    json_write(&first, doc);
    assert(!first.failed);
    assert(json_parse(buf_str(&first), &limits, &again) == ERR_OK);
    assert(json_eq(doc, again) && json_eq(again, doc));
    json_write(&second, again);
    assert(str_eq(buf_str(&first), buf_str(&second)));
    struct json *copy = json_dup(doc);
    if (json_is_object(copy)) {
        json_merge(copy, again);
        assert(json_eq(copy, doc));
    } else {
        json_free(again);
    }
    json_free(copy);
    buf_deinit(&first);
    buf_deinit(&second);
}

static void check_writer(struct str text)
{
    struct json *again = NULL;
    struct json_writer w;
    struct buf out;
    buf_init(&out, TEXT_BYTES_MAX);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_field_str(&w, "text", text);
    json_name_str(&w, text);
    json_put_null(&w);
    json_end_object(&w);
    assert(!out.failed && utf8_is_valid(buf_str(&out)));
    enum err err = json_parse(buf_str(&out), &(struct json_limits){.bytes_max = TEXT_BYTES_MAX}, &again);
    bool has_nul = text.len > 0 && memchr(text.ptr, 0, text.len) != NULL;
    assert(err == (has_nul ? ERR_INVALID : ERR_OK)); /* U+0000 can be written but is never read */
    json_free(again);
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *doc = NULL;
    if (json_parse(str_from(data, size), NULL, &doc) == ERR_OK) {
        check_tree(doc);
    } else {
        assert(doc == NULL);
    }
    json_free(doc);
    check_writer(str_from(data, size));
    return 0;
}
