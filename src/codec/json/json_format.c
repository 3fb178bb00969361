#include "codec/json/json_format.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/uuid.h"
#include "codec/json/json_pattern.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* `width` digits at `at`, as a number; -1: there are none. */
static int digits(struct str text, size_t at, size_t width)
{
    int value = 0;
    for (size_t i = at; i < at + width; i++) {
        if (i >= text.len || !is_digit(text.ptr[i])) {
            return -1;
        }
        value = value * 10 + (text.ptr[i] - '0');
    }
    return value;
}

static bool is_date(struct str text)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-' || year < 0 || month < 1 || month > 12) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= lengths[month - 1] + (month == 2 && leap);
}

static bool is_offset(struct str text)
{
    if (text.len == 1) {
        return text.ptr[0] == 'Z' || text.ptr[0] == 'z';
    }
    int hour = digits(text, 1, 2), minute = digits(text, 4, 2);
    return text.len == 6 && (text.ptr[0] == '+' || text.ptr[0] == '-') && text.ptr[3] == ':' && hour >= 0 && hour <= 23 &&
           minute >= 0 && minute <= 59;
}

static bool is_time(struct str text)
{
    int hour = digits(text, 0, 2), minute = digits(text, 3, 2), second = digits(text, 6, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || text.ptr[2] != ':' ||
        text.ptr[5] != ':') {
        return false;
    }
    size_t at = 8;
    if (at < text.len && text.ptr[at] == '.') {
        size_t first = ++at;
        while (at < text.len && is_digit(text.ptr[at])) {
            at++;
        }
        if (at == first) {
            return false;
        }
    }
    return is_offset(str_sub(text, at, text.len));
}

static bool is_date_time(struct str text)
{
    return text.len > 11 && (text.ptr[10] == 'T' || text.ptr[10] == 't') && is_date(str_sub(text, 0, 10)) &&
           is_time(str_sub(text, 11, text.len));
}

static bool is_hostname(struct str text)
{
    if (text.len == 0 || text.len > 253) {
        return false;
    }
    while (text.ptr) {
        struct str label = str_split(&text, '.');
        if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-') {
            return false;
        }
        for (size_t i = 0; i < label.len; i++) {
            if (!is_letter(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-') {
                return false;
            }
        }
    }
    return true;
}

static bool is_address(struct str text, int family)
{
    char copy[INET6_ADDRSTRLEN + 1];
    uint8_t address[sizeof(struct in6_addr)];
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, address) == 1;
}

static bool has_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_email(struct str text)
{
    const char *at = text.len ? memchr(text.ptr, '@', text.len) : NULL;
    return at && at > text.ptr && at + 1 < text.ptr + text.len && !has_blank(text) &&
           !memchr(at + 1, '@', (size_t)(text.ptr + text.len - at - 1));
}

static bool is_uri(struct str text)
{
    static const char refused[] = "\"<>\\^`{|}";
    size_t at = 0;
    while (at < text.len && (is_letter(text.ptr[at]) ||
                             (at > 0 && (is_digit(text.ptr[at]) || (text.ptr[at] && strchr("+-.", text.ptr[at])))))) {
        at++;
    }
    if (at == 0 || at + 1 >= text.len || text.ptr[at] != ':' || has_blank(text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80 || strchr(refused, text.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_uuid(struct str text)
{
    struct uuid uuid;
    return uuid_parse(text, &uuid);
}

static bool is_regex(struct str text)
{
    struct json_pattern *pattern = json_pattern_new(text);
    bool valid = pattern != NULL;
    json_pattern_free(pattern);
    return valid;
}

static bool is_ipv4(struct str text)
{
    return is_address(text, AF_INET);
}

static bool is_ipv6(struct str text)
{
    return is_address(text, AF_INET6);
}

bool json_format_fits(struct str format, struct str text)
{
    static const struct {
        struct str name;
        bool (*fits)(struct str text);
    } formats[] = {
        {STR_INIT("date-time"), is_date_time}, {STR_INIT("date"), is_date}, {STR_INIT("time"), is_time},
        {STR_INIT("email"), is_email},         {STR_INIT("uri"), is_uri},   {STR_INIT("hostname"), is_hostname},
        {STR_INIT("ipv4"), is_ipv4},           {STR_INIT("ipv6"), is_ipv6}, {STR_INIT("uuid"), is_uuid},
        {STR_INIT("regex"), is_regex},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (str_eq(format, formats[i].name)) {
            return formats[i].fits(text);
        }
    }
    return true;
}
