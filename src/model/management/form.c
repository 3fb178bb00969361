#include "model/management/form.h"

#include "base/clock.h"
#include "base/utf8.h"

struct str form_label(struct arena *arena, const char *field)
{
    size_t len = strlen(field);
    char *label = arena_alloc(arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        label[i] = field[i] == '_' ? ' ' : field[i];
    }
    if (label[0] >= 'a' && label[0] <= 'z') {
        label[0] = (char)(label[0] - 32);
    }
    return (struct str){label, len};
}

bool form_has(const struct json *body, const char *field)
{
    return !json_is_missing(json_get(body, field));
}

bool form_invalid(struct admin *admin, const char *field)
{
    reply_error(admin->reply, 422, "%.*s is invalid", STR_ARG(form_label(admin->arena, field)));
    return false;
}

bool form_missing(struct admin *admin, const char *field)
{
    reply_error(admin->reply, 422, "Parameter %s is required", field);
    return false;
}

bool form_taken(struct admin *admin, const char *field)
{
    reply_error(admin->reply, 422, "%.*s has already been taken", STR_ARG(form_label(admin->arena, field)));
    return false;
}

bool form_text(struct admin *admin, const struct json *body, const char *field, size_t chars_max, struct str *ret_text)
{
    const struct json *value = json_get(body, field);
    if (json_is_missing(value)) {
        return true;
    }
    struct str text;
    if (!json_to_text(value, admin->arena, &text)) {
        return form_invalid(admin, field);
    }
    text = str_trim(text);
    if (utf8_length(text) > chars_max) {
        reply_error(admin->reply, 422, "%.*s is too long (maximum is %zu characters)",
                    STR_ARG(form_label(admin->arena, field)), chars_max);
        return false;
    }
    *ret_text = arena_str(admin->arena, text);
    return true;
}

bool form_required_text(struct admin *admin, const struct json *body, const char *field, size_t chars_max,
                        struct str *ret_text)
{
    if (!form_has(body, field)) {
        return form_missing(admin, field);
    }
    struct str text = {0};
    if (!form_text(admin, body, field, chars_max, &text)) {
        return false;
    }
    if (str_is_blank(text)) {
        reply_error(admin->reply, 422, "%.*s can't be blank", STR_ARG(form_label(admin->arena, field)));
        return false;
    }
    *ret_text = text;
    return true;
}

bool form_int(struct admin *admin, const struct json *body, const char *field, int64_t min, int64_t max,
              int64_t *ret_value)
{
    const struct json *value = json_get(body, field);
    int64_t number;
    if (json_is_missing(value)) {
        return true;
    }
    if (!json_to_int(value, &number) || number < min || number > max) {
        return form_invalid(admin, field);
    }
    *ret_value = number;
    return true;
}

bool form_bool(struct admin *admin, const struct json *body, const char *field, bool *ret_value)
{
    const struct json *value = json_get(body, field);
    return json_is_missing(value) || json_to_bool(value, ret_value) || form_invalid(admin, field);
}

bool form_time(struct admin *admin, const struct json *body, const char *field, int64_t *ret_ms)
{
    const struct json *value = json_get(body, field);
    struct str text = str_trim(json_string(value));
    double number = 0;
    if (json_is_missing(value) || (json_is_string(value) && text.len == 0)) {
        return true;
    }
    bool is_number = json_is_number(value) || (json_is_string(value) && str_to_double(text, &number));
    number = json_is_number(value) ? json_number(value) : number;
    bool valid = is_number ? time_from_number(number, ret_ms) : json_is_string(value) && time_parse_iso(text, ret_ms);
    return valid || form_invalid(admin, field);
}

bool form_is_email(struct str text)
{
    const char *at = text.len ? memchr(text.ptr, '@', text.len) : NULL;
    if (!at || at == text.ptr || at == text.ptr + text.len - 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == 0x7f || (c == '@' && text.ptr + i != at)) {
            return false;
        }
    }
    return true;
}
