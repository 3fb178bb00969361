#include "codec/config/config_file.h"

bool config_to_bool(struct str text, bool *ret_value)
{
    static const struct {
        struct str word;
        bool value;
    } words[] = {{STR_INIT("on"), true},   {STR_INIT("yes"), true}, {STR_INIT("true"), true},   {STR_INIT("1"), true},
                 {STR_INIT("off"), false}, {STR_INIT("no"), false}, {STR_INIT("false"), false}, {STR_INIT("0"), false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_eq_nocase(text, words[i].word)) {
            *ret_value = words[i].value;
            return true;
        }
    }
    return false;
}

struct unit {
    struct str suffix;
    uint64_t factor;
};

/* A number with one of these suffixes, blanks between them allowed. */
static bool number_with_unit(struct str text, const struct unit *units, size_t unit_count, uint64_t *ret_value)
{
    size_t digits = 0;
    uint64_t value;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    struct str suffix = str_trim(str_sub(text, digits, text.len));
    if (!str_to_u64(str_sub(text, 0, digits), &value)) {
        return false;
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (str_eq(suffix, units[i].suffix)) {
            return !__builtin_mul_overflow(value, units[i].factor, ret_value); /* a local of the callers */
        }
    }
    return false;
}

bool config_to_duration_ms(struct str text, uint64_t *ret_ms)
{
    static const struct unit units[] = {{STR_INIT("ms"), 1},
                                        {STR_INIT("s"), 1000},
                                        {STR_INIT("m"), 60 * 1000},
                                        {STR_INIT("h"), 60 * 60 * 1000},
                                        {STR_INIT("d"), 24 * 60 * 60 * 1000}};
    uint64_t ms = 0;
    if (!str_eq(text, STR("0")) && !number_with_unit(text, units, sizeof units / sizeof units[0], &ms)) {
        return false;
    }
    *ret_ms = ms;
    return true;
}

bool config_to_size(struct str text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {{STR_INIT(""), 1},
                                        {STR_INIT("B"), 1},
                                        {STR_INIT("KiB"), 1024},
                                        {STR_INIT("MiB"), 1024 * 1024},
                                        {STR_INIT("GiB"), 1024 * 1024 * 1024},
                                        {STR_INIT("TiB"), UINT64_C(1) << 40}};
    uint64_t bytes;
    if (!number_with_unit(text, units, sizeof units / sizeof units[0], &bytes)) {
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

bool config_to_unsigned(struct str text, uint64_t maximum, uint64_t *ret_value)
{
    uint64_t value;
    if (!str_to_u64(text, &value) || value > maximum) {
        return false;
    }
    *ret_value = value;
    return true;
}

static bool is_host(struct str host, bool bracketed)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = bracketed ? (c == ':' || c == '.' || c == '%') : (c == '.' || c == '-');
        if (!alphanumeric && !other) {
            return false;
        }
    }
    return host.len > 0;
}

bool config_to_address(struct str text, struct config_address *ret_address)
{
    struct config_address address = {.host = {NULL, 0}};
    uint64_t port;
    if (str_eq_nocase(text, STR("off"))) {
        address.is_off = true;
        *ret_address = address;
        return true;
    }
    bool bracketed = str_starts_with(text, STR("["));
    struct str rest = bracketed ? str_sub(text, 1, text.len) : text;
    address.host = str_split(&rest, bracketed ? ']' : ':');
    if (bracketed && !str_starts_with(rest, STR(":"))) {
        return false;
    }
    if (!is_host(address.host, bracketed) || !config_to_unsigned(str_sub(rest, bracketed, rest.len), UINT16_MAX, &port)) {
        return false;
    }
    address.port = (uint16_t)port;
    *ret_address = address;
    return true;
}
