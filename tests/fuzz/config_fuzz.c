/* The configuration file on any bytes; every value also through every value parser, and the whole input through the
 * parsers of times, UUIDs and Base64. */
#undef NDEBUG
#include <assert.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/utf8.h"
#include "base/uuid.h"
#include "codec/config/config_file.h"

static void check_values(struct str text)
{
    bool flag;
    uint64_t number;
    struct config_address address;
    if (config_to_bool(text, &flag)) {
        assert(text.len <= 5);
    }
    if (config_to_unsigned(text, 1000, &number)) {
        assert(number <= 1000);
    }
    if (config_to_address(text, &address)) {
        assert(address.is_off || address.host.len > 0);
    }
    (void)!config_to_duration_ms(text, &number);
    (void)!config_to_size(text, &number);
}

static void check_texts(struct str text)
{
    int64_t unix_ms, again;
    char time_text[TIME_TEXT_BYTES];
    if (time_parse_iso(text, &unix_ms) && unix_ms >= 0) {
        time_format(unix_ms, time_text);
        bool in_range = unix_ms <= INT64_C(253402300799999); /* a zone may lead out of the last year */
        assert(time_parse_iso(str_from_cstr(time_text), &again) && (again == unix_ms || !in_range));
    }
    struct uuid uuid;
    char uuid_text[UUID_TEXT_BYTES];
    if (uuid_parse(text, &uuid)) {
        uuid_format(&uuid, uuid_text);
        assert(str_eq_nocase(text, str_from_cstr(uuid_text)));
    }
    struct buf bytes, encoded;
    buf_init(&bytes, text.len + 4);
    buf_init(&encoded, 2 * text.len + 8);
    if (base64_decode(text, &bytes)) {
        base64_encode(&encoded, bytes.data, bytes.len);
        assert(str_eq(buf_str(&encoded), text));
    }
    buf_deinit(&bytes);
    buf_deinit(&encoded);
}

static void on_item(void *user, const struct config_item *item, struct config_mistakes *mistakes)
{
    unsigned *line = user;
    assert(item->line >= *line && utf8_is_valid_mqtt(item->value) && item->value.len <= CONFIG_LINE_BYTES_MAX);
    *line = item->line;
    check_values(item->value);
    config_mistake_add(mistakes, item->line, "%.*s", STR_ARG(item->name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_from(data, size);
    struct config_mistakes mistakes;
    unsigned line = 0;
    config_mistakes_init(&mistakes);
    enum err err = config_parse(text, on_item, &line, &mistakes);
    assert((err == ERR_OK) == (mistakes.count == 0));
    config_mistakes_deinit(&mistakes);
    check_texts(text);
    check_values(text);
    return 0;
}
