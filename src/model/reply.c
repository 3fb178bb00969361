#include "model/reply.h"

#include "codec/json/json.h"

#define REPLY_BYTES_MAX (16u << 20)
#define ERROR_TEXT_BYTES_MAX 1024
#define RETRY_AFTER_S 5
#define ERROR_PREFIX STR("{\"error\":\"")
#define ERROR_SUFFIX STR("\"}")

void reply_init(struct reply *reply)
{
    *reply = (struct reply){0};
    buf_init(&reply->body, REPLY_BYTES_MAX);
}

void reply_deinit(struct reply *reply)
{
    buf_deinit(&reply->body);
}

void reply_error(struct reply *reply, unsigned status, const char *format, ...)
{
    struct buf text;
    buf_init(&text, ERROR_TEXT_BYTES_MAX);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    reply->status = status;
    buf_clear(&reply->body);
    struct json_writer w;
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_field_str(&w, "error", buf_str(&text));
    json_end_object(&w);
    buf_deinit(&text);
}

struct str reply_error_text(const struct reply *reply)
{
    struct str body = buf_str(&reply->body);
    if (!reply_is_error(reply) || !str_starts_with(body, ERROR_PREFIX) || !str_ends_with(body, ERROR_SUFFIX)) {
        return STR("");
    }
    return str_sub(body, ERROR_PREFIX.len, body.len - ERROR_PREFIX.len - ERROR_SUFFIX.len);
}

void reply_from_err(struct reply *reply, enum err err)
{
    if (err == ERR_STORAGE || err == ERR_BUSY) {
        reply_error(reply, 503, "Service unavailable");
        reply->retry_after_s = RETRY_AFTER_S;
    } else {
        reply_error(reply, 500, "Internal error");
    }
}
