#include "model/device/custom_parameters.h"

#include "base/crypto.h"
#include "base/utf8.h"
#include "model/device/device_view.h"
#include "model/domain.h"

enum { VALUE_CHARS_MAX = 1000, STORED_BYTES_MAX = 256 * 1024 };
#define MASK "*****"

/* A stored password is {"sealed":"<base64>"}: other values are texts and numbers, never objects. */
static struct str sealed_of(const struct json *value)
{
    return json_string(json_get(value, "sealed"));
}

static void put_open(struct domain *domain, struct json_writer *w, struct str sealed)
{
    struct buf cipher, plain;
    buf_init(&cipher, STORED_BYTES_MAX);
    buf_init(&plain, STORED_BYTES_MAX);
    if (base64_decode(sealed, &cipher) && seal_open(domain->keys.seal_key, buf_str(&cipher), &plain)) {
        json_put_str(w, buf_str(&plain));
        secret_wipe(plain.data, plain.len);
    } else {
        json_put_null(w); /* another installation's key file */
    }
    buf_deinit(&plain);
    buf_deinit(&cipher);
}

void custom_parameters_write(struct domain *domain, struct json_writer *w, struct str stored, bool masked)
{
    struct json *map = NULL;
    json_begin_object(w);
    if (json_parse(stored, &(struct json_limits){.bytes_max = SIZE_MAX}, &map) == ERR_OK) {
        for (const struct json *value = json_first(map); value; value = json_next(value)) {
            struct str sealed = sealed_of(value);
            json_name_str(w, json_key(value));
            if (!sealed.len) {
                json_put_node(w, value);
            } else if (masked) {
                json_put_cstr(w, MASK);
            } else {
                put_open(domain, w, sealed);
            }
        }
        json_free(map);
    }
    json_end_object(w);
}

static const struct json *find_declared(const struct json *declared, struct str name)
{
    for (const struct json *one = json_first(declared); one; one = json_next(one)) {
        if (str_eq(json_string(json_get(one, "name")), name)) {
            return one;
        }
    }
    return NULL;
}

static bool invalid(struct admin *admin, struct str name)
{
    reply_error(admin->reply, 422, "%.*s is invalid", STR_ARG(utf8_prefix(name, 128)));
    return false;
}

static bool put_password(struct admin *admin, struct json *out, const struct json *before, struct str name, struct str text)
{
    struct buf cipher, encoded;
    if (str_eq(text, STR(MASK))) {
        const struct json *kept = json_get_str(before, name);
        if (!sealed_of(kept).len) {
            return invalid(admin, name);
        }
        json_set(out, name, json_dup(kept));
        return true;
    }
    buf_init(&cipher, STORED_BYTES_MAX);
    buf_init(&encoded, STORED_BYTES_MAX);
    seal(admin->domain->keys.seal_key, text, &cipher);
    base64_encode(&encoded, cipher.data, cipher.len);
    struct json *object = json_new_object();
    json_set(object, STR("sealed"), json_new_string(buf_str(&encoded)));
    json_set(out, name, object);
    buf_deinit(&encoded);
    buf_deinit(&cipher);
    return true;
}

static bool put_value(struct admin *admin, struct json *out, const struct json *before, const struct json *declared,
                      const struct json *value)
{
    struct str name = json_key(value), text;
    struct str type = json_string(json_get(declared, "type"));
    double number;
    if (json_is_missing(value)) {
        return true;
    }
    if (!json_to_text(value, admin->arena, &text) || utf8_length(text) > VALUE_CHARS_MAX) {
        return invalid(admin, name);
    }
    if (str_eq(type, STR("password"))) {
        return put_password(admin, out, before, name, text);
    }
    if (str_eq(type, STR("number"))) {
        if (!str_to_double(text, &number)) {
            return invalid(admin, name);
        }
        json_set(out, name, json_new_number(number));
        return true;
    }
    json_set(out, name, json_new_string(text));
    return true;
}

static bool check_required(struct admin *admin, const struct json *declared, const struct json *out)
{
    for (const struct json *one = json_first(declared); one; one = json_next(one)) {
        struct str name = json_string(json_get(one, "name"));
        const struct json *value = json_get_str(out, name);
        if (json_bool(json_get(one, "required")) &&
            (json_is_missing(value) || (json_is_string(value) && str_is_blank(json_string(value))))) {
            reply_error(admin->reply, 422, "Parameter %.*s is required", STR_ARG(name));
            return false;
        }
    }
    return true;
}

static bool fill(struct admin *admin, const struct json *declared, const struct json *before, const struct json *map,
                 struct json *out)
{
    for (const struct json *value = json_first(map); value; value = json_next(value)) {
        const struct json *one = find_declared(declared, json_key(value));
        if (!one) {
            reply_error(admin->reply, 422, "Unknown parameter %.*s", STR_ARG(utf8_prefix(json_key(value), 128)));
            return false;
        }
        if (!put_value(admin, out, before, one, value)) {
            return false;
        }
    }
    return check_required(admin, declared, out);
}

bool custom_parameters_change(struct admin *admin, struct str declared_text, struct str stored, const struct json *map,
                              struct str *ret_stored)
{
    const struct json_limits limits = {.bytes_max = SIZE_MAX};
    struct json *declared = NULL, *before = NULL, *out = json_new_object();
    bool valid = false;
    if (!json_is_object(map)) {
        reply_error(admin->reply, 422, "Custom parameters must be an object");
    } else if (json_parse(declared_text, &limits, &declared) != ERR_OK || json_parse(stored, &limits, &before) != ERR_OK) {
        reply_from_err(admin->reply, ERR_INTERNAL);
    } else {
        valid = fill(admin, declared, before, map, out);
    }
    if (valid) {
        struct buf text;
        buf_init(&text, STORED_BYTES_MAX);
        json_write(&text, out);
        valid = !text.failed;
        *ret_stored = arena_str(admin->arena, buf_str(&text));
        buf_deinit(&text);
        if (!valid) {
            reply_error(admin->reply, 413, "Payload too large");
        }
    }
    json_free(out);
    json_free(before);
    json_free(declared);
    return valid;
}
