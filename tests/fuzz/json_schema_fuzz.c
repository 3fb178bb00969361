/* JSON Schemas and patterns that people upload: the text up to the first newline is a schema, and a regular expression;
 * the rest is the value, and the text that is searched. What is refused says where, in valid UTF-8; what is a schema is
 * one again after it was written. */
#undef NDEBUG
#include <assert.h>

#include "base/utf8.h"
#include "codec/json/json_format.h"
#include "codec/json/json_pattern.h"
#include "codec/json/json_schema.h"

#define TEXT_BYTES_MAX ((size_t)1024 * 1024)

static void check_value(const struct json *schema, const struct json *value)
{
    struct buf path, reason;
    buf_init(&path, TEXT_BYTES_MAX);
    buf_init(&reason, TEXT_BYTES_MAX);
    bool conforms = json_schema_check(schema, value, &path, &reason);
    assert(conforms ? path.len == 0 && reason.len == 0 : reason.len > 0);
    assert(utf8_is_valid(buf_str(&path)) && utf8_is_valid(buf_str(&reason)));
    buf_deinit(&path);
    buf_deinit(&reason);
}

static void check_schema(struct str text, struct str value_text)
{
    struct json *schema = NULL, *value = NULL, *again = NULL;
    struct buf why, written;
    buf_init(&why, TEXT_BYTES_MAX);
    buf_init(&written, TEXT_BYTES_MAX);
    if (json_parse(text, NULL, &schema) == ERR_OK) {
        bool valid = json_schema_is_valid(schema, &why);
        assert(valid ? why.len == 0 : why.len > 0 && utf8_is_valid(buf_str(&why)));
        json_write(&written, schema);
        if (valid && !written.failed && json_parse(buf_str(&written), NULL, &again) == ERR_OK) {
            buf_clear(&why);
            assert(json_schema_is_valid(again, &why));
        }
        if (json_parse(value_text, NULL, &value) == ERR_OK) {
            check_value(schema, value); /* also of what is no schema: stored ones may be of an older version */
        }
    }
    json_free(schema);
    json_free(value);
    json_free(again);
    buf_deinit(&why);
    buf_deinit(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_from(data, size);
    struct str first = str_split(&rest, '\n');
    check_schema(first, rest);
    if (utf8_is_valid(first) && utf8_is_valid(rest)) {
        struct json_pattern *pattern = json_pattern_new(first);
        if (pattern) {
            (void)json_pattern_match(pattern, rest);
        }
        json_pattern_free(pattern);
        (void)json_format_fits(first, rest);
    }
    return 0;
}
