/* Structured log: one line an event, logfmt by default (`time=… level=info event=listener_ready address=…`) or JSON.
 * Never give it a secret. Any thread; a line is written with one write(2).
 *
 *   log_event(LOG_INFO, "listener_ready", log_s("kind", "mqtt"), log_i("port", 1883));
 */
#ifndef MUSTER_BASE_LOG_H
#define MUSTER_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *name;
    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_END } kind;
    struct str text;
    int64_t number;
};

void log_setup(enum log_level minimum, enum log_format format, int fd);
bool log_level_parse(struct str text, enum log_level *ret_level);
void log_fields(enum log_level level, const char *event, const struct log_field *fields);

static inline struct log_field log_s(const char *name, const char *text)
{
    return (struct log_field){name, LOG_FIELD_STR, str_from_cstr(text), 0};
}
static inline struct log_field log_str(const char *name, struct str text)
{
    return (struct log_field){name, LOG_FIELD_STR, text, 0};
}
static inline struct log_field log_i(const char *name, int64_t number)
{
    return (struct log_field){name, LOG_FIELD_INT, {NULL, 0}, number};
}
#define log_event(level, event, ...) \
    log_fields((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){NULL, LOG_FIELD_END, {NULL, 0}, 0}})

#endif
